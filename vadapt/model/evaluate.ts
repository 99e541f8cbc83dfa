/**
 * What a placement is worth, from the definition: the slow, obvious oracle that every solver is held against, and what
 * every answer is checked with. O(flows x hops + edges used + hosts + VMs).
 */
import type { Instance } from './instance.js';
import { flowValue, type Objective, type ObjectiveWeights, weightsOf } from './objective.js';
import { NO_PATH, type Placement } from './problem.js';
import { checkPlacement, missingCpus } from './validity.js';

export { checkPlacement, missingCpus, ROUNDING, whyInvalid, whyMappingInvalid } from './validity.js';

export interface Score {
  value: number;
  /** By flow: residual of the narrowest part of its path, bits a second. */
  residual: Float64Array;
  latencyUs: Float64Array;
  /** 0 within a host, -1 without a path. */
  hops: Int32Array;
  missingCpus: number;
  /** In bits a second, before the objective's weight. */
  costOfChange: number;
}

/** @throws VNET_ERR_INVALID where the placement is none: see `checkPlacement`. */
export function evaluate(instance: Instance, objective: Objective, placement: Placement): Score {
  checkPlacement(instance, placement);
  const weights = weightsOf(objective);
  const left = residuals(instance, placement);
  const score: Score = {
    value: 0,
    residual: new Float64Array(instance.flows),
    latencyUs: new Float64Array(instance.flows),
    hops: new Int32Array(instance.flows),
    missingCpus: missingCpus(instance, placement.mapping),
    costOfChange: costOfChange(instance, placement),
  };
  for (let flow = 0; flow < instance.flows; flow++)
    scoreFlow(instance, weights, placement, left, flow, score);
  if (score.missingCpus > 0) score.value -= score.missingCpus * instance.missingCpu;
  score.value -= weights.change * score.costOfChange;
  return score;
}

interface Residuals {
  edge: Map<number, number>;
  shared: Float64Array;
}

/** The edges that a path takes; within a host the host's own. */
export function edgesOf({ hosts }: Instance, path: ArrayLike<number>): number[] {
  if (path.length === 1) return [(path[0] as number) * (hosts + 1)];
  return Array.from({ length: Math.max(0, path.length - 1) }, (_, i) => {
    return (path[i] as number) * hosts + (path[i + 1] as number);
  });
}

export function sharedOf(instance: Instance, edge: number): Int32Array {
  const { sharedStart, sharedOfEdge } = instance;
  if (sharedStart.length === 0) return sharedOfEdge;
  return sharedOfEdge.subarray(sharedStart[edge], sharedStart[edge + 1]);
}

function residuals(instance: Instance, { paths }: Placement): Residuals {
  const edge = new Map<number, number>();
  const shared = Float64Array.from(instance.sharedCapacity);
  for (let flow = 0; flow < instance.flows; flow++) {
    const demand = instance.demand[flow] as number;
    for (const key of edgesOf(instance, paths[flow] as Int32Array)) {
      edge.set(key, (edge.get(key) ?? (instance.bandwidth[key] as number)) - demand);
      for (const group of sharedOf(instance, key)) shared[group] = (shared[group] as number) - demand;
    }
  }
  return { edge, shared };
}

function scoreFlow(
  instance: Instance,
  weights: ObjectiveWeights,
  { paths }: Placement,
  left: Residuals,
  flow: number,
  score: Score,
): void {
  const path = paths[flow] as Int32Array;
  const demand = instance.demand[flow] as number;
  const bound = instance.latencyBound[flow] as number;
  score.hops[flow] = path.length - 1;
  if (path.length === 0) {
    score.residual[flow] = -demand;
    score.latencyUs[flow] = Infinity;
    score.value += withoutPath(demand);
    return;
  }
  let [residual, latency] = [Infinity, 0];
  for (const key of edgesOf(instance, path)) {
    residual = Math.min(residual, left.edge.get(key) as number);
    for (const group of sharedOf(instance, key)) residual = Math.min(residual, left.shared[group] as number);
    latency += instance.latency[key] as number;
  }
  score.residual[flow] = residual;
  score.latencyUs[flow] = latency;
  score.value += flowValue(weights, demand, bound, residual, latency, path.length - 1);
}

/** Bits a second: every VM that is somewhere else now, and every link that is not there yet. */
export function costOfChange(instance: Instance, { mapping, paths }: Placement): number {
  let cost = 0;
  for (let vm = 0; vm < instance.vms; vm++) {
    const before = instance.presentHost[vm] as number;
    if (before >= 0 && before !== mapping[vm]) cost += instance.moveCost[vm] as number;
  }
  if (instance.linked.length === 0) return cost;
  const used = new Set<number>();
  for (const path of paths) if (path.length > 1) for (const edge of edgesOf(instance, path)) used.add(edge);
  for (const edge of used) if (instance.linked[edge] === 0) cost += instance.linkCost;
  return cost;
}

/** What a flow without a path adds. */
export function withoutPath(demand: number): number {
  return -NO_PATH * demand;
}
