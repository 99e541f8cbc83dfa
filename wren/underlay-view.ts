/** One picture of the underlay, out of what all daemons report: at the Proxy. */
import type {
  Estimate,
  LinkEstimate,
  PathEstimate,
  ReachResult,
  UnderlayReport,
  UnderlayView,
} from '../core/index.js';
import { groupBottlenecks } from './bottlenecks.js';

/** What one daemon reported, and when it came. */
export interface HostUnderlay {
  host: string;
  report: UnderlayReport;
  atMs: number;
}

/** What a host found of another that it may have no link to. */
export interface HostReach extends ReachResult {
  from: string;
  to: string;
  atMs: number;
}

/** What a link that was made for it, and is gone again, has told. */
export interface HostTried {
  from: string;
  to: string;
  estimate: LinkEstimate;
  atMs: number;
}

export interface UnderlayParts {
  hosts: readonly string[];
  reports: readonly HostUnderlay[];
  reached: readonly HostReach[];
  /** Default: none. */
  tried?: readonly HostTried[];
  /** By the clock of the `atMs`. */
  nowMs: number;
  /** The same moment by the calendar. Default: now. */
  date?: Date;
}

/** An estimate is worth half as much after each of these without a new sample. */
export const CONFIDENCE_HALF_LIFE_MS = 30_000;
/** Older ones are left out. */
export const ESTIMATE_AGE_MAX_MS = 180_000;
/** Waits are compared among daemons that reported within this time. */
const QUEUES_AGE_MAX_MS = 15_000;
const REACH_CONFIDENCE = 0.8;

const VALUES = [
  'availableBitsPerSecond',
  'capacityBitsPerSecond',
  'throughputBitsPerSecond',
  'rttUs',
  'minRttUs',
  'delayVariationUs',
  'lossRatio',
  'pathMtuBytes',
] as const satisfies (keyof LinkEstimate)[];

/** Ages include the time since the report came. */
export function underlayView(parts: UnderlayParts): UnderlayView {
  const { hosts, reports, nowMs } = parts;
  const known = new Set(hosts);
  const present = reports.filter(({ host }) => known.has(host));
  const links = present.flatMap(({ report, atMs }) =>
    report.links
      .filter(({ from, to }) => known.has(from) && known.has(to))
      .flatMap((link) => aged(link, nowMs - atMs) ?? []),
  );
  const queues = present
    .filter(({ atMs }) => nowMs - atMs <= QUEUES_AGE_MAX_MS)
    .flatMap(({ report }) => report.queues)
    .filter(({ from, to }) => known.has(from) && known.has(to));
  return {
    at: (parts.date ?? new Date()).toISOString(),
    hosts: [...hosts],
    paths: pathsOf(links, parts),
    bottlenecks: groupBottlenecks(queues, links),
    notes: present.flatMap(({ report, atMs }) => (nowMs - atMs <= ESTIMATE_AGE_MAX_MS ? report.notes : [])),
  };
}

/** A path that nobody watches is looked at again after minutes, so what is known of it ages by another measure. */
export const TRIED_HALF_LIFE_MS = 600_000;

function triedPath({ from, to, estimate }: HostTried, byMs: number): PathEstimate {
  const kept = (value: Estimate | undefined): Estimate | undefined =>
    value && {
      ...value,
      ageMs: value.ageMs + byMs,
      confidence: value.confidence * 0.5 ** (byMs / TRIED_HALF_LIFE_MS),
    };
  const [available, rtt] = [kept(estimate.availableBitsPerSecond), kept(estimate.minRttUs ?? estimate.rttUs)];
  const [loss, mtu] = [kept(estimate.lossRatio), kept(estimate.pathMtuBytes)];
  return {
    from,
    to,
    reachable: true,
    ...(available && { availableBitsPerSecond: available }),
    ...(rtt && { rttUs: rtt }),
    ...(loss && { lossRatio: loss }),
    ...(mtu && { pathMtuBytes: mtu }),
  };
}

/** Undefined: too old, whole. */
function aged(link: LinkEstimate, byMs: number): LinkEstimate | undefined {
  const result = { ...link };
  for (const name of VALUES) {
    const estimate = older(link[name], byMs);
    if (estimate) result[name] = estimate;
    else delete (result as Partial<LinkEstimate>)[name];
  }
  return (result as Partial<LinkEstimate>).throughputBitsPerSecond ? result : undefined;
}

function older(estimate: Estimate | undefined, byMs: number): Estimate | undefined {
  if (!estimate) return undefined;
  const ageMs = estimate.ageMs + byMs;
  if (ageMs > ESTIMATE_AGE_MAX_MS) return undefined;
  return { ...estimate, ageMs, confidence: estimate.confidence * 0.5 ** (ageMs / CONFIDENCE_HALF_LIFE_MS) };
}

function pathsOf(
  links: readonly LinkEstimate[],
  { hosts, reached, tried, nowMs }: UnderlayParts,
): PathEstimate[] {
  const paths = new Map<string, PathEstimate>();
  for (const reach of reached) {
    const path = reachPath(reach, nowMs - reach.atMs);
    if (path && hosts.includes(reach.from) && hosts.includes(reach.to)) {
      paths.set(`${reach.from} ${reach.to}`, path);
    }
  }
  for (const trial of tried ?? []) {
    const key = `${trial.from} ${trial.to}`;
    if (hosts.includes(trial.from) && hosts.includes(trial.to))
      paths.set(key, { ...paths.get(key), ...triedPath(trial, nowMs - trial.atMs) });
  }
  for (const link of links) {
    const key = `${link.from} ${link.to}`;
    const other = paths.get(key)?.link;
    if (!other || tellsMore(link, other)) paths.set(key, linkPath(link));
  }
  return [...paths.values()].sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to));
}

/** Of two links between the same hosts: the one in use, then the one whose bandwidth is known better. */
function tellsMore(link: LinkEstimate, other: LinkEstimate): boolean {
  const used = link.throughputBitsPerSecond.value - other.throughputBitsPerSecond.value;
  if (Math.abs(used) > USED_BITS_PER_SECOND) return used > 0;
  return (link.availableBitsPerSecond?.confidence ?? 0) > (other.availableBitsPerSecond?.confidence ?? 0);
}
/** Keep-alives and strays are no use. */
const USED_BITS_PER_SECOND = 100e3;

function linkPath(link: LinkEstimate): PathEstimate {
  const { from, to, rttUs, availableBitsPerSecond, lossRatio, pathMtuBytes } = link;
  return {
    from,
    to,
    link,
    reachable: true,
    ...(rttUs && { rttUs }),
    ...(availableBitsPerSecond && { availableBitsPerSecond }),
    ...(lossRatio && { lossRatio }),
    ...(pathMtuBytes && { pathMtuBytes }),
  };
}

/** A reach without a cause for knowing nothing, or with an answer. */
function reachPath(reach: HostReach, ageMs: number): PathEstimate | undefined {
  if (ageMs > ESTIMATE_AGE_MAX_MS) return undefined;
  const { from, to, reachable, rttUs, pathMtuBytes } = reach;
  const estimate = (value: number, method: Estimate['method']): Estimate | undefined =>
    older({ value, ageMs: 0, method, confidence: REACH_CONFIDENCE }, ageMs);
  const rtt = rttUs === undefined ? undefined : estimate(rttUs, 'icmp');
  const mtu = pathMtuBytes === undefined ? undefined : estimate(pathMtuBytes, 'path-probe');
  return { from, to, reachable, ...(rtt && { rttUs: rtt }), ...(mtu && { pathMtuBytes: mtu }) };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
