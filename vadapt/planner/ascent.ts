/**
 * Solvers look for room; what an application gets of it is predicted (forecast.ts), and that is not the same. So their
 * answers are taken further by the prediction itself: one VM after the other is tried on every host that it may be on,
 * and goes to the best, until nobody's move would pay.
 */
import type { Placement } from '../model/problem.js';
import { movedVms, paysLess, type PlanWork, remapped, scoreIn, STEP_WORTH } from './remapping.js';

/** Each takes as long as routing the VM's flows anew. */
const TRIALS_MAX = 1000;

interface Scored {
  placement: Placement;
  score: number;
}

export function ascended(work: PlanWork, placement: Placement): Placement {
  const { instance } = work.draft;
  const trials = { left: TRIALS_MAX };
  let best: Scored = { placement, score: scoreIn(work, placement) };
  for (let rises = true; rises; ) {
    rises = false;
    for (let vm = 0; vm < instance.vms; vm++) {
      const better = bestPlace(work, best, vm, trials);
      if (!better) continue;
      best = better;
      rises = true;
    }
  }
  return best.placement;
}

function bestPlace(work: PlanWork, from: Scored, vm: number, trials: { left: number }): Scored | undefined {
  const { hosts, allowed } = work.draft.instance;
  const { mapping } = from.placement;
  let best: Scored | undefined;
  for (let host = 0; host < hosts; host++) {
    if (host === mapping[vm] || allowed[vm * hosts + host] !== 1) continue;
    if (work.over() || trials.left-- <= 0) break;
    const placement = remapped(
      work,
      from.placement,
      mapping.map((at, one) => (one === vm ? host : at)),
    );
    if (!placement) continue;
    const scored = { placement, score: scoreIn(work, placement) };
    if (rises(work, from, scored, vm) && scored.score > (best?.score ?? -Infinity)) best = scored;
  }
  return best;
}

/** A VM that would be moved anyway may go somewhere better; one that would stay needs the reason that every move needs. */
function rises(work: PlanWork, from: Scored, to: Scored, vm: number): boolean {
  const { present, settings } = work.draft;
  if (from.placement.mapping[vm] !== present.mapping[vm])
    return to.score > from.score + STEP_WORTH * Math.abs(from.score);
  const isRoom = movedVms(work.draft, from.placement).length < settings.movesMax;
  return isRoom && !paysLess(from.score, to.score, settings.gainThreshold);
}
