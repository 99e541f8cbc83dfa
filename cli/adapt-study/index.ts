/** Solvers run in the command itself, on instances and recordings: no daemon, no privilege. Verbs load it when they run. */
export { printInstance } from '../../vadapt/index.js';
export { type CompareOptions, compare } from './compare.js';
export { type InstancesOptions, instances } from './instances.js';
export { presentInstance } from './present-instance.js';
export { type ReplayOptions, replay } from './replay.js';
export { type SimOptions, sim } from './sim.js';
