export * from './branch.js';
export * from './milp.js';
export * from './upper-bound.js';
