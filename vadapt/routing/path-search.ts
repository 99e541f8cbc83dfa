/** A way to find a path for one flow while all others stay where they are. */
import type { Random } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
import type { RoutedFlows } from './routed-flows.js';

export interface PathSearch {
  /** The last answer: hosts, ends included. */
  readonly path: Int32Array;
  /** False: only what comes first to mind, for a search that tries many mappings. */
  thorough: boolean;
  /** For a flow that is off, between two hosts. The number of hosts in `path`; 0 where there is no path. */
  find(flow: number, from: number, to: number): number;
}

/** Routes a flow that is off between the hosts of its VMs. */
export function route(routed: RoutedFlows, search: PathSearch, mapping: Int32Array, flow: number): void {
  const { flowFrom, flowTo } = routed.instance;
  const from = mapping[flowFrom[flow] as number] as number;
  const to = mapping[flowTo[flow] as number] as number;
  routed.put(flow, search.path, search.find(flow, from, to));
}

/** Flows by demand, the largest first: what is hard to place comes while there is room. */
export function byDemand(demand: Float64Array): Int32Array {
  return Int32Array.from(demand.keys()).sort(
    (a, b) => (demand[b] as number) - (demand[a] as number) || a - b,
  );
}

/** In place (Fisher, Yates). */
export function shuffle(list: Int32Array, random: Random): Int32Array {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const other = list[j] as number;
    list[j] = list[i] as number;
    list[i] = other;
  }
  return list;
}

/** Hops of a path that is searched: memory is flows x hops. */
const HOPS_MAX = 64;

/** Hops that room is made for: those that are searched, and those of paths that are there. At least 1. */
export function hopsMax({ hosts, maxHops }: Instance, paths: readonly Int32Array[] = []): number {
  let most = Math.min(maxHops, hosts - 1, HOPS_MAX);
  for (const path of paths) most = Math.max(most, path.length - 1);
  return Math.max(1, most);
}
