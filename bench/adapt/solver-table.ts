/** What solvers reach on a set of instances, beside what is proven of them. */
import { seededRandom } from '../../core/index.js';
import {
  evaluate,
  type Instance,
  type Objective,
  type Placement,
  type Solver,
  solverNamed,
} from '../../vadapt/index.js';
import type { Figure } from '../figure.js';

export interface Case {
  name: string;
  instance: Instance;
  objective: Objective;
  /** Proven: no answer is worth more. */
  bound: number;
}

/** Of one solver on one case. */
export interface Outcome {
  /** Percent of the bound that is reached: 100 is proven optimal. */
  share: number;
  tookMs: number;
  placement: Placement;
}

/** Random placement first: what does not beat it is none. */
export const TABLE_SOLVERS = ['random', 'map-vm', 'greedy', 'annealing', 'auto', 'exact'] as const;

export async function loaded(name: string): Promise<Solver> {
  return await solverNamed(name).load();
}

/** Undefined: it found no placement, or does not model the case. */
export function runOn(
  solver: Solver,
  { instance, objective, bound }: Case,
  budgetMs: number,
  seed = 1,
): Outcome | undefined {
  const startedAt = performance.now();
  const placement = solver.solve(instance, {
    objective,
    budgetMs,
    now: () => performance.now(),
    random: seededRandom(seed),
  });
  const tookMs = performance.now() - startedAt;
  if (!placement) return undefined;
  const { value } = evaluate(instance, objective, placement);
  return { share: 100 * (1 - (bound - value) / Math.max(1, Math.abs(bound))), tookMs, placement };
}

/** A row a solver. `bar`: percent that the worst has to reach, of the solver that has to reach it. */
export async function solverRows(
  title: string,
  cases: readonly Case[],
  options: { solvers: readonly string[]; budgetMs: number; bar?: { solver: string; worst: number } },
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const name of options.solvers) {
    const solver = await loaded(name);
    const outcomes = cases.flatMap((one) => runOn(solver, one, options.budgetMs) ?? []);
    const shares = outcomes.map(({ share }) => share).sort((a, b) => a - b);
    const times = outcomes.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
    const none = cases.length - outcomes.length;
    const isBarred = options.bar?.solver === name && options.bar;
    figures.push({
      name: `${title}: ${name}`,
      unit: '% of bound',
      samples: shares,
      beside: [
        `mean ${mean(shares).toFixed(2)}, p1 ${at(shares, 0.01).toFixed(2)}, worst ${at(shares, 0).toFixed(2)}`,
        `${mean(times).toFixed(0)} ms, at most ${at(times, 1).toFixed(0)}`,
        ...(none > 0 ? [`no answer to ${none}`] : []),
        ...(isBarred ? [`bar: worst ${isBarred.worst}`] : []),
      ].join('; '),
      ...(isBarred ? { met: none === 0 && at(shares, 0) >= isBarred.worst } : {}),
    });
  }
  return figures;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** Of sorted values, nearest rank. */
function at(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}
