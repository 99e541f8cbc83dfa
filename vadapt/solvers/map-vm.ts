/**
 * MapVM and AdaptTopology, the paper's greedy heuristic (Virtuoso 9.3.2, Appendix B): the pairs of VMs that talk most get
 * the pairs of hosts with the most throughput, one VM a host; VMs that are left ("stragglers") come to the host with the
 * most throughput to their peer's; then links are made between hosts whose VMs talk, and each flow takes its own link.
 * O(edges x log edges + flows x hosts).
 *
 * As printed MapVM (B.2) does not run. Mended here, by what 9.3.2 says in words:
 * - Lines 1-3: the loop tests `count` and raises `k`; it would not end.
 * - Line 3: E gets the hosts where VMs are now (by G), and is then used as if it held VMs. E is A, sorted. G has no other
 *   use: what differs from it is what has to migrate (step 7), which the caller sees.
 * - Lines 15 and 23: m and n begin again at 0 in every round, so C and D forget what they held; and n grows by one where
 *   two were added.
 * - Lines 17-18 mark a pair as mapped before hosts are found for it: without hosts it would never be mapped. Only then.
 * - Line 21: j is never raised, and the loop does not stop at the first pair of hosts: one pair would take them all.
 * - Lines 25-26: D gets B[i, *] instead of B[j, *], the hosts that were taken.
 * - Lines 41 and 62: `!=` means "not in".
 * - Lines 46-57 and 67-78 look for the straggler itself in T, where it is not, and for its host among VMs; j is not raised.
 *   Step 6: the peer's host is looked up, and of the hosts that have an edge with it the widest is taken.
 * - A straggler whose peer is one too finds nothing: the first one is placed by the widest edge that has room.
 * - There is no `return T`.
 *
 * Departures: what is pinned stays, and hosts hold what they can hold (units that must be together, CPUs, memory); VMs
 * that talk to nobody stay where they are, or go where there is room. A flow without a direct edge takes the widest path.
 */
import type { Instance } from '../model/instance.js';
import { type Objective, weightsOf } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import type { Solver } from '../model/solver.js';
import { byDemand, hopsMax, RoutedFlows, WidestPath } from '../routing/index.js';
import { adaptTopology } from './adapt-topology.js';
import { firstMapping } from './first-mapping.js';
import { NOWHERE, Places } from './places.js';
import { betterOf } from './start.js';

export const mapVm: Solver = {
  name: 'map-vm',
  source: 'MapVM and AdaptTopology of Virtuoso, Appendix B, mended',
  solve(instance, { objective, random, start }) {
    const places = new Places(instance, 0);
    if (!placeAll(instance, places)) {
      for (let unit = 0; unit < places.units; unit++) if (places.hostOf[unit] !== NOWHERE) places.take(unit);
      const mapping = firstMapping(places, random);
      if (!mapping) return betterOf(instance, objective, undefined, start);
      mapping.forEach((host, unit) => places.put(unit, host));
    }
    return betterOf(instance, objective, directPaths(instance, objective, places.mapping), start);
  },
};

/** An edge by its two hosts. */
interface Pair {
  from: number;
  to: number;
}

function placeAll(instance: Instance, places: Places): boolean {
  for (let unit = 0; unit < places.units; unit++) {
    const domain = places.domain(unit);
    const only = domain[0] as number;
    if (domain.length === 1 && places.fits(unit, only)) places.put(unit, only);
  }
  const order = byDemand(instance.demand);
  const throughput = byThroughput(instance);
  firstPass(instance, places, order, throughput);
  stragglers(instance, places, order, throughput);
  return silent(instance, places);
}

/** B, sorted: every pair of hosts with an edge, the most throughput first. */
function byThroughput({ hosts, bandwidth }: Instance): Pair[] {
  const edges: number[] = [];
  for (let edge = 0; edge < hosts * hosts; edge++)
    if (edge % (hosts + 1) !== 0 && (bandwidth[edge] as number) > 0) edges.push(edge);
  edges.sort((a, b) => (bandwidth[b] as number) - (bandwidth[a] as number) || a - b);
  return edges.map((edge) => ({ from: Math.floor(edge / hosts), to: edge % hosts }));
}

/** Step 4: pairs of VMs none of which is placed, to pairs of hosts on none of which a VM is. */
function firstPass(instance: Instance, places: Places, order: Int32Array, throughput: Pair[]): void {
  const taken = new Uint8Array(instance.hosts);
  for (const host of places.hostOf) if (host !== NOWHERE) taken[host] = 1;
  const free = ({ from, to }: Pair) => taken[from] === 0 && taken[to] === 0;
  // Hosts are only ever taken: what is not free at the front of the list stays so.
  let front = 0;
  for (const flow of order) {
    const [a, b] = unitsOf(instance, places, flow);
    if (a === b || places.hostOf[a] !== NOWHERE || places.hostOf[b] !== NOWHERE) continue;
    while (front < throughput.length && !free(throughput[front] as Pair)) front++;
    for (let j = front; j < throughput.length; j++) {
      const pair = throughput[j] as Pair;
      if (!free(pair) || !mayBe(places, a, pair.from) || !mayBe(places, b, pair.to)) continue;
      places.put(a, pair.from);
      if (places.fits(b, pair.to)) {
        places.put(b, pair.to);
        taken[pair.from] = 1;
        taken[pair.to] = 1;
        break;
      }
      places.take(a);
    }
  }
}

/** Steps 5 and 6. */
function stragglers(instance: Instance, places: Places, order: Int32Array, throughput: Pair[]): void {
  for (const flow of order) {
    const [a, b] = unitsOf(instance, places, flow);
    if (places.hostOf[a] === NOWHERE)
      putNear(instance, places, throughput, a, places.hostOf[b] as number, 'to');
    if (places.hostOf[b] === NOWHERE)
      putNear(instance, places, throughput, b, places.hostOf[a] as number, 'from');
  }
}

/** The host with the most throughput to (`to`) or from (`from`) the peer's; at last the peer's own. */
function putNear(
  { hosts, bandwidth }: Instance,
  places: Places,
  throughput: Pair[],
  unit: number,
  peer: number,
  way: 'to' | 'from',
): void {
  let [best, most] = [NOWHERE, 0];
  if (peer === NOWHERE) best = throughput.find(({ from }) => mayBe(places, unit, from))?.from ?? NOWHERE;
  for (const host of peer === NOWHERE ? [] : places.domain(unit)) {
    const bits = bandwidth[way === 'to' ? host * hosts + peer : peer * hosts + host] as number;
    if (host !== peer && bits > most && places.fits(unit, host)) [best, most] = [host, bits];
  }
  if (best === NOWHERE && peer !== NOWHERE && mayBe(places, unit, peer)) best = peer;
  if (best !== NOWHERE) places.put(unit, best);
}

/** Those that talk to nobody, and those for which nothing fitted. False where there is no room. */
function silent(instance: Instance, places: Places): boolean {
  for (let unit = 0; unit < places.units; unit++) {
    if (places.hostOf[unit] !== NOWHERE) continue;
    const [vm] = places.members[unit] as Int32Array;
    const present = instance.presentHost[vm as number] as number;
    const domain = places.domain(unit);
    const host = mayBe(places, unit, present) ? present : domain.find((other) => places.fits(unit, other));
    if (host === undefined) return false;
    places.put(unit, host);
  }
  return true;
}

function unitsOf({ flowFrom, flowTo }: Instance, places: Places, flow: number): [number, number] {
  return [places.unitOf[flowFrom[flow] as number] as number, places.unitOf[flowTo[flow] as number] as number];
}

function mayBe(places: Places, unit: number, host: number): boolean {
  return places.may(unit, host) && places.fits(unit, host);
}

/** Every flow over its own link, in the order in which AdaptTopology makes them; without one the widest path. */
export function directPaths(instance: Instance, objective: Objective, mapping: Int32Array): Placement {
  const { hosts, flowFrom, flowTo, bandwidth } = instance;
  const routed = new RoutedFlows(instance, weightsOf(objective), hopsMax(instance));
  const rank = new Map(adaptTopology(instance, mapping).map(({ a, b }, i) => [a * hosts + b, i]));
  const ends = (flow: number): [number, number] => [
    mapping[flowFrom[flow] as number] as number,
    mapping[flowTo[flow] as number] as number,
  ];
  const rankOf = (flow: number) => {
    const [from, to] = ends(flow);
    return rank.get(Math.min(from, to) * hosts + Math.max(from, to)) ?? Infinity;
  };
  const indirect: number[] = [];
  for (const flow of byDemand(instance.demand).sort((a, b) => rankOf(a) - rankOf(b) || 0)) {
    const [from, to] = ends(flow);
    if (from === to) routed.put(flow, [from], 1);
    else if ((bandwidth[from * hosts + to] as number) > 0) routed.put(flow, [from, to], 2);
    else indirect.push(flow);
  }
  const search = new WidestPath(routed);
  for (const flow of indirect) routed.put(flow, search.path, search.find(flow, ...ends(flow)));
  return {
    mapping: Int32Array.from(mapping),
    paths: Array.from({ length: instance.flows }, (_, flow) => routed.pathOf(flow)),
  };
}
