/**
 * What flows within one host take from each other. The tables of pairs know the flows of their pair alone; k flows that ask
 * for D of the host's L have k g(L - D) together, g being room or lack by the objective. It grows ever less with each
 * flow that is added, so the losses of several that may be added are at least the sum of each one's.
 */
import type { Instance } from '../model/instance.js';
import type { ObjectiveWeights } from '../model/objective.js';
import { OVERLOAD } from '../model/problem.js';
import { isConcave } from './flow-bound.js';
import { edgeWidths } from './path-levels.js';
import type { Units } from './units.js';

export class LocalSharing {
  readonly #capacity: Float64Array;
  readonly #slope: number;
  readonly #counts: boolean;
  readonly #units: number;
  /** Units x units, the diagonal within a unit: flows both ways, and what they ask for. */
  readonly flows: Int32Array;
  readonly demand: Float64Array;

  constructor(instance: Instance, weights: ObjectiveWeights, units: Units) {
    const { hosts } = instance;
    const widths = edgeWidths(instance);
    this.#capacity = Float64Array.from({ length: hosts }, (_, host) => widths[host * (hosts + 1)] as number);
    this.#slope = weights.residual - weights.tightFit;
    this.#counts = isConcave(weights);
    this.#units = units.count;
    this.flows = new Int32Array(units.count * units.count);
    this.demand = new Float64Array(units.count * units.count);
    for (let flow = 0; flow < instance.flows; flow++) {
      const a = units.of[instance.flowFrom[flow] as number] as number;
      const b = units.of[instance.flowTo[flow] as number] as number;
      for (const entry of a === b ? [a * units.count + b] : [a * units.count + b, b * units.count + a]) {
        this.flows[entry] = (this.flows[entry] as number) + 1;
        this.demand[entry] = (this.demand[entry] as number) + (instance.demand[flow] as number);
      }
    }
  }

  /** What a unit loses, and costs those that are there, beyond what the tables say, if it joins them on the host. */
  loss(host: number, there: Group, unit: number): number {
    if (!this.#counts) return 0;
    const capacity = this.#capacity[host] as number;
    const own = unit * this.#units + unit;
    let [flows, demand] = [this.flows[own] as number, this.demand[own] as number];
    let tables = flows === 0 ? 0 : flows * this.#room(capacity - demand);
    for (const other of there.units) {
      const pair = unit * this.#units + other;
      const count = this.flows[pair] as number;
      if (count === 0) continue;
      const bits = this.demand[pair] as number;
      flows += count;
      demand += bits;
      tables += count * this.#room(capacity - bits);
    }
    if (flows === 0) return 0;
    const before = there.flows * this.#room(capacity - there.demand);
    const after = (there.flows + flows) * this.#room(capacity - there.demand - demand);
    return Math.max(0, tables - (after - before));
  }

  join(there: Group, unit: number): void {
    const own = unit * this.#units + unit;
    there.flows += this.flows[own] as number;
    there.demand += this.demand[own] as number;
    for (const other of there.units) {
      there.flows += this.flows[unit * this.#units + other] as number;
      there.demand += this.demand[unit * this.#units + other] as number;
    }
    there.units.push(unit);
  }

  /** The last that joined. */
  leave(there: Group): void {
    const unit = there.units.pop() as number;
    const own = unit * this.#units + unit;
    there.flows -= this.flows[own] as number;
    there.demand -= this.demand[own] as number;
    for (const other of there.units) {
      there.flows -= this.flows[unit * this.#units + other] as number;
      there.demand -= this.demand[unit * this.#units + other] as number;
    }
    if (there.flows === 0) there.demand = 0;
  }

  #room(residual: number): number {
    return residual >= 0 ? this.#slope * residual : OVERLOAD * residual;
  }
}

/** Units on one host, and the flows within it. */
export interface Group {
  units: number[];
  flows: number;
  demand: number;
}
