/**
 * Estimates as they are decided by: smoothed over the steps, so that 20% of noise in a measurement does not move a VM.
 * A value is a running mean of SMOOTH_MS; one that is far off and stays so is a change, not noise, and is taken over
 * whole. Rates of flows are smoothed less: VTTIF has done so already.
 */
import type { Estimate, PathEstimate } from '../../core/index.js';
import type { Snapshot } from '../planner/index.js';

export const BANDWIDTH_SMOOTH_MS = 6000;
export const RATE_SMOOTH_MS = 1500;
/** Ratio to the mean beyond which a value is far off, and how many in a row are a change. */
const FAR = 1.8;
const FAR_IN_A_ROW = 3;
/** Values below this are nothing, and not far from nothing. Bits a second, CPUs. */
const NOTHING = 1e-3;
/** What was not seen for so long is forgotten. */
const FORGET_MS = 60_000;

class Mean {
  #value: number;
  #weight = 0;
  #far = 0;
  #atMs: number;

  constructor(value: number, atMs: number) {
    this.#value = value;
    this.#atMs = atMs;
  }

  get atMs(): number {
    return this.#atMs;
  }

  get value(): number {
    return this.#value;
  }

  /** Exponential, but a plain mean of all while there are few. */
  add(value: number, atMs: number, smoothMs: number): number {
    const passed = Math.max(0, atMs - this.#atMs);
    if (passed === 0) return this.#value;
    this.#atMs = atMs;
    const [low, high] = [Math.min(value, this.#value), Math.max(value, this.#value)];
    const isFar = high > FAR * Math.max(low, NOTHING);
    this.#far = isFar ? this.#far + 1 : 0;
    if (this.#far >= FAR_IN_A_ROW) {
      this.#value = value;
      this.#weight = 0;
      this.#far = 0;
      return value;
    }
    this.#weight = Math.min(this.#weight + passed, smoothMs);
    const share = passed / (this.#weight + passed);
    this.#value += share * (value - this.#value);
    return this.#value;
  }
}

export class Smoothing {
  readonly #means = new Map<string, Mean>();

  /** The same snapshot twice changes nothing. */
  smooth(snapshot: Snapshot): Snapshot {
    const { atMs, underlay, matrix, loads } = snapshot;
    const mean = (key: string, value: number, smoothMs: number): number => {
      if (!Number.isFinite(value) || value < 0) return value; // The planner says so.
      const known = this.#means.get(key);
      if (known) return known.add(value, atMs, smoothMs);
      this.#means.set(key, new Mean(value, atMs));
      return value;
    };
    const smoothed = (key: string, estimate: Estimate): Estimate => ({
      ...estimate,
      value: mean(key, estimate.value, BANDWIDTH_SMOOTH_MS),
    });
    const path = (one: PathEstimate): PathEstimate => {
      const key = `${one.from} ${one.to}`;
      const { availableBitsPerSecond: available, link } = one;
      return {
        ...one,
        ...(available && { availableBitsPerSecond: smoothed(`available ${key}`, available) }),
        ...(link && {
          link: {
            ...link,
            throughputBitsPerSecond: smoothed(`throughput ${key}`, link.throughputBitsPerSecond),
          },
        }),
      };
    };
    const result: Snapshot = {
      ...snapshot,
      underlay: { ...underlay, paths: underlay.paths.map(path) },
      matrix: {
        ...matrix,
        pairs: matrix.pairs.map((pair) => ({
          ...pair,
          bitsPerSecond: mean(`rate ${pair.source} ${pair.destination}`, pair.bitsPerSecond, RATE_SMOOTH_MS),
        })),
      },
      loads: new Map(
        [...loads].map(([host, { load, ageMs }]) => [
          host,
          { ageMs, load: { ...load, busyCpus: mean(`busy ${host}`, load.busyCpus, BANDWIDTH_SMOOTH_MS) } },
        ]),
      ),
    };
    for (const [key, { atMs: seen }] of this.#means) if (atMs - seen > FORGET_MS) this.#means.delete(key);
    return result;
  }
}
