/** Every simple path of a pair of hosts, widest first: made when first asked for, the same for every flow and mapping. */
import type { Instance } from '../model/instance.js';
import { sharedOf } from '../model/evaluate.js';
import { edgeWidths } from './path-levels.js';

/** Of one pair; beyond, paths of fewer hops only. Nine hosts have 13,700 paths a pair. */
export const PATHS_MAX = 20_000;

export interface PathList {
  count: number;
  /** False: longer paths exist that are not listed. */
  complete: boolean;
  /** Edges of path p: `edges[start[p]] .. edges[start[p + 1] - 1]`. */
  start: Int32Array;
  edges: Int32Array;
  /** Of the narrowest part, empty. */
  width: Float64Array;
  latencyUs: Float64Array;
}

export class PathBook {
  readonly #instance: Instance;
  readonly #widths: Float64Array;
  readonly #next: readonly Int32Array[];
  readonly #lists = new Map<number, PathList>();
  readonly #hops: number;
  readonly #shortcuts: readonly (readonly number[] | undefined)[];

  /** `dominance`: to take less of less is never worse; not so where tight fits are liked, or links cost. */
  constructor(instance: Instance, dominance: boolean) {
    const { hosts, bandwidth, maxHops } = instance;
    this.#instance = instance;
    this.#widths = edgeWidths(instance);
    this.#next = Array.from({ length: hosts }, (_, from) =>
      Int32Array.from({ length: hosts }, (_, to) => to).filter((to) => {
        return to !== from && (bandwidth[from * hosts + to] as number) > 0;
      }),
    );
    this.#shortcuts = dominance && instance.sharedCapacity.length > 0 ? shortcutsOf(instance) : [];
    this.#hops = affordableHops(hosts, maxHops);
  }

  of(from: number, to: number): PathList {
    const pair = from * this.#instance.hosts + to;
    let list = this.#lists.get(pair);
    if (!list) {
      list = from === to ? this.#within(from) : this.#between(from, to);
      this.#lists.set(pair, list);
    }
    return list;
  }

  #within(host: number): PathList {
    const edge = host * (this.#instance.hosts + 1);
    return {
      count: 1,
      complete: true,
      start: Int32Array.of(0, 1),
      edges: Int32Array.of(edge),
      width: Float64Array.of(this.#widths[edge] as number),
      latencyUs: Float64Array.of(0),
    };
  }

  #between(from: number, to: number): PathList {
    const found: Path[] = [];
    const { hosts, latency, relays } = this.#instance;
    const passed = new Uint8Array(hosts);
    const hostsPassed: number[] = [];
    const walk = (here: number, edges: number[], width: number, latencyUs: number): void => {
      if (this.#shortcuts.length > 0 && edges.length > 1 && this.#isDetour(hostsPassed, edges, here)) return;
      if (here === to) {
        found.push({ edges: [...edges], width, latencyUs });
        return;
      }
      if (edges.length >= this.#hops || (here !== from && relays[here] !== 1)) return;
      passed[here] = 1;
      hostsPassed.push(here);
      for (const next of this.#next[here] as Int32Array) {
        const edge = here * hosts + next;
        if (passed[next] === 1) continue;
        edges.push(edge);
        walk(
          next,
          edges,
          Math.min(width, this.#widths[edge] as number),
          latencyUs + (latency[edge] as number),
        );
        edges.pop();
      }
      passed[here] = 0;
      hostsPassed.pop();
    };
    walk(from, [], Infinity, 0);
    found.sort((a, b) => b.width - a.width || a.edges.length - b.edges.length);
    const start = new Int32Array(found.length + 1);
    found.forEach(({ edges }, path) => {
      start[path + 1] = (start[path] as number) + edges.length;
    });
    return {
      count: found.length,
      complete: this.#hops >= this.#instance.maxHops,
      start,
      edges: Int32Array.from(found.flatMap(({ edges }) => edges)),
      width: Float64Array.from(found, ({ width }) => width),
      latencyUs: Float64Array.from(found, ({ latencyUs }) => latencyUs),
    };
  }

  /**
   * Whether an edge leads straight to the next host from one that the path has passed, no slower, and takes only from what
   * the path takes from in between: then no path that begins so need be looked at.
   */
  #isDetour(passed: readonly number[], edges: readonly number[], next: number): boolean {
    const { hosts, latency } = this.#instance;
    let between = latency[edges.at(-1) as number] as number;
    for (let i = edges.length - 2; i >= 0; i--) {
      between += latency[edges[i] as number] as number;
      const straight = (passed[i] as number) * hosts + next;
      const groups = this.#shortcuts[straight];
      if (!groups || (latency[straight] as number) > between) continue;
      const taken = edges.slice(i);
      if (groups.every((group) => taken.some((edge) => sharedOf(this.#instance, edge).includes(group))))
        return true;
    }
    return false;
  }
}

interface Path {
  edges: number[];
  width: number;
  latencyUs: number;
}

/**
 * By edge, its shared capacities, where it takes from nothing else: one of them is never wider, and all that crosses the
 * edge crosses that, too. Undefined: the edge itself can be what is narrow, or there is none.
 */
function shortcutsOf(instance: Instance): (readonly number[] | undefined)[] {
  return Array.from(instance.bandwidth, (bits, edge) => {
    const groups = [...sharedOf(instance, edge)];
    const never = groups.some((group) => (instance.sharedCapacity[group] as number) <= bits);
    return bits > 0 && never ? groups : undefined;
  });
}

/** As many hops as a complete graph of that size allows. */
function affordableHops(hosts: number, maxHops: number): number {
  let [paths, more] = [1, 1];
  let hops = 1;
  while (hops < maxHops) {
    more *= Math.max(0, hosts - 1 - hops);
    paths += more;
    if (paths > PATHS_MAX) break;
    hops++;
  }
  return hops;
}
