/** An application that runs in the VMs and says how fast it gets on; the same for all cases of a study. */
import type { AdaptBed } from './bed.js';

export interface RateSample {
  /** When the interval ended: milliseconds since 1970. */
  unixMs: number;
  /** Of the application's own unit, a second. */
  rate: number;
}

export interface Application {
  /** So far, in order. */
  readonly samples: readonly RateSample[];
  /** Throws what made it end, if it did. */
  stop(): Promise<void>;
}

export interface Workload {
  /** Such as `supersteps/s`. */
  unit: string;
  /** Resolves when it works. */
  start(bed: AdaptBed): Promise<Application>;
}

/** Mean rate of the intervals that ended between two moments; NaN for none. */
export function rateBetween(samples: readonly RateSample[], fromMs: number, toMs: number): number {
  const within = samples.filter(({ unixMs }) => unixMs > fromMs && unixMs <= toMs);
  return within.reduce((sum, { rate }) => sum + rate, 0) / within.length;
}
