/**
 * For many hosts and VMs, over candidate hosts and candidate relays: greedy, rip-up, descent that spreads; then iterated
 * local search (Lourenço, Martin, Stützle 2003): a small kick somewhere, descent around it, and back if it was for nothing.
 */
import type { Solver } from '../model/solver.js';
import { rerouteEach, ripUp } from '../routing/index.js';
import { Arrangement } from './arrangement.js';
import { placeGreedily } from './greedy.js';
import { kick } from './kick.js';
import { loadPlacement } from './load.js';
import { SpreadingDescent } from './spreading.js';

/** Of the time, for greed at most. */
const GREEDY_SHARE = 0.5;

export const large: Solver = {
  name: 'large',
  source: 'greedy, then local search over candidate hosts and relays with a queue of what changed',
  solve(instance, { objective, random, now, budgetMs, start }) {
    const began = now();
    const over = () => now() >= began + budgetMs;
    const halfOver = () => now() >= began + GREEDY_SHARE * budgetMs;
    const arrangement = new Arrangement(instance, objective, start);
    arrangement.over = halfOver;
    const placed = start
      ? loadPlacement(arrangement, start, random, halfOver) !== 'none'
      : placeGreedily(arrangement, random, halfOver);
    if (!placed) return undefined;
    arrangement.over = over;
    const work = arrangement.ripUp(over);
    rerouteEach(work, arrangement.order);
    const descent = new SpreadingDescent(arrangement, random);
    for (let unit = 0; unit < arrangement.places.units; unit++) descent.add(unit);
    descent.run(over);
    ripUp(work, arrangement.order);
    while (!over()) kick(arrangement, descent, random, over);
    return arrangement.placement();
  },
};
