/** Descent: the first better one of all moves of one unit, of all of a host, and all exchanges, until there is none. */
import type { Random } from '../../core/index.js';
import { shuffle } from '../routing/index.js';
import type { Arrangement } from './arrangement.js';
import { CandidateHosts } from './candidates.js';
import { exchange, exchangeHosts, relocate } from './moves.js';

/** Gains below this part of the value are rounding. */
const ROUNDING = 1e-9;

/** Hosts that are tried for a unit. */
const TRIED = 16;

/** True where it gained. */
export function descend(arrangement: Arrangement, random: Random, over: () => boolean): boolean {
  const { units } = arrangement.places;
  const order = shuffle(
    Int32Array.from({ length: units }, (_, unit) => unit),
    random,
  );
  const candidates = new CandidateHosts(arrangement);
  let gained = false;
  for (let since = 0, at = 0; since < units; at = (at + 1) % units) {
    if (over()) return gained;
    const unit = order[at] as number;
    if (improve(arrangement, candidates, unit, random)) {
      gained = true;
      since = 0;
    } else since++;
  }
  return gained;
}

function improve(
  arrangement: Arrangement,
  candidates: CandidateHosts,
  unit: number,
  random: Random,
): boolean {
  candidates.of(unit, TRIED, random);
  for (let i = 0; i < candidates.length; i++)
    if (attempt(arrangement, () => relocate(arrangement, unit, candidates.hosts[i] as number))) return true;
  const { hostOf, units } = arrangement.places;
  const here = hostOf[unit] as number;
  // Once a host and once a pair: the others come to the same.
  if (hostOf.indexOf(here) === unit)
    for (let there = 0; there < arrangement.instance.hosts; there++)
      if (attempt(arrangement, () => exchangeHosts(arrangement, here, there))) return true;
  for (let other = unit + 1; other < units; other++)
    if (attempt(arrangement, () => exchange(arrangement, unit, other))) return true;
  return false;
}

/** Keeps the move if it gains. */
export function attempt(arrangement: Arrangement, move: () => boolean): boolean {
  const before = arrangement.value;
  arrangement.mark();
  if (move() && arrangement.value > before + ROUNDING * Math.abs(before)) {
    arrangement.commit();
    return true;
  }
  arrangement.rollback();
  return false;
}
