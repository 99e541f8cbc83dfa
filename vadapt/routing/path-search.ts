/** A way to find a path for one flow while all others stay where they are. */
import type { Random } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
import { Neighbours } from './neighbours.js';
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

/** Hops of a path that is searched, where no pair of hosts needs more: memory is flows x hops. */
const HOPS_MAX = 64;
/** Flows x hops at most, where pairs need more: about 400 MB. */
const PATH_ROOM_MAX = 16e6;

/** Hops that room is made for: those that are searched, and those of paths that are there. At least 1. */
export function hopsMax(instance: Instance, paths: readonly Int32Array[] = []): number {
  const { hosts, maxHops, flows } = instance;
  let most = Math.min(maxHops, hosts - 1, HOPS_MAX);
  if (most === HOPS_MAX && !hasHub(instance)) {
    const room = Math.min(maxHops, hosts - 1, Math.floor(PATH_ROOM_MAX / Math.max(1, flows)));
    most = Math.max(most, Math.min(room, new Neighbours(instance).mostHops(room)));
  }
  for (const path of paths) most = Math.max(most, path.length - 1);
  return Math.max(1, most);
}

/** Whether some relay has edges to and from all: then two hops are enough. Ends early where edges are few. */
function hasHub({ hosts, bandwidth, relays }: Instance): boolean {
  for (let hub = 0; hub < hosts; hub++) {
    let joined = relays[hub] === 1;
    for (let host = 0; joined && host < hosts; host++)
      joined =
        host === hub ||
        ((bandwidth[hub * hosts + host] as number) > 0 && (bandwidth[host * hosts + hub] as number) > 0);
    if (joined) return true;
  }
  return false;
}
