/** The settings: their ranges, and a change of some of them. */
import { ADAPT_MECHANISMS, type AdaptSettings, VnetError } from '../../core/index.js';
import { OBJECTIVES } from '../model/objective.js';

/** Both ends included. */
export const RANGES = {
  budgetMs: [10, 60_000],
  gainThreshold: [0, 10],
  settleMs: [100, 3_600_000],
  confirmMs: [0, 3_600_000],
  horizonMs: [1000, 86_400_000],
  linksPerHost: [0, 64],
  movesMax: [0, 1000],
} as const satisfies Partial<Record<keyof AdaptSettings, readonly [number, number]>>;
const WHOLE: readonly string[] = ['linksPerHost', 'movesMax'];
const MODES = ['off', 'advise', 'auto'];
const LINK_TYPES = ['udp', 'tcp'];

/** `whyNoSolver`: a reason, for a name that is none. Throws VNET_ERR_INVALID; nothing is changed in place. */
export function mergeSettings(
  current: AdaptSettings,
  change: Partial<AdaptSettings>,
  whyNoSolver: (name: string) => string | undefined = () => undefined,
): AdaptSettings {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (!Object.hasOwn(current, name)) throw invalid(`there is no setting ${name}`);
    if (Object.hasOwn(RANGES, name)) checkNumber(name as keyof typeof RANGES, value);
  }
  const merged: AdaptSettings = { ...current, ...Object.fromEntries(given) };
  oneOf('mode', merged.mode, MODES);
  oneOf('linkType', merged.linkType, LINK_TYPES);
  oneOf('objective', merged.objective, Object.keys(OBJECTIVES));
  if (!Array.isArray(merged.mechanisms)) throw invalid('mechanisms is a list');
  for (const mechanism of merged.mechanisms) oneOf('a mechanism', mechanism, ADAPT_MECHANISMS);
  if (typeof merged.solver !== 'string' || merged.solver === '') throw invalid('solver is a name');
  const reason = whyNoSolver(merged.solver);
  if (reason !== undefined) throw invalid(reason);
  return { ...merged, mechanisms: ADAPT_MECHANISMS.filter((one) => merged.mechanisms.includes(one)) };
}

function checkNumber(name: keyof typeof RANGES, value: unknown): void {
  const [least, most] = RANGES[name];
  const isNumber = typeof value === 'number' && value >= least && value <= most;
  if (!isNumber || (WHOLE.includes(name) && !Number.isInteger(value)))
    throw invalid(`${name} is ${WHOLE.includes(name) ? 'a whole number' : 'a number'}, ${least} to ${most}`);
}

function oneOf(what: string, value: string, of: readonly string[]): void {
  if (!of.includes(value)) throw invalid(`${what} is one of ${of.join(', ')}, not ${String(value)}`);
}

function invalid(message: string): VnetError {
  return new VnetError('VNET_ERR_INVALID', message);
}
