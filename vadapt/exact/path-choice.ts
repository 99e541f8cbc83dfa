/** What is decided of who uses which edge, and the best path that each flow then has, as if nothing else were there. */
import type { Instance } from '../model/instance.js';
import { sharedOf, withoutPath } from '../model/evaluate.js';
import { OVERLOAD } from '../model/problem.js';
import { flowValue, type ObjectiveWeights } from '../model/objective.js';
import type { PathBook, PathList } from './path-book.js';

const [FREE, USED, BARRED] = [0, 1, 2];

/** A list's paths from the most a flow could ever have of them to the least. */
interface Order {
  path: Int32Array;
  /** Empty where only width counts: it is the order of the list. */
  most: Float64Array;
  /** By the first host after the source, and by the last before the destination. */
  leaving: Ends;
  arriving: Ends;
}

/** What paths over one neighbour can be at best, each for itself. */
export interface Ends {
  /** Of the widest, bits a second; -Infinity: there are none. */
  width: Float64Array;
  /** What they are worth apart from room. */
  rest: Float64Array;
}

export class PathChoice {
  readonly instance: Instance;
  readonly weights: ObjectiveWeights;
  /** Of the flow's pair of hosts. */
  readonly lists: PathList[] = [];
  /** By flow: number in its list, -1: there is none. */
  readonly chosen: Int32Array;
  /** Of the chosen, at best; -Infinity: none is left. */
  readonly worth: Float64Array;
  /** A link that is not there costs so much, in the objective's unit. */
  readonly linkCost: number;
  /** Links of edges that are decided to be used and are not there. */
  links = 0;

  readonly #book: PathBook;
  readonly #orders = new Map<number, Order>();
  readonly #order: Order[] = [];
  readonly #slope: number;
  /** Of a path only its width counts. */
  readonly #byWidth: boolean;
  /** Flows x edges. */
  readonly #state: Uint8Array;
  /** By flow: edges it is decided to use. */
  readonly #uses: Int32Array;
  /** By edge: flows that are decided to use it, and what they ask for. */
  readonly #users: Int32Array;
  readonly #decided: Float64Array;
  readonly #decidedShared: Float64Array;
  /** By edge: flows of which nothing is decided, and what they ask for. */
  readonly #freeUsers: Int32Array;
  readonly #free: Float64Array;
  readonly #freeShared: Float64Array;

  constructor(instance: Instance, weights: ObjectiveWeights, book: PathBook) {
    const [edges, shared] = [instance.hosts * instance.hosts, instance.sharedCapacity.length];
    this.instance = instance;
    this.weights = weights;
    this.linkCost = instance.linked.length > 0 ? weights.change * instance.linkCost : 0;
    this.chosen = new Int32Array(instance.flows);
    this.worth = new Float64Array(instance.flows);
    this.#book = book;
    this.#slope = weights.residual - weights.tightFit;
    this.#byWidth = isOfWidth(instance, weights);
    this.#state = new Uint8Array(instance.flows * edges);
    this.#uses = new Int32Array(instance.flows);
    this.#users = new Int32Array(edges);
    this.#decided = new Float64Array(edges);
    this.#decidedShared = new Float64Array(shared);
    this.#freeUsers = new Int32Array(edges);
    this.#free = new Float64Array(edges);
    this.#freeShared = new Float64Array(shared);
  }

  /** Nothing decided, but for flows within a host. False: not every path is listed. */
  begin(mapping: ArrayLike<number>): boolean {
    const { flows, hosts, flowFrom, flowTo } = this.instance;
    for (const zeros of [this.#uses, this.#users, this.#decided, this.#decidedShared]) zeros.fill(0);
    for (const zeros of [this.#freeUsers, this.#free, this.#freeShared]) zeros.fill(0);
    this.#state.fill(BARRED);
    this.links = 0;
    let complete = true;
    for (let flow = 0; flow < flows; flow++) {
      const from = mapping[flowFrom[flow] as number] as number;
      const to = mapping[flowTo[flow] as number] as number;
      const list = this.#book.of(from, to);
      complete &&= list.complete;
      this.lists[flow] = list;
      this.#order[flow] = this.#orderOf(flow, from * hosts + to, list);
      for (const edge of this.#edgesFor(from, to, list)) this.#makeFree(flow, edge);
      if (from === to) this.decide(flow, from * (hosts + 1), true);
    }
    for (let flow = 0; flow < flows; flow++) this.choose(flow);
    return complete;
  }

  /** Of which it has to be decided whether a flow uses them. */
  #edgesFor(from: number, to: number, { count }: PathList): number[] {
    const { hosts, bandwidth } = this.instance;
    if (from === to) return [from * (hosts + 1)];
    if (count === 0) return [];
    return Array.from(bandwidth.keys()).filter((edge) => {
      return (bandwidth[edge] as number) > 0 && edge % (hosts + 1) !== 0;
    });
  }

  #makeFree(flow: number, edge: number): void {
    const demand = this.instance.demand[flow] as number;
    this.#state[flow * this.#decided.length + edge] = FREE;
    this.#freeUsers[edge] = (this.#freeUsers[edge] as number) + 1;
    this.#free[edge] = (this.#free[edge] as number) + demand;
    for (const group of sharedOf(this.instance, edge))
      this.#freeShared[group] = (this.#freeShared[group] as number) + demand;
  }

  isFree(flow: number, edge: number): boolean {
    return this.#state[flow * this.#decided.length + edge] === FREE;
  }

  endsOf(flow: number, leaving: boolean): Ends {
    const { leaving: first, arriving: last } = this.#order[flow] as Order;
    return leaving ? first : last;
  }

  usersOf(edge: number): number {
    return this.#users[edge] as number;
  }

  /** Whether a flow uses a free edge; `undo` takes just that back. */
  decide(flow: number, edge: number, uses: boolean): void {
    this.#state[flow * this.#decided.length + edge] = uses ? USED : BARRED;
    this.#account(flow, edge, uses, 1);
  }

  undo(flow: number, edge: number, uses: boolean): void {
    this.#state[flow * this.#decided.length + edge] = FREE;
    this.#account(flow, edge, uses, -1);
  }

  #account(flow: number, edge: number, uses: boolean, sign: 1 | -1): void {
    const demand = sign * (this.instance.demand[flow] as number);
    const shared = sharedOf(this.instance, edge);
    this.#freeUsers[edge] = (this.#freeUsers[edge] as number) - sign;
    this.#free[edge] = (this.#free[edge] as number) - demand;
    for (const group of shared) this.#freeShared[group] = (this.#freeShared[group] as number) - demand;
    if (!uses) return;
    const before = this.#users[edge] as number;
    this.#uses[flow] = (this.#uses[flow] as number) + sign;
    this.#users[edge] = before + sign;
    this.#decided[edge] = (this.#decided[edge] as number) + demand;
    for (const group of shared) this.#decidedShared[group] = (this.#decidedShared[group] as number) + demand;
    if (this.linkCost > 0 && this.#costs(edge) && Math.max(before, before + sign) === 1) this.links += sign;
  }

  /** True: a link there is to be paid for. */
  #costs(edge: number): boolean {
    return edge % (this.instance.hosts + 1) !== 0 && this.instance.linked[edge] === 0;
  }

  /** The best path of those that keep to what is decided. */
  choose(flow: number): void {
    const order = this.#order[flow] as Order;
    const { path } = order;
    this.chosen[flow] = -1;
    if (path.length === 0) {
      this.worth[flow] = withoutPath(this.instance.demand[flow] as number);
      return;
    }
    let best = -Infinity;
    for (let i = 0; i < path.length && this.#mostOf(flow, order, i) > best; i++) {
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
    const { bandwidth, demand } = this.instance;
    const [first, last] = [list.start[path] as number, list.start[path + 1] as number];
    const own = demand[flow] as number;
    const row = flow * this.#decided.length;
    let [residual, uses, cost] = [Infinity, 0, 0];
    for (let i = first; i < last; i++) {
      const edge = list.edges[i] as number;
      const state = this.#state[row + edge];
      if (state === BARRED) return floor;
      let left = (bandwidth[edge] as number) - (this.#decided[edge] as number);
      if (state === USED) uses++;
      else {
        left -= own;
        if (this.linkCost > 0 && this.#users[edge] === 0 && this.#costs(edge))
          cost += this.linkCost / (this.#freeUsers[edge] as number);
      }
      if (left < residual) residual = left;
    }
    if (uses !== this.#uses[flow]) return floor;
    if (this.#decidedShared.length > 0) residual = Math.min(residual, this.#sharedLeft(flow, list, first, last));
    if (this.#slope < 0 && residual > 0) residual = Math.max(0, this.#least(flow, list, first, last));
    return this.#flowValue(flow, list, path, residual) - cost;
  }

  #flowValue(flow: number, { latencyUs }: PathList, path: number, residual: number): number {
    const { demand, latencyBound } = this.instance;
    const [bits, bound] = [demand[flow] as number, latencyBound[flow] as number];
    return flowValue(this.weights, bits, bound, residual, latencyUs[path] as number, this.hopsOf(flow, path));
  }

  hopsOf(flow: number, path: number): number {
    const { start, edges } = this.lists[flow] as PathList;
    const first = start[path] as number;
    if ((edges[first] as number) % (this.instance.hosts + 1) === 0) return 0;
    return (start[path + 1] as number) - first;
  }

  #sharedLeft(flow: number, { edges }: PathList, first: number, last: number): number {
    const own = this.instance.demand[flow] as number;
    let left = Infinity;
    for (let i = first; i < last; i++) {
      for (const group of sharedOf(this.instance, edges[i] as number)) {
        let here = (this.instance.sharedCapacity[group] as number) - (this.#decidedShared[group] as number);
        for (let j = first; j < last; j++) {
          const edge = edges[j] as number;
          if (this.isFree(flow, edge) && sharedOf(this.instance, edge).includes(group)) here -= own;
        }
        left = Math.min(left, here);
      }
    }
    return left;
  }

  /** The least residual of the path that what is not decided may still bring about. */
  #least(flow: number, { edges }: PathList, first: number, last: number): number {
    const { bandwidth, sharedCapacity } = this.instance;
    let least = Infinity;
    for (let i = first; i < last; i++) {
      const edge = edges[i] as number;
      const left = (bandwidth[edge] as number) - (this.#decided[edge] as number);
      least = Math.min(least, left - (this.#free[edge] as number));
      for (const group of sharedOf(this.instance, edge)) {
        const here = (sharedCapacity[group] as number) - (this.#decidedShared[group] as number);
        const elsewhere = this.#freeElsewhere(flow, group, edges.subarray(first, last));
        least = Math.min(least, here - (this.#freeShared[group] as number) + elsewhere);
      }
    }
    return least;
  }

  /** What the flow would take of a shared capacity off this path. */
  #freeElsewhere(flow: number, group: number, path: Int32Array): number {
    let sum = 0;
    for (let edge = 0; edge < this.#decided.length; edge++) {
      if (!this.isFree(flow, edge) || path.includes(edge)) continue;
      if (sharedOf(this.instance, edge).includes(group)) sum += this.instance.demand[flow] as number;
    }
    return sum;
  }

  #orderOf(flow: number, pair: number, list: PathList): Order {
    const key = this.#byWidth ? pair : flow * this.#decided.length + pair;
    let order = this.#orders.get(key);
    if (order) return order;
    const path = Int32Array.from({ length: list.count }, (_, i) => i);
    const rest = this.#byWidth ? new Float64Array(list.count) : this.#restOf(flow, list);
    const ends = { leaving: endsBy(list, rest, this.instance.hosts, true), arriving: endsBy(list, rest, this.instance.hosts, false) };
    if (this.#byWidth) order = { path, most: new Float64Array(0), ...ends };
    else {
      const own = this.instance.demand[flow] as number;
      const all = rest.map((value, i) => value + this.#room((list.width[i] as number) - own));
      path.sort((a, b) => (all[b] as number) - (all[a] as number));
      order = { path, most: Float64Array.from(path, (i) => all[i] as number), ...ends };
    }
    this.#orders.set(key, order);
    return order;
  }

  /** By path, what it is worth apart from room. */
  #restOf(flow: number, list: PathList): Float64Array {
    this.lists[flow] = list;
    return Float64Array.from({ length: list.count }, (_, path) => this.#flowValue(flow, list, path, 0));
  }

  #mostOf(flow: number, order: Order, i: number): number {
    if (!this.#byWidth) return order.most[i] as number;
    const width = (this.lists[flow] as PathList).width[i] as number;
    return this.#room(width - (this.instance.demand[flow] as number));
  }

  /** What a residual is worth, at best. */
  #room(residual: number): number {
    if (residual < 0) return OVERLOAD * residual;
    return this.#slope > 0 ? this.#slope * residual : 0;
  }
}

function endsBy(list: PathList, rest: Float64Array, hosts: number, leaving: boolean): Ends {
  const ends = {
    width: new Float64Array(hosts).fill(-Infinity),
    rest: new Float64Array(hosts).fill(-Infinity),
  };
  for (let path = 0; path < list.count; path++) {
    const edge = list.edges[leaving ? (list.start[path] as number) : (list.start[path + 1] as number) - 1] as number;
    const other = leaving ? edge % hosts : Math.floor(edge / hosts);
    ends.width[other] = Math.max(ends.width[other] as number, list.width[path] as number);
    ends.rest[other] = Math.max(ends.rest[other] as number, rest[path] as number);
  }
  return ends;
}

function isOfWidth({ latencyBound }: Instance, { nearness, latency, extraHops, residual, tightFit }: ObjectiveWeights): boolean {
  if (nearness !== 0 || latency !== 0 || extraHops !== 0 || residual < tightFit) return false;
  return latencyBound.every((us) => us === Infinity);
}
