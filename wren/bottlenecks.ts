/**
 * Links that share their narrowest part wait together: when its queue grows, datagrams of all of them are late at the
 * same time (Rubenstein, Kurose and Towsley, SIGMETRICS 2000). Two links that leave one host are compared by that
 * host's clock, two that arrive at one by the other's; links without an end in common have no clock in common.
 */
import type { BottleneckGroup, LinkEstimate, QueueSeries } from '../core/index.js';
import { commonBins, rankCorrelation } from './correlation.js';

/** Fewer bins in common prove nothing: at 0.5, that many are 3 standard errors of no correlation. */
export const COMMON_BINS_MIN = 40;
const SURE_BINS = 150;
export const CORRELATION_MIN = 0.5;
/** A series that hardly moves (10th to 90th percentile, microseconds) has no queue to share. */
const SWING_MIN_US = 300;
/** Capacities that agree within this are evidence for one narrowest part, those beyond twice it against. */
const SAME_CAPACITY = 0.2;
const CONTRADICTED = 0.5;

/** Each is compared with each: of one host and of all together, those that move most. */
const SERIES_PER_HOST_MAX = 32;
const SERIES_MAX = 512;

interface Tie {
  a: string;
  b: string;
  confidence: number;
}

type Side = 'leaving' | 'arriving';

/** @param estimates of the same links, for what their parts carry */
export function groupBottlenecks(
  series: readonly QueueSeries[],
  estimates: readonly LinkEstimate[],
): BottleneckGroup[] {
  const capacities = new Map<string, number>();
  for (const { from, to, capacityBitsPerSecond } of estimates) {
    if (capacityBitsPerSecond) capacities.set(`${from} ${to}`, capacityBitsPerSecond.value);
  }
  const moving = series
    .map((one) => ({ one, swingUs: swing(one.arrivedUs) }))
    .filter(({ swingUs }) => swingUs >= SWING_MIN_US)
    .sort((a, b) => b.swingUs - a.swingUs)
    .slice(0, SERIES_MAX)
    .map(({ one }) => one);
  return (['leaving', 'arriving'] as const).flatMap((side) => {
    const hosts = [...new Set(moving.map((one) => hostOf(one, side)))].sort();
    return hosts.flatMap((host) => {
      const here = moving.filter((one) => hostOf(one, side) === host).slice(0, SERIES_PER_HOST_MAX);
      const where = side === 'leaving' ? `leaving ${host}` : `arriving at ${host}`;
      return groupsOf(ties(here, side, capacities)).map((group) => shared(where, group, estimates));
    });
  });
}

const hostOf = (series: QueueSeries, side: Side): string => (side === 'leaving' ? series.from : series.to);
const nameOf = (series: QueueSeries): string => `${series.from} ${series.to}`;

function ties(series: readonly QueueSeries[], side: Side, capacities: ReadonlyMap<string, number>): Tie[] {
  return series.flatMap((one, i) =>
    series.slice(i + 1).flatMap((other) => {
      if (nameOf(one) === nameOf(other)) return [];
      const common =
        side === 'leaving'
          ? commonBins(one.sentUs, one.sentBin, other.sentUs, other.sentBin)
          : commonBins(one.arrivedUs, one.arrivedBin, other.arrivedUs, other.arrivedBin);
      if (common.a.length < COMMON_BINS_MIN) return [];
      const correlation = rankCorrelation(common);
      if (correlation < CORRELATION_MIN) return [];
      const sure = Math.sqrt(Math.min(common.a.length / SURE_BINS, 1));
      const evidence = capacityEvidence(capacities.get(nameOf(one)), capacities.get(nameOf(other)));
      return [{ a: nameOf(one), b: nameOf(other), confidence: Math.min(correlation * sure * evidence, 1) }];
    }),
  );
}

function capacityEvidence(a: number | undefined, b: number | undefined): number {
  if (a === undefined || b === undefined) return 1;
  const apart = Math.abs(Math.log(a / b));
  if (apart <= SAME_CAPACITY) return 1.2;
  return apart > 2 * SAME_CAPACITY ? CONTRADICTED : 1;
}

/** Connected by ties. */
function groupsOf(all: readonly Tie[]): Tie[][] {
  const groups: { members: Set<string>; ties: Tie[] }[] = [];
  for (const tie of all) {
    const touched = groups.filter(({ members }) => members.has(tie.a) || members.has(tie.b));
    const merged = {
      members: new Set([tie.a, tie.b, ...touched.flatMap(({ members }) => [...members])]),
      ties: [tie, ...touched.flatMap((group) => group.ties)],
    };
    for (const group of touched) groups.splice(groups.indexOf(group), 1);
    groups.push(merged);
  }
  return groups.map((group) => group.ties);
}

function shared(where: string, group: readonly Tie[], estimates: readonly LinkEstimate[]): BottleneckGroup {
  const members = [...new Set(group.flatMap(({ a, b }) => [a, b]))].sort();
  const confidence = group.reduce((sum, tie) => sum + tie.confidence, 0) / group.length;
  const capacities = estimates
    .filter(({ from, to }) => members.includes(`${from} ${to}`))
    .flatMap(({ capacityBitsPerSecond }) => capacityBitsPerSecond ?? [])
    .sort((a, b) => a.value - b.value);
  const middle = capacities[capacities.length >> 1];
  const agree =
    middle !== undefined &&
    capacities.every(({ value }) => Math.abs(Math.log(value / middle.value)) <= SAME_CAPACITY);
  return { where, members, confidence, ...(agree ? { capacityBitsPerSecond: middle } : {}) };
}

function swing(waits: readonly (number | null)[]): number {
  const sorted = waits.filter((wait) => wait !== null).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
  return sorted.length > 0 ? at(0.9) - at(0.1) : 0;
}
