export { describeRule, explain, routeHops } from './explain.js';
export { ForwardingTable, MAX_SCOPES_PER_NETWORK, type TableChange } from './table.js';
export { type Decision, EPOCH_END, type FrameKey, type TableAction, type TableIngress } from './decision.js';
