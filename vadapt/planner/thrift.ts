/**
 * A plan does no more than what its gain comes from. Solvers look for room, and find some in places where nobody needs
 * it; every step that can be left out without a loss is left out: a route that gives its flow nothing, a move that can
 * stay undone.
 */
import { whyMappingInvalid } from '../model/validity.js';
import { type Objective, weightsOf } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import type { Draft } from './draft.js';
import { type Forecaster, scoreOf } from './forecast.js';
import { withoutIdleRelays } from './relays.js';
import { type GivenLinks, linksNeeded, linksThatFit, rerouted, withinLinks } from './links.js';

/** Of the gain, what a step must be worth to stay. */
export const STEP_WORTH = 0.02;
/** Of what all flows get, what a move must bring: it holds up its VM, and its prediction may be wrong. */
export const MOVES_WORTH = 0.05;
/** A flow that gets less than this over now may as well stay where it is. */
const RATE_SAME = 1.02;

export interface Thrift {
  draft: Draft;
  given: GivenLinks;
  objective: Objective;
  forecaster: Forecaster;
  /** True: time is over, and what is there is taken. */
  over: () => boolean;
}

/** Within the limits on links and moves. */
export function thrifty(work: Thrift, placement: Placement): Placement {
  const { draft, given, objective } = work;
  const { latency, nearness } = weightsOf(objective);
  const direct = (one: Placement) => {
    if (latency > 0 || nearness > 0) return one; // A longer way may be the nearer one.
    const fewer = withoutIdleRelays(draft, work.forecaster, one);
    return fewer === one ? one : withinLinks(draft, given, objective, fewer);
  };
  let best = direct(withinLinks(draft, given, objective, placement));
  best = fewerMoves(work, fewerRoutes(work, best));
  return fewerRoutes(work, direct(best));
}

/** Flows that gain nothing by another path, all at once: the gain of all tells whether they may stay. */
function fewerRoutes(work: Thrift, placement: Placement): Placement {
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

function scoreIn({ draft, forecaster }: Thrift, placement: Placement): number {
  return scoreOf(forecaster.of(placement), draft.settings.gainThreshold);
}

/** True: the smaller change loses nothing. */
function isWorth(work: Thrift, fewer: Placement, score: number): boolean {
  return scoreIn(work, fewer) >= score - STEP_WORTH * Math.abs(score);
}

/** One VM after the other back to where it is; first those whose flows gain least. */
function fewerMoves(work: Thrift, placement: Placement): Placement {
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

/** True: the move brings too little. The last one that makes a change worth it is not such a one. */
function paysLess(without: number, score: number, threshold: number): boolean {
  if (score >= threshold && without < threshold) return false;
  return (1 + without) * (1 + MOVES_WORTH) > 1 + score;
}

/** By VM, what its flows get more; bits a second. */
function gainsOf({ draft, forecaster }: Thrift, placement: Placement): Float64Array {
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

export function movedVms({ present }: Draft, { mapping }: Placement): number[] {
  return Array.from(mapping.keys()).filter((vm) => mapping[vm] !== present.mapping[vm]);
}

/** Undefined: the others leave no room for them there. */
function backHome(work: Thrift, placement: Placement, home: ReadonlySet<number>): Placement | undefined {
  const { draft, given, objective } = work;
  const { instance, present } = draft;
  const { flowFrom, flowTo } = instance;
  const mapping = placement.mapping.map((host, vm) =>
    home.has(vm) ? (present.mapping[vm] as number) : host,
  );
  if (whyMappingInvalid(instance, mapping) !== undefined) return undefined;
  const flows = new Set<number>();
  for (let flow = 0; flow < instance.flows; flow++)
    if (home.has(flowFrom[flow] as number) || home.has(flowTo[flow] as number)) flows.add(flow);
  return routedAnew(draft, given, objective, { mapping, paths: placement.paths }, flows);
}

/** The named flows get new ways: over all links that can be made where topology is a mechanism, else as the ground leads. */
export function routedAnew(
  draft: Draft,
  given: GivenLinks,
  objective: Objective,
  placement: Placement,
  flows: ReadonlySet<number>,
): Placement {
  if (!draft.settings.mechanisms.includes('topology')) return byGround(draft, placement.mapping);
  const fit = linksThatFit(linksNeeded(draft, given, placement), given, draft.settings.linksPerHost);
  const usable = (key: string) => given.has(key) || fit.has(key) || !draft.avoided.links.has(key);
  return withinLinks(draft, given, objective, rerouted(draft, objective, placement, usable, flows));
}

/** Paths as they are without new links and routes, whoever is where. */
export function byGround(draft: Draft, mapping: Int32Array): Placement {
  const { problem, ground, flows, hostIndex, instance } = draft;
  const at = (vm: number) => problem.hosts[mapping[vm] as number]?.name as string;
  const paths = flows.map(({ from, to }, flow) => {
    const [source, target] = [instance.flowFrom[flow] as number, instance.flowTo[flow] as number];
    const path = ground.present(from, to, at(source), at(target));
    return Int32Array.from(path, (host) => hostIndex.get(host) as number);
  });
  return { mapping, paths };
}
