/** Moves of a search over mappings. Each is made between `mark` and `commit` or `rollback`. */
import type { Random } from '../../core/index.js';
import { NOWHERE } from './places.js';
import type { Searched } from './searched.js';

/** Shares of the kinds of move: the rest puts one unit elsewhere. */
const EXCHANGES = 0.3;
const FOLLOWS = 0.15;
const HOSTS = 0.1;

/** Makes a move; false where what was drawn cannot be done: then `rollback`. */
export function randomMove(
  searched: Searched,
  random: Random,
  unit = Math.floor(random() * searched.places.units),
): boolean {
  const { places } = searched;
  const kind = random();
  if (kind < EXCHANGES) return exchange(searched, unit, Math.floor(random() * places.units));
  if (kind > 1 - HOSTS)
    return exchangeHosts(searched, places.hostOf[unit] as number, drawHost(searched, unit, random));
  const peer = peerOf(searched, unit, random);
  if (kind < EXCHANGES + FOLLOWS && peer !== NOWHERE) return bringTogether(searched, unit, peer, random);
  return relocate(searched, unit, drawHost(searched, unit, random));
}

export function relocate(searched: Searched, unit: number, host: number): boolean {
  if (host === NOWHERE || searched.places.hostOf[unit] === host || !searched.places.fits(unit, host))
    return false;
  searched.lift(unit);
  searched.drop(unit, host);
  return settled(searched);
}

/** Each to where the other is. */
export function exchange(searched: Searched, one: number, other: number): boolean {
  const { places } = searched;
  const [here, there] = [places.hostOf[one] as number, places.hostOf[other] as number];
  if (here === there) return false;
  if (!places.may(one, there) || !places.may(other, here)) return false;
  searched.lift(one);
  searched.lift(other);
  return setDown(searched, one, there) && setDown(searched, other, here) && settled(searched);
}

/** Two units that talk, both to one host. */
export function bringTogether(searched: Searched, one: number, other: number, random: Random): boolean {
  const host = drawHost(searched, one, random);
  if (host === NOWHERE || !searched.places.may(other, host)) return false;
  searched.lift(one);
  searched.lift(other);
  return setDown(searched, one, host) && setDown(searched, other, host) && settled(searched);
}

/** All units of each of two hosts to the other. O(units). */
export function exchangeHosts(searched: Searched, here: number, there: number): boolean {
  const { places } = searched;
  if (there === NOWHERE || here === there) return false;
  for (let unit = 0; unit < places.units; unit++) {
    const host = places.hostOf[unit] as number;
    if (host !== here && host !== there) continue;
    if (!places.may(unit, host === here ? there : here)) return false;
  }
  const moved: number[] = [];
  for (let unit = 0; unit < places.units; unit++) {
    const host = places.hostOf[unit] as number;
    if (host !== here && host !== there) continue;
    moved.push(unit, host === here ? there : here);
    searched.lift(unit);
  }
  for (let i = 0; i < moved.length; i += 2)
    if (!setDown(searched, moved[i] as number, moved[i + 1] as number)) return false;
  return settled(searched);
}

function setDown(searched: Searched, unit: number, host: number): boolean {
  if (!searched.places.fits(unit, host)) return false;
  searched.drop(unit, host);
  return true;
}

function settled(searched: Searched): true {
  searched.settle();
  return true;
}

function drawHost({ places }: Searched, unit: number, random: Random): number {
  const domain = places.domain(unit);
  return domain.length === 0 ? NOWHERE : (domain[Math.floor(random() * domain.length)] as number);
}

/** A unit at the other end of one of its flows. */
export function peerOf({ places, flowsOf, instance }: Searched, unit: number, random: Random): number {
  const flows = flowsOf[unit] as Int32Array;
  if (flows.length === 0) return NOWHERE;
  const flow = flows[Math.floor(random() * flows.length)] as number;
  const from = places.unitOf[instance.flowFrom[flow] as number] as number;
  const peer = from === unit ? (places.unitOf[instance.flowTo[flow] as number] as number) : from;
  return peer === unit ? NOWHERE : peer;
}
