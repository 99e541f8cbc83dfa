/** What passes between a caller and a solver's thread. Arrays that a thread may read in place are not copied. */
import type { ErrorBody } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
import type { Objective } from '../model/objective.js';
import type { Placement, Problem } from '../model/problem.js';

/** A placement in two pieces of memory instead of one a flow: it is moved, not copied. */
export interface PackedPlacement {
  mapping: Int32Array;
  /** All paths end to end; that of flow f is `hops[start[f]] .. hops[start[f + 1] - 1]`. */
  hops: Int32Array;
  start: Int32Array;
}

export type ThreadJob =
  | { kind: 'solve'; instance: Instance; solver: string; request: ThreadRequest }
  | { kind: 'judge'; instance: Instance; objective: Objective; placement: PackedPlacement }
  | { kind: 'bound'; instance: Instance; objective: Objective };

/** SolveOptions without its functions. */
export interface ThreadRequest {
  objective: Objective;
  /** Milliseconds since the epoch: what the way to the thread takes is part of the budget. */
  deadlineMs: number;
  seed: number;
  start?: PackedPlacement;
}

/** One 32-bit word: not 0 once the caller wants no more. */
export type StopFlag = Int32Array;

export interface ThreadMessage {
  job: ThreadJob;
  stop: StopFlag;
}

export interface ThreadResult {
  /** Of `solve`; absent: it found none. */
  found?: PackedPlacement;
  /** Of `solve` and `judge`, by `evaluate`. */
  value?: number;
  /** Of `bound`, and of a solver that proves one. */
  bound?: number;
  tookMs: number;
}

export type ThreadReply = { ready: true } | { result: ThreadResult } | { error: ErrorBody };

export function pack({ mapping, paths }: Placement): PackedPlacement {
  const start = new Int32Array(paths.length + 1);
  for (const [flow, path] of paths.entries()) start[flow + 1] = (start[flow] as number) + path.length;
  const hops = new Int32Array(start[paths.length] as number);
  for (const [flow, path] of paths.entries()) hops.set(path, start[flow]);
  return { mapping: Int32Array.from(mapping), hops, start };
}

export function unpack({ mapping, hops, start }: PackedPlacement): Placement {
  const paths = Array.from({ length: start.length - 1 }, (_, flow) =>
    hops.subarray(start[flow], start[flow + 1]),
  );
  return { mapping, paths };
}

/** Without what only people read: a matrix of edges would be copied a second time. */
export function forThread(instance: Instance): Instance {
  const { hosts, vms } = instance.problem;
  const problem: Problem = {
    hosts: hosts.map(({ name }) => ({ name })),
    edges: [],
    vms: vms.map(({ name }) => ({ name })),
    flows: [],
  };
  return { ...instance, problem };
}

/** Milliseconds since the epoch, monotonic, the same in every thread of the process. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
