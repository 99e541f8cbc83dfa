import type { Objective } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import type { SolverThreads } from './solver-threads.js';

export interface RunOptions {
  objective: Objective;
  /** Wall time of the solver itself; constructive solvers do not look at it. */
  budgetMs: number;
  /** Default 1: the same number, the same answer, but for what the budget cuts off. */
  seed?: number;
  start?: Placement;
  signal?: AbortSignal;
  /** An upper bound that is known already; absent: it is computed, once an instance and objective. */
  bound?: number;
  /** Default: threads that all callers share. */
  threads?: SolverThreads;
}
