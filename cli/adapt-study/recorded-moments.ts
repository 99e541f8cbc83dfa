/** What a recording asks of adaptation: each topology that the inference declares, with the rates of its pairs. */
import type { SightParameters, TrafficStep } from '../../core/index.js';
import type { FlowDemand } from '../../vadapt/index.js';
import { Replay, type ReplayedDeclaration } from '../../vttif/index.js';
import { recordedSteps } from '../recorder/index.js';
import { readLines } from '../system/index.js';

export interface Moment {
  /** Milliseconds since the epoch, the recording's. */
  atMs: number;
  /** Since its first step. */
  sinceMs: number;
  network: string;
  state: ReplayedDeclaration['state'];
  /** As the Proxy would have announced it. */
  text: string;
  /** Both directions of every pair that the inference kept, means over the smoothing interval. */
  flows: FlowDemand[];
}

/**
 * In order. Silence is none.
 * @param network only this one
 * @throws VnetError with file and line for what cannot be read
 */
export async function* recordedMoments(path: string, network: string | undefined): AsyncGenerator<Moment> {
  const rates = new Map<string, Rates>();
  let replay: Replay | undefined;
  let startMs: number | undefined;
  function* told(declarations: readonly ReplayedDeclaration[]): Generator<Moment> {
    for (const { atMs, network: of, state, text } of declarations) {
      if (state === 'silent' || (network !== undefined && of !== network)) continue;
      const edges = replay?.topology(of).applications.flatMap((application) => application.edges) ?? [];
      const flows = edges.flatMap(({ a, b }) => rates.get(of)?.between(a, b) ?? []);
      if (flows.length > 0)
        yield { atMs, sinceMs: atMs - (startMs ?? atMs), network: of, state, text, flows };
    }
  }
  for await (const { step, parameters } of recordedSteps(path)) {
    replay ??= new Replay(parameters);
    startMs ??= step.atMs;
    yield* told(replay.step(step));
    const own = rates.get(step.network) ?? new Rates(parameters);
    rates.set(step.network, own);
    own.add(step);
  }
  yield* told(replay?.end() ?? []);
}

/** Of one network: what its pairs sent in the last smoothing interval, or since the recording began. */
class Rates {
  readonly #parameters: SightParameters;
  #steps: TrafficStep[] = [];
  #begunMs: number | undefined;
  #nowMs = 0;

  constructor(parameters: SightParameters) {
    this.#parameters = parameters;
  }

  add(step: TrafficStep): void {
    this.#begunMs ??= step.atMs - this.#parameters.updateMs;
    this.#nowMs = step.atMs;
    this.#steps.push(step);
    this.#steps = this.#steps.filter(({ atMs }) => atMs > step.atMs - this.#intervalMs());
  }

  /** Both directions. */
  between(a: string, b: string): FlowDemand[] {
    return [
      { from: a, to: b, bitsPerSecond: this.#rate(a, b) },
      { from: b, to: a, bitsPerSecond: this.#rate(b, a) },
    ];
  }

  #intervalMs(): number {
    const { smoothingMs, updateMs } = this.#parameters;
    return Math.max(updateMs, Math.min(smoothingMs, this.#nowMs - (this.#begunMs ?? 0)));
  }

  #rate(from: string, to: string): number {
    let bytes = 0;
    for (const { pairs } of this.#steps)
      for (const [source, destination, sent] of pairs)
        if (source === from && destination === to) bytes += sent;
    return Math.round((8000 * bytes) / this.#intervalMs());
  }
}

/** By its first line; an instance file is not NDJSON. */
export async function isRecording(path: string): Promise<boolean> {
  for await (const line of readLines(path)) return /^\s*\{\s*"vnet"\s*:/.test(line);
  return false;
}
