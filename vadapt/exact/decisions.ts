/** What is decided of who uses which edge, and what that leaves. */
import { sharedOf } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';

/** Of a flow and an edge: not decided; it uses it; it does not. */
export const [FREE, USED, BARRED] = [0, 1, 2];

export class Decisions {
  /** By edge: flows that are decided to use it, and what they ask for. */
  readonly users: Int32Array;
  readonly load: Float64Array;
  readonly loadShared: Float64Array;
  /** By edge: flows of which nothing is decided, and what they ask for. */
  readonly freeUsers: Int32Array;
  readonly free: Float64Array;
  readonly freeShared: Float64Array;
  /** By flow: edges it is decided to use. */
  readonly uses: Int32Array;
  /** Links of edges that are used and have none. */
  links = 0;

  readonly #instance: Instance;
  readonly #edges: number;
  /** Flows x edges. */
  readonly #state: Uint8Array;

  constructor(instance: Instance) {
    const [edges, shared] = [instance.hosts * instance.hosts, instance.sharedCapacity.length];
    this.#instance = instance;
    this.#edges = edges;
    this.#state = new Uint8Array(instance.flows * edges);
    this.uses = new Int32Array(instance.flows);
    this.users = new Int32Array(edges);
    this.load = new Float64Array(edges);
    this.loadShared = new Float64Array(shared);
    this.freeUsers = new Int32Array(edges);
    this.free = new Float64Array(edges);
    this.freeShared = new Float64Array(shared);
  }

  /** No flow uses any edge. */
  clear(): void {
    for (const counts of [this.uses, this.users, this.freeUsers]) counts.fill(0);
    for (const sums of [this.load, this.loadShared, this.free, this.freeShared]) sums.fill(0);
    this.#state.fill(BARRED);
    this.links = 0;
  }

  of(flow: number, edge: number): number {
    return this.#state[flow * this.#edges + edge] as number;
  }

  /** It may be decided whether the flow uses the edge. */
  open(flow: number, edge: number): void {
    this.#state[flow * this.#edges + edge] = FREE;
    this.#addFree(flow, edge, 1);
  }

  /** Of a free edge; `undo` takes just that back. */
  decide(flow: number, edge: number, uses: boolean): void {
    this.#state[flow * this.#edges + edge] = uses ? USED : BARRED;
    this.#addFree(flow, edge, -1);
    if (uses) this.#addUse(flow, edge, 1);
  }

  undo(flow: number, edge: number, uses: boolean): void {
    if (uses) this.#addUse(flow, edge, -1);
    this.open(flow, edge);
  }

  /** True: between hosts, and there is no link. */
  isNewLink(edge: number): boolean {
    return edge % (this.#instance.hosts + 1) !== 0 && this.#instance.linked[edge] === 0;
  }

  #addFree(flow: number, edge: number, sign: 1 | -1): void {
    const demand = sign * (this.#instance.demand[flow] as number);
    this.freeUsers[edge] = (this.freeUsers[edge] as number) + sign;
    this.free[edge] = (this.free[edge] as number) + demand;
    for (const group of sharedOf(this.#instance, edge))
      this.freeShared[group] = (this.freeShared[group] as number) + demand;
  }

  #addUse(flow: number, edge: number, sign: 1 | -1): void {
    const demand = sign * (this.#instance.demand[flow] as number);
    const before = this.users[edge] as number;
    this.uses[flow] = (this.uses[flow] as number) + sign;
    this.users[edge] = before + sign;
    this.load[edge] = (this.load[edge] as number) + demand;
    for (const group of sharedOf(this.#instance, edge))
      this.loadShared[group] = (this.loadShared[group] as number) + demand;
    if (this.isNewLink(edge) && Math.max(before, before + sign) === 1) this.links += sign;
  }
}
