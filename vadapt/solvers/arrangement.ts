/**
 * A placement that is searched: units on hosts, flows on paths, and its value, kept up to date. Units are lifted, with
 * all their flows, and set down; `settle` then routes the flows that are off and have both ends, the largest first.
 * What happens after `mark` is undone by `rollback`.
 */
import type { Instance } from '../model/instance.js';
import { type Objective, weightsOf } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import {
  byDemand,
  CandidateRelays,
  EveryPath,
  FewestHops,
  hopsMax,
  MANY_HOSTS,
  OFF,
  type PathSearch,
  RelayPaths,
  type RipUp,
  RoutedFlows,
  route,
} from '../routing/index.js';
import { NOWHERE, Places } from './places.js';
import { flowsOfUnits, type Searched } from './searched.js';

/** Up to so many hosts every path is looked at. */
const FEW_HOSTS = 9;
/** Flows between two looks at the clock; among many hosts, where a path takes long, every one. */
const FLOWS_A_LOOK = 16;
/** A copy of what an arrangement was. */
export interface Saved {
  value: number;
  hostOf: Int32Array;
  paths: Int32Array;
  pathLength: Int32Array;
}

export class Arrangement implements Searched {
  readonly instance: Instance;
  readonly places: Places;
  readonly routed: RoutedFlows;
  search: PathSearch;
  /** Absent where every path is looked at. */
  relays: CandidateRelays | undefined;
  /** Unit to flows that begin or end there, the largest first. */
  readonly flowsOf: readonly Int32Array[];
  /** Flows, the largest first. */
  readonly order: Int32Array;
  /** Flow to place in `order`. */
  readonly #rank: Int32Array;
  /** True: time is over, and what has to be routed takes the first path there is. */
  over: () => boolean = () => false;
  #hasty: FewestHops;
  readonly #flowsALook: number;
  #sinceLook = 0;
  #hurries = false;
  readonly #off: Int32Array;
  #offLength = 0;

  constructor(instance: Instance, objective: Objective, start?: Placement) {
    const weights = weightsOf(objective);
    this.instance = instance;
    this.places = new Places(instance, weights.change);
    this.routed = new RoutedFlows(instance, weights, hopsMax(instance, start?.paths));
    this.relays = instance.hosts <= FEW_HOSTS ? undefined : new CandidateRelays(instance);
    this.search = this.relays ? new RelayPaths(this.routed, this.relays) : new EveryPath(this.routed);
    this.#hasty = new FewestHops(this.routed);
    this.#flowsALook = instance.hosts > MANY_HOSTS ? 1 : FLOWS_A_LOOK;
    this.order = byDemand(instance.demand);
    this.#rank = new Int32Array(instance.flows);
    this.order.forEach((flow, rank) => {
      this.#rank[flow] = rank;
    });
    this.flowsOf = flowsOfUnits(instance, this.places, this.order);
    this.#off = new Int32Array(instance.flows);
  }

  get value(): number {
    return this.routed.total - this.places.cost;
  }

  mark(): void {
    this.routed.mark();
    this.places.mark();
  }

  commit(): void {
    this.routed.commit();
    this.places.commit();
  }

  rollback(): void {
    this.routed.rollback();
    this.places.rollback();
    this.#offLength = 0;
  }

  /** Takes a unit off its host, and its flows off their paths. */
  lift(unit: number): void {
    for (const flow of this.flowsOf[unit] as Int32Array) {
      if (this.routed.pathLength[flow] === OFF) continue;
      this.routed.take(flow);
      this.#off[this.#offLength++] = flow;
    }
    this.places.take(unit);
  }

  /** A unit that is nowhere; its flows wait for `settle`. */
  drop(unit: number, host: number): void {
    this.places.put(unit, host);
  }

  /** Routes what was lifted. */
  settle(): void {
    const waiting = this.#off.subarray(0, this.#offLength);
    if (this.#offLength > 1) sortByRank(waiting, this.#rank);
    this.#offLength = 0;
    for (const flow of waiting) if (this.#hasEnds(flow)) this.#route(flow);
  }

  /** Routes all that is off. */
  settleAll(): void {
    this.#settleFresh(this.order);
  }

  /** A unit that was nowhere, and its flows to units that are somewhere. */
  place(unit: number, host: number): void {
    this.drop(unit, host);
    this.#settleFresh(this.flowsOf[unit] as Int32Array);
  }

  /** What rip-up works on. */
  ripUp(over: () => boolean): RipUp {
    return { routed: this.routed, search: this.search, mapping: this.places.mapping, over };
  }

  save(into?: Saved): Saved {
    const saved = into ?? {
      value: 0,
      hostOf: new Int32Array(this.places.units),
      paths: new Int32Array(this.routed.paths.length),
      pathLength: new Int32Array(this.instance.flows),
    };
    saved.value = this.value;
    saved.hostOf.set(this.places.hostOf);
    saved.paths.set(this.routed.paths);
    saved.pathLength.set(this.routed.pathLength);
    return saved;
  }

  /** Not between marks. */
  load({ hostOf, paths, pathLength }: Saved): void {
    this.clear();
    for (let unit = 0; unit < this.places.units; unit++)
      if (hostOf[unit] !== NOWHERE) this.places.put(unit, hostOf[unit] as number);
    const { pathRoom } = this.routed;
    for (let flow = 0; flow < this.instance.flows; flow++) {
      const length = pathLength[flow] as number;
      if (length !== OFF)
        this.routed.lay(flow, paths.subarray(flow * pathRoom, flow * pathRoom + length), length);
    }
    this.routed.settle();
  }

  clear(): void {
    for (let unit = 0; unit < this.places.units; unit++)
      if (this.places.hostOf[unit] !== NOWHERE) this.places.take(unit);
    // Nothing is on: what is left is the whole, to the bit.
    this.routed.clear();
    this.places.cost = 0;
  }

  placement(): Placement {
    const paths = Array.from({ length: this.instance.flows }, (_, flow) => this.routed.pathOf(flow));
    return { mapping: Int32Array.from(this.places.mapping), paths };
  }

  #hasEnds(flow: number): boolean {
    const { flowFrom, flowTo } = this.instance;
    const { mapping } = this.places;
    return mapping[flowFrom[flow] as number] !== NOWHERE && mapping[flowTo[flow] as number] !== NOWHERE;
  }

  /** The instance's edges have changed: what was listed of them is listed anew when it is asked for. */
  forgetEdges(): void {
    this.#hasty = new FewestHops(this.routed);
    this.relays = this.relays && new CandidateRelays(this.instance);
    this.search = this.relays ? new RelayPaths(this.routed, this.relays) : new EveryPath(this.routed);
  }

  /** Routes, in haste, all that is off, and adds up once. Not between marks. */
  settleHastily(): void {
    const { routed, places, instance } = this;
    for (let flow = 0; flow < instance.flows; flow++) {
      if (routed.pathLength[flow] !== OFF || !this.#hasEnds(flow)) continue;
      const from = places.mapping[instance.flowFrom[flow] as number] as number;
      const to = places.mapping[instance.flowTo[flow] as number] as number;
      routed.lay(flow, this.#hasty.path, this.#hasty.find(flow, from, to));
    }
    routed.settle();
  }

  #route(flow: number): void {
    if (++this.#sinceLook >= this.#flowsALook) {
      this.#sinceLook = 0;
      this.#hurries = this.over();
    }
    route(this.routed, this.#hurries ? this.#hasty : this.search, this.places.mapping, flow);
  }

  #settleFresh(flows: Int32Array): void {
    for (const flow of flows)
      if (this.routed.pathLength[flow] === OFF && this.#hasEnds(flow)) this.#route(flow);
  }
}

/** By insertion: a unit has few flows. */
function sortByRank(flows: Int32Array, rank: Int32Array): Int32Array {
  for (let i = 1; i < flows.length; i++) {
    const flow = flows[i] as number;
    let at = i;
    for (; at > 0 && (rank[flows[at - 1] as number] as number) > (rank[flow] as number); at--)
      flows[at] = flows[at - 1] as number;
    flows[at] = flow;
  }
  return flows;
}
