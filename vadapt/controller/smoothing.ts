/**
 * Estimates as they are decided by: smoothed over time, so that 20% of noise in a measurement does not move a VM. A value
 * is a running mean of SMOOTH_MS, in which each counts by its precision beside what is known already; one that is far off
 * and stays so is a change, not noise, and is taken over whole, unless it is much less sure. Evidence that is not new
 * counts once. What is known of a path is where a new link on it begins. Rates of flows are smoothed less: VTTIF has done
 * so already.
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
/** What was sure stays so for a while, though what comes now is not: as for paths that are tried now and then. */
const CONFIDENCE_HALF_LIFE_MS = 600_000;
/** Of the confidence there is; with less, a value that is far off is no change. */
const AS_SURE = 0.5;
/** Nothing is surer. */
const CONFIDENCE_MAX = 0.99;
/** Evidence whose age was told twice, rounded, is not new. */
const SAME_MS = 1;

interface Evidence {
  value: number;
  /** When it was measured. */
  atMs: number;
  confidence: number;
}

class Mean {
  seenMs = 0;
  #value: number;
  #confidence: number;
  #weight = 0;
  #far = 0;
  #atMs: number;

  constructor({ value, atMs, confidence }: Evidence) {
    this.#value = value;
    this.#atMs = atMs;
    this.#confidence = confidence;
  }

  get value(): number {
    return this.#value;
  }

  get confidence(): number {
    return this.#confidence;
  }

  copy(): Mean {
    return new Mean({ value: this.#value, atMs: this.#atMs, confidence: this.#confidence });
  }

  /** Exponential, but a plain mean of all while there are few. */
  add({ value, atMs, confidence }: Evidence, smoothMs: number): void {
    const passed = atMs - this.#atMs;
    if (passed <= SAME_MS) return;
    this.#atMs = atMs;
    const known = this.#confidence * 0.5 ** (passed / CONFIDENCE_HALF_LIFE_MS);
    this.#confidence = Math.max(known, confidence);
    const [low, high] = [Math.min(value, this.#value), Math.max(value, this.#value)];
    const isFar = high > FAR * Math.max(low, NOTHING) && confidence >= AS_SURE * known;
    this.#far = isFar ? this.#far + 1 : 0;
    if (this.#far >= FAR_IN_A_ROW) {
      this.#value = value;
      this.#confidence = confidence;
      this.#weight = 0;
      this.#far = 0;
      return;
    }
    this.#weight = Math.min(this.#weight + passed, smoothMs);
    const share = passed / (this.#weight + passed);
    const [precise, sofar] = [precision(confidence), precision(known)];
    const counts = precise + sofar > 0 ? (2 * precise) / (precise + sofar) : 1;
    this.#value += Math.min(1, share * counts) * (value - this.#value);
  }
}

/** One over the error squared, up to a factor, as Wren has it: a confidence is 1 / (1 + (error / some error) squared). */
function precision(confidence: number): number {
  const sure = Math.min(Math.max(confidence, 0), CONFIDENCE_MAX);
  return sure / (1 - sure);
}

export class Smoothing {
  readonly #means = new Map<string, Mean>();

  /** The same snapshot twice changes nothing. */
  smooth(snapshot: Snapshot): Snapshot {
    const { atMs, underlay, matrix, loads } = snapshot;
    const add = (key: string, evidence: Evidence, smoothMs: number, before?: Mean): Mean | undefined => {
      if (!Number.isFinite(evidence.value) || evidence.value < 0) return undefined; // The planner says so.
      const mean = this.#means.get(key) ?? before?.copy() ?? new Mean(evidence);
      mean.add(evidence, smoothMs);
      mean.seenMs = atMs;
      this.#means.set(key, mean);
      return mean;
    };
    const mean = (key: string, value: number, ageMs: number, smoothMs: number): number =>
      add(key, { value, atMs: atMs - ageMs, confidence: 1 }, smoothMs)?.value ?? value;
    const bandwidth = (key: string, link: string, estimate: Estimate): Estimate => {
      const { value, ageMs, confidence } = estimate;
      const evidence = { value, atMs: atMs - ageMs, confidence };
      const known = add(`${key} ${link}`, evidence, BANDWIDTH_SMOOTH_MS, this.#means.get(`${key} `));
      return known ? { ...estimate, value: known.value, confidence: known.confidence } : estimate;
    };
    const each = (of: string, values: Readonly<Record<string, number>>, ageMs: number) =>
      Object.fromEntries(
        Object.entries(values).map(([vm, value]) => [
          vm,
          mean(`${of} ${vm}`, value, ageMs, BANDWIDTH_SMOOTH_MS),
        ]),
      );
    const path = (one: PathEstimate): PathEstimate => {
      const key = `${one.from} ${one.to}`;
      const { availableBitsPerSecond: available, link } = one;
      return {
        ...one,
        ...(available && {
          availableBitsPerSecond: bandwidth(`available ${key}`, link?.link ?? '', available),
        }),
        ...(link && {
          link: {
            ...link,
            throughputBitsPerSecond: bandwidth(`throughput ${key}`, link.link, link.throughputBitsPerSecond),
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
          bitsPerSecond: mean(
            `rate ${pair.source} ${pair.destination}`,
            pair.bitsPerSecond,
            0,
            RATE_SMOOTH_MS,
          ),
        })),
      },
      loads: new Map(
        [...loads].map(([host, { load, ageMs }]) => [
          host,
          {
            ageMs,
            load: {
              ...load,
              busyCpus: mean(`busy ${host}`, load.busyCpus, ageMs, BANDWIDTH_SMOOTH_MS),
              vmCpus: each(`cpus ${host}`, load.vmCpus, ageMs),
              vmWaits: each(`waits ${host}`, load.vmWaits, ageMs),
            },
          },
        ]),
      ),
    };
    for (const [key, { seenMs }] of this.#means) if (atMs - seenMs > FORGET_MS) this.#means.delete(key);
    return result;
  }
}
