export { actionKey, actionsBetween, inverseMoves, type Move, signatureOf } from './actions.js';
export type { Arrangement } from './arrangement.js';
export { type Avoided, draft, type Draft, NOTHING_AVOIDED } from './draft.js';
export { pairKey } from './ground.js';
export { type Planned, planChange, type PlanRequest, type Solve, type SolveRequest } from './planner.js';
export type { Reserved, Snapshot, SnapshotVm } from './snapshot.js';
export { bits, counted, listed, percent } from './wording.js';
