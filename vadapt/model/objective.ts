/**
 * What is maximised, in bits a second. Each objective is a sum over the flows of a function of three things: the
 * residual bandwidth of the narrowest part of its path (Virtuoso 8.1), the latency of the path, and its hops; less
 * the cost of change, less what is missing in CPUs.
 *
 *   value = sum over flows i of  w.residual   * max(0, rc_i)
 *                              - w.tightFit   * max(0, rc_i)
 *                              - OVERLOAD     * max(0, -rc_i)
 *                              + w.nearness   / (lat_i + NEAR_US)     (nearness: bits a second x microseconds)
 *                              - w.latency    * b_i * lat_i           (a microsecond)
 *                              - w.extraHops  * b_i * max(0, hops_i - 1)
 *                              - OVERLOAD     * b_i * max(0, lat_i / bound_i - 1)
 *         - missing CPUs * missingCpuBitsPerSecond - w.change * cost of change
 *
 * A flow without a path adds -NO_PATH * b_i, and no other term (`withoutPath`).
 */
import { invalid } from './amounts.js';
import { OVERLOAD } from './problem.js';

export interface Objective {
  name: string;
  weights: Readonly<Partial<ObjectiveWeights>>;
}

/** Default of each: 0. */
export interface ObjectiveWeights {
  residual: number;
  tightFit: number;
  /** Bits a second times microseconds. */
  nearness: number;
  /** A microsecond. */
  latency: number;
  extraHops: number;
  change: number;
}

/** Added to a path's latency where it divides: two VMs on one host are not infinitely near. */
export const NEAR_US = 50;

/** The objectives people name. `weighted` is any other. */
export const OBJECTIVES = {
  /** The paper's (7.1.1, 8.1): leaves the most room. */
  residual: { name: 'residual', weights: { residual: 1 } },
  /** At most one overlay hop between any two that talk, and then room. */
  'single-hop': { name: 'single-hop', weights: { residual: 1, extraHops: OVERLOAD } },
  /** The opposite of room: leaves other edges whole for others (10.2.1). */
  'tight-fit': { name: 'tight-fit', weights: { tightFit: 1 } },
  /** Mean latency, by demand. */
  latency: { name: 'latency', weights: { latency: 1e-3 } },
  /** Room and nearness: at 1 ms, nearness is worth 10 Mbit/s. */
  combined: { name: 'combined', weights: { residual: 1, nearness: 10e6 * (1000 + NEAR_US) } },
} as const satisfies Record<string, Objective>;
export type ObjectiveName = keyof typeof OBJECTIVES;

/** @throws VNET_ERR_INVALID, with the names there are. */
export function objectiveNamed(name: string): Objective {
  if (Object.hasOwn(OBJECTIVES, name)) return OBJECTIVES[name as ObjectiveName];
  throw invalid(`no objective is called ${name}`, `there are ${Object.keys(OBJECTIVES).join(', ')}`);
}

/** A weighted sum of the user's own. @throws VNET_ERR_INVALID for a weight that nobody knows, or that is no number >= 0. */
export function weighted(weights: Readonly<Record<string, number>>, name = 'weighted'): Objective {
  const known = Object.keys(weightsOf({ name, weights: {} }));
  for (const [key, weight] of Object.entries(weights)) {
    if (!known.includes(key))
      throw invalid(`an objective has no weight ${key}`, `it has ${known.join(', ')}`);
    if (!(weight >= 0 && weight < Infinity)) throw invalid(`the weight ${key} cannot be ${weight}`);
  }
  return { name, weights };
}

/** All weights, those that are not given as 0. */
export function weightsOf({ weights }: Objective): ObjectiveWeights {
  return { residual: 0, tightFit: 0, nearness: 0, latency: 0, extraHops: 0, change: 0, ...weights };
}

/**
 * What one flow adds. `residual`: of the narrowest part of its path, bits a second, the flow itself taken off.
 * `hops`: 0 within a host. `boundUs`: Infinity for none.
 */
export function flowValue(
  weights: ObjectiveWeights,
  demand: number,
  boundUs: number,
  residual: number,
  latencyUs: number,
  hops: number,
): number {
  const room = residual >= 0 ? residual : 0;
  const lack = residual < 0 ? -residual : 0;
  let value = (weights.residual - weights.tightFit) * room - OVERLOAD * lack;
  if (weights.nearness !== 0) value += weights.nearness / (latencyUs + NEAR_US);
  value -= weights.latency * demand * latencyUs;
  if (hops > 1) value -= weights.extraHops * demand * (hops - 1);
  if (latencyUs > boundUs) value -= OVERLOAD * demand * (latencyUs / boundUs - 1);
  return value;
}
