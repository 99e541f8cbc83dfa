export * from './instances/index.js';
export * from './exact/index.js';
export * from './model/compile.js';
export * from './model/cost-of-change.js';
export * from './model/evaluate.js';
export * from './model/instance.js';
export * from './model/objective.js';
export * from './model/problem.js';
export * from './model/rpvee.js';
export * from './model/solver.js';
export * from './prediction/index.js';
export * from './running/index.js';
export * from './controller/index.js';
export {
  draft,
  type Planned,
  planChange,
  type PlanRequest,
  type Reserved,
  type Snapshot,
  type SnapshotVm,
  type Solve,
  type SolveRequest,
} from './planner/index.js';
export { Redecider, redecide, type Touched } from './solvers/index.js';
