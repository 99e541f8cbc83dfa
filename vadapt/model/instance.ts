/** A problem compiled to arrays: what solvers read. Never changed by a solver. */
import type { Problem } from './problem.js';

export interface Instance {
  readonly problem: Problem;
  readonly hosts: number;
  readonly vms: number;
  readonly flows: number;

  /** Hosts x hosts, row `from`. 0: no edge. The diagonal: the host's local capacity. */
  readonly bandwidth: Float64Array;
  /** Hosts x hosts, microseconds; Infinity: no edge; the diagonal 0. */
  readonly latency: Float64Array;
  /** By host: 1 where paths may lead through it. */
  readonly relays: Uint8Array;
  readonly maxHops: number;

  /** By host; Infinity: any number. */
  readonly hostCpus: Float64Array;
  readonly hostMemory: Float64Array;
  readonly vmCpus: Float64Array;
  readonly vmMemory: Float64Array;
  /** VMs x hosts: 1 where it may be (a pinned one: one host). */
  readonly allowed: Uint8Array;
  /** By VM: host, or -1. */
  readonly pinned: Int32Array;
  /** Bits a second a CPU; Infinity: never exceeded. */
  readonly missingCpu: number;

  readonly flowFrom: Int32Array;
  readonly flowTo: Int32Array;
  readonly demand: Float64Array;
  /** Infinity: none. */
  readonly latencyBound: Float64Array;
  /** Flows of VM v: `flowsOfVm[flowStart[v]] .. flowsOfVm[flowStart[v + 1] - 1]`. */
  readonly flowStart: Int32Array;
  readonly flowsOfVm: Int32Array;

  /** Bits a second of each shared capacity. */
  readonly sharedCapacity: Float64Array;
  /** Shared capacities of edge e = from x hosts + to: `sharedOfEdge[sharedStart[e]] ..`; both empty where there are none. */
  readonly sharedStart: Int32Array;
  readonly sharedOfEdge: Int32Array;

  /** Sets of VMs that must not, and must, be on one host. */
  readonly apart: readonly Int32Array[];
  readonly together: readonly Int32Array[];

  /** By VM: where it is, or -1. */
  readonly presentHost: Int32Array;
  /** Bits a second that moving each VM away from there costs (cost-of-change.ts). */
  readonly moveCost: Float64Array;
  /** Hosts x hosts: 1 where a link is; empty: not known, and links cost nothing. */
  readonly linked: Uint8Array;
  /** Bits a second that a link which is not there costs. */
  readonly linkCost: number;
}
