/**
 * What each flow will get: max-min fair rates over given paths, as TCP streams of one round-trip time come near to.
 * Progressive filling (Bertsekas & Gallager, Data Networks, 6.5.2): all flows grow together; those that meet a full
 * capacity, or their own cap, stay where they are, the others grow on. Instead of growing, it goes from one full
 * capacity to the next, in the order of the levels at which they fill. O(hops of all paths x log capacities).
 *
 * Beyond the book: capacities are edges, hosts' local ones and shared ones alike, and a flow that crosses one twice
 * takes it twice; the level of a capacity is its room over the number of crossings.
 */
import type { Instance } from '../model/instance.js';
import { Crossings } from './crossings.js';
import { LevelHeap } from './level-heap.js';

export interface Rates {
  /** By flow, bits a second; 0 without a path. */
  bitsPerSecond: Float64Array;
  /**
   * By flow, what keeps it from more: an edge (`from` x hosts + `to`, the diagonal for within a host), `hosts` squared
   * plus the index of a shared capacity, or -1 for its own cap, and where it has no path.
   */
  bottleneck: Int32Array;
}

/**
 * `paths`: as in a Placement. `caps`: bits a second that a flow asks for at most; absent, or Infinity: all it can get.
 */
export function maxMinRates(
  instance: Instance,
  paths: readonly Int32Array[],
  caps?: ArrayLike<number>,
): Rates {
  const crossings = new Crossings(instance, paths);
  const filling = new Filling(crossings);
  const capped = caps ? cappedFlows(paths, caps) : [];
  let next = 0;
  for (;;) {
    const full = filling.nextFull();
    while (next < capped.length && filling.fixed(capped[next] as number)) next++;
    const flow = capped[next];
    if (flow !== undefined && (full === undefined || (caps as ArrayLike<number>)[flow]! <= full.level))
      filling.fix(flow, (caps as ArrayLike<number>)[flow] as number, -1);
    else if (full !== undefined) filling.fixAll(full.capacity, full.level);
    else return filling.rates;
  }
}

/** Flows with a path and a cap, the smallest cap first. */
function cappedFlows(paths: readonly Int32Array[], caps: ArrayLike<number>): number[] {
  const capped: number[] = [];
  for (const [flow, path] of paths.entries())
    if (path.length > 0 && (caps[flow] as number) < Infinity) capped.push(flow);
  return capped.sort((a, b) => (caps[a] as number) - (caps[b] as number));
}

class Filling {
  readonly rates: Rates;
  readonly #crossings: Crossings;
  /** By capacity: what is not fixed yet. */
  readonly #room: Float64Array;
  readonly #growing: Int32Array;
  readonly #fixed: Uint8Array;
  /** Levels as they were when pushed: later ones are only higher, since what is fixed leaves more to the others. */
  readonly #heap: LevelHeap;

  constructor(crossings: Crossings) {
    this.#crossings = crossings;
    this.#room = Float64Array.from(crossings.bitsPerSecond);
    this.#growing = Int32Array.from(crossings.count);
    this.#fixed = new Uint8Array(crossings.flows);
    this.rates = {
      bitsPerSecond: new Float64Array(crossings.flows),
      bottleneck: new Int32Array(crossings.flows).fill(-1),
    };
    this.#heap = new LevelHeap(crossings.count.length);
    for (let capacity = 0; capacity < crossings.count.length; capacity++)
      this.#heap.push(capacity, this.#level(capacity));
  }

  fixed(flow: number): boolean {
    return this.#fixed[flow] === 1;
  }

  /** The capacity that fills next, left in place; undefined where nothing grows any more. */
  nextFull(): { capacity: number; level: number } | undefined {
    while (this.#heap.size > 0) {
      const then = this.#heap.level;
      const capacity = this.#heap.pop();
      if (this.#growing[capacity] === 0) continue;
      const level = this.#level(capacity);
      this.#heap.push(capacity, level);
      if (level <= then) return { capacity, level };
    }
    return undefined;
  }

  fixAll(capacity: number, level: number): void {
    for (const flow of this.#crossings.flowsOf(capacity))
      if (!this.fixed(flow)) this.fix(flow, level, this.#crossings.keys[capacity] as number);
  }

  fix(flow: number, bitsPerSecond: number, bottleneck: number): void {
    this.#fixed[flow] = 1;
    this.rates.bitsPerSecond[flow] = bitsPerSecond;
    this.rates.bottleneck[flow] = bottleneck;
    for (const capacity of this.#crossings.capacitiesOf(flow)) {
      this.#room[capacity] = (this.#room[capacity] as number) - bitsPerSecond;
      this.#growing[capacity] = (this.#growing[capacity] as number) - 1;
    }
  }

  #level(capacity: number): number {
    return Math.max(0, (this.#room[capacity] as number) / (this.#growing[capacity] as number));
  }
}
