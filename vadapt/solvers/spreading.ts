/**
 * Descent that spreads: units wait in a queue; one that finds a better host brings its peers into the queue, since what
 * is best for them has changed. With all units in it, a descent for large instances; with a few, what a small change
 * touches and no more.
 */
import type { Random } from '../../core/index.js';
import { rerouteEach } from '../routing/index.js';
import type { Arrangement } from './arrangement.js';
import { CandidateHosts } from './candidates.js';
import { attempt } from './descent.js';
import { exchange, relocate } from './moves.js';

/** Candidates of a unit that are tried whole. */
const TRIED = 8;

export class SpreadingDescent {
  readonly #arrangement: Arrangement;
  readonly #random: Random;
  readonly #candidates: CandidateHosts;
  readonly #queue: Int32Array;
  readonly #waits: Uint8Array;
  #first = 0;
  #waiting = 0;

  constructor(arrangement: Arrangement, random: Random) {
    const { units } = arrangement.places;
    this.#arrangement = arrangement;
    this.#random = random;
    this.#candidates = new CandidateHosts(arrangement);
    this.#queue = new Int32Array(units);
    this.#waits = new Uint8Array(units);
  }

  add(unit: number): void {
    if (this.#waits[unit] === 1) return;
    this.#waits[unit] = 1;
    this.#queue[(this.#first + this.#waiting++) % this.#queue.length] = unit;
  }

  /** Until the queue is empty or time is over. True where it gained. */
  run(over: () => boolean): boolean {
    let gained = false;
    while (this.#waiting > 0 && !over()) {
      const unit = this.#queue[this.#first] as number;
      this.#first = (this.#first + 1) % this.#queue.length;
      this.#waiting--;
      this.#waits[unit] = 0;
      if (!this.#improve(unit, over)) continue;
      gained = true;
      this.add(unit);
      this.addPeers(unit);
    }
    return gained;
  }

  addPeers(unit: number): void {
    const { flowsOf, places, instance } = this.#arrangement;
    for (const flow of flowsOf[unit] as Int32Array) {
      const from = places.unitOf[instance.flowFrom[flow] as number] as number;
      this.add(from === unit ? (places.unitOf[instance.flowTo[flow] as number] as number) : from);
    }
  }

  #improve(unit: number, over: () => boolean): boolean {
    const arrangement = this.#arrangement;
    const { flowsOf, places } = arrangement;
    const gained = rerouteEach(arrangement.ripUp(over), flowsOf[unit] as Int32Array);
    this.#candidates.of(unit, TRIED, this.#random);
    for (let i = 0; i < this.#candidates.length; i++) {
      if (i > 0 && over()) return gained;
      if (attempt(arrangement, () => relocate(arrangement, unit, this.#candidates.hosts[i] as number)))
        return true;
    }
    const other = Math.floor(this.#random() * places.units);
    return attempt(arrangement, () => other !== unit && exchange(arrangement, unit, other)) || gained;
  }
}
