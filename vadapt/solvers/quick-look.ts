/**
 * What a mapping may be worth, in a few microseconds: each flow, the largest first, takes the best of a handful of short
 * paths by what it gets less what it may cost those who are there. The value is that of a placement (but for the cost of
 * new links), so never more than the mapping's best. For searching among mappings of few hosts and flows.
 */
import type { Instance } from '../model/instance.js';
import { flowValue, type Objective, type ObjectiveWeights, weightsOf } from '../model/objective.js';
import { withoutPath } from '../model/evaluate.js';
import { OVERLOAD } from '../model/problem.js';
import { byDemand, type ShortPaths, shortPaths } from '../routing/index.js';
import { NOWHERE, Places } from './places.js';
import { flowsOfUnits, type Searched } from './searched.js';

export class QuickLook implements Searched {
  readonly instance: Instance;
  readonly places: Places;
  readonly flowsOf: readonly Int32Array[];
  value = 0;
  readonly #weights: ObjectiveWeights;
  /** Nothing but room counts: of paths in order of width, none that follows can be worth more than its width. */
  readonly #byWidth: boolean;
  readonly #roomWorth: number;
  readonly #paths: ShortPaths;
  readonly #order: Int32Array;
  readonly #whole: Float64Array;
  readonly #left: Float64Array;
  readonly #crossing: Int32Array;
  readonly #chosen: Int32Array;
  readonly #values: number[] = [];

  constructor(instance: Instance, objective: Objective) {
    const { hosts, bandwidth, sharedCapacity } = instance;
    this.instance = instance;
    this.#weights = weightsOf(objective);
    const { residual, tightFit, nearness } = this.#weights;
    this.#byWidth = residual === 1 && tightFit === 0 && nearness === 0;
    this.#roomWorth = residual - tightFit;
    this.places = new Places(instance, this.#weights.change);
    this.#paths = shortPaths(instance, this.#weights);
    this.#order = byDemand(instance.demand);
    this.flowsOf = flowsOfUnits(instance, this.places, this.#order);
    this.#whole = new Float64Array(hosts * hosts + sharedCapacity.length);
    this.#whole.set(bandwidth);
    this.#whole.set(sharedCapacity, hosts * hosts);
    this.#left = new Float64Array(this.#whole.length);
    this.#crossing = new Int32Array(this.#whole.length);
    this.#chosen = new Int32Array(instance.flows);
  }

  /** Puts all units where they are in `hostOf`. */
  begin(hostOf: Int32Array): void {
    const { places } = this;
    for (let unit = 0; unit < places.units; unit++) if (places.hostOf[unit] !== NOWHERE) places.take(unit);
    places.cost = 0;
    hostOf.forEach((host, unit) => places.put(unit, host));
    this.settle();
  }

  mark(): void {
    this.places.mark();
    this.#values.push(this.value);
  }

  commit(): void {
    this.places.commit();
    this.#values.length--;
  }

  rollback(): void {
    this.places.rollback();
    this.value = this.#values.pop() as number;
  }

  lift(unit: number): void {
    this.places.take(unit);
  }

  drop(unit: number, host: number): void {
    this.places.put(unit, host);
  }

  settle(): void {
    this.#left.set(this.#whole);
    this.#crossing.fill(0);
    for (const flow of this.#order) this.#choose(flow);
    this.value = this.#sum() - this.places.cost;
  }

  /** The hosts of the path that a flow chose when it was last settled; none: there is no path. */
  pathOf(flow: number): Int32Array {
    const { hostsStart, hosts, hops } = this.#paths;
    const path = this.#chosen[flow] as number;
    if (path < 0) return new Int32Array(0);
    const start = hostsStart[path] as number;
    return hosts.subarray(start, start + 1 + (hops[path] as number));
  }

  #choose(flow: number): void {
    const { flowFrom, flowTo, hosts, demand } = this.instance;
    const { mapping } = this.places;
    const pair =
      (mapping[flowFrom[flow] as number] as number) * hosts + (mapping[flowTo[flow] as number] as number);
    const { pairStart, width } = this.#paths;
    const wanted = demand[flow] as number;
    const end = pairStart[pair + 1] as number;
    const first = pairStart[pair] as number;
    let [best, most] = [-1, -Infinity];
    for (let path = first; path < end; path++) {
      if (path > first + 1 && this.#byWidth && (width[path] as number) - wanted <= most) break;
      const worth = this.#worth(flow, path, wanted);
      if (worth > most) [best, most] = [path, worth];
    }
    this.#chosen[flow] = best;
    this.#cross(best, wanted);
  }

  /** To the flow, less what the others may lose: each of those who cross as much as it takes. */
  #worth(flow: number, path: number, wanted: number): number {
    const { crossedStart, crossed, latency, hops } = this.#paths;
    const end = crossedStart[path + 1] as number;
    let narrowest = Infinity;
    let lost = 0;
    for (let i = crossedStart[path] as number; i < end; i++) {
      const capacity = crossed[i] as number;
      const left = (this.#left[capacity] as number) - wanted;
      if (left < narrowest) narrowest = left;
      const others = this.#crossing[capacity] as number;
      if (others > 0) lost += others * wanted * (left >= 0 ? this.#roomWorth : OVERLOAD);
    }
    return this.#value(flow, wanted, narrowest, latency[path] as number, hops[path] as number) - lost;
  }

  #value(flow: number, wanted: number, residual: number, latencyUs: number, hops: number): number {
    return flowValue(
      this.#weights,
      wanted,
      this.instance.latencyBound[flow] as number,
      residual,
      latencyUs,
      hops,
    );
  }

  #cross(path: number, wanted: number): void {
    if (path < 0) return;
    const { crossedStart, crossed } = this.#paths;
    const end = crossedStart[path + 1] as number;
    for (let i = crossedStart[path] as number; i < end; i++) {
      const capacity = crossed[i] as number;
      this.#left[capacity] = (this.#left[capacity] as number) - wanted;
      this.#crossing[capacity] = (this.#crossing[capacity] as number) + 1;
    }
  }

  #sum(): number {
    const { flows, demand } = this.instance;
    const { crossedStart, crossed, latency, hops } = this.#paths;
    let sum = 0;
    for (let flow = 0; flow < flows; flow++) {
      const path = this.#chosen[flow] as number;
      const wanted = demand[flow] as number;
      if (path < 0) {
        sum += withoutPath(wanted);
        continue;
      }
      let narrowest = Infinity;
      const end = crossedStart[path + 1] as number;
      for (let i = crossedStart[path] as number; i < end; i++) {
        const left = this.#left[crossed[i] as number] as number;
        if (left < narrowest) narrowest = left;
      }
      sum += this.#value(flow, wanted, narrowest, latency[path] as number, hops[path] as number);
    }
    return sum;
  }
}
