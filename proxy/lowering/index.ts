export { directionsOf, leftOf } from './adapted-routes.js';
export { groupEdges } from './groups.js';
export { differingSpan, type ListChange, listChange } from './list-change.js';
export { linkKeysOf, madeEdges } from './links.js';
export { lower } from './lower.js';
export { Lowering } from './lowering.js';
export {
  edgeKey,
  type LinkIdentities,
  type LinkIdentity,
  type Lowered,
  type LoweringInput,
  NO_TRIALS,
  type Place,
  type SuspendedRoute,
  type Trial,
} from './model.js';
export { isGroupRule } from './paths.js';
