/** Beginning from a placement, and never ending below it. */
import { evaluate, whyInvalid } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import type { Objective } from '../model/objective.js';
import type { Placement } from '../model/problem.js';

/** `start` only where it is valid and better than the other. */
export function betterOf(
  instance: Instance,
  objective: Objective,
  found: Placement | undefined,
  start: Placement | undefined,
): Placement | undefined {
  if (!start || whyInvalid(instance, start) !== undefined) return found;
  if (!found) return start;
  const value = (placement: Placement) => evaluate(instance, objective, placement).value;
  return value(found) >= value(start) ? found : start;
}
