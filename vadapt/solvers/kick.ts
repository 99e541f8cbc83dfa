/** One step of iterated local search (Lourenço, Martin, Stützle 2003). */
import type { Random } from '../../core/index.js';
import type { Arrangement } from './arrangement.js';
import { peerOf, randomMove } from './moves.js';
import { NOWHERE } from './places.js';
import type { SpreadingDescent } from './spreading.js';

/** Units that are thrown elsewhere at once. */
const KICKED_MAX = 4;

/** A few moves at random near one another, and descent from there; kept if it is better in the end. */
export function kick(
  arrangement: Arrangement,
  descent: SpreadingDescent,
  random: Random,
  over: () => boolean,
): void {
  const before = arrangement.value;
  arrangement.mark();
  let unit = Math.floor(random() * arrangement.places.units);
  for (let left = 1 + Math.floor(random() * KICKED_MAX); left > 0 && unit !== NOWHERE && !over(); left--) {
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
