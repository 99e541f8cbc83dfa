/** One run of simulated annealing (Kirkpatrick et al. 1983) over mappings, whole or by a quick look. */
import type { Random } from '../../core/index.js';
import { randomMove } from './moves.js';
import type { Searched } from './searched.js';

export interface Schedule {
  /** Temperatures, geometrically from the first to the last, in the unit of the value. */
  hot: number;
  cold: number;
  /** How much of the run is over, 0 to 1, after so many moves: by their number, or by the clock. */
  progress: (moves: number) => number;
}

/** Moves between two looks at the temperature and the clock. */
const MOVES_A_LOOK = 32;

/** `better`: called after a move that gained. */
export function anneal(
  searched: Searched,
  { hot, cold, progress }: Schedule,
  random: Random,
  over: () => boolean,
  better: () => void,
): void {
  for (let moves = 0; !over(); moves += MOVES_A_LOOK) {
    const done = progress(moves);
    if (done >= 1) return;
    const temperature = hot * (cold / hot) ** done;
    for (let move = 0; move < MOVES_A_LOOK; move++) if (step(searched, temperature, random)) better();
  }
}

/** True where it gained. */
function step(searched: Searched, temperature: number, random: Random): boolean {
  const before = searched.value;
  searched.mark();
  if (!randomMove(searched, random)) {
    searched.rollback();
    return false;
  }
  const change = searched.value - before;
  if (change < 0 && random() >= Math.exp(change / temperature)) searched.rollback();
  else searched.commit();
  return change > 0;
}

/** Of some moves from here, none of which is kept: what a temperature is measured by. */
export function meanChange(searched: Searched, random: Random, moves = 50): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < moves; i++) {
    const before = searched.value;
    searched.mark();
    if (randomMove(searched, random)) {
      sum += Math.abs(searched.value - before);
      count++;
    }
    searched.rollback();
  }
  return sum / Math.max(1, count) || 1;
}
