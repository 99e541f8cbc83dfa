/**
 * Rip-up and re-route: each flow is taken off and put on the best path that the others leave it, until nothing
 * improves; then pairs that share a capacity, both off and put on again in the other order, which frees what one of
 * them holds from the other. (Known from the routing of circuits: Dees, Karger 1982.)
 */
import type { PathSearch } from './path-search.js';
import { route } from './path-search.js';
import type { RoutedFlows } from './routed-flows.js';

/** Gains below this part of the value are rounding. */
const ROUNDING = 1e-9;
/** Flows between two looks at the clock. */
const FLOWS_A_LOOK = 4;

export interface RipUp {
  routed: RoutedFlows;
  search: PathSearch;
  /** VM to host. */
  mapping: Int32Array;
  /** True: time is over. */
  over: () => boolean;
}

/** Of the flows in `order`, in this order, until a round brings nothing. True where it gained. */
export function ripUp(work: RipUp, order: Int32Array): boolean {
  let gained = false;
  for (let again = true; again && !work.over(); ) {
    again = rerouteEach(work, order);
    gained ||= again;
  }
  return gained;
}

/** One round of it. True where it gained. */
export function rerouteEach(work: RipUp, order: Int32Array): boolean {
  let gained = false;
  for (let i = 0; i < order.length; i++) {
    if (i % FLOWS_A_LOOK === FLOWS_A_LOOK - 1 && work.over()) break;
    if (reroute(work, order[i] as number)) gained = true;
  }
  return gained;
}

/** One flow. True where it gained. */
export function reroute({ routed, search, mapping }: RipUp, flow: number): boolean {
  const before = routed.total;
  routed.mark();
  routed.take(flow);
  route(routed, search, mapping, flow);
  return keepIfBetter(routed, before);
}

/** Pairs of flows of `order`, O(order^2) pairs at most; each in both orders. True where it gained. */
export function ripUpPairs(work: RipUp, order: Int32Array): boolean {
  let gained = false;
  for (let i = 0; i < order.length; i++) {
    for (let j = i + 1; j < order.length && !work.over(); j++) {
      const [one, other] = [order[i] as number, order[j] as number];
      if (!meet(work.routed, one, other)) continue;
      if (rerouteBoth(work, one, other) || rerouteBoth(work, other, one)) gained = true;
    }
  }
  return gained;
}

function rerouteBoth({ routed, search, mapping }: RipUp, first: number, second: number): boolean {
  const before = routed.total;
  routed.mark();
  routed.take(first);
  routed.take(second);
  route(routed, search, mapping, first);
  route(routed, search, mapping, second);
  return keepIfBetter(routed, before);
}

function keepIfBetter(routed: RoutedFlows, before: number): boolean {
  if (routed.total > before + ROUNDING * Math.abs(before)) {
    routed.commit();
    return true;
  }
  routed.rollback();
  return false;
}

/** Whether two flows pass a host in common: if not, neither is in the other's way but for shared capacities. */
function meet({ paths, pathLength, pathRoom, instance }: RoutedFlows, one: number, other: number): boolean {
  if (instance.sharedCapacity.length > 0) return true;
  const [ones, others] = [pathLength[one] as number, pathLength[other] as number];
  for (let i = 0; i < ones; i++)
    for (let j = 0; j < others; j++)
      if (paths[one * pathRoom + i] === paths[other * pathRoom + j]) return true;
  return false;
}
