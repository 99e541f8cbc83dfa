/**
 * Greedy with co-location: units one after the other, always the one that talks most with those already placed, each on
 * the host where the value of all that is placed is greatest; its peers' hosts are among those tried. Then one pass of
 * rip-up. O(units x candidate hosts x flows of a unit). When time is over, the units that are left go where their peers'
 * direct edges are best, and their flows on the first paths there are.
 */
import type { Random } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
import type { Solver } from '../model/solver.js';
import { MANY_HOSTS, rerouteEach } from '../routing/index.js';
import { Arrangement } from './arrangement.js';
import { CandidateHosts } from './candidates.js';
import { firstMapping } from './first-mapping.js';
import { NOWHERE } from './places.js';
import { betterOf } from './start.js';

export const greedy: Solver = {
  name: 'greedy',
  source: 'the unit that talks most next, where the value is greatest; hosts may be shared',
  solve(instance, { objective, random, start, now, budgetMs }) {
    const until = now() + budgetMs;
    const over = () => now() >= until;
    const arrangement = new Arrangement(instance, objective, start);
    arrangement.over = over;
    if (!placeGreedily(arrangement, random, over)) return betterOf(instance, objective, undefined, start);
    rerouteEach(arrangement.ripUp(over), arrangement.order);
    return betterOf(instance, objective, arrangement.placement(), start);
  },
};

/** Hosts that are tried for a unit. */
const TRIED = 16;
/** Where paths are costly. */
const TRIED_OF_MANY = 6;

/** Places all units that are nowhere. False where no mapping was found; then nothing is placed. */
export function placeGreedily(
  arrangement: Arrangement,
  random: Random,
  over: () => boolean = () => false,
): boolean {
  const { places, search, instance } = arrangement;
  if (!places.hostOf.includes(NOWHERE)) return true;
  // Where a path takes long, better ones are looked for once all units are placed.
  const costly = pathsAreCostly(instance);
  search.thorough = !costly;
  const placed = placeEach(arrangement, costly ? TRIED_OF_MANY : TRIED, random, over);
  search.thorough = true;
  return placed || placeAnyhow(arrangement, random, over);
}

/** Among many hosts: capacities that many flows share, or few edges, so that most paths have to be searched for. */
function pathsAreCostly({ hosts, bandwidth, sharedCapacity }: Instance): boolean {
  if (hosts <= MANY_HOSTS) return false;
  if (sharedCapacity.length > 0) return true;
  let edges = 0;
  for (const bits of bandwidth) if (bits > 0) edges++;
  return edges < (hosts * hosts) / 2;
}

/** False where one fits nowhere. */
function placeEach(arrangement: Arrangement, tried: number, random: Random, over: () => boolean): boolean {
  const { places } = arrangement;
  const candidates = new CandidateHosts(arrangement);
  const room = widestEdges(arrangement);
  const talk = new Float64Array(places.units);
  for (let unit = 0; unit < places.units; unit++)
    if (places.hostOf[unit] !== NOWHERE) addTalk(arrangement, unit, talk);
  for (;;) {
    const unit = next(arrangement, talk);
    if (unit === NOWHERE) break;
    const late = over();
    const host = late
      ? likelyHost(arrangement, candidates, unit, random)
      : bestHost(arrangement, candidates, unit, tried, room, random);
    if (host === NOWHERE) return false;
    if (late) arrangement.drop(unit, host);
    else arrangement.place(unit, host);
    addTalk(arrangement, unit, talk);
  }
  if (over()) arrangement.settleHastily();
  return true;
}

/** Greed led where nothing fits: all over again, from what fits. */
function placeAnyhow(arrangement: Arrangement, random: Random, over: () => boolean): boolean {
  arrangement.clear();
  const mapping = firstMapping(arrangement.places, random, over);
  if (!mapping) return false;
  mapping.forEach((host, unit) => arrangement.drop(unit, host));
  if (over()) arrangement.settleHastily();
  else arrangement.settleAll();
  return true;
}

/** By host: its widest edge out and in, bits a second. Decides where nothing else does. */
function widestEdges({ instance: { hosts, bandwidth } }: Arrangement): Float64Array {
  const out = new Float64Array(hosts);
  const into = new Float64Array(hosts);
  for (let edge = 0, from = 0; from < hosts; from++) {
    for (let to = 0; to < hosts; to++, edge++) {
      if (from === to) continue;
      const bits = bandwidth[edge] as number;
      if (bits > (out[from] as number)) out[from] = bits;
      if (bits > (into[to] as number)) into[to] = bits;
    }
  }
  return out.map((bits, host) => bits + (into[host] as number));
}

/** Demand towards those that are placed, and a little for demand at all, so that the first is the busiest. */
const UNPLACED = 1e-6;

function next({ places, flowsOf, instance }: Arrangement, talk: Float64Array): number {
  let [best, most] = [NOWHERE, -1];
  for (let unit = 0; unit < places.units; unit++) {
    if (places.hostOf[unit] !== NOWHERE) continue;
    // What can be on one host only is settled first: it is where others have to go.
    const settled = places.domain(unit).length <= 1 ? 1e30 : 0;
    let amount = settled + (talk[unit] as number);
    if (amount === 0)
      for (const flow of flowsOf[unit] as Int32Array) amount += UNPLACED * (instance.demand[flow] as number);
    if (amount > most) [best, most] = [unit, amount];
  }
  return best;
}

function addTalk({ places, flowsOf, instance }: Arrangement, unit: number, talk: Float64Array): void {
  for (const flow of flowsOf[unit] as Int32Array) {
    const from = places.unitOf[instance.flowFrom[flow] as number] as number;
    const other = from === unit ? (places.unitOf[instance.flowTo[flow] as number] as number) : from;
    talk[other] = (talk[other] as number) + (instance.demand[flow] as number);
  }
}

function bestHost(
  arrangement: Arrangement,
  candidates: CandidateHosts,
  unit: number,
  tried: number,
  room: Float64Array,
  random: Random,
): number {
  let [best, value] = [NOWHERE, -Infinity];
  candidates.of(unit, tried, random);
  for (let i = 0; i < candidates.length; i++) {
    const host = candidates.hosts[i] as number;
    arrangement.mark();
    arrangement.place(unit, host);
    const reached = arrangement.value;
    arrangement.rollback();
    const tie = reached === value && (room[host] as number) > (room[best] as number);
    if (reached > value || tie) [best, value] = [host, reached];
  }
  return best === NOWHERE ? anyHost(arrangement, unit) : best;
}

/** The most promising, untried. */
function likelyHost(
  arrangement: Arrangement,
  candidates: CandidateHosts,
  unit: number,
  random: Random,
): number {
  candidates.of(unit, 1, random);
  return candidates.length > 0 ? (candidates.hosts[0] as number) : anyHost(arrangement, unit);
}

function anyHost(arrangement: Arrangement, unit: number): number {
  return arrangement.places.domain(unit).find((host) => arrangement.places.fits(unit, host)) ?? NOWHERE;
}
