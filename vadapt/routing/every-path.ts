/**
 * The best path of one flow, exactly: depth first over all simple paths, where the value of all flows is known after
 * each edge (what the others lose is in it) and a branch ends when even a path that loses nothing more is no better.
 *
 * Where less room is worth more (tight fit), what follows may gain and no branch ends early: hops are bounded instead.
 * O(simple paths) at worst, so for few hosts; the direct path comes first and mostly ends the rest.
 */
import { flowValue } from '../model/objective.js';
import type { PathSearch } from './path-search.js';
import type { RoutedFlows } from './routed-flows.js';

/** Without a bound to end branches by. */
export const UNBOUNDED_HOPS_MAX = 4;
/** Where it is not thorough. */
const QUICK_HOPS = 3;

export class EveryPath implements PathSearch {
  readonly path: Int32Array;
  /** False: paths of few hops. */
  thorough = true;
  readonly #routed: RoutedFlows;
  readonly #hopsMost: number;
  #hopsMax = 0;
  readonly #bounded: boolean;
  readonly #passed: Uint8Array;
  readonly #trail: Int32Array;
  #length = 0;
  #best = 0;
  #to = 0;
  #demand = 0;
  #entry = 0;
  #bound = 0;

  constructor(routed: RoutedFlows) {
    const { weights, pathRoom, instance } = routed;
    this.#routed = routed;
    this.#bounded = weights.residual >= weights.tightFit;
    this.#hopsMost = Math.min(pathRoom - 1, instance.maxHops, this.#bounded ? Infinity : UNBOUNDED_HOPS_MAX);
    this.path = new Int32Array(pathRoom);
    this.#trail = new Int32Array(pathRoom);
    this.#passed = new Uint8Array(instance.hosts);
  }

  find(flow: number, from: number, to: number): number {
    this.path[0] = from;
    if (from === to) return 1;
    this.#hopsMax = this.thorough ? this.#hopsMost : Math.min(QUICK_HOPS, this.#hopsMost);
    this.#length = 0;
    this.#best = -Infinity;
    this.#to = to;
    this.#demand = this.#routed.instance.demand[flow] as number;
    this.#bound = this.#routed.instance.latencyBound[flow] as number;
    this.#entry = this.#widestEntry(to);
    this.#trail[0] = from;
    this.#passed[from] = 1;
    this.#passed[to] = 1;
    this.#finish(1, from * this.#routed.instance.hosts + to, Infinity, 0);
    // Short paths first: what they reach ends most of the longer ones.
    if (this.#hopsMax >= 2) this.#extend(1, Infinity, 0, false);
    if (this.#hopsMax >= 3) this.#extend(1, Infinity, 0, true);
    this.#passed[from] = 0;
    this.#passed[to] = 0;
    return this.#length;
  }

  /** The most that any path to a host can have left: it has to come in by some edge. */
  #widestEntry(to: number): number {
    const { hosts, bandwidth, relays } = this.#routed.instance;
    let most = -Infinity;
    for (let relay = 0, edge = to; relay < hosts; relay++, edge += hosts) {
      if (relay === to || relays[relay] !== 1 || !((bandwidth[edge] as number) > 0)) continue;
      const room = this.#routed.room(edge);
      if (room > most) most = room;
    }
    return most - this.#demand;
  }

  /** What a path of `hops` can make of all flows at best. */
  #hope(width: number, latency: number, hops: number): number {
    const { total, weights } = this.#routed;
    return total + flowValue(weights, this.#demand, this.#bound, width, latency, hops);
  }

  /** Goes on from a trail of `length` hosts: over one relay, or (`deep`) over more. */
  #extend(length: number, width: number, latency: number, deep: boolean): void {
    const routed = this.#routed;
    const { hosts, bandwidth, relays } = routed.instance;
    const row = (this.#trail[length - 1] as number) * hosts;
    const hops = deep && length === 1 ? 3 : length + 1;
    for (let relay = 0; relay < hosts; relay++) {
      const edge = row + relay;
      if (this.#passed[relay] === 1 || relays[relay] !== 1 || !((bandwidth[edge] as number) > 0)) continue;
      const narrower = Math.min(width, routed.room(edge) - this.#demand);
      const later = latency + (routed.instance.latency[edge] as number);
      if (this.#bounded && this.#hope(Math.min(narrower, this.#entry), later, hops) <= this.#best) continue;
      this.#trail[length] = relay;
      routed.mark();
      routed.push(edge, this.#demand);
      if (!deep || length > 1) this.#finish(length + 1, relay * hosts + this.#to, narrower, later);
      if (deep && length + 1 < this.#hopsMax) {
        this.#passed[relay] = 1;
        this.#extend(length + 1, narrower, later, true);
        this.#passed[relay] = 0;
      }
      routed.rollback();
    }
  }

  #finish(length: number, edge: number, width: number, latency: number): void {
    const routed = this.#routed;
    if (!((routed.instance.bandwidth[edge] as number) > 0)) return;
    const narrower = Math.min(width, routed.room(edge) - this.#demand);
    const later = latency + (routed.instance.latency[edge] as number);
    if (this.#bounded && this.#hope(narrower, later, length) <= this.#best) return;
    routed.mark();
    routed.push(edge, this.#demand);
    const value = this.#hope(narrower, later, length);
    routed.rollback();
    if (value <= this.#best) return;
    this.#best = value;
    this.#trail[length] = this.#to;
    this.#length = length + 1;
    for (let i = 0; i <= length; i++) this.path[i] = this.#trail[i] as number;
  }
}
