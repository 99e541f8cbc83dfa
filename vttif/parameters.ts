/** The parameters of VTTIF (Virtuoso 4.2): their ranges, and how they follow from the time that configuring takes. */
import { type SightParameters, VnetError } from '../core/index.js';

export const UPDATE_MS_MIN = 20;
export const UPDATE_MS_MAX = 60_000;
export const SMOOTHING_MS_MAX = 600_000;
export const PROBE_SHARE_MAX = 0.1;
/** The paper's fastest rate, 20 updates a second: derived parameters ask for no more. */
const DERIVED_UPDATE_MS_MIN = 50;
/** Update periods in a smoothing interval that is derived. */
const PERIODS_PER_WINDOW = 5;
/** With fewer a window cannot tell a change from what it leads to, and the reaction time would not hold. */
export const PERIODS_PER_WINDOW_MIN = 4;

/**
 * Update period and smoothing interval for an overlay that takes up to `configurationMs` to reconfigure (Virtuoso 3.2,
 * last primitive). VTTIF reacts within S + 2 U, and a topology that does not outlast its own configuration is not worth
 * adapting to, so the two times are made equal: with S = 5 U, U = configurationMs / 7, within the ranges.
 * Throws VNET_ERR_INVALID where it is no time.
 */
export function deriveSmoothing(configurationMs: number): Pick<SightParameters, 'updateMs' | 'smoothingMs'> {
  if (!Number.isFinite(configurationMs) || configurationMs < 0) {
    throw new VnetError('VNET_ERR_INVALID', `a configuration time of ${configurationMs} ms cannot be`);
  }
  const periodMs = Math.round(configurationMs / (PERIODS_PER_WINDOW + 2));
  const updateMs = Math.min(Math.max(periodMs, DERIVED_UPDATE_MS_MIN), UPDATE_MS_MAX);
  return { updateMs, smoothingMs: PERIODS_PER_WINDOW * updateMs };
}

/** `current` with what `change` gives. Throws VNET_ERR_INVALID outside the ranges; nothing is changed in place. */
export function mergeParameters(
  current: SightParameters,
  change: Partial<SightParameters>,
  configurationMs: number,
): SightParameters {
  const merged = { ...current, ...change };
  // Who gives a time wants that time.
  if (change.derived === undefined && (change.updateMs !== undefined || change.smoothingMs !== undefined)) {
    merged.derived = false;
  }
  if (merged.derived) Object.assign(merged, deriveSmoothing(configurationMs));
  inRange('update period', merged.updateMs, UPDATE_MS_MIN, UPDATE_MS_MAX, 'ms');
  inRange('smoothing interval', merged.smoothingMs, UPDATE_MS_MIN, SMOOTHING_MS_MAX, 'ms');
  if (merged.smoothingMs < PERIODS_PER_WINDOW_MIN * merged.updateMs) throw tooFewPeriods(merged);
  inRange('probe share', merged.probeShare, 0, PROBE_SHARE_MAX);
  if (!(merged.detectionThreshold > 0 && merged.detectionThreshold <= 1)) {
    throw new VnetError(
      'VNET_ERR_INVALID',
      `detection threshold ${merged.detectionThreshold} is not above 0 and at most 1`,
    );
  }
  return merged;
}

function tooFewPeriods({ updateMs, smoothingMs }: SightParameters): VnetError {
  return new VnetError(
    'VNET_ERR_INVALID',
    `a smoothing interval of ${smoothingMs} ms has fewer than ${PERIODS_PER_WINDOW_MIN} update periods of ${updateMs} ms`,
    {
      hint: `smooth over ${PERIODS_PER_WINDOW_MIN * updateMs} ms or more, or update every ${Math.floor(smoothingMs / PERIODS_PER_WINDOW_MIN)} ms or less`,
    },
  );
}

function inRange(what: string, value: number, least: number, most: number, unit = ''): void {
  if (value >= least && value <= most) return;
  const withUnit = unit === '' ? '' : ` ${unit}`;
  throw new VnetError(
    'VNET_ERR_INVALID',
    `${what} ${value}${withUnit} is not within ${least} to ${most}${withUnit}`,
  );
}
