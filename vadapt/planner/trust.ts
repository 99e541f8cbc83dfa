/**
 * Which estimates a decision may stand on. A measurement is used as it is, halved where it is uncertain or old, or not
 * at all where it cannot be true: a broken clock at one host must not move a VM.
 */
import type { Estimate } from '../../core/index.js';

/** No path carries more; what claims to is an error of measurement. Bits a second. */
export const ABSURD_BITS_PER_SECOND = 1e12;
/** Nor waits longer. Microseconds. */
export const ABSURD_LATENCY_US = 60e6;
/** Older ones count half: two rounds of Wren's trials of paths without a link. Milliseconds. */
export const OLD_MS = 1_200_000;
/** Older ones count as not known. Milliseconds. */
export const STALE_MS = 3_600_000;
/** Those with less count half. */
export const CONFIDENCE_MIN = 0.05;
/** What an uncertain bandwidth counts for. */
export const UNCERTAIN_SHARE = 0.5;

export type Trust = 'good' | 'uncertain' | 'stale' | 'absurd';

/** Of a bandwidth. */
export function trustOf({ value, ageMs, confidence }: Estimate): Trust {
  // A null of JSON is no number either.
  if (!Number.isFinite(value) || value < 0 || value > ABSURD_BITS_PER_SECOND) return 'absurd';
  if (!(ageMs <= STALE_MS)) return 'stale';
  return ageMs > OLD_MS || !(confidence >= CONFIDENCE_MIN) ? 'uncertain' : 'good';
}

/** Microseconds one way; undefined: not known, or cannot be true. */
export function oneWayUs(rtt: Estimate | undefined): number | undefined {
  if (!rtt || !Number.isFinite(rtt.value) || rtt.value < 0 || !(rtt.ageMs <= STALE_MS)) return undefined;
  return rtt.value <= ABSURD_LATENCY_US ? rtt.value / 2 : undefined;
}

/** As given, or 0 where it cannot be true. */
export function rateOf(estimate: Estimate | undefined): number {
  return estimate && ['good', 'uncertain'].includes(trustOf(estimate)) ? estimate.value : 0;
}
