/**
 * RPVEE (Virtuoso 8.3): only paths are sought, since flows are between hosts. It is GAPVEE with a pinned VM a host and
 * without latency bounds; the VMs have their hosts' names.
 */
import type { Instance } from './instance.js';
import type { EdgeCapacity, EdgeMatrix, Problem } from './problem.js';

export interface RoutingProblem {
  hosts: readonly string[];
  edges: readonly EdgeCapacity[] | EdgeMatrix;
  /** Between two different hosts. */
  flows: readonly { from: string; to: string; bitsPerSecond: number }[];
}

export function rpvee({ hosts, edges, flows }: RoutingProblem): Problem {
  return {
    hosts: hosts.map((name) => ({ name })),
    edges,
    vms: hosts.map((name) => ({ name, pinned: name })),
    flows,
  };
}

/** What is left of a problem once its VMs are placed: every VM stays there, paths are sought. */
export function pinnedTo(instance: Instance, mapping: ArrayLike<number>): Instance {
  const { hosts, vms } = instance;
  const allowed = new Uint8Array(vms * hosts);
  for (let vm = 0; vm < vms; vm++) allowed[vm * hosts + (mapping[vm] as number)] = 1;
  return { ...instance, allowed, pinned: Int32Array.from(mapping) };
}
