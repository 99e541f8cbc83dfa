/**
 * Who crosses what: each flow has a slot for each capacity that its path crosses, and each capacity a list of the slots
 * in it, doubly linked, in typed arrays. To enter and to leave costs as much as the path has capacities.
 */
import type { Instance } from '../model/instance.js';

export class Crossings {
  /** Slot to capacity: kept when the flow leaves. */
  readonly capacityOf: Int32Array;
  readonly flowOf: Int32Array;
  /** Slot to the one after it in its list; -1: none. */
  readonly next: Int32Array;
  /** Capacity to the first slot of its list; -1: nobody crosses it. */
  readonly head: Int32Array;
  readonly #previous: Int32Array;
  readonly #instance: Instance;
  readonly #room: number;
  readonly #count: Int32Array;

  constructor(instance: Instance, hopsMax: number) {
    const { flows, hosts, sharedCapacity } = instance;
    this.#instance = instance;
    this.#room = hopsMax * (1 + sharedMax(instance));
    this.#count = new Int32Array(flows);
    const slots = flows * this.#room;
    this.capacityOf = new Int32Array(slots);
    this.flowOf = new Int32Array(slots);
    for (let flow = 0; flow < flows; flow++)
      this.flowOf.fill(flow, flow * this.#room, (flow + 1) * this.#room);
    this.next = new Int32Array(slots);
    this.#previous = new Int32Array(slots);
    this.head = new Int32Array(hosts * hosts + sharedCapacity.length).fill(-1);
  }

  /** The slots of a flow are `first(flow) .. end(flow)`. */
  first(flow: number): number {
    return flow * this.#room;
  }

  end(flow: number): number {
    return flow * this.#room + (this.#count[flow] as number);
  }

  /** A flow that has left comes in, over the `length` hosts in `paths` from `at` on. */
  enter(flow: number, paths: Int32Array, at: number, length: number): void {
    const { hosts } = this.#instance;
    let slot = this.first(flow);
    if (length === 1) slot = this.#enterEdge(slot, (paths[at] as number) * (hosts + 1));
    for (let i = at + 1; i < at + length; i++)
      slot = this.#enterEdge(slot, (paths[i - 1] as number) * hosts + (paths[i] as number));
    this.#count[flow] = slot - this.first(flow);
  }

  leave(flow: number): void {
    const end = this.end(flow);
    for (let slot = this.first(flow); slot < end; slot++) {
      const after = this.next[slot] as number;
      const before = this.#previous[slot] as number;
      if (after >= 0) this.#previous[after] = before;
      if (before >= 0) this.next[before] = after;
      else this.head[this.capacityOf[slot] as number] = after;
    }
  }

  #enterEdge(slot: number, edge: number): number {
    const { sharedStart, sharedOfEdge, hosts } = this.#instance;
    this.#enterOne(slot, edge);
    if (sharedStart.length === 0) return slot + 1;
    const start = sharedStart[edge] as number;
    const end = sharedStart[edge + 1] as number;
    for (let i = start; i < end; i++)
      this.#enterOne(slot + 1 + i - start, hosts * hosts + (sharedOfEdge[i] as number));
    return slot + 1 + end - start;
  }

  #enterOne(slot: number, capacity: number): void {
    const after = this.head[capacity] as number;
    this.capacityOf[slot] = capacity;
    this.next[slot] = after;
    this.#previous[slot] = -1;
    if (after >= 0) this.#previous[after] = slot;
    this.head[capacity] = slot;
  }
}

/** Shared capacities that an edge belongs to, at most. */
function sharedMax({ sharedStart }: Instance): number {
  let most = 0;
  for (let edge = 1; edge < sharedStart.length; edge++)
    most = Math.max(most, (sharedStart[edge] as number) - (sharedStart[edge - 1] as number));
  return most;
}
