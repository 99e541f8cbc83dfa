/**
 * From kept pairs to named applications. A part that has no name is looked at once more without the few pairs that are
 * clearly louder (a backup within the threshold) or clearly quieter (a transfer just above it) than the rest: if what
 * is left has a name, the louder ones become applications of their own and the quieter ones count as pruned. (A VM may
 * then be in two applications.)
 */
import type { Naming, Part } from './naming.js';
import { connectedParts } from './parts.js';
import { type Pattern, unfamiliarity } from './patterns/index.js';
import { fewAmong } from './prune.js';
import type { VmDemands } from './vm-pairs.js';

export interface Application {
  part: Part;
  /** Best first; `order` holds places in `part.vms`. */
  patterns: Pattern[];
  /** Rows that were taken away for the sake of the name. */
  dropped: ArrayLike<number>;
}

/** Clearly: by this factor, from one pair to the next. */
const REPAIR_RATIO = 2;
/** Far louder: by this factor. Shapes of more even traffic keep their loudest arm. */
const LOUD_RATIO = 4;
/** Larger parts are taken as they are. */
const REPAIR_ROWS_MAX = 4000;
/** Ways tried for one part, those that take away the fewest pairs first. */
const REPAIRS_MAX = 12;

export function applicationsOf(demands: VmDemands, rows: ArrayLike<number>, naming: Naming): Application[] {
  return connectedParts(demands, rows).flatMap((part) => {
    const patterns = naming.names(part);
    const whole: Application = { part, patterns, dropped: [] };
    if (part.rows.length > REPAIR_ROWS_MAX) return [whole];
    if (patterns.length > 0) return withoutLoudEnd(demands, whole, naming) ?? [whole];
    return repaired(demands, part, naming) ?? [whole];
  });
}

/** As they are, nothing taken away. */
export function plainApplications(
  demands: VmDemands,
  rows: ArrayLike<number>,
  naming: Naming,
): Application[] {
  return connectedParts(demands, rows).map((part) => ({ part, patterns: naming.names(part), dropped: [] }));
}

/**
 * A VM that hangs on by one pair, far louder than all others, is no part of the shape, even where the shape has a name
 * with it too: the hub of a star that backs itself up is not a star with one more arm. Where the name is a more familiar
 * one without it (`star` for `multi-tier 20-1-1-1`), clearly louder is enough.
 */
function withoutLoudEnd(
  demands: VmDemands,
  { part, patterns }: Application,
  naming: Naming,
): Application[] | undefined {
  if (part.rows.length < 2) return undefined;
  const [loudest, next] = loudestTwo(part.rates);
  const ratio = (part.rates[loudest] ?? 0) / (part.rates[next] ?? 0);
  if (ratio < REPAIR_RATIO || !isEnd(part, loudest)) return undefined;
  const rows = part.rows.filter((_, i) => i !== loudest);
  const [rest, ...others] = plainApplications(demands, rows, naming);
  const [better, known] = [rest?.patterns[0], patterns[0]];
  if (!rest || !better || others.length > 0) return undefined;
  const isPlainer = known && unfamiliarity(better) < unfamiliarity(known);
  if (ratio < LOUD_RATIO && !isPlainer) return undefined;
  return [rest, ...plainApplications(demands, part.rows.slice(loudest, loudest + 1), naming)];
}

/** One of the pair's VMs has no other pair. */
function isEnd({ a, b }: Part, pair: number): boolean {
  const degree = (vm: number | undefined) => {
    let edges = 0;
    for (let i = 0; i < a.length; i++) if (a[i] === vm || b[i] === vm) edges++;
    return edges;
  };
  return degree(a[pair]) === 1 || degree(b[pair]) === 1;
}

function loudestTwo(rates: Float64Array): [loudest: number, next: number] {
  let [loudest, next] = [0, -1];
  for (let i = 1; i < rates.length; i++) {
    if ((rates[i] ?? 0) > (rates[loudest] ?? 0)) [loudest, next] = [i, loudest];
    else if (next < 0 || (rates[i] ?? 0) > (rates[next] ?? 0)) next = i;
  }
  return [loudest, next];
}

function repaired(demands: VmDemands, part: Part, naming: Naming): Application[] | undefined {
  const byRate = part.rows.toSorted((x, y) => (demands.rate[y] ?? 0) - (demands.rate[x] ?? 0));
  for (const [louder, quieter] of repairs(
    Array.from(byRate, (row) => demands.rate[row] ?? 0),
    fewAmong(part.vms.length),
  )) {
    const rest = byRate.slice(louder, byRate.length - quieter).sort();
    const applications = plainApplications(demands, rest, naming);
    if (!isExplained(applications, part.vms.length)) continue;
    const dropped = byRate.slice(byRate.length - quieter);
    const apart = byRate.slice(0, louder).sort();
    return [
      ...applications.map((application) => ({ ...application, dropped })),
      ...plainApplications(demands, apart, naming),
    ];
  }
  return undefined;
}

/** How many of the loudest and of the quietest to take away, the fewest first. `rates` descend. */
function repairs(rates: number[], few: number): [louder: number, quieter: number][] {
  const isGap = (above: number) => (rates[above - 1] ?? 0) / (rates[above] ?? 0) >= REPAIR_RATIO;
  const counts = Array.from({ length: Math.min(few, rates.length - 2) }, (_, i) => i + 1);
  const louder = [0, ...counts.filter(isGap)];
  const quieter = [0, ...counts.filter((count) => isGap(rates.length - count))];
  return louder
    .flatMap((more) => quieter.map((less): [number, number] => [more, less]))
    .filter(([more, less]) => more + less > 0 && more + less < rates.length)
    .sort((x, y) => x[0] + x[1] - y[0] - y[1])
    .slice(0, REPAIRS_MAX);
}

/** All that is more than a pair has a name, and that is half of the VMs at least. */
function isExplained(applications: Application[], vms: number): boolean {
  const shapes = applications.filter(({ part }) => part.vms.length > 2);
  const explained = shapes.reduce((sum, { part }) => sum + part.vms.length, 0);
  return explained * 2 >= vms && shapes.every(({ patterns }) => patterns.length > 0);
}
