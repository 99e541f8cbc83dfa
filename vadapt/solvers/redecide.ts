/**
 * Deciding again after a small change: what was decided is loaded as far as it holds, and only what the change touches is
 * looked at first, spreading from there; what is left of the time goes into
 * annealing from there, or, where that is too slow, into small kicks anywhere. `touched` are indices into the instance as it is now.
 */
import type { Random } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
import type { Placement } from '../model/problem.js';
import type { Answer, SolveOptions } from '../model/solver.js';
import { type RoutedFlows, reroute } from '../routing/index.js';
import { annealing, looksQuickly } from './annealing.js';
import { Arrangement } from './arrangement.js';
import { kick } from './kick.js';
import { loadPlacement } from './load.js';
import { SpreadingDescent } from './spreading.js';

export interface Touched {
  vms?: readonly number[];
  flows?: readonly number[];
  /** Whose edges, shared capacities or room changed. */
  hosts?: readonly number[];
}

/**
 * `previous`: VMs and flows as the instance numbers them; -1 for a VM that is new, an empty path for a flow that is.
 * Undefined: no mapping that every host can hold was found. The answer is valid for the instance as it is now, and not
 * worse than `previous` where that still is.
 */
export function redecide(
  instance: Instance,
  previous: Placement,
  touched: Touched,
  { objective, random, now, budgetMs }: Omit<SolveOptions, 'start'>,
): Answer | undefined {
  const until = now() + budgetMs;
  const over = () => now() >= until;
  const arrangement = new Arrangement(instance, objective, previous);
  arrangement.over = over;
  if (loadPlacement(arrangement, previous, random, over) === 'none') return undefined;
  improve(arrangement, touched, random, over);
  if (looksQuickly(instance)) {
    const start = arrangement.placement();
    return annealing.solve(instance, { objective, random, now, budgetMs: Math.max(0, until - now()), start });
  }
  kicks(arrangement, random, over);
  return arrangement.placement();
}

/** Around what is touched. */
export function improve(
  arrangement: Arrangement,
  touched: Touched,
  random: Random,
  over: () => boolean,
): void {
  const { places, instance } = arrangement;
  const descent = new SpreadingDescent(arrangement, random);
  for (const vm of touched.vms ?? []) descent.add(places.unitOf[vm] as number);
  for (const flow of touched.flows ?? []) {
    reroute(arrangement.ripUp(over), flow);
    descent.add(places.unitOf[instance.flowFrom[flow] as number] as number);
    descent.add(places.unitOf[instance.flowTo[flow] as number] as number);
  }
  if (touched.hosts?.length) {
    rerouteThrough(arrangement, new Set(touched.hosts), over);
    for (let unit = 0; unit < places.units; unit++)
      if (touched.hosts.includes(places.hostOf[unit] as number)) descent.add(unit);
  }
  descent.run(over);
}

/** Anywhere, until time is over. */
export function kicks(arrangement: Arrangement, random: Random, over: () => boolean): void {
  const descent = new SpreadingDescent(arrangement, random);
  while (!over()) kick(arrangement, descent, random, over);
}

/** Flows that pass one of the hosts. */
function rerouteThrough(arrangement: Arrangement, hosts: ReadonlySet<number>, over: () => boolean): void {
  const { routed, order } = arrangement;
  for (const flow of order) {
    if (over()) return;
    if (passes(routed, flow, hosts)) reroute(arrangement.ripUp(over), flow);
  }
}

export function passes(
  { paths, pathLength, pathRoom }: RoutedFlows,
  flow: number,
  hosts: ReadonlySet<number>,
): boolean {
  const end = flow * pathRoom + (pathLength[flow] as number);
  for (let at = flow * pathRoom; at < end; at++) if (hosts.has(paths[at] as number)) return true;
  return false;
}
