/**
 * What a solver of the user's gets and gives, as JSON; docs/instances.md describes it.
 *
 *   {"vnet-solve": 1, "instance": {"vnet-instance": 1, ...}, "options": {"objective": {"name", "weights"}, "budgetMs", "seed", "start"}}
 *   {"mapping": {"web": "a", ...}, "paths": [["a", "b"], ...]}
 *
 * Weights are all there, those that do not count as 0. Without `paths`, paths are found for it.
 */
import { VnetError } from '../../core/index.js';
import {
  type NamedPlacement,
  namedPlacement,
  parseAnswer,
  placementOf,
  printInstance,
} from '../instances/index.js';
import type { Instance } from '../model/instance.js';
import { type Objective, weightsOf } from '../model/objective.js';
import type { Placement } from '../model/problem.js';

export interface StrangerOptions {
  objective: Objective;
  budgetMs: number;
  seed: number;
  start?: Placement;
}

/** One JSON document. */
export function requestText(
  { problem }: Instance,
  { objective, budgetMs, seed, start }: StrangerOptions,
): string {
  const options = {
    objective: { name: objective.name, weights: weightsOf(objective) },
    budgetMs,
    seed,
    ...(start === undefined ? {} : { start: namedPlacement(problem, start) }),
  };
  const instance = printInstance({ name: 'instance', problem, objective });
  return `{"vnet-solve": 1, "options": ${JSON.stringify(options)}, "instance": ${instance.trimEnd()}}\n`;
}

/**
 * @param who for the messages
 * @returns `paths` absent: it only placed the VMs
 * @throws VNET_ERR_INVALID, saying what is wrong with the answer
 */
export function readAnswer(
  text: string,
  who: string,
  { problem }: Instance,
): { mapping: Int32Array; paths?: Placement['paths'] } {
  const { mapping, paths } = parseAnswer(text, `the answer of ${who}`);
  const named: NamedPlacement = { mapping, paths: paths ?? [] };
  try {
    const placement = placementOf(problem, named);
    return { mapping: placement.mapping, ...(paths === undefined ? {} : { paths: placement.paths }) };
  } catch (thrown) {
    const { code, message } = VnetError.from(thrown);
    throw new VnetError(code, `${who}: ${message}`, { cause: thrown });
  }
}
