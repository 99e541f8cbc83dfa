/**
 * AdaptTopology (Virtuoso, Appendix B.1 and 9.3.2): the fast-path links that the traffic among VMs asks for under a
 * mapping, the most wanted first, within a cost constraint. O(flows x log flows).
 *
 * As printed it does not run. Mended here:
 * - The loops test `count`, the first of them raises only `k`: it would not end.
 * - `i <- i + i` stays 0: every link would be the first.
 * - C is made and sorted, but the links are taken from A, unsorted, whose entries are VMs and not hosts.
 * - c is never used: here it bounds the links in all, and those of each host (`linksPerHost`).
 * - Several entries of A lead to one pair of hosts. Step 1 of 9.3.2 wants the traffic between hosts: it is added up, both
 *   directions, since a link carries both.
 * - An entry whose VMs share a host asks for a link of the host with itself: left out.
 *
 * Departure: a pair of hosts that cannot have an edge (here a firewall is known) gets no link.
 */
import type { Instance } from '../model/instance.js';

export interface TopologyCost {
  /** In all. Default: any number. */
  links?: number;
  linksPerHost?: number;
}

/** Between two hosts, `a` < `b`, both directions. */
export interface FastPath {
  a: number;
  b: number;
  /** Of all flows between VMs on the two. */
  bitsPerSecond: number;
}

/** `mapping`: VM to host. */
export function adaptTopology(
  instance: Instance,
  mapping: ArrayLike<number>,
  cost: TopologyCost = {},
): FastPath[] {
  const { links = Infinity, linksPerHost = Infinity } = cost;
  const linksOf = new Int32Array(instance.hosts);
  const chosen: FastPath[] = [];
  for (const path of hostTraffic(instance, mapping)) {
    if (chosen.length >= links) break;
    if ((linksOf[path.a] as number) >= linksPerHost || (linksOf[path.b] as number) >= linksPerHost) continue;
    linksOf[path.a] = (linksOf[path.a] as number) + 1;
    linksOf[path.b] = (linksOf[path.b] as number) + 1;
    chosen.push(path);
  }
  return chosen;
}

/** C of the listing: traffic between hosts that can have a link, the largest first. */
function hostTraffic(instance: Instance, mapping: ArrayLike<number>): FastPath[] {
  const { hosts, flows, flowFrom, flowTo, demand, bandwidth } = instance;
  const pairs = new Map<number, FastPath>();
  for (let flow = 0; flow < flows; flow++) {
    const from = mapping[flowFrom[flow] as number] as number;
    const to = mapping[flowTo[flow] as number] as number;
    const [a, b] = [Math.min(from, to), Math.max(from, to)];
    if (a === b || (bandwidth[a * hosts + b] === 0 && bandwidth[b * hosts + a] === 0)) continue;
    const pair = pairs.get(a * hosts + b) ?? { a, b, bitsPerSecond: 0 };
    pair.bitsPerSecond += demand[flow] as number;
    pairs.set(a * hosts + b, pair);
  }
  return [...pairs.values()].sort(
    (one, other) => other.bitsPerSecond - one.bitsPerSecond || one.a - other.a || one.b - other.b,
  );
}
