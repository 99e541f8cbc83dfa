/** One mapping at random, each flow then on its best path: what every other row of a table has to beat. */
import type { Solver } from '../model/solver.js';
import { Arrangement } from './arrangement.js';
import { firstMapping } from './first-mapping.js';
import { betterOf } from './start.js';

export const random: Solver = {
  name: 'random',
  source: 'a mapping drawn at random, flows on their best paths, the largest first',
  solve(instance, { objective, random: draw, start, now, budgetMs }) {
    const arrangement = new Arrangement(instance, objective, start);
    const until = now() + budgetMs;
    arrangement.over = () => now() >= until;
    const mapping = firstMapping(arrangement.places, draw);
    if (!mapping) return betterOf(instance, objective, undefined, start);
    mapping.forEach((host, unit) => arrangement.drop(unit, host));
    arrangement.settleAll();
    return betterOf(instance, objective, arrangement.placement(), start);
  },
};
