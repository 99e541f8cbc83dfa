/** The paths of a flow between two hosts, from the most it could ever have of them to the least. */
import type { Instance } from '../model/instance.js';
import { flowValue, type ObjectiveWeights } from '../model/objective.js';
import { roomValue } from './flow-bound.js';
import type { PathList } from './path-book.js';

export interface PathOrder {
  /** Numbers in the list. */
  path: Int32Array;
  /** Empty where only width counts: it is the order of the list, and the same for all flows. */
  most: Float64Array;
  /** By the first host after the source, and by the last before the destination. */
  leaving: PathEnds;
  arriving: PathEnds;
}

/** What paths over one neighbour can be at best, each for itself. */
export interface PathEnds {
  /** Of the widest, bits a second; -Infinity: there are none. */
  width: Float64Array;
  /** What they are worth apart from room. */
  rest: Float64Array;
}

export class PathOrders {
  readonly #instance: Instance;
  readonly #weights: ObjectiveWeights;
  readonly #byWidth: boolean;
  readonly #orders = new Map<number, PathOrder>();

  constructor(instance: Instance, weights: ObjectiveWeights) {
    this.#instance = instance;
    this.#weights = weights;
    this.#byWidth = isByWidth(instance, weights);
  }

  of(flow: number, pair: number, list: PathList): PathOrder {
    const key = this.#byWidth ? pair : flow * this.#instance.hosts ** 2 + pair;
    let order = this.#orders.get(key);
    if (!order) {
      order = this.#make(flow, list);
      this.#orders.set(key, order);
    }
    return order;
  }

  /** Of the i-th of the order. */
  most(flow: number, list: PathList, order: PathOrder, i: number): number {
    if (!this.#byWidth) return order.most[i] as number;
    return this.#room((list.width[i] as number) - (this.#instance.demand[flow] as number));
  }

  /** Of a path that leaves so much. */
  value(flow: number, list: PathList, path: number, residual: number): number {
    const [bits, bound] = [
      this.#instance.demand[flow] as number,
      this.#instance.latencyBound[flow] as number,
    ];
    const us = list.latencyUs[path] as number;
    return flowValue(this.#weights, bits, bound, residual, us, this.#hops(list, path));
  }

  #hops({ start, edges }: PathList, path: number): number {
    const first = start[path] as number;
    const isLocal = (edges[first] as number) % (this.#instance.hosts + 1) === 0;
    return isLocal ? 0 : (start[path + 1] as number) - first;
  }

  #make(flow: number, list: PathList): PathOrder {
    const { hosts, demand } = this.#instance;
    const path = Int32Array.from({ length: list.count }, (_, i) => i);
    const rest = this.#byWidth
      ? new Float64Array(list.count)
      : Float64Array.from(path, (i) => this.value(flow, list, i, 0));
    const ends = { leaving: endsBy(list, rest, hosts, true), arriving: endsBy(list, rest, hosts, false) };
    if (this.#byWidth) return { path, most: new Float64Array(0), ...ends };
    const own = demand[flow] as number;
    const all = rest.map((value, i) => value + this.#room((list.width[i] as number) - own));
    path.sort((a, b) => (all[b] as number) - (all[a] as number));
    return { path, most: Float64Array.from(path, (i) => all[i] as number), ...ends };
  }

  /** What a residual is worth, or a smaller one where that is liked. */
  #room(residual: number): number {
    const { residual: liked, tightFit } = this.#weights;
    return roomValue(this.#weights, liked >= tightFit ? residual : Math.min(0, residual));
  }
}

/** Of a path only its width counts. */
function isByWidth({ latencyBound }: Instance, weights: ObjectiveWeights): boolean {
  const { nearness, latency, extraHops, residual, tightFit } = weights;
  if (nearness !== 0 || latency !== 0 || extraHops !== 0 || residual < tightFit) return false;
  return latencyBound.every((us) => us === Infinity);
}

function endsBy(list: PathList, rest: Float64Array, hosts: number, leaving: boolean): PathEnds {
  const ends = {
    width: new Float64Array(hosts).fill(-Infinity),
    rest: new Float64Array(hosts).fill(-Infinity),
  };
  for (let path = 0; path < list.count; path++) {
    const at = leaving ? (list.start[path] as number) : (list.start[path + 1] as number) - 1;
    const edge = list.edges[at] as number;
    const other = leaving ? edge % hosts : Math.floor(edge / hosts);
    ends.width[other] = Math.max(ends.width[other] as number, list.width[path] as number);
    ends.rest[other] = Math.max(ends.rest[other] as number, rest[path] as number);
  }
  return ends;
}
