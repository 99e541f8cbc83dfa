/**
 * How busy flows keep their paths: by flow, what all flows together send over the narrowest part of its path, over
 * what that part carries. Edges, hosts' local capacities and shared ones alike. O(hops of all paths).
 */
import { edgesOf, sharedOf } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';

/** A flow without a path is slower than this many times its rate. */
const NO_PATH = 1e6;

export function busyShares(instance: Instance, paths: readonly Int32Array[]): Float64Array {
  const { hosts, bandwidth, sharedCapacity, demand } = instance;
  const crossed = paths.map((path) =>
    edgesOf(instance, path).flatMap((edge) => [
      edge,
      ...Array.from(sharedOf(instance, edge), (group) => hosts * hosts + group),
    ]),
  );
  const load = new Map<number, number>();
  for (const [flow, capacities] of crossed.entries())
    for (const capacity of capacities)
      load.set(capacity, (load.get(capacity) ?? 0) + (demand[flow] as number));
  const carries = (capacity: number): number =>
    capacity < hosts * hosts
      ? (bandwidth[capacity] as number)
      : (sharedCapacity[capacity - hosts * hosts] as number);
  return Float64Array.from(crossed, (capacities) => {
    if (capacities.length === 0) return NO_PATH;
    return Math.max(...capacities.map((capacity) => (load.get(capacity) as number) / carries(capacity)));
  });
}
