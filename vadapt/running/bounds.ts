/** Upper bounds, computed in a thread, since they take a tenth of a second for a thousand hosts; once for each instance and objective. */
import type { Instance } from '../model/instance.js';
import type { Objective } from '../model/objective.js';
import { forThread } from './messages.js';
import type { SolverThreads } from './solver-threads.js';

const known = new WeakMap<Instance, Map<string, number>>();

/** @throws as `SolverThreads.run` */
export async function boundOf(
  instance: Instance,
  objective: Objective,
  threads: SolverThreads,
  limitMs: number,
  signal?: AbortSignal,
): Promise<number> {
  const bounds = known.get(instance) ?? new Map<string, number>();
  known.set(instance, bounds);
  const key = JSON.stringify(objective.weights);
  const before = bounds.get(key);
  if (before !== undefined) return before;
  const job = () => ({ kind: 'bound', instance: forThread(instance), objective }) as const;
  const { bound = Infinity } = await threads.run(job, limitMs, signal);
  bounds.set(key, bound);
  return bound;
}
