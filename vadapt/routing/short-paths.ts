/**
 * A handful of short paths for every pair of few hosts, made once: the direct one, and the widest of those over one or two
 * relays when nothing is on them; where none is so short, the widest at all. As lists of the capacities they cross, so
 * that a mapping can be looked at in microseconds.
 */
import type { Instance } from '../model/instance.js';
import type { ObjectiveWeights } from '../model/objective.js';
import { RoutedFlows } from './routed-flows.js';
import { WidestPath } from './widest-path.js';

/** Of one pair. */
const KEPT = 10;

export interface ShortPaths {
  /** Pair from x hosts + to has paths `pairStart[pair] .. pairStart[pair + 1]`, the direct one first, then by width. */
  readonly pairStart: Int32Array;
  /** Path p crosses capacities `crossed[crossedStart[p]] ..`: edges, then hosts^2 + shared ones. */
  readonly crossedStart: Int32Array;
  readonly crossed: Int32Array;
  readonly width: Float64Array;
  readonly latency: Float64Array;
  readonly hops: Int32Array;
  /** Path p: `hosts[hostsStart[p]] ..`, hops + 1 of them. */
  readonly hostsStart: Int32Array;
  readonly hosts: Int32Array;
}

/** O(hosts^4) and `hosts^2` widest paths at worst: for few hosts. */
export function shortPaths(instance: Instance, weights: ObjectiveWeights): ShortPaths {
  const { hosts } = instance;
  const widest = new WidestPath(
    new RoutedFlows({ ...instance, flows: 0 }, weights, Math.max(1, instance.maxHops)),
  );
  const made = new Made(instance);
  const pairStart = new Int32Array(hosts * hosts + 1);
  for (let from = 0; from < hosts; from++) {
    for (let to = 0; to < hosts; to++) {
      if (from === to) made.add([from]);
      else for (const path of pathsBetween(instance, widest, from, to)) made.add(path);
      pairStart[from * hosts + to + 1] = made.count;
    }
  }
  return { pairStart, ...made.arrays() };
}

function pathsBetween(instance: Instance, widest: WidestPath, from: number, to: number): number[][] {
  const { hosts, relays, maxHops } = instance;
  const usable = Array.from({ length: hosts }, (_, host) => host).filter((host) => {
    return host !== from && host !== to && relays[host] === 1;
  });
  const paths: number[][] = [];
  if (maxHops >= 2) for (const relay of usable) paths.push([from, relay, to]);
  if (maxHops >= 3)
    for (const one of usable)
      for (const other of usable) if (one !== other) paths.push([from, one, other, to]);
  const direct = [[from, to]].filter((path) => widthOf(instance, path) > 0);
  const kept = paths
    .map((path) => ({ path, width: widthOf(instance, path) }))
    .filter(({ width }) => width > 0)
    .sort((a, b) => b.width - a.width || a.path.length - b.path.length)
    .slice(0, KEPT)
    .map(({ path }) => path);
  if (direct.length + kept.length > 0) return [...direct, ...kept];
  const length = widest.between(from, to);
  return length > 0 ? [Array.from(widest.path.subarray(0, length))] : [];
}

function widthOf({ bandwidth, hosts }: Instance, path: number[]): number {
  let width = Infinity;
  for (let i = 1; i < path.length; i++)
    width = Math.min(width, bandwidth[(path[i - 1] as number) * hosts + (path[i] as number)] as number);
  return width;
}

class Made {
  readonly #instance: Instance;
  readonly #crossedStart = [0];
  readonly #crossed: number[] = [];
  readonly #width: number[] = [];
  readonly #latency: number[] = [];
  readonly #hops: number[] = [];
  readonly #hostsStart: number[] = [];
  readonly #hosts: number[] = [];

  constructor(instance: Instance) {
    this.#instance = instance;
  }

  get count(): number {
    return this.#hops.length;
  }

  add(path: number[]): void {
    const { hosts, bandwidth, latency, sharedStart, sharedOfEdge } = this.#instance;
    const edges = path.slice(1).map((host, i) => (path[i] as number) * hosts + host);
    if (path.length === 1) edges.push((path[0] as number) * (hosts + 1));
    for (const edge of edges) {
      this.#crossed.push(edge);
      if (sharedStart.length === 0) continue;
      for (const shared of sharedOfEdge.subarray(sharedStart[edge], sharedStart[edge + 1]))
        this.#crossed.push(hosts * hosts + shared);
    }
    this.#crossedStart.push(this.#crossed.length);
    this.#width.push(Math.min(...edges.map((edge) => bandwidth[edge] as number)));
    this.#latency.push(edges.reduce((sum, edge) => sum + (latency[edge] as number), 0));
    this.#hops.push(path.length - 1);
    this.#hostsStart.push(this.#hosts.length);
    this.#hosts.push(...path);
  }

  arrays(): Omit<ShortPaths, 'pairStart'> {
    return {
      crossedStart: Int32Array.from(this.#crossedStart),
      crossed: Int32Array.from(this.#crossed),
      width: Float64Array.from(this.#width),
      latency: Float64Array.from(this.#latency),
      hops: Int32Array.from(this.#hops),
      hostsStart: Int32Array.from(this.#hostsStart),
      hosts: Int32Array.from(this.#hosts),
    };
  }
}
