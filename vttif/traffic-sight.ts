/**
 * VTTIF as the Proxy uses it: daemons' messages in, matrix and topologies out. Pure: the Proxy brings the clock and the
 * names, calls `tick` every `tickMs`, and carries errors, events and views where they belong.
 *
 * What `report` throws says what to do: VNET_ERR_CONFLICT means that this daemon and the Proxy no longer share a
 * dictionary, so ask the daemon for a full update (not more often than every few periods); VNET_ERR_INVALID and
 * VNET_ERR_LIMIT mean nonsense and too much. Nothing of a refused update counts, and counters are absolute, so the next
 * full one brings what was missed.
 */
import {
  DEFAULT_SIGHT,
  decodeTrafficUpdate,
  MATRIX_PAIRS_MAX,
  type MacAddress,
  macFromNumber,
  type MatrixView,
  type SightParameters,
  type TopologyView,
  type TrafficHistory,
  VnetError,
} from '../core/index.js';
import { TrafficHistoryRing } from './history.js';
import { Naming } from './naming.js';
import { NetworkSight } from './network-sight.js';
import { mergeParameters } from './parameters.js';
import { StepRecorder } from './step-recorder.js';
import { type Interval, TrafficMatrix } from './traffic-matrix.js';
import { VmPairs } from './vm-pairs.js';

/** Timers are early or late by a little: an evaluation is not put off to the next for that. */
const TIMER_SLACK = 0.8;

export interface TrafficSightOptions {
  /** The VM that an address of a network belongs to. */
  vmName(network: number, address: MacAddress): string | undefined;
  /** Undefined: no such network; its traffic is counted and not shown. */
  networkName(network: number): string | undefined;
  /** Whether frames from an address enter at a host: a daemon is believed about those only. Default: always. */
  isSource?(host: string, network: number, address: MacAddress): boolean;
  parameters?: SightParameters;
  /** How long the overlay takes to reconfigure; for derived parameters. Default 1000. */
  configurationMs?: number;
  /** Milliseconds since the epoch at `nowMs` of the other calls. Default: `nowMs` is that already. */
  epochMs?(nowMs: number): number;
  /** False: no history is kept. */
  records?: boolean;
}

/** A declaration, as the event `topology` tells of it. */
export interface TopologyDeclaration {
  network: string;
  serial: number;
  state: TopologyView['state'];
  text: string;
}

export class TrafficSight {
  readonly #options: TrafficSightOptions;
  readonly #matrix: TrafficMatrix;
  readonly #pairs: VmPairs;
  readonly #naming = new Naming();
  readonly #networks = new Map<number, NetworkSight>();
  readonly #history = new TrafficHistoryRing();
  readonly #recorder = new StepRecorder(this.#history);
  #parameters: SightParameters;
  #configurationMs: number;
  #evaluatedMs = Number.NEGATIVE_INFINITY;
  #recordedMs = Number.NEGATIVE_INFINITY;
  #era = 0;

  constructor(options: TrafficSightOptions) {
    this.#options = options;
    this.#configurationMs = options.configurationMs ?? 1000;
    this.#parameters = mergeParameters(options.parameters ?? DEFAULT_SIGHT, {}, this.#configurationMs);
    this.#matrix = new TrafficMatrix(
      this.#parameters,
      (host, network, source) => options.isSource?.(host, network, macFromNumber(source)) ?? true,
    );
    this.#pairs = new VmPairs((network, address) => this.#nameOf(network, address));
  }

  get parameters(): SightParameters {
    return { ...this.#parameters };
  }

  /** How often `tick` is worth a call. */
  get tickMs(): number {
    return this.#parameters.updateMs / 2;
  }

  /**
   * A daemon's message. Throws VNET_ERR_INVALID, _CONFLICT or _LIMIT; nothing has changed then.
   * @returns how many more pairs of this host are left out because their sources are elsewhere
   */
  report(host: string, message: Uint8Array, nowMs: number): number {
    return this.#matrix.report(host, decodeTrafficUpdate(message), nowMs);
  }

  /** Traffic that no daemon told of: a recorded step is run again through this. */
  count(pair: [network: number, source: number, destination: number], counted: Interval): void {
    this.#matrix.count(pair, counted);
  }

  /** The host has left the overlay, or its daemon is to begin anew. */
  forget(host: string): void {
    this.#matrix.forget(host);
  }

  /** VMs, their addresses or their places have changed. */
  renamed(): void {
    this.#matrix.placesChanged();
    this.#pairs.renamed();
  }

  /** Throws VNET_ERR_INVALID outside the ranges; nothing changes then. */
  setParameters(change: Partial<SightParameters>): SightParameters {
    this.#parameters = mergeParameters(this.#parameters, change, this.#configurationMs);
    this.#matrix.setSmoothing(this.#parameters);
    for (const network of this.#networks.values()) network.setParameters(this.#parameters);
    return this.parameters;
  }

  /** Parameters that are derived follow it. */
  setConfigurationTime(configurationMs: number): SightParameters {
    const before = this.#configurationMs;
    this.#configurationMs = configurationMs;
    try {
      return this.setParameters({});
    } catch (error) {
      this.#configurationMs = before;
      throw error;
    }
  }

  /** Evaluates, about every `tickMs` at most; the declarations that this led to. */
  tick(nowMs: number): TopologyDeclaration[] {
    if (nowMs - this.#evaluatedMs < this.tickMs * TIMER_SLACK) return [];
    this.#evaluatedMs = nowMs;
    this.#matrix.advance(nowMs);
    const demands = this.#pairs.collect(this.#matrix);
    if (this.#pairs.era !== this.#era) this.#beginAnew();
    this.#record(nowMs);
    for (const network of demands.keys()) {
      if (this.#networks.has(network) || this.#options.networkName(network) === undefined) continue;
      this.#networks.set(network, new NetworkSight(this.#parameters, this.#naming, this.#pairs, nowMs));
    }
    const declarations: TopologyDeclaration[] = [];
    for (const [number, network] of this.#networks) {
      const name = this.#options.networkName(number);
      if (name === undefined) {
        this.#networks.delete(number);
        continue;
      }
      if (!network.evaluate(nowMs, this.#parameters.detectionThreshold, demands.get(number))) continue;
      declarations.push({ network: name, serial: network.serial, state: network.state, text: network.text });
    }
    return declarations;
  }

  topology(network: number, nowMs: number): TopologyView {
    const sight = this.#networks.get(network);
    return {
      at: this.#iso(nowMs),
      network: this.#options.networkName(network) ?? String(network),
      parameters: this.parameters,
      state: sight?.state ?? 'silent',
      since: this.#iso(sight?.sinceMs ?? nowMs),
      serial: sight?.serial ?? 0,
      applications: sight?.applications() ?? [],
      ...(sight?.counts() ?? { pairs: 0, pruned: 0 }),
    };
  }

  /** The `limit` busiest pairs. @throws VNET_ERR_INVALID where it is not 1 to MATRIX_PAIRS_MAX. */
  matrix(network: number, nowMs: number, limit = MATRIX_PAIRS_MAX): MatrixView {
    if (!Number.isInteger(limit) || limit < 1 || limit > MATRIX_PAIRS_MAX) {
      throw new VnetError('VNET_ERR_INVALID', `${limit} is not a number of pairs, 1 to ${MATRIX_PAIRS_MAX}`);
    }
    const { slots, windowBytes, windowFrames, windowMs } = this.#matrix;
    const own: number[] = [];
    for (let slot = 0; slot < slots.size; slot++) {
      if (slots.used[slot] === 1 && slots.network[slot] === network) own.push(slot);
    }
    own.sort(
      (x, y) =>
        (windowBytes[y] ?? 0) - (windowBytes[x] ?? 0) || (slots.bytes[y] ?? 0) - (slots.bytes[x] ?? 0),
    );
    return {
      at: this.#iso(nowMs),
      network: this.#options.networkName(network) ?? String(network),
      parameters: this.parameters,
      pairsTotal: own.length,
      pairs: own.slice(0, limit).map((slot) => {
        const [from, to] = [slots.source[slot] ?? 0, slots.destination[slot] ?? 0];
        return {
          source: macFromNumber(from),
          destination: macFromNumber(to),
          from: this.#nameOf(network, from),
          to: this.#nameOf(network, to),
          bitsPerSecond: ((windowBytes[slot] ?? 0) * 8000) / windowMs,
          packetsPerSecond: ((windowFrames[slot] ?? 0) * 1000) / windowMs,
          bytes: slots.bytes[slot] ?? 0,
          packets: slots.frames[slot] ?? 0,
        };
      }),
    };
  }

  /** Steps after `after`; those that are still held. */
  history(after: number): TrafficHistory {
    return this.#history.after(after);
  }

  /** Once an update period. */
  #record(nowMs: number): void {
    if (this.#options.records === false || nowMs - this.#recordedMs < this.#parameters.updateMs) return;
    this.#recordedMs = nowMs;
    this.#recorder.record(this.#epochMs(nowMs), this.#matrix, this.#pairs, (network) =>
      this.#options.networkName(network),
    );
  }

  #beginAnew(): void {
    this.#era = this.#pairs.era;
    this.#naming.clear();
    this.#networks.clear();
  }

  #nameOf(network: number, address: number): string {
    const mac = macFromNumber(address);
    return this.#options.vmName(network, mac) ?? mac;
  }

  #epochMs(nowMs: number): number {
    return this.#options.epochMs?.(nowMs) ?? nowMs;
  }

  #iso(nowMs: number): string {
    return new Date(this.#epochMs(nowMs)).toISOString();
  }
}
