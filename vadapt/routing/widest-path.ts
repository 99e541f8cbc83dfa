/**
 * The widest path by residual bandwidth; among equally wide ones that of the fewest hops, then of the least latency; a
 * bound on latency and one on hops are kept, and only relays are passed.
 *
 * Method: the greatest width is found by Dijkstra with `min` for `+` (Pollack 1960). Over the edges that are at least
 * so wide, Bellman and Ford layer by layer give the least latency of each number of hops; the first layer that keeps
 * the bound is the answer. If none does, the width is lowered by bisection over the widths that occur. Exact, but for
 * one case: a capacity that is shared by two edges of the path is looked at as if it were crossed once (EveryPath looks
 * at that exactly). Where no path keeps the bound: the one of least latency.
 *
 * O(hosts^2 + hops x edges) without a bound, O(log(edges) x hops x edges) with one.
 */
import { Neighbours } from './neighbours.js';
import type { PathSearch } from './path-search.js';
import type { RoutedFlows } from './routed-flows.js';

export class WidestPath implements PathSearch {
  readonly path: Int32Array;
  /** Makes no difference here. */
  thorough = true;
  readonly #routed: RoutedFlows;
  readonly #hopsMax: number;
  readonly #width: Float64Array;
  readonly #settled: Uint8Array;
  readonly #frontier: Int32Array;
  /** Rows of hosts, one for each number of hops. */
  readonly #latency: Float64Array;
  readonly #before: Int32Array;
  /** Edges that lead from a host, and where. */
  readonly #neighbours: Neighbours;

  constructor(routed: RoutedFlows) {
    const { hosts, maxHops } = routed.instance;
    this.#routed = routed;
    this.#hopsMax = Math.min(routed.pathRoom - 1, maxHops);
    this.path = new Int32Array(routed.pathRoom);
    this.#width = new Float64Array(hosts);
    this.#settled = new Uint8Array(hosts);
    this.#frontier = new Int32Array(hosts);
    this.#latency = new Float64Array((this.#hopsMax + 1) * hosts);
    this.#before = new Int32Array((this.#hopsMax + 1) * hosts);
    this.#neighbours = new Neighbours(routed.instance);
  }

  find(flow: number, from: number, to: number): number {
    return this.between(from, to, this.#routed.instance.latencyBound[flow] as number);
  }

  /** For no flow in particular. The number of hosts in `path`; 0: there is none. */
  between(from: number, to: number, boundUs = Infinity): number {
    this.path[0] = from;
    if (from === to) return 1;
    const width = this.#widest(from, to);
    if (width === -Infinity) return 0;
    const hops = this.#fewestHops(from, to, width, boundUs);
    if (hops > 0) return this.#trace(to, hops);
    return this.#narrower(from, to, width, boundUs);
  }

  /** The greatest width at all; -Infinity: no path. */
  #widest(from: number, to: number): number {
    const width = this.#width.fill(-Infinity);
    const settled = this.#settled.fill(0);
    const frontier = this.#frontier;
    let waiting = 1;
    frontier[0] = from;
    width[from] = Infinity;
    while (waiting > 0) {
      let best = 0;
      for (let i = 1; i < waiting; i++)
        if ((width[frontier[i] as number] as number) > (width[frontier[best] as number] as number)) best = i;
      const host = frontier[best] as number;
      frontier[best] = frontier[--waiting] as number;
      settled[host] = 1;
      if (host === to) return width[to] as number;
      if (host === from || this.#routed.instance.relays[host] === 1) waiting = this.#relax(host, waiting);
    }
    return -Infinity;
  }

  #relax(host: number, waitingBefore: number): number {
    const { hosts } = this.#routed.instance;
    const { start, to } = this.#neighbours;
    const own = this.#width[host] as number;
    const end = start[host + 1] as number;
    let waiting = waitingBefore;
    for (let i = start[host] as number; i < end; i++) {
      const next = to[i] as number;
      if (this.#settled[next] === 1) continue;
      const width = Math.min(own, this.#routed.room(host * hosts + next));
      if (width <= (this.#width[next] as number)) continue;
      if (this.#width[next] === -Infinity) this.#frontier[waiting++] = next;
      this.#width[next] = width;
    }
    return waiting;
  }

  /** Over edges of at least this width: the fewest hops within the bound; 0: there are none. */
  #fewestHops(from: number, to: number, width: number, boundUs: number): number {
    const { hosts } = this.#routed.instance;
    this.#latency.fill(Infinity, 0, hosts);
    this.#latency[from] = 0;
    for (let hops = 1; hops <= this.#hopsMax; hops++) {
      if (!this.#layer(hops, from, width)) return 0;
      const latency = this.#latency[hops * hosts + to] as number;
      if (latency < Infinity && latency <= boundUs) return hops;
    }
    return 0;
  }

  /** One hop more; false where nothing new is reached. */
  #layer(hops: number, from: number, width: number): boolean {
    const { hosts, latency, relays } = this.#routed.instance;
    const { start, to } = this.#neighbours;
    const [last, now] = [(hops - 1) * hosts, hops * hosts];
    this.#latency.fill(Infinity, now, now + hosts);
    let reached = false;
    for (let host = 0; host < hosts; host++) {
      const sofar = this.#latency[last + host] as number;
      if (sofar === Infinity || (host !== from && relays[host] !== 1)) continue;
      const end = start[host + 1] as number;
      for (let i = start[host] as number; i < end; i++) {
        const next = to[i] as number;
        const edge = host * hosts + next;
        if (this.#routed.room(edge) < width) continue;
        const sum = sofar + (latency[edge] as number);
        if (sum >= (this.#latency[now + next] as number)) continue;
        this.#latency[now + next] = sum;
        this.#before[now + next] = host;
        reached = true;
      }
    }
    return reached;
  }

  #narrower(from: number, to: number, below: number, boundUs: number): number {
    const widths = this.#widthsBelow(below);
    let [good, bad] = [widths.length, -1];
    while (good - bad > 1) {
      const middle = (good + bad) >> 1;
      if (this.#fewestHops(from, to, widths[middle] as number, boundUs) > 0) good = middle;
      else bad = middle;
    }
    if (good === widths.length) return this.#quickest(from, to);
    return this.#trace(to, this.#fewestHops(from, to, widths[good] as number, boundUs));
  }

  /** Each once, the widest first. */
  #widthsBelow(below: number): Float64Array {
    const { hosts } = this.#routed.instance;
    const { start, to } = this.#neighbours;
    const widths = new Set<number>();
    for (let host = 0; host < hosts; host++) {
      const end = start[host + 1] as number;
      for (let i = start[host] as number; i < end; i++) {
        const width = this.#routed.room(host * hosts + (to[i] as number));
        if (width < below) widths.add(width);
      }
    }
    return Float64Array.from(widths).sort().reverse();
  }

  /** No bound can be kept: the least latency that there is. */
  #quickest(from: number, to: number): number {
    const { hosts } = this.#routed.instance;
    this.#latency.fill(Infinity);
    this.#fewestHops(from, to, -Infinity, -1);
    let [best, least] = [0, Infinity];
    for (let hops = 1; hops <= this.#hopsMax; hops++) {
      const latency = this.#latency[hops * hosts + to] as number;
      if (latency < least) [best, least] = [hops, latency];
    }
    return best === 0 ? 0 : this.#trace(to, best);
  }

  #trace(to: number, hops: number): number {
    const { hosts } = this.#routed.instance;
    let host = to;
    for (let layer = hops; layer > 0; layer--) {
      this.path[layer] = host;
      host = this.#before[layer * hosts + host] as number;
    }
    return hops + 1;
  }
}
