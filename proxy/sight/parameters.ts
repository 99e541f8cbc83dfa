/** Where the parameters of sight are kept, and what of a request counts; their ranges are VTTIF's. */
import { DEFAULT_SIGHT, type SightParameters, type Store } from '../../core/index.js';
import { mergeParameters } from '../../vttif/index.js';

const KEY = 'sight';

/** What was stored, where it is still right; else the defaults. */
export async function loadSight(store: Store, configurationMs: number): Promise<SightParameters> {
  const stored = (await store.read(KEY)) as Partial<SightParameters> | undefined;
  try {
    return changedSight(DEFAULT_SIGHT, stored ?? {}, configurationMs);
  } catch {
    return DEFAULT_SIGHT; // Of a version with other ranges.
  }
}

export function storeSight(store: Store, parameters: SightParameters): Promise<void> {
  return store.write(KEY, parameters);
}

/** Only what is a parameter is taken. @throws VNET_ERR_INVALID outside the ranges. */
export function changedSight(
  now: SightParameters,
  change: Partial<SightParameters>,
  configurationMs: number,
): SightParameters {
  const known = Object.keys(DEFAULT_SIGHT).filter((name) => Object.hasOwn(change, name));
  const given = Object.fromEntries(known.map((name) => [name, change[name as keyof SightParameters]]));
  return mergeParameters(now, given, configurationMs);
}
