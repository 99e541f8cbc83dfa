/** Made-up underlays. Capacities of wide-area paths follow what is measured between clouds: log-normal, about 100 Mbit/s. */
import type { Random } from '../../core/index.js';
import type { EdgeCapacity, HostNode, SharedCapacity } from '../model/problem.js';
import { between, logNormal, numberedNames, shuffled } from './draw.js';

export interface Network {
  hosts: HostNode[];
  edges: EdgeCapacity[];
  shared?: SharedCapacity[];
}

/** Median and spread (of the natural logarithm) of TCP throughput between 45 cloud regions. */
const WAN_BITS_PER_SECOND = 100e6;
const WAN_SPREAD = 0.9;
const LAN_BITS_PER_SECOND = 1e9;
const UPLINK_BITS_PER_SECOND = 300e6;
/** One way: light in fibre, routes a half longer than the straight line. */
const US_PER_KM = 7.5;
const CONTINENT_KM = 4000;
/** Within a host, by instance: from about what a busy path has, so that paths decide, to so much that hosts do. */
const LOCAL_BITS_PER_SECOND = [300e6, 4e9] as const;
/** Of the sparse network, links of a host. */
const DEGREE = 3;

type Place = readonly [x: number, y: number];

function places(count: number, random: Random): Place[] {
  return Array.from({ length: count }, () => [
    between(random, 0, CONTINENT_KM),
    between(random, 0, CONTINENT_KM),
  ]);
}

function latencyUs([ax, ay]: Place, [bx, by]: Place, random: Random): number {
  return Math.round(200 + US_PER_KM * Math.hypot(ax - bx, ay - by) * between(random, 0.9, 1.3));
}

function hostNodes(count: number, random: Random): HostNode[] {
  const [least, most] = LOCAL_BITS_PER_SECOND;
  const typical = least * (most / least) ** random();
  return numberedNames('h', count).map((name) => {
    return { name, localBitsPerSecond: Math.round(typical * between(random, 0.8, 1.2)) };
  });
}

/** Every host reaches every other over the wide area, each direction with a capacity of its own. */
export function randomMesh(count: number, random: Random): Network {
  const hosts = hostNodes(count, random);
  const at = places(count, random);
  return { hosts, edges: allPairs(hosts, (i, j) => wan(hosts, i, j, at, random)) };
}

/** Fast LANs within sites, slow paths between them, which share their site's uplink and downlink. */
export function sites(count: number, random: Random): Network {
  const hosts = hostNodes(count, random);
  const siteCount = Math.max(2, Math.round(Math.sqrt(count)));
  const siteOf = (host: number) => host % siteCount;
  const at = places(siteCount, random);
  const edges = allPairs(hosts, (i, j) => {
    const [from, to] = [siteOf(i), siteOf(j)];
    if (from !== to) {
      const bits = Math.min(UPLINK_BITS_PER_SECOND, logNormal(random, WAN_BITS_PER_SECOND, WAN_SPREAD));
      return edge(hosts, i, j, bits, latencyUs(at[from] as Place, at[to] as Place, random));
    }
    return edge(hosts, i, j, LAN_BITS_PER_SECOND * between(random, 0.7, 1), between(random, 60, 200));
  });
  return { hosts, edges, shared: siteUplinks(siteCount, siteOf, hosts, edges, random) };
}

/** What crosses a site's border takes its uplink, or its downlink. */
function siteUplinks(
  siteCount: number,
  siteOf: (host: number) => number,
  hosts: readonly HostNode[],
  edges: readonly EdgeCapacity[],
  random: Random,
): SharedCapacity[] {
  const siteOfName = new Map(hosts.map(({ name }, i) => [name, siteOf(i)]));
  const links = Array.from({ length: siteCount }, () => ({
    bitsPerSecond: Math.round(UPLINK_BITS_PER_SECOND * between(random, 0.5, 1.5)),
    up: [] as [string, string][],
    down: [] as [string, string][],
  }));
  for (const { from, to } of edges) {
    const [here, there] = [siteOfName.get(from) as number, siteOfName.get(to) as number];
    if (here === there) continue;
    links[here]?.up.push([from, to]);
    links[there]?.down.push([from, to]);
  }
  return links.flatMap(({ bitsPerSecond, up, down }, site) => [
    { name: `up of site ${site}`, bitsPerSecond, edges: up },
    { name: `down of site ${site}`, bitsPerSecond, edges: down },
  ]);
}

/**
 * A few links a host, connected; the rest is behind firewalls. Three in four links lead both ways, and hosts at the rim
 * carry nobody else's traffic.
 */
export function firewalls(count: number, random: Random): Network {
  const at = places(count, random);
  const order = shuffled([...Array(count).keys()], random);
  const pairs = new Set<number>();
  order.forEach((host, i) => {
    if (i > 0) pairs.add(pairKey(host, order[Math.floor(random() * i)] as number, count));
  });
  for (let tries = 0; tries < 8 * count && pairs.size < (DEGREE * count) / 2; tries++) {
    const [a, b] = [Math.floor(random() * count), Math.floor(random() * count)];
    if (a !== b) pairs.add(pairKey(a, b, count));
  }
  const links = [...pairs].map((key) => [Math.floor(key / count), key % count] as const);
  const degree = (host: number) => links.filter(([a, b]) => a === host || b === host).length;
  const hosts = hostNodes(count, random).map((host, i) =>
    degree(i) === 1 ? { ...host, relays: false } : host,
  );
  const edges = links.flatMap(([a, b], i) => {
    const both = i < count - 1 || random() < 0.75;
    return [wan(hosts, a, b, at, random), ...(both ? [wan(hosts, b, a, at, random)] : [])];
  });
  return { hosts, edges };
}

/** Every pair of hosts could have a gigabit, but each host's own uplink and downlink are what there is. */
export function uplinks(count: number, random: Random): Network {
  const hosts = hostNodes(count, random);
  const at = places(count, random);
  const edges = allPairs(hosts, (i, j) =>
    edge(hosts, i, j, LAN_BITS_PER_SECOND, latencyUs(at[i] as Place, at[j] as Place, random)),
  );
  const shared = hosts.flatMap(({ name }) => {
    const up = Math.round(logNormal(random, UPLINK_BITS_PER_SECOND, WAN_SPREAD));
    const others = hosts.filter((other) => other.name !== name);
    return [
      { name: `up of ${name}`, bitsPerSecond: up, edges: others.map((other) => [name, other.name] as const) },
      {
        name: `down of ${name}`,
        bitsPerSecond: 2 * up,
        edges: others.map((other) => [other.name, name] as const),
      },
    ];
  });
  return { hosts, edges, shared };
}

function pairKey(a: number, b: number, count: number): number {
  return Math.min(a, b) * count + Math.max(a, b);
}

function wan(
  hosts: readonly HostNode[],
  i: number,
  j: number,
  at: readonly Place[],
  random: Random,
): EdgeCapacity {
  const latency = latencyUs(at[i] as Place, at[j] as Place, random);
  return edge(hosts, i, j, logNormal(random, WAN_BITS_PER_SECOND, WAN_SPREAD), latency);
}

function edge(hosts: readonly HostNode[], i: number, j: number, bits: number, us: number): EdgeCapacity {
  const [from, to] = [hosts[i]?.name ?? '', hosts[j]?.name ?? ''];
  return { from, to, bitsPerSecond: Math.round(bits), latencyUs: Math.round(us) };
}

function allPairs(hosts: readonly HostNode[], make: (i: number, j: number) => EdgeCapacity): EdgeCapacity[] {
  return hosts.flatMap((_, i) => hosts.flatMap((_, j) => (i === j ? [] : [make(i, j)])));
}
