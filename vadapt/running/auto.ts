/**
 * What runs where nobody names a solver: the heuristic for the problem's size, and where the problem is so small that a proof
 * is near, branch and bound from its answer with the rest of the budget. The answer is the better of the two, the bound the
 * proof's. (`exact` gives the proof most of the time; here the answer comes first.)
 */
import { VnetError } from '../../core/index.js';
import { branchAndBound } from '../exact/index.js';
import type { Solver } from '../model/solver.js';

/** Hosts, VMs, and flows up to which a proof is tried. */
const SMALL = { hosts: 8, vms: 8, flows: 24 };
/** Of the budget. */
const HEURISTIC_SHARE = 0.85;

export function autoSolver(heuristic: Solver): Solver {
  return {
    name: 'auto',
    source: `${heuristic.source}; then branch and bound, up to 8 hosts, 8 VMs and 24 flows`,
    solve(instance, options) {
      const { hosts, vms, flows } = instance;
      if (hosts > SMALL.hosts || vms > SMALL.vms || flows > SMALL.flows)
        return heuristic.solve(instance, options);
      const startedMs = options.now();
      const found = heuristic.solve(instance, { ...options, budgetMs: HEURISTIC_SHARE * options.budgetMs });
      const budgetMs = Math.max(0, options.budgetMs - (options.now() - startedMs));
      try {
        return branchAndBound(instance, {
          ...options,
          budgetMs,
          ...(found === undefined ? {} : { start: found }),
        });
      } catch (thrown) {
        if (VnetError.from(thrown).code === 'VNET_ERR_UNSUPPORTED') return found;
        throw thrown;
      }
    },
  };
}
