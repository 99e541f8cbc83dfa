/**
 * Recorded traffic run again, by the same matrix, inference and tracker as at the Proxy: with the parameters it was
 * recorded with or with others. Time is the recording's own, so an hour takes seconds.
 */
import { macToNumber, type SightParameters, type TopologyView, type TrafficStep } from '../core/index.js';
import { type TopologyDeclaration, TrafficSight } from './traffic-sight.js';

/** A gap in the recording is silence; that much of it is run, the rest is skipped. */
const SILENCE_REACTIONS = 4;

export interface ReplayedDeclaration extends TopologyDeclaration {
  /** Milliseconds since the epoch, the recording's. */
  atMs: number;
}

export class Replay {
  readonly #sight: TrafficSight;
  readonly #stepMs: number;
  /** Networks and VM names as the numbers that the matrix wants; names are no addresses, so any will do. */
  readonly #networks: string[] = [];
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  #nowMs: number | undefined;

  /** `recorded`: what the recording ran with; a step covers one of its update periods. */
  constructor(recorded: SightParameters, parameters: SightParameters = recorded) {
    this.#stepMs = recorded.updateMs;
    this.#sight = new TrafficSight({
      parameters: { ...parameters, derived: false },
      networkName: (network) => this.#networks[network],
      vmName: (_, address) => this.#names[macToNumber(address)],
      records: false,
    });
  }

  /** Runs up to the step's end. Steps ascend in time; two networks' steps may share one. */
  step({ atMs, network, pairs }: TrafficStep): ReplayedDeclaration[] {
    const declarations = this.#nowMs === undefined ? [] : this.#run(this.#nowMs, atMs - 1);
    const number = this.#networkNumber(network);
    for (const [from, to, bytes, frames] of pairs) {
      const fromMs = atMs - this.#stepMs;
      this.#sight.count([number, this.#number(from), this.#number(to)], {
        fromMs,
        toMs: atMs,
        bytes,
        frames,
      });
    }
    this.#nowMs = atMs;
    return declarations;
  }

  /** After the last step: runs on in silence until what was left to declare is declared. */
  end(): ReplayedDeclaration[] {
    if (this.#nowMs === undefined) return [];
    const fromMs = this.#nowMs;
    return this.#run(fromMs, fromMs + SILENCE_REACTIONS * this.#reactionMs());
  }

  /** Networks met so far. */
  networks(): readonly string[] {
    return this.#networks;
  }

  topology(network: string): TopologyView {
    return this.#sight.topology(this.#networks.indexOf(network), this.#nowMs ?? 0);
  }

  /** Evaluates as often as the Proxy would; long silence only as far as something can change. */
  #run(fromMs: number, untilMs: number): ReplayedDeclaration[] {
    const { tickMs } = this.#sight;
    const lastMs = Math.min(untilMs, fromMs + SILENCE_REACTIONS * this.#reactionMs());
    const declarations: ReplayedDeclaration[] = [];
    for (let atMs = fromMs; atMs <= lastMs; atMs += tickMs) {
      for (const declaration of this.#sight.tick(atMs)) declarations.push({ ...declaration, atMs });
    }
    return declarations;
  }

  #reactionMs(): number {
    const { updateMs, smoothingMs } = this.#sight.parameters;
    return smoothingMs + 2 * updateMs;
  }

  #networkNumber(name: string): number {
    const known = this.#networks.indexOf(name);
    return known >= 0 ? known : this.#networks.push(name) - 1;
  }

  #number(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#names.push(name) - 1;
      this.#numbers.set(name, number);
    }
    return number;
  }
}
