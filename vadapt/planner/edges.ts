/**
 * Edges of the problem from the picture of the underlay. Bandwidth: available plus the overlay's own. Latency: half the
 * least round trip. An edge that is not measured counts for half of what the way through the Proxy gives: worth trying
 * where the star is full, never better than a way that is known.
 */
import type { Host, PathEstimate } from '../../core/index.js';
import type { EdgeCapacity } from '../model/problem.js';
import type { Ground } from './ground.js';
import type { Notes } from './notes.js';
import type { OwnTraffic } from './own-traffic.js';
import type { Snapshot } from './snapshot.js';
import { AccessWidths } from './access-widths.js';
import { oneWayUs, rateOf, trustOf, UNCERTAIN_SHARE } from './trust.js';

/** Of the way through the Proxy, for a direct edge that nobody has measured. */
export const UNKNOWN_SHARE = 0.5;
/** Where the star's own links are not measured either. Bits a second. */
export const UNKNOWN_BITS_PER_SECOND = 1e6;
export const UNKNOWN_LATENCY_US = 20_000;
/** An edge that exists has at least this: 0 would be none. Bits a second. */
export const EDGE_BITS_PER_SECOND_MIN = 1000;

export interface DraftEdge extends EdgeCapacity {
  /** What of it the overlay puts there now. */
  own: number;
  /** The path that was measured; absent: assumed. */
  measured?: PathEstimate;
}

export interface EdgeRules {
  /** Pairs of hosts that may get a link: with topology as a mechanism, all that can have one. */
  allows: (from: string, to: string) => boolean;
  own: OwnTraffic;
  /** Hosts whose VMs talk. */
  talking: readonly (readonly [string, string])[];
}

/** Overlays of more hosts are not looked at as if everybody could link to everybody. */
export const DENSE_HOSTS_MAX = 256;

/**
 * By `from to`. Of ready hosts alone. Of many hosts: where a link is, where something is measured, and where VMs talk
 * (`talking`, pairs of hosts).
 */
export function edgesOf(
  snapshot: Snapshot,
  ground: Ground,
  rules: EdgeRules,
  notes: Notes,
): Map<string, DraftEdge> {
  const paths = new Map(snapshot.underlay.paths.map((path) => [`${path.from} ${path.to}`, path]));
  const hosts = hostsOf(snapshot);
  const edges = new Map<string, DraftEdge>();
  const access = new AccessWidths(snapshot.underlay.paths, rules.own);
  const put = (from: string, to: string, assumed: () => Assumed) => {
    const isStar = from === ground.proxy || to === ground.proxy;
    const known = {
      path: paths.get(`${from} ${to}`),
      access: isStar ? access.between(from, to) : undefined,
    };
    const edge = edgeOf(from, to, known, rules.own, assumed, notes);
    edges.set(`${from} ${to}`, edge);
  };
  const { proxy } = ground;
  for (const { name } of hosts) {
    if (name === proxy) continue;
    put(name, proxy, () => UNKNOWN);
    put(proxy, name, () => UNKNOWN);
  }
  const consider = (a: Host, b: Host) => {
    const [from, to] = [a.name, b.name];
    if (from === to || from === proxy || to === proxy) return;
    if (!ground.joined(from, to) && !(canLink(a, b, paths) && rules.allows(from, to))) return;
    put(from, to, () => throughProxy(edges, from, proxy, to));
  };
  if (hosts.length <= DENSE_HOSTS_MAX) {
    for (const a of hosts) for (const b of hosts) consider(a, b);
    return edges;
  }
  notes.add(
    `links are looked for where VMs talk or paths are measured, since there are ${hosts.length} hosts`,
  );
  const byName = new Map(hosts.map((host) => [host.name, host]));
  const linked = snapshot.links.map(({ a, b }) => [a, b] as const);
  const measured = snapshot.underlay.paths.map(({ from, to }) => [from, to] as const);
  for (const [one, other] of [...linked, ...measured, ...rules.talking]) {
    const [a, b] = [byName.get(one), byName.get(other)];
    if (!a || !b || edges.has(`${one} ${other}`)) continue;
    consider(a, b);
    consider(b, a);
  }
  return edges;
}

export function hostsOf({ topology, ready }: Snapshot): Host[] {
  const there = new Set(ready);
  return topology.hosts.filter(({ name }) => there.has(name));
}

/** One of them must be reachable from outside, and no try of it may have failed. */
function canLink(a: Host, b: Host, paths: ReadonlyMap<string, PathEstimate>): boolean {
  if (!a.endpoint && !b.endpoint) return false;
  const [there, back] = [paths.get(`${a.name} ${b.name}`), paths.get(`${b.name} ${a.name}`)];
  // Whoever can, dials: one direction that answers suffices.
  if (there?.reachable === true || back?.reachable === true) return true;
  return !(there?.reachable === false || back?.reachable === false);
}

interface Assumed {
  bitsPerSecond: number;
  latencyUs: number;
}
const UNKNOWN: Assumed = { bitsPerSecond: UNKNOWN_BITS_PER_SECOND, latencyUs: UNKNOWN_LATENCY_US };

function throughProxy(
  edges: ReadonlyMap<string, DraftEdge>,
  from: string,
  proxy: string,
  to: string,
): Assumed {
  const [up, down] = [edges.get(`${from} ${proxy}`), edges.get(`${proxy} ${to}`)];
  if (!up || !down) return UNKNOWN;
  const bitsPerSecond = UNKNOWN_SHARE * Math.min(up.bitsPerSecond, down.bitsPerSecond);
  return { bitsPerSecond, latencyUs: up.latencyUs + down.latencyUs };
}

interface Known {
  path: PathEstimate | undefined;
  /** What both ends' access gives, where it is known, and hardly anything else is between. Bits a second. */
  access: number | undefined;
}

function edgeOf(
  from: string,
  to: string,
  { path, access }: Known,
  ownTraffic: OwnTraffic,
  assumed: () => Assumed,
  notes: Notes,
): DraftEdge {
  const available = path?.availableBitsPerSecond;
  const trust = available ? trustOf(available) : undefined;
  const throughput = path?.link ? rateOf(path.link.throughputBitsPerSecond) : undefined;
  const own = ownTraffic.on(from, to, throughput);
  const latencyUs = oneWayUs(path?.link?.minRttUs) ?? oneWayUs(path?.rttUs) ?? assumed().latencyUs;
  const edge = (bitsPerSecond: number, measured?: PathEstimate): DraftEdge => ({
    from,
    to,
    bitsPerSecond: Math.max(EDGE_BITS_PER_SECOND_MIN, own, bitsPerSecond),
    latencyUs,
    own,
    ...(measured && { measured }),
  });
  // A bound of a link that nothing fills says little: from below too little, and where a burst went through on the credit
  // of a token bucket, too much. What is known of the ends' access says more, and the same of all like it.
  if (available?.atLeast && trust === 'good') {
    notes.add(
      'only a bound of what more fits is known, so whether it is full cannot be told: %',
      `${from} to ${to}`,
    );
    return edge(access ?? Math.max(available.value, assumed().bitsPerSecond) + own, path);
  }
  if (available && trust === 'good') return edge(available.value + own, path);
  if (available && trust === 'uncertain') {
    notes.add('old or uncertain bandwidth counts half: %', `${from} to ${to}`);
    return edge(available.value * UNCERTAIN_SHARE + own, path);
  }
  if (trust === 'absurd') notes.add('bandwidth that cannot be is not believed: %', `${from} to ${to}`);
  else notes.add('bandwidth is not known, and taken to be small: %', `${from} to ${to}`);
  return edge(assumed().bitsPerSecond + own);
}
