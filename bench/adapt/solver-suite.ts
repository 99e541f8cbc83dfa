/** Stored instances with proven bounds (test/instances; store-optima.ts makes them). */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseInstance } from '../../vadapt/index.js';
import type { Figure } from '../figure.js';
import { type Case, solverRows, TABLE_SOLVERS } from './solver-table.js';

/** From out/bench/adapt. */
export const OPTIMA_FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../../../test/instances');

const BUDGET_MS = 200;
/** Percent of the stored bound that `auto` reaches on each. */
const BARS = { small: 99, medium: 98 } as const;

export async function suiteFigures(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const suite of ['small', 'medium'] as const) {
    const cases = storedCases(suite);
    const proven = cases.filter(({ isProven }) => isProven).length;
    figures.push(
      ...(await solverRows(`${cases.length} ${suite}, ${proven} proven`, cases, {
        solvers: TABLE_SOLVERS,
        budgetMs: BUDGET_MS,
        bar: { solver: 'auto', worst: BARS[suite] },
      })),
    );
  }
  return figures;
}

function storedCases(suite: string): (Case & { isProven: boolean })[] {
  const folder = join(OPTIMA_FOLDER, suite);
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.sort().flatMap((file) => {
    const { name, instance, objective, best, bound } = parseInstance(
      readFileSync(join(folder, file), 'utf8'),
      file,
    );
    return bound
      ? [{ name, instance, objective, bound: bound.value, isProven: best?.value === bound.value }]
      : [];
  });
}
