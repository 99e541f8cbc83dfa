/** Other people's traffic at a hop: it does not respond to anything. */
import type { Random } from '../../core/index.js';

/**
 * `constant`: evenly spaced. `paced`: what is due leaves once a millisecond, as iperf3 does. `poisson`: exponential gaps.
 * `on-off`: bursts of 10 packets on average, ten times as fast as the mean.
 */
export type CrossKind = 'constant' | 'paced' | 'poisson' | 'on-off';

const PACE_NS = 1e6;
const PACED_GAP_NS = 6e3;
const ON_OFF_BURST_PACKETS = 10;
/** Spacing inside a burst, as a share of the mean spacing: close to back to back at any load. */
const ON_OFF_INNER = 0.1;

export class CrossTraffic {
  nextNs: number;
  #rate: number;
  #left = 0;
  /** Paced: when the next would leave if it were sent evenly. */
  #dueNs: number | undefined;

  constructor(
    readonly kind: CrossKind,
    rateBitsPerSecond: number,
    readonly bytes: number,
    private readonly random: Random,
  ) {
    this.#rate = rateBitsPerSecond;
    this.#dueNs = undefined;
    this.nextNs = rateBitsPerSecond > 0 ? this.#meanGapNs() * random() : Number.POSITIVE_INFINITY;
  }

  get rateBitsPerSecond(): number {
    return this.#rate;
  }

  setRate(rateBitsPerSecond: number, nowNs: number): void {
    this.#rate = rateBitsPerSecond;
    this.nextNs =
      rateBitsPerSecond > 0 ? nowNs + this.#meanGapNs() * this.random() : Number.POSITIVE_INFINITY;
  }

  /** Moves on to the packet after `nextNs`. */
  step(): void {
    this.nextNs += this.#gapNs();
  }

  #gapNs(): number {
    const mean = this.#meanGapNs();
    if (this.kind === 'constant') return mean;
    if (this.kind === 'paced') return this.#pacedNs(mean);
    if (this.kind === 'poisson') return this.#exponential(mean);
    if (this.#left > 0) {
      this.#left--;
      return mean * ON_OFF_INNER;
    }
    // Geometric length; the pause gives back the time that the burst saved.
    this.#left = Math.floor(this.#exponential(ON_OFF_BURST_PACKETS - 0.5));
    return this.#exponential(mean * (1 + this.#left * (1 - ON_OFF_INNER)));
  }

  #pacedNs(mean: number): number {
    this.#dueNs = (this.#dueNs ?? this.nextNs) + mean;
    const tick = Math.ceil(this.#dueNs / PACE_NS) * PACE_NS;
    return Math.max(tick - this.nextNs, PACED_GAP_NS);
  }

  #meanGapNs(): number {
    return (this.bytes * 8e9) / this.#rate;
  }

  #exponential(mean: number): number {
    return -Math.log(1 - this.random()) * mean;
  }
}
