/**
 * For many hosts and VMs, over candidate hosts and candidate relays: greedy, descent that spreads, rip-up; then iterated
 * local search (Lourenço, Martin, Stützle 2003): a small kick somewhere, descent around it, and back if it was for nothing.
 */
import type { Random } from '../../core/index.js';
import type { Solver } from '../model/solver.js';
import { ripUp } from '../routing/index.js';
import { Arrangement } from './arrangement.js';
import { placeGreedily } from './greedy.js';
import { loadPlacement } from './load.js';
import { peerOf, randomMove } from './moves.js';
import { NOWHERE } from './places.js';
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

/** Units that are thrown elsewhere at once. */
const KICKED_MAX = 4;

/** A few moves at random near one another, and descent from there; kept if it is better in the end. */
function kick(
  arrangement: Arrangement,
  descent: SpreadingDescent,
  random: Random,
  over: () => boolean,
): void {
  const before = arrangement.value;
  arrangement.mark();
  let unit = Math.floor(random() * arrangement.places.units);
  for (let left = 1 + Math.floor(random() * KICKED_MAX); left > 0 && unit !== NOWHERE; left--) {
    arrangement.mark();
    if (randomMove(arrangement, random, unit)) arrangement.commit();
    else arrangement.rollback();
    descent.add(unit);
    descent.addPeers(unit);
    unit = peerOf(arrangement, unit, random);
  }
  descent.run(over);
  if (arrangement.value > before) arrangement.commit();
  else arrangement.rollback();
}
