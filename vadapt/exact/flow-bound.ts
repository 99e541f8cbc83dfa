/** What one flow can be worth at best, between two given hosts, if it had the network for itself. */
import type { Instance } from '../model/instance.js';
import { withoutPath } from '../model/evaluate.js';
import { flowValue, type Objective, type ObjectiveWeights, weightsOf } from '../model/objective.js';
import { OVERLOAD } from '../model/problem.js';
import { edgeWidths, type PathLevel, pathLevels } from './path-levels.js';

/** False: more of what the objective takes off would be better, and nothing here bounds it. */
export function isBounded(weights: ObjectiveWeights): boolean {
  const { nearness, latency, extraHops, change } = weights;
  return nearness >= 0 && latency >= 0 && extraHops >= 0 && change >= 0;
}

/** More room is better, and no less so the less there is: what flows share they lose at least as much as they use. */
export function isConcave(weights: ObjectiveWeights): boolean {
  const slope = weights.residual - weights.tightFit;
  return slope >= 0 && slope <= OVERLOAD;
}

/** What a residual is worth. */
export function roomValue(weights: ObjectiveWeights, residual: number): number {
  return residual >= 0 ? (weights.residual - weights.tightFit) * residual : OVERLOAD * residual;
}

export class FlowBounds {
  readonly weights: ObjectiveWeights;
  readonly #instance: Instance;
  readonly #least: number;
  readonly #demands: number;
  readonly #levels: readonly PathLevel[];
  readonly #widths: Float64Array;

  constructor(instance: Instance, objective: Objective) {
    this.#instance = instance;
    this.weights = weightsOf(objective);
    this.#levels = pathLevels(instance, { byLevel: needsLevels(instance, this.weights) });
    this.#demands = instance.demand.reduce((sum, bits) => sum + bits, 0);
    this.#widths = edgeWidths(instance);
    this.#least = leastRemaining(instance, this.#widths, this.#demands);
  }

  of(flow: number, from: number, to: number): number {
    return from === to ? this.local(flow, from) : this.remote(flow, from, to);
  }

  localCapacity(host: number): number {
    return this.#widths[host * (this.#instance.hosts + 1)] as number;
  }

  /** `others`: bits a second of the flows it shares the host with. */
  local(flow: number, host: number, others = 0): number {
    const capacity = this.localCapacity(host);
    const demand = this.#instance.demand[flow] as number;
    return this.#value(flow, capacity - this.#demands, capacity - demand - others, 0, 0);
  }

  remote(flow: number, from: number, to: number): number {
    const pair = from * this.#instance.hosts + to;
    const demand = this.#instance.demand[flow] as number;
    let best = -Infinity;
    for (const { width, latencyUs, hops } of this.#levels) {
      const bits = width[pair] as number;
      if (bits === -Infinity) continue;
      const value = this.#value(
        flow,
        this.#least,
        bits - demand,
        latencyUs[pair] as number,
        hops[pair] as number,
      );
      if (value > best) best = value;
    }
    return best === -Infinity ? withoutPath(demand) : best;
  }

  /** The best residual between the least and the most it can be. */
  #value(flow: number, least: number, most: number, latencyUs: number, hops: number): number {
    return bestValue(this.weights, this.#instance, flow, least, most, latencyUs, hops);
  }
}

/** Where room is worth less than nothing, a residual of 0 is the best there is. */
function bestValue(
  weights: ObjectiveWeights,
  { demand, latencyBound }: Instance,
  flow: number,
  least: number,
  most: number,
  latencyUs: number,
  hops: number,
): number {
  const residual = weights.residual >= weights.tightFit ? most : Math.min(most, Math.max(0, least));
  const [bits, bound] = [demand[flow] as number, latencyBound[flow] as number];
  return flowValue(weights, bits, bound, residual, latencyUs, hops);
}

/** Of any edge, if all demands crossed it on every hop. */
function leastRemaining(instance: Instance, widths: Float64Array, demands: number): number {
  const { hosts, maxHops } = instance;
  let least = Infinity;
  widths.forEach((bits, edge) => {
    if (edge % (hosts + 1) !== 0 && (instance.bandwidth[edge] as number) > 0) least = Math.min(least, bits);
  });
  return least - demands * (instance.sharedCapacity.length > 0 ? maxHops : 1);
}

function needsLevels({ maxHops, hosts, latencyBound }: Instance, weights: ObjectiveWeights): boolean {
  if (weights.nearness !== 0 || weights.latency !== 0 || weights.extraHops !== 0) return true;
  return maxHops < hosts - 1 || latencyBound.some((us) => us < Infinity);
}
