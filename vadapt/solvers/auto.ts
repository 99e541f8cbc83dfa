/** The solver for a size. */
import type { Solver } from '../model/solver.js';
import { annealing } from './annealing.js';
import { large } from './large.js';

/** Up to so many flows and VMs times hosts, annealing finds more; beyond, it does not come round. */
const FLOWS_MAX = 600;
const PLACES_MAX = 10_000;

export const auto: Solver = {
  name: 'auto',
  source: 'annealing, or `large` where there are many VMs, hosts and flows',
  solve(instance, options) {
    const many = instance.flows > FLOWS_MAX || instance.vms * instance.hosts > PLACES_MAX;
    return (many ? large : annealing).solve(instance, options);
  },
};
