/** One run of simulated annealing (Kirkpatrick et al. 1983) over mappings, whole or by a quick look. */
import type { Random } from '../../core/index.js';
import { randomMove } from './moves.js';
import type { Searched } from './searched.js';

export interface Schedule {
  /** Moves that are drawn. */
  steps: number;
  /** Temperatures, geometrically from the first to the last, in the unit of the value. */
  hot: number;
  cold: number;
}

/** Steps between two looks at the clock. */
const STEPS_A_LOOK = 32;

/** `better`: called after a move that gained. */
export function anneal(
  searched: Searched,
  { steps, hot, cold }: Schedule,
  random: Random,
  over: () => boolean,
  better: () => void,
): void {
  const cooling = (cold / hot) ** (1 / steps);
  let temperature = hot;
  for (let step = 0; step < steps; step++, temperature *= cooling) {
    if (step % STEPS_A_LOOK === 0 && over()) return;
    const before = searched.value;
    searched.mark();
    if (!randomMove(searched, random)) {
      searched.rollback();
      continue;
    }
    const change = searched.value - before;
    if (change < 0 && random() >= Math.exp(change / temperature)) searched.rollback();
    else {
      searched.commit();
      if (change > 0) better();
    }
  }
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
