/** Flags that the verbs which run solvers themselves have in common. */
import { VnetError } from '../../core/index.js';
import { allSolvers, isStranger, type Objective, objectiveNamed, solverNamed } from '../../vadapt/index.js';
import { timeMs, wholeNumber } from '../format.js';
import { DEFAULT_BUDGET } from '../search-budget.js';

const BUDGET_MS = [1, 3_600_000] as const;
const RUNS = [1, 10_000] as const;

export function budgetOf(text: string | undefined): number {
  return timeMs(text ?? DEFAULT_BUDGET, 'a time for a search', ...BUDGET_MS);
}

export function runsOf(text: string | undefined): number {
  return text === undefined ? 1 : wholeNumber(text, 'a number of runs', ...RUNS);
}

export function seedOf(text: string | undefined): number {
  return text === undefined ? 1 : wholeNumber(text, 'a seed', 0, 2 ** 31);
}

/** A name, a file or a program. */
export function solverOf(text: string): string {
  if (text === '') throw new VnetError('VNET_ERR_INVALID', 'a solver without a name');
  return isStranger(text) ? text : solverNamed(text).name;
}

/** It takes seconds where others take milliseconds, and mostly has nothing at the end of a usual budget. */
const ONLY_BY_NAME = 'milp';

/** With commas, of which a program's command may have none. Absent: all that are built in, but the linear program. */
export function solversOf(text: string | undefined): string[] {
  const all = allSolvers().map(({ name }) => name);
  if (text === undefined) return all.filter((name) => name !== ONLY_BY_NAME);
  return text.split(',').map((name) => solverOf(name.trim()));
}

/** What a change costs counts, once, unless the objective says how much: or idle VMs would be moved for nothing. */
export function countingChange({ name, weights }: Objective): Objective {
  return { name, weights: { change: 1, ...weights } };
}

/** Undefined: the instance's own. */
export function objectiveOf(name: string | undefined): Objective | undefined {
  return name === undefined ? undefined : objectiveNamed(name);
}
