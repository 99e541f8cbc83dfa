/**
 * A plan does no more than what its gain comes from. Solvers look for room, and find some in places where nobody needs
 * it; every step that can be left out without a loss is left out: a route that gives its flow nothing, a move that can
 * stay undone.
 */
import { weightsOf } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import { ascended } from './ascent.js';
import { exchanged } from './exchanges.js';
import { withinLinks } from './links.js';
import { withoutIdleRelays } from './relays.js';
import { isWorth, movedVms, paysLess, type PlanWork, remapped, scoreIn } from './remapping.js';

/** A flow that gets less than this over now may as well stay where it is. */
const RATE_SAME = 1.02;

/** Within the limits on links and moves. */
export function thrifty(work: PlanWork, placement: Placement): Placement {
  const { draft, given, objective } = work;
  const { latency, nearness } = weightsOf(objective);
  const direct = (one: Placement) => {
    if (latency > 0 || nearness > 0) return one; // A longer way may be the nearer one.
    const fewer = withoutIdleRelays(draft, work.forecaster, one);
    return fewer === one ? one : withinLinks(draft, given, objective, fewer);
  };
  let best = direct(withinLinks(draft, given, objective, placement));
  best = fewerMoves(work, exchanged(work, fewerRoutes(work, best)));
  if (work.mayMove) best = ascended(work, best);
  return fewerRoutes(work, direct(best));
}

/** Flows that gain nothing by another path, all at once: the gain of all tells whether they may stay. */
function fewerRoutes(work: PlanWork, placement: Placement): Placement {
  const { draft, forecaster } = work;
  const { present } = draft;
  const forecast = forecaster.of(placement);
  const stays = draft.flows.map((_, flow) => {
    const [now, then] = [present.paths[flow] as Int32Array, placement.paths[flow] as Int32Array];
    const sameEnds = now.length > 0 && now[0] === then[0] && now.at(-1) === then.at(-1);
    return sameEnds && (forecast.fair[flow] as number) <= RATE_SAME * (forecaster.now.fair[flow] as number);
  });
  if (!stays.includes(true)) return placement;
  const paths = placement.paths.map((path, flow) =>
    stays[flow] ? (present.paths[flow] as Int32Array) : path,
  );
  const fewer = { mapping: placement.mapping, paths };
  return isWorth(work, fewer, scoreIn(work, placement)) ? fewer : placement;
}

/** One VM after the other back to where it is; first those whose flows gain least. */
function fewerMoves(work: PlanWork, placement: Placement): Placement {
  const { draft, over } = work;
  const { movesMax } = draft.settings;
  const gains = gainsOf(work, placement);
  const moved = movedVms(draft, placement).sort(
    (a, b) => (gains[a] as number) - (gains[b] as number) || a - b,
  );
  let best = placement;
  if (moved.length > movesMax) {
    const within = backHome(work, placement, new Set(moved.splice(0, moved.length - movesMax)));
    if (!within) return draft.present;
    best = within;
  }
  let score = scoreIn(work, best);
  for (const vm of moved) {
    if (over()) break;
    const without = backHome(work, best, new Set([vm]));
    if (!without) continue;
    const left = scoreIn(work, without);
    if (!paysLess(left, score, draft.settings.gainThreshold)) continue;
    [best, score] = [without, left];
  }
  return best;
}

/** By VM, what its flows get more; bits a second. */
function gainsOf({ draft, forecaster }: PlanWork, placement: Placement): Float64Array {
  const { flows, flowFrom, flowTo, vms } = draft.instance;
  const { fair } = forecaster.of(placement);
  const gains = new Float64Array(vms);
  for (let flow = 0; flow < flows; flow++) {
    const more = (fair[flow] as number) - (forecaster.now.fair[flow] as number);
    for (const vm of [flowFrom[flow] as number, flowTo[flow] as number])
      gains[vm] = (gains[vm] as number) + more;
  }
  return gains;
}

/** Undefined: the others leave no room for them there. */
function backHome(work: PlanWork, placement: Placement, home: ReadonlySet<number>): Placement | undefined {
  const { present } = work.draft;
  return remapped(
    work,
    placement,
    placement.mapping.map((host, vm) => (home.has(vm) ? (present.mapping[vm] as number) : host)),
  );
}
