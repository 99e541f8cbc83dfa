/** All solvers that are built in. */
import type { Solver } from '../model/solver.js';
import { annealing } from './annealing.js';
import { auto } from './auto.js';
import { exact } from './exact.js';
import { greedy } from './greedy.js';
import { large } from './large.js';
import { mapVm } from './map-vm.js';
import { random } from './random.js';

export { adaptTopology, type FastPath, type TopologyCost } from './adapt-topology.js';
export { directPaths } from './map-vm.js';
export { redecide, type Touched } from './redecide.js';
export { Redecider } from './redecider.js';

export const SOLVERS: readonly Solver[] = [auto, random, mapVm, greedy, annealing, large, exact];
