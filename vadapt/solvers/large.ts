/**
 * For many hosts and VMs, over candidate hosts and candidate relays: greedy, descent that spreads, rip-up; then iterated
 * local search (Lourenço, Martin, Stützle 2003): a small kick somewhere, descent around it, and back if it was for nothing.
 */
import type { Solver } from '../model/solver.js';
import { ripUp } from '../routing/index.js';
import { Arrangement } from './arrangement.js';
import { placeGreedily } from './greedy.js';
import { kick } from './kick.js';
import { loadPlacement } from './load.js';
import { SpreadingDescent } from './spreading.js';

export const large: Solver = {
  name: 'large',
  source: 'greedy, then local search over candidate hosts and relays with a queue of what changed',
  solve(instance, { objective, random, now, budgetMs, start }) {
    const until = now() + budgetMs;
    const over = () => now() >= until;
    const arrangement = new Arrangement(instance, objective, start);
    const placed = start
      ? loadPlacement(arrangement, start, random) !== 'none'
      : placeGreedily(arrangement, random);
    if (!placed) return undefined;
    const descent = new SpreadingDescent(arrangement, random);
    for (let unit = 0; unit < arrangement.places.units; unit++) descent.add(unit);
    descent.run(over);
    ripUp(arrangement.ripUp(over), arrangement.order);
    while (!over()) kick(arrangement, descent, random, over);
    return arrangement.placement();
  },
};
