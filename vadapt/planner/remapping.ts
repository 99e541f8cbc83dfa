/** What a plan becomes with VMs elsewhere: whether they can be there, which ways their flows take, and what it is worth. */
import { whyMappingInvalid } from '../model/validity.js';
import type { Objective } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import type { Draft } from './draft.js';
import { type Forecaster, scoreOf } from './forecast.js';
import { type GivenLinks, linksNeeded, linksThatFit, rerouted, withinLinks } from './links.js';

/** Of the gain, what a step must be worth to stay. */
export const STEP_WORTH = 0.02;
/** Of what all flows get, what a move must bring: it holds up its VM, and its prediction may be wrong. */
export const MOVES_WORTH = 0.05;

export interface PlanWork {
  draft: Draft;
  given: GivenLinks;
  objective: Objective;
  forecaster: Forecaster;
  /** False: what can be had without moving anyone. */
  mayMove: boolean;
  /** True: time is over, and what is there is taken. */
  over: () => boolean;
}

/** With VMs elsewhere, and new ways for their flows; undefined: they cannot be there. */
export function remapped(
  work: PlanWork,
  { mapping, paths }: Placement,
  then: Int32Array,
): Placement | undefined {
  const { draft, given, objective } = work;
  const { instance } = draft;
  if (whyMappingInvalid(instance, then) !== undefined) return undefined;
  const isElsewhere = (vm: number) => mapping[vm] !== then[vm];
  const flows = new Set<number>();
  for (let flow = 0; flow < instance.flows; flow++)
    if (isElsewhere(instance.flowFrom[flow] as number) || isElsewhere(instance.flowTo[flow] as number))
      flows.add(flow);
  return routedAnew(draft, given, objective, { mapping: then, paths }, flows);
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

export function movedVms({ present }: Draft, { mapping }: Placement): number[] {
  return Array.from(mapping.keys()).filter((vm) => mapping[vm] !== present.mapping[vm]);
}

export function scoreIn({ draft, forecaster }: PlanWork, placement: Placement): number {
  return scoreOf(forecaster.of(placement), draft.settings.gainThreshold);
}

/** True: the smaller change loses nothing. */
export function isWorth(work: PlanWork, fewer: Placement, score: number): boolean {
  return scoreIn(work, fewer) >= score - STEP_WORTH * Math.abs(score);
}

/** True: the move brings too little. The last one that makes a change worth it is not such a one. */
export function paysLess(without: number, score: number, threshold: number): boolean {
  if (score >= threshold && without < threshold) return false;
  return (1 + without) * (1 + MOVES_WORTH) > 1 + score;
}
