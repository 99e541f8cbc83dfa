export { groupCycles } from './group-tree.js';
export { lower } from './lower.js';
export type { LinkIdentities, LinkIdentity, Lowered, LoweringInput, Place, SuspendedRoute } from './model.js';
