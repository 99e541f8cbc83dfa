/** Which estimates a finding may be built on. */
import type { Estimate } from '../../core/index.js';

/** An estimate less sure or older than this accuses nobody. */
const CONFIDENCE_MIN = 0.4;
const AGE_MAX_MS = 60_000;

/** The value, where one may build on it. */
export const trusted = (estimate: Estimate | undefined): number | undefined =>
  estimate && estimate.confidence >= CONFIDENCE_MIN && estimate.ageMs <= AGE_MAX_MS
    ? estimate.value
    : undefined;
