/** Which flows cross which capacities, how often, both ways round; only capacities that someone crosses. */
import { edgesOf, sharedOf } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';

export class Crossings {
  readonly flows: number;
  /** By capacity: an edge, or hosts squared + index of a shared one. */
  readonly keys: number[] = [];
  /** By capacity: bits a second, and crossings. */
  readonly bitsPerSecond: number[] = [];
  readonly count: number[] = [];
  readonly #numbers = new Map<number, number>();
  /** Compressed rows: capacities of each flow, flows of each capacity; twice where one crosses twice. */
  readonly #flowStart: Int32Array;
  readonly #capacities: number[] = [];
  readonly #capacityStart: Int32Array;
  readonly #flows: Int32Array;

  constructor(instance: Instance, paths: readonly Int32Array[]) {
    this.flows = paths.length;
    this.#flowStart = new Int32Array(paths.length + 1);
    for (const [flow, path] of paths.entries()) {
      for (const edge of edgesOf(instance, path)) {
        this.#cross(edge, instance.bandwidth[edge] as number);
        for (const group of sharedOf(instance, edge))
          this.#cross(instance.hosts ** 2 + group, instance.sharedCapacity[group] as number);
      }
      this.#flowStart[flow + 1] = this.#capacities.length;
    }
    this.#capacityStart = new Int32Array(this.keys.length + 1);
    for (const [capacity, count] of this.count.entries())
      this.#capacityStart[capacity + 1] = (this.#capacityStart[capacity] as number) + count;
    this.#flows = this.#turnedRound();
  }

  capacitiesOf(flow: number): readonly number[] {
    return this.#capacities.slice(this.#flowStart[flow], this.#flowStart[flow + 1]);
  }

  flowsOf(capacity: number): Int32Array {
    return this.#flows.subarray(this.#capacityStart[capacity], this.#capacityStart[capacity + 1]);
  }

  #cross(key: number, bitsPerSecond: number): void {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.keys.push(key) - 1;
      this.#numbers.set(key, number);
      this.bitsPerSecond.push(bitsPerSecond);
      this.count.push(0);
    }
    this.count[number] = (this.count[number] as number) + 1;
    this.#capacities.push(number);
  }

  #turnedRound(): Int32Array {
    const next = Int32Array.from(this.#capacityStart);
    const flows = new Int32Array(this.#capacities.length);
    for (let flow = 0; flow < this.flows; flow++) {
      for (const capacity of this.capacitiesOf(flow)) {
        flows[next[capacity] as number] = flow;
        next[capacity] = (next[capacity] as number) + 1;
      }
    }
    return flows;
  }
}
