/** What every solver is, and what it gives. */
import type { Instance } from './instance.js';
import type { Objective } from './objective.js';
import type { Placement } from './problem.js';

export interface SolveOptions {
  objective: Objective;
  /** Wall time; a solver that takes longer is not asked again. `map-vm` does not look at it. */
  budgetMs: number;
  /** Monotonic milliseconds. */
  now: () => number;
  /** Uniform in [0, 1): the same numbers give the same answer, but for what the budget cuts off. */
  random: () => number;
  /** Begin from here, and never return a worse one. */
  start?: Placement;
}

/** Pure: no I/O. `name` is what people type. */
export interface Solver {
  readonly name: string;
  /** Where the method is from, a line. */
  readonly source: string;
  /** Undefined: it found no mapping that every host can hold. Throws VNET_ERR_UNSUPPORTED for what it cannot model. */
  solve(instance: Instance, options: SolveOptions): Answer | undefined;
}

export interface Answer extends Placement {
  /** Proven: nothing is better than this. Absent: nothing is proven. */
  bound?: number;
}

/** A checked answer, as people and the planner get it. */
export interface Solution extends Placement {
  solver: string;
  value: number;
  /** The least proven upper bound, of the solver or of `upperBound`. */
  bound: number;
  /** (bound - value) / max(|bound|, 1): 0 is proven optimal. */
  gap: number;
  tookMs: number;
}
