/**
 * A mapping that every host can hold, at random: units in the order of how hard they are to place, each on a host that
 * is drawn among those it fits on. What packs tightly is tried with the fullest host first, and at last by search.
 */
import type { Random } from '../../core/index.js';
import { shuffle } from '../routing/index.js';
import { NOWHERE, type Places } from './places.js';

const DRAWS = 20;
/** Of the search for what packs tightly. */
const STEPS_MAX = 200_000;
const STEPS_A_LOOK = 64;

/** Unit to host; undefined: none was found. `places` is empty before and after. `over`: no more search. */
export function firstMapping(
  places: Places,
  random: Random,
  over: () => boolean = () => false,
): Int32Array | undefined {
  const order = hardestFirst(places, random);
  for (let draw = 0; draw < DRAWS; draw++) if (drawAll(places, order, random)) return lifted(places);
  let steps = STEPS_MAX;
  const search = (at: number): boolean => {
    if (at === order.length) return true;
    const unit = order[at] as number;
    for (const host of shuffle(Int32Array.from(places.domain(unit)), random)) {
      if (steps-- <= 0) return false;
      if (steps % STEPS_A_LOOK === 0 && over()) steps = 0;
      if (!places.fits(unit, host)) continue;
      places.put(unit, host);
      if (search(at + 1)) return true;
      places.take(unit);
    }
    return false;
  };
  return search(0) ? lifted(places) : undefined;
}

/** Fewest hosts first, then the largest; equal ones at random. */
function hardestFirst(places: Places, random: Random): Int32Array {
  const { units, cpus, memory, instance } = places;
  const most = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) || 1;
  const [allCpus, allMemory] = [most(instance.vmCpus), most(instance.vmMemory)];
  const size = Float64Array.from({ length: units }, (_, unit) => {
    return (cpus[unit] as number) / allCpus + (memory[unit] as number) / allMemory;
  });
  const choices = (unit: number) => places.domain(unit).length;
  return shuffle(
    Int32Array.from({ length: units }, (_, unit) => unit),
    random,
  ).sort((a, b) => choices(a) - choices(b) || (size[b] as number) - (size[a] as number));
}

function drawAll(places: Places, order: Int32Array, random: Random): boolean {
  for (const unit of order) {
    const host = draw(places, unit, random);
    if (host === NOWHERE) {
      lifted(places);
      return false;
    }
    places.put(unit, host);
  }
  return true;
}

/** A host that the unit fits on: a few guesses, then all are looked at from a random one on. */
function draw(places: Places, unit: number, random: Random): number {
  const domain = places.domain(unit);
  for (let guess = 0; guess < 4 && domain.length > 0; guess++) {
    const host = domain[Math.floor(random() * domain.length)] as number;
    if (places.fits(unit, host)) return host;
  }
  const from = Math.floor(random() * domain.length);
  for (let i = 0; i < domain.length; i++) {
    const host = domain[(from + i) % domain.length] as number;
    if (places.fits(unit, host)) return host;
  }
  return NOWHERE;
}

function lifted(places: Places): Int32Array {
  const hostOf = Int32Array.from(places.hostOf);
  for (let unit = 0; unit < places.units; unit++) if (places.hostOf[unit] !== NOWHERE) places.take(unit);
  return hostOf;
}
