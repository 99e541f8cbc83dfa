/** The best path of each flow under what is decided, as if nothing else were there: at best, so a bound. */
import { sharedOf, withoutPath } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import type { ObjectiveWeights } from '../model/objective.js';
import { BARRED, Decisions, FREE, USED } from './decisions.js';
import type { PathBook, PathList } from './path-book.js';
import { type PathEnds, type PathOrder, PathOrders } from './path-orders.js';

export class PathChoice {
  readonly decisions: Decisions;
  readonly orders: PathOrders;
  /** Of each flow's pair of hosts. */
  readonly lists: PathList[] = [];
  /** By flow: number in its list, -1: there is none. */
  readonly chosen: Int32Array;
  /** Of the chosen, at best; -Infinity: none is left. */
  readonly worth: Float64Array;
  /** A link that is not there costs so much, in the objective's unit. */
  readonly linkCost: number;

  readonly #instance: Instance;
  readonly #book: PathBook;
  readonly #order: PathOrder[] = [];
  readonly #likesTight: boolean;

  constructor(instance: Instance, weights: ObjectiveWeights, book: PathBook) {
    this.#instance = instance;
    this.#book = book;
    this.#likesTight = weights.residual < weights.tightFit;
    this.decisions = new Decisions(instance);
    this.orders = new PathOrders(instance, weights);
    this.linkCost = instance.linked.length > 0 ? weights.change * instance.linkCost : 0;
    this.chosen = new Int32Array(instance.flows);
    this.worth = new Float64Array(instance.flows);
  }

  /** Nothing decided, but for flows within a host. False: not every path is listed. */
  begin(mapping: ArrayLike<number>): boolean {
    const { flows, hosts, flowFrom, flowTo } = this.#instance;
    this.decisions.clear();
    let complete = true;
    for (let flow = 0; flow < flows; flow++) {
      const from = mapping[flowFrom[flow] as number] as number;
      const to = mapping[flowTo[flow] as number] as number;
      const list = this.#book.of(from, to);
      complete &&= list.complete;
      this.lists[flow] = list;
      this.#order[flow] = this.orders.of(flow, from * hosts + to, list);
      this.#open(flow, from, to, list);
    }
    for (let flow = 0; flow < flows; flow++) this.choose(flow);
    return complete;
  }

  /** Within a host there is nothing to decide. */
  #open(flow: number, from: number, to: number, { count }: PathList): void {
    const { hosts, bandwidth } = this.#instance;
    if (from === to) {
      this.decisions.open(flow, from * (hosts + 1));
      this.decisions.decide(flow, from * (hosts + 1), true);
      return;
    }
    for (let edge = 0; count > 0 && edge < bandwidth.length; edge++)
      if ((bandwidth[edge] as number) > 0 && edge % (hosts + 1) !== 0) this.decisions.open(flow, edge);
  }

  /** Over one neighbour of the source, or of the destination. */
  endsOf(flow: number, leaving: boolean): PathEnds {
    const order = this.#order[flow] as PathOrder;
    return leaving ? order.leaving : order.arriving;
  }

  /** The best path of those that keep to what is decided. */
  choose(flow: number): void {
    const [order, list] = [this.#order[flow] as PathOrder, this.lists[flow] as PathList];
    const { path } = order;
    this.chosen[flow] = -1;
    if (path.length === 0) {
      this.worth[flow] = withoutPath(this.#instance.demand[flow] as number);
      return;
    }
    let best = -Infinity;
    for (let i = 0; i < path.length && this.orders.most(flow, list, order, i) > best; i++) {
      const value = this.#valueOf(flow, path[i] as number, best);
      if (value <= best) continue;
      best = value;
      this.chosen[flow] = path[i] as number;
    }
    this.worth[flow] = best;
  }

  /** At best; or anything not above `floor`. */
  #valueOf(flow: number, path: number, floor: number): number {
    const list = this.lists[flow] as PathList;
    const { bandwidth, demand } = this.#instance;
    const { load, users, freeUsers } = this.decisions;
    const own = demand[flow] as number;
    const used = list.edges.subarray(list.start[path], list.start[path + 1]);
    let [residual, uses, cost] = [Infinity, 0, 0];
    for (const edge of used) {
      const state = this.decisions.of(flow, edge);
      if (state === BARRED) return floor;
      let left = (bandwidth[edge] as number) - (load[edge] as number);
      if (state === USED) uses++;
      else {
        left -= own;
        // Whoever may still use it shares the cost.
        if (this.linkCost > 0 && users[edge] === 0 && this.decisions.isNewLink(edge))
          cost += this.linkCost / (freeUsers[edge] as number);
      }
      if (left < residual) residual = left;
    }
    if (uses !== this.decisions.uses[flow]) return floor;
    if (this.decisions.loadShared.length > 0) residual = Math.min(residual, this.#sharedLeft(flow, used));
    if (this.#likesTight && residual > 0) residual = Math.max(0, this.#least(flow, used));
    return this.orders.value(flow, list, path, residual) - cost;
  }

  #sharedLeft(flow: number, path: Int32Array): number {
    const own = this.#instance.demand[flow] as number;
    let left = Infinity;
    for (const part of path) {
      for (const group of sharedOf(this.#instance, part)) {
        let here =
          (this.#instance.sharedCapacity[group] as number) - (this.decisions.loadShared[group] as number);
        for (const edge of path)
          if (this.decisions.of(flow, edge) === FREE && sharedOf(this.#instance, edge).includes(group))
            here -= own;
        left = Math.min(left, here);
      }
    }
    return left;
  }

  /** The least residual of the path that what is not decided may still bring about. */
  #least(flow: number, path: Int32Array): number {
    const { bandwidth, sharedCapacity } = this.#instance;
    const { load, loadShared, free, freeShared } = this.decisions;
    let least = Infinity;
    for (const edge of path) {
      least = Math.min(least, (bandwidth[edge] as number) - (load[edge] as number) - (free[edge] as number));
      for (const group of sharedOf(this.#instance, edge)) {
        const here = (sharedCapacity[group] as number) - (loadShared[group] as number);
        const elsewhere = this.#freeElsewhere(flow, group, path);
        least = Math.min(least, here - (freeShared[group] as number) + elsewhere);
      }
    }
    return least;
  }

  /** What the flow would take of a shared capacity off this path. */
  #freeElsewhere(flow: number, group: number, path: Int32Array): number {
    let sum = 0;
    for (let edge = 0; edge < this.decisions.load.length; edge++) {
      if (this.decisions.of(flow, edge) !== FREE || path.includes(edge)) continue;
      if (sharedOf(this.#instance, edge).includes(group)) sum += this.#instance.demand[flow] as number;
    }
    return sum;
  }
}
