/**
 * Flows on their paths, what they leave of each capacity, and what that is worth: `evaluate` kept up to date while paths
 * come and go. A capacity is an edge or a shared one; each has a list of the flows that cross it, so a change costs as
 * much as the flows that it touches.
 *
 * Whatever happens after `mark` is undone, to the bit, by `rollback`.
 */
import type { Instance } from '../model/instance.js';
import { flowValue, type ObjectiveWeights } from '../model/objective.js';
import { withoutPath } from '../model/evaluate.js';
import { Crossings } from './crossings.js';
import { Journal } from './journal.js';

/** `pathLength` of a flow that is taken off: it adds nothing, not even a penalty. */
export const OFF = -1;

const LEFT = 0;
const VALUE = 1;
const PUT = 2;
const TAKEN = 3;

export class RoutedFlows {
  readonly instance: Instance;
  readonly weights: ObjectiveWeights;
  /** Room for hosts in the row of a path. */
  readonly pathRoom: number;
  /** By capacity: edges (from x hosts + to), then the shared ones. Bits a second; -Infinity where there is no edge. */
  readonly left: Float64Array;
  /** By flow: of its path's narrowest capacity. */
  readonly residual: Float64Array;
  readonly value: Float64Array;
  readonly latency: Float64Array;
  /** By flow: hosts of its path; 0: none exists; OFF. */
  readonly pathLength: Int32Array;
  /** Rows of `pathRoom` hosts. */
  readonly paths: Int32Array;
  /** Of all flows that are on, less what new links cost. */
  total = 0;

  readonly #crossings: Crossings;
  readonly #linkCost: number;

  readonly #journal = new Journal();
  readonly #marks: number[] = [];
  readonly #totals: number[] = [];
  #oldPaths = new Int32Array(256);
  #oldPathsLength = 0;

  /** `hopsMax`: of any path that will be put on. */
  constructor(instance: Instance, weights: ObjectiveWeights, hopsMax: number) {
    const { hosts, flows, sharedCapacity } = instance;
    this.instance = instance;
    this.weights = weights;
    this.pathRoom = hopsMax + 1;
    this.left = new Float64Array(hosts * hosts + sharedCapacity.length);
    this.#fill();
    this.residual = new Float64Array(flows);
    this.value = new Float64Array(flows);
    this.latency = new Float64Array(flows);
    this.pathLength = new Int32Array(flows).fill(OFF);
    this.paths = new Int32Array(flows * this.pathRoom);
    this.#crossings = new Crossings(instance, hopsMax);
    this.#linkCost = instance.linked.length > 0 ? weights.change * instance.linkCost : 0;
  }

  /** From here on everything can be undone. Marks nest. */
  mark(): void {
    this.#marks.push(this.#journal.length, this.#oldPathsLength);
    this.#totals.push(this.total);
  }

  /** Forgets the last mark and keeps what was done. */
  commit(): void {
    this.#marks.length -= 2;
    this.#totals.length--;
    if (this.#totals.length === 0) this.#forget();
  }

  /** Back to the last mark, and forgets it. */
  rollback(): void {
    const paths = this.#marks.pop() as number;
    const from = this.#marks.pop() as number;
    this.total = this.#totals.pop() as number;
    const { kind, key, first, second } = this.#journal;
    for (let at = this.#journal.length - 1; at >= from; at--) {
      const what = key[at] as number;
      switch (kind[at]) {
        case LEFT:
          this.left[what] = first[at] as number;
          break;
        case VALUE:
          this.residual[what] = first[at] as number;
          this.value[what] = second[at] as number;
          break;
        case PUT:
          this.#crossings.leave(what);
          this.pathLength[what] = OFF;
          break;
        case TAKEN:
          this.#restore(what, first[at] as number, second[at] as number);
          break;
      }
    }
    this.#journal.length = from;
    this.#oldPathsLength = paths;
  }

  /** Takes the flow's demand off an edge that it is to cross, and off what is shared. The flow is in no list yet. */
  push(edge: number, demand: number): void {
    this.#lessen(edge, demand);
    this.pushShared(edge, demand);
    const { linked, hosts } = this.instance;
    if (
      this.#linkCost > 0 &&
      linked[edge] === 0 &&
      edge % (hosts + 1) !== 0 &&
      this.#crossings.head[edge] === -1
    )
      this.total -= this.#linkCost;
  }

  /** The part of `push` that is about what is shared: what every path loses that has the same capacities to cross. */
  pushShared(edge: number, demand: number): void {
    const { sharedStart, sharedOfEdge, hosts } = this.instance;
    if (sharedStart.length === 0) return;
    const end = sharedStart[edge + 1] as number;
    for (let i = sharedStart[edge] as number; i < end; i++)
      this.#lessen(hosts * hosts + (sharedOfEdge[i] as number), demand);
  }

  /** What an edge has left for a flow that would cross it, before the flow itself. */
  room(edge: number): number {
    let least = this.left[edge] as number;
    const { sharedStart, sharedOfEdge, hosts } = this.instance;
    if (sharedStart.length === 0) return least;
    const end = sharedStart[edge + 1] as number;
    for (let i = sharedStart[edge] as number; i < end; i++) {
      const shared = this.left[hosts * hosts + (sharedOfEdge[i] as number)] as number;
      if (shared < least) least = shared;
    }
    return least;
  }

  /** What a flow would add by itself. `residual`: with the flow taken off. */
  worth(flow: number, residual: number, latencyUs: number, hops: number): number {
    const { demand, latencyBound } = this.instance;
    return flowValue(
      this.weights,
      demand[flow] as number,
      latencyBound[flow] as number,
      residual,
      latencyUs,
      hops,
    );
  }

  /** Puts a flow that is off on a path of `length` hosts. The path exists and has no repeats: not checked. */
  put(flow: number, path: ArrayLike<number>, length: number): void {
    const at = flow * this.pathRoom;
    for (let i = 0; i < length; i++) this.paths[at + i] = path[i] as number;
    this.pathLength[flow] = length;
    const demand = this.instance.demand[flow] as number;
    const { hosts } = this.instance;
    if (length === 1) this.push((path[0] as number) * (hosts + 1), demand);
    for (let i = 1; i < length; i++) this.push((path[i - 1] as number) * hosts + (path[i] as number), demand);
    this.#journal.add(VALUE, flow, this.residual[flow] as number, this.value[flow] as number);
    this.#journal.add(PUT, flow, 0, 0);
    this.#link(flow);
    this.residual[flow] = length === 0 ? -demand : this.#narrowest(flow);
    this.#appraise(flow);
    this.total += this.value[flow] as number;
    if (this.#totals.length === 0) this.#forget();
  }

  /**
   * Puts a flow that is off on a path, and looks at nothing else: for many at once, with `settle` after the last, before
   * anything is read. Not between `mark` and its end.
   */
  lay(flow: number, path: ArrayLike<number>, length: number): void {
    const at = flow * this.pathRoom;
    for (let i = 0; i < length; i++) this.paths[at + i] = path[i] as number;
    this.pathLength[flow] = length;
    this.residual[flow] = -(this.instance.demand[flow] as number);
    this.#link(flow);
  }

  /** The reverse of `lay`, with `settle` after the last as well. */
  lift(flow: number): void {
    this.#crossings.leave(flow);
    this.pathLength[flow] = OFF;
  }

  /** Takes all flows off. Not between `mark` and its end. */
  clear(): void {
    for (let flow = 0; flow < this.instance.flows; flow++) if (this.pathLength[flow] !== OFF) this.lift(flow);
    this.settle();
  }

  /** Takes a flow off its path. */
  take(flow: number): void {
    this.total -= this.value[flow] as number;
    this.#journal.add(VALUE, flow, this.residual[flow] as number, this.value[flow] as number);
    this.#journal.add(TAKEN, flow, this.#keepPath(flow), this.pathLength[flow] as number);
    this.#crossings.leave(flow);
    this.pathLength[flow] = OFF;
    const demand = this.instance.demand[flow] as number;
    const first = this.#crossings.first(flow);
    const end = this.#crossings.end(flow);
    for (let slot = first; slot < end; slot++) {
      const capacity = this.#crossings.capacityOf[slot] as number;
      this.#journal.add(LEFT, capacity, this.left[capacity] as number, 0);
      this.left[capacity] = (this.left[capacity] as number) + demand;
    }
    for (let slot = first; slot < end; slot++) this.#widen(this.#crossings.capacityOf[slot] as number);
    if (this.#linkCost > 0) this.#unlinkCost(first, end);
    if (this.#totals.length === 0) this.#forget();
  }

  pathOf(flow: number): Int32Array {
    const at = flow * this.pathRoom;
    return this.paths.slice(at, at + Math.max(0, this.pathLength[flow] as number));
  }

  /** Adds up anew: sums that are kept up to date drift in the last digits. Not between `mark` and its end. */
  settle(): void {
    const { instance, left } = this;
    this.#fill();
    for (let flow = 0; flow < instance.flows; flow++) {
      if (this.pathLength[flow] === OFF) continue;
      const first = this.#crossings.first(flow);
      for (let slot = first; slot < this.#crossings.end(flow); slot++) {
        const capacity = this.#crossings.capacityOf[slot] as number;
        left[capacity] = (left[capacity] as number) - (instance.demand[flow] as number);
      }
    }
    this.total = 0;
    for (let flow = 0; flow < instance.flows; flow++) {
      const length = this.pathLength[flow] as number;
      if (length > 0) this.residual[flow] = this.#narrowest(flow);
      if (length === OFF) continue;
      this.#appraise(flow);
      this.total += this.value[flow] as number;
    }
    if (this.#linkCost > 0) this.total -= this.#linkCost * this.#newLinks();
  }

  #fill(): void {
    const { bandwidth, sharedCapacity, hosts } = this.instance;
    for (let edge = 0; edge < hosts * hosts; edge++) {
      const bits = bandwidth[edge] as number;
      this.left[edge] = bits > 0 || edge % (hosts + 1) === 0 ? bits : -Infinity;
    }
    this.left.set(sharedCapacity, hosts * hosts);
  }

  #forget(): void {
    this.#journal.length = 0;
    this.#oldPathsLength = 0;
  }

  #lessen(capacity: number, demand: number): void {
    const before = this.left[capacity] as number;
    this.#journal.add(LEFT, capacity, before, 0);
    const left = before - demand;
    this.left[capacity] = left;
    const { head, next, flowOf } = this.#crossings;
    for (let slot = head[capacity] as number; slot >= 0; slot = next[slot] as number) {
      const other = flowOf[slot] as number;
      if ((this.residual[other] as number) > left) this.#setResidual(other, left);
    }
  }

  /** The flows that a capacity held back: it has more now. */
  #widen(capacity: number): void {
    const left = this.left[capacity] as number;
    const { head, next, flowOf } = this.#crossings;
    for (let slot = head[capacity] as number; slot >= 0; slot = next[slot] as number) {
      const other = flowOf[slot] as number;
      if ((this.residual[other] as number) >= left) continue;
      const residual = this.#narrowest(other);
      if (residual !== this.residual[other]) this.#setResidual(other, residual);
    }
  }

  #setResidual(flow: number, residual: number): void {
    const before = this.value[flow] as number;
    this.#journal.add(VALUE, flow, this.residual[flow] as number, before);
    this.residual[flow] = residual;
    this.#appraise(flow);
    this.total += (this.value[flow] as number) - before;
  }

  #appraise(flow: number): void {
    const length = this.pathLength[flow] as number;
    this.value[flow] =
      length === 0
        ? withoutPath(this.instance.demand[flow] as number)
        : this.worth(flow, this.residual[flow] as number, this.latency[flow] as number, length - 1);
  }

  #narrowest(flow: number): number {
    const first = this.#crossings.first(flow);
    const end = this.#crossings.end(flow);
    const { capacityOf } = this.#crossings;
    let least = Infinity;
    for (let slot = first; slot < end; slot++) {
      const left = this.left[capacityOf[slot] as number] as number;
      if (left < least) least = left;
    }
    return least;
  }

  /** Enters the flow in the lists of all that its path crosses, and adds its latency up. */
  #link(flow: number): void {
    const { hosts, latency } = this.instance;
    const at = flow * this.pathRoom;
    const length = this.pathLength[flow] as number;
    this.#crossings.enter(flow, this.paths, at, length);
    let sum = 0;
    for (let i = at + 1; i < at + length; i++)
      sum += latency[(this.paths[i - 1] as number) * hosts + (this.paths[i] as number)] as number;
    this.latency[flow] = length === 0 ? Infinity : sum;
  }

  #unlinkCost(first: number, end: number): void {
    const { linked, hosts } = this.instance;
    for (let slot = first; slot < end; slot++) {
      const edge = this.#crossings.capacityOf[slot] as number;
      if (
        edge < hosts * hosts &&
        edge % (hosts + 1) !== 0 &&
        linked[edge] === 0 &&
        this.#crossings.head[edge] === -1
      )
        this.total += this.#linkCost;
    }
  }

  #newLinks(): number {
    const { linked, hosts } = this.instance;
    let count = 0;
    for (let edge = 0; edge < hosts * hosts; edge++)
      if (this.#crossings.head[edge] !== -1 && linked[edge] === 0 && edge % (hosts + 1) !== 0) count++;
    return count;
  }

  #keepPath(flow: number): number {
    const length = this.pathLength[flow] as number;
    const at = this.#oldPathsLength;
    if (at + length > this.#oldPaths.length) {
      const more = new Int32Array(2 * (at + length));
      more.set(this.#oldPaths);
      this.#oldPaths = more;
    }
    const row = flow * this.pathRoom;
    for (let i = 0; i < length; i++) this.#oldPaths[at + i] = this.paths[row + i] as number;
    this.#oldPathsLength += length;
    return at;
  }

  #restore(flow: number, at: number, length: number): void {
    const row = flow * this.pathRoom;
    for (let i = 0; i < length; i++) this.paths[row + i] = this.#oldPaths[at + i] as number;
    this.pathLength[flow] = length;
    this.#link(flow);
  }
}
