/**
 * A good path of one flow among many hosts: the direct one, those over one relay and those over two, where relays are
 * taken from candidate sets: the widest edges out of the source and into the destination. The value of all flows
 * decides, exactly, among those that can be better at all. Where none of them exists, the widest path; among many hosts
 * and where it is not thorough, one of the fewest hops.
 *
 * O(candidates), and O(edges) and more where the widest path must be asked; a candidate set is made once a host, O(hosts).
 */
import { flowValue } from '../model/objective.js';
import type { Instance } from '../model/instance.js';
import type { PathSearch } from './path-search.js';
import type { RoutedFlows } from './routed-flows.js';
import { FewestHops } from './fewest-hops.js';
import { WidestPath } from './widest-path.js';

/** Candidates for one relay, of either end: all hosts of a middling network. */
export const RELAYS = 64;
/** In a large one, where there are hosts^2 edges to look at. */
export const RELAYS_OF_MANY = 12;
export const MANY_HOSTS = 128;
/** Candidates for the first and the second of two relays. */
const PAIRED = 5;
/** Of either end, where it is not thorough. */
const QUICK_RELAYS = 4;

/** Relays by host, the widest edge first; rows of `count` are made when they are first asked for. */
export class CandidateRelays {
  readonly count: number;
  /** Rows, -1 where there are no more. */
  readonly #out: Int32Array;
  readonly #into: Int32Array;
  readonly #made: Uint8Array;
  readonly #instance: Instance;
  readonly #widest: Widest;

  constructor(instance: Instance) {
    const { hosts } = instance;
    this.#instance = instance;
    this.count = Math.min(hosts > MANY_HOSTS ? RELAYS_OF_MANY : RELAYS, Math.max(0, hosts - 1));
    this.#out = new Int32Array(hosts * this.count);
    this.#into = new Int32Array(hosts * this.count);
    this.#made = new Uint8Array(hosts);
    this.#widest = new Widest(this.count);
  }

  /** The i-th widest out of a host; -1: there are no so many. */
  out(host: number, i: number): number {
    if (this.#made[host] === 0) this.#make(host);
    return this.#out[host * this.count + i] as number;
  }

  into(host: number, i: number): number {
    if (this.#made[host] === 0) this.#make(host);
    return this.#into[host * this.count + i] as number;
  }

  #make(host: number): void {
    const { hosts, relays, bandwidth } = this.#instance;
    this.#made[host] = 1;
    for (let relay = 0; relay < hosts; relay++)
      if (relay !== host && relays[relay] === 1)
        this.#widest.offer(relay, bandwidth[host * hosts + relay] as number);
    this.#widest.drain(this.#out, host * this.count);
    for (let relay = 0; relay < hosts; relay++)
      if (relay !== host && relays[relay] === 1)
        this.#widest.offer(relay, bandwidth[relay * hosts + host] as number);
    this.#widest.drain(this.#into, host * this.count);
  }
}

/** The `count` widest of those offered, in order. */
class Widest {
  readonly #count: number;
  readonly #relay: Int32Array;
  readonly #width: Float64Array;
  #length = 0;

  constructor(count: number) {
    this.#count = count;
    this.#relay = new Int32Array(count + 1);
    this.#width = new Float64Array(count + 1);
  }

  offer(relay: number, width: number): void {
    if (!(width > 0)) return;
    if (this.#length === this.#count && width <= (this.#width[this.#length - 1] as number)) return;
    let at = this.#length < this.#count ? this.#length++ : this.#length - 1;
    for (; at > 0 && (this.#width[at - 1] as number) < width; at--) {
      this.#width[at] = this.#width[at - 1] as number;
      this.#relay[at] = this.#relay[at - 1] as number;
    }
    this.#width[at] = width;
    this.#relay[at] = relay;
  }

  drain(into: Int32Array, at: number): void {
    for (let i = 0; i < this.#count; i++) into[at + i] = i < this.#length ? (this.#relay[i] as number) : -1;
    this.#length = 0;
  }
}

export class RelayPaths implements PathSearch {
  readonly path: Int32Array;
  /** False: over one relay at most, and few of these. */
  thorough = true;
  readonly #routed: RoutedFlows;
  readonly #candidates: CandidateRelays;
  readonly #hopsMax: number;
  readonly #bounded: boolean;
  readonly #trial = new Int32Array(4);
  readonly #seconds = new Int32Array(PAIRED);
  #fewest: FewestHops | undefined;
  #widest: WidestPath | undefined;
  #length = 0;
  #best = 0;
  #demand = 0;
  #boundUs = 0;
  /** The direct edge, where it crosses shared capacities, or -1; and the value of all others once these are pushed. */
  #direct = -1;
  #afterShared = 0;

  constructor(routed: RoutedFlows, candidates: CandidateRelays) {
    this.#routed = routed;
    this.#candidates = candidates;
    this.#hopsMax = Math.min(routed.pathRoom - 1, routed.instance.maxHops);
    this.#bounded = routed.weights.residual >= routed.weights.tightFit;
    this.path = new Int32Array(Math.max(4, routed.pathRoom));
  }

  find(flow: number, from: number, to: number): number {
    this.path[0] = from;
    if (from === to) return 1;
    const { demand, latencyBound } = this.#routed.instance;
    this.#length = 0;
    this.#best = -Infinity;
    this.#demand = demand[flow] as number;
    this.#boundUs = latencyBound[flow] as number;
    this.#trial[0] = from;
    this.#trial[1] = to;
    this.#direct = -1;
    this.#consider(2);
    this.#pushDirect(from * this.#routed.instance.hosts + to);
    if (this.#hopsMax >= 2) this.#overOne(from, to);
    if (this.#hopsMax >= 3 && this.thorough) this.#overTwo(from, to);
    return this.#length > 0 ? this.#length : this.#anyPath(flow, from, to);
  }

  #overOne(from: number, to: number): void {
    const { hosts, bandwidth } = this.#routed.instance;
    const count = Math.min(this.#candidates.count, this.thorough ? Infinity : QUICK_RELAYS);
    this.#trial[2] = to;
    for (let i = 0; i < count; i++) {
      const relay = this.#candidates.out(from, i);
      // In order of width: if this one cannot be better, none that follows can.
      if (relay < 0 || !this.#promises(bandwidth[from * hosts + relay] as number, 2)) break;
      this.#trial[1] = relay;
      if (relay !== to) this.#consider(3);
    }
    if (count >= hosts - 1) return;
    for (let i = 0; i < count; i++) {
      const relay = this.#candidates.into(to, i);
      if (relay < 0 || !this.#promises(bandwidth[relay * hosts + to] as number, 2)) break;
      this.#trial[1] = relay;
      if (relay !== from) this.#consider(3);
    }
  }

  #overTwo(from: number, to: number): void {
    const { hosts } = this.#routed.instance;
    const most = Math.min(PAIRED, this.#candidates.count);
    const seconds = this.#promisingSeconds(from, to, most);
    if (seconds === 0) return;
    this.#trial[3] = to;
    for (let i = 0; i < most; i++) {
      const first = this.#candidates.out(from, i);
      if (first < 0) break;
      if (first === to || !this.#promises(this.#routed.room(from * hosts + first), 3)) continue;
      this.#trial[1] = first;
      for (let j = 0; j < seconds; j++) {
        this.#trial[2] = this.#seconds[j] as number;
        if (this.#trial[2] !== first) this.#consider(4);
      }
    }
  }

  /** Last relays whose edge to the end has room enough: mostly there are none, which ends the search at once. */
  #promisingSeconds(from: number, to: number, most: number): number {
    let count = 0;
    for (let j = 0; j < most; j++) {
      const second = this.#candidates.into(to, j);
      if (second < 0) break;
      if (second !== from && this.#promises(this.#routed.room(second * this.#routed.instance.hosts + to), 3))
        this.#seconds[count++] = second;
    }
    return count;
  }

  #promises(width: number, hops: number): boolean {
    return !this.#bounded || this.#hope(width - this.#demand, 0, hops) > this.#best;
  }

  #hope(width: number, latency: number, hops: number): number {
    return (
      this.#routed.total + flowValue(this.#routed.weights, this.#demand, this.#boundUs, width, latency, hops)
    );
  }

  /** The trial of `length` hosts: first what it promises, then, if that is good, what it costs the others. */
  #consider(length: number): void {
    const routed = this.#routed;
    const { hosts, latency } = routed.instance;
    let width = Infinity;
    for (let i = 1; i < length; i++) {
      const room = routed.room((this.#trial[i - 1] as number) * hosts + (this.#trial[i] as number));
      if (room < width) width = room;
    }
    // Without an edge the room is -Infinity. Latencies are read late: most trials end here, and memory is slow.
    if (width === -Infinity || !this.#promises(width, length - 1)) return;
    let sum = 0;
    for (let i = 1; i < length; i++)
      sum += latency[(this.#trial[i - 1] as number) * hosts + (this.#trial[i] as number)] as number;
    if (this.#bounded && this.#hope(width - this.#demand, sum, length - 1) <= this.#best) return;
    if (this.#direct >= 0 && this.#losesAsDirect(length, width - this.#demand, sum)) return;
    const value = this.#exact(length, sum);
    if (value <= this.#best) return;
    this.#best = value;
    this.#length = length;
    for (let i = 0; i < length; i++) this.path[i] = this.#trial[i] as number;
  }

  /**
   * A site's uplink is crossed by every way out, and by thousands of flows: what they lose is added up once, for the
   * direct edge, and bounds every path that crosses the same.
   */
  #pushDirect(edge: number): void {
    const routed = this.#routed;
    const { sharedStart } = routed.instance;
    if (!this.#bounded || sharedStart.length === 0 || sharedStart[edge] === sharedStart[edge + 1]) return;
    routed.mark();
    routed.pushShared(edge, this.#demand);
    this.#afterShared = routed.total;
    routed.rollback();
    this.#direct = edge;
  }

  /** Whether the trial crosses all that the direct edge shares, and is therefore no better than the best. */
  #losesAsDirect(length: number, residual: number, latency: number): boolean {
    const { instance, weights } = this.#routed;
    const { sharedStart, sharedOfEdge } = instance;
    const value = flowValue(weights, this.#demand, this.#boundUs, residual, latency, length - 1);
    if (this.#afterShared + value > this.#best) return false;
    const end = sharedStart[this.#direct + 1] as number;
    for (let i = sharedStart[this.#direct] as number; i < end; i++)
      if (!this.#crosses(length, sharedOfEdge[i] as number)) return false;
    return true;
  }

  #crosses(length: number, shared: number): boolean {
    const { hosts, sharedStart, sharedOfEdge } = this.#routed.instance;
    for (let hop = 1; hop < length; hop++) {
      const edge = (this.#trial[hop - 1] as number) * hosts + (this.#trial[hop] as number);
      const end = sharedStart[edge + 1] as number;
      for (let i = sharedStart[edge] as number; i < end; i++) if (sharedOfEdge[i] === shared) return true;
    }
    return false;
  }

  #exact(length: number, latency: number): number {
    const routed = this.#routed;
    const { hosts } = routed.instance;
    let width = Infinity;
    routed.mark();
    for (let i = 1; i < length; i++) {
      const edge = (this.#trial[i - 1] as number) * hosts + (this.#trial[i] as number);
      width = Math.min(width, routed.room(edge) - this.#demand);
      routed.push(edge, this.#demand);
    }
    const value = this.#hope(width, latency, length - 1);
    routed.rollback();
    return value;
  }

  #anyPath(flow: number, from: number, to: number): number {
    const search = this.#anySearch();
    const length = search.find(flow, from, to);
    for (let i = 0; i < length; i++) this.path[i] = search.path[i] as number;
    return length;
  }

  #anySearch(): PathSearch {
    if (!this.thorough && this.#routed.instance.hosts > MANY_HOSTS)
      return (this.#fewest ??= new FewestHops(this.#routed));
    return (this.#widest ??= new WidestPath(this.#routed));
  }
}
