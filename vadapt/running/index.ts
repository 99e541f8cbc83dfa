/** Solvers outside the caller's turn: the one place of vadapt that starts threads and programs and reads files. */
export { allSolvers, solverNamed } from './registry.js';
export type { RunOptions } from './run-options.js';
export { gapOf, OVERRUN_MS, runSolver, warmSolvers } from './run-solver.js';
export { isStranger } from './run-stranger.js';
export { SolverThreads } from './solver-threads.js';
