export { bearing, movesBorne } from './borne.js';
export { type DrainPlan, planDrain } from './drain.js';
export { type MoveOrder, orderMoves } from './order.js';
export { Vms } from './vms.js';
