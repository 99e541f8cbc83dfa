/** The proof (../exact): begins from what annealing finds, so that most of the tree need never be looked at. */
import { branchAndBound } from '../exact/index.js';
import type { Solver } from '../model/solver.js';
import { annealing } from './annealing.js';

/** Of the budget, for the first answer, and no more than so much. */
const FIRST_SHARE = 0.75;
const FIRST_MS_MAX = 150;

export const exact: Solver = {
  name: 'exact',
  source: 'branch and bound over mappings, conflict-based search over paths; begun by annealing',
  solve(instance, options) {
    const until = options.now() + options.budgetMs;
    const firstMs = Math.min(FIRST_MS_MAX, FIRST_SHARE * options.budgetMs);
    const start = annealing.solve(instance, { ...options, budgetMs: firstMs });
    const budgetMs = Math.max(0, until - options.now());
    return branchAndBound(instance, { ...options, budgetMs, ...(start ? { start } : {}) });
  },
};
