/**
 * The bound where hosts are few: the mapping as a graphical model. Each unit (units.ts) takes one of its hosts; a pair of
 * units that talk adds what their flows could have between the two hosts at best (flow-bound.ts), and what they share on
 * one host exactly. The dual of that model's linear relaxation, by block coordinate ascent over the pairs (max-product linear
 * programming: Globerson and Jaakkola, NIPS 2007, its edge updates), is a bound at every step, and no step makes it worse.
 * O(pairs x hosts^2) a step.
 */
import type { Instance } from '../model/instance.js';
import type { Objective } from '../model/objective.js';
import { FlowBounds } from './flow-bound.js';
import { apartUnits, fits, type Units } from './units.js';

/** Entries of all pairs' tables; beyond, there is no such bound. */
const ENTRIES_MAX = 3e6;
const HOSTS_MAX = 200;
const OPERATIONS_MAX = 2e7;
const STEPS_MAX = 200;
/** Less than this part of the bound gained by a step: done. */
const GAIN_LEAST = 1e-6;

export interface PairTable {
  a: number;
  b: number;
  /** Domain of a x domain of b; -Infinity: they cannot be there both. */
  value: Float64Array;
}

export interface PairwiseModel {
  /** By unit, over its domain. */
  unary: Float64Array[];
  pairs: PairTable[];
}

export function pairwiseBound(instance: Instance, objective: Objective, units: Units): number {
  if (instance.hosts > HOSTS_MAX) return Infinity;
  const model = pairwiseModel(instance, objective, units);
  return model === undefined ? Infinity : dualAscent(model).bound;
}

/** Undefined: too large. */
export function pairwiseModel(
  instance: Instance,
  objective: Objective,
  units: Units,
): PairwiseModel | undefined {
  const flows = flowsByPair(instance, units);
  let entries = 0;
  for (const key of flows.keys()) {
    const [a, b] = [Math.floor(key / units.count), key % units.count];
    entries += (units.domains[a]?.length ?? 0) * (units.domains[b]?.length ?? 0);
  }
  if (entries > ENTRIES_MAX) return undefined;
  const bounds = new FlowBounds(instance, objective);
  const apart = apartUnits(instance, units);
  const unary = units.domains.map((domain, unit) => {
    const inner = flows.get(unit * units.count + unit) ?? [];
    return Float64Array.from(domain, (host) => {
      return (
        localValue(bounds, instance, inner, host) - bounds.weights.change * moved(instance, units, unit, host)
      );
    });
  });
  const pairs: PairTable[] = [];
  for (const [key, list] of flows) {
    const [a, b] = [Math.floor(key / units.count), key % units.count];
    if (a !== b) pairs.push({ a, b, value: pairTable(instance, units, bounds, apart, list, a, b) });
  }
  return { unary, pairs };
}

/** Flows between units a <= b, by a x count + b. */
function flowsByPair(instance: Instance, units: Units): Map<number, number[]> {
  const flows = new Map<number, number[]>();
  for (let flow = 0; flow < instance.flows; flow++) {
    const a = units.of[instance.flowFrom[flow] as number] as number;
    const b = units.of[instance.flowTo[flow] as number] as number;
    const key = Math.min(a, b) * units.count + Math.max(a, b);
    const list = flows.get(key);
    if (list) list.push(flow);
    else flows.set(key, [flow]);
  }
  return flows;
}

/** Of flows that share a host: less what they take from each other, where that is sure. */
function localValue(bounds: FlowBounds, instance: Instance, flows: readonly number[], host: number): number {
  const increasing = bounds.weights.residual >= bounds.weights.tightFit;
  const demands = flows.reduce((sum, flow) => sum + (instance.demand[flow] as number), 0);
  return flows.reduce((sum, flow) => {
    return sum + bounds.local(flow, host, increasing ? demands - (instance.demand[flow] as number) : 0);
  }, 0);
}

function moved({ presentHost, moveCost }: Instance, units: Units, unit: number, host: number): number {
  let cost = 0;
  for (const vm of units.members[unit] as Int32Array) {
    const before = presentHost[vm] as number;
    if (before >= 0 && before !== host) cost += moveCost[vm] as number;
  }
  return cost;
}

function pairTable(
  instance: Instance,
  units: Units,
  bounds: FlowBounds,
  apart: Set<number>,
  flows: readonly number[],
  a: number,
  b: number,
): Float64Array {
  const [hostsOfA, hostsOfB] = [units.domains[a] as Int32Array, units.domains[b] as Int32Array];
  const value = new Float64Array(hostsOfA.length * hostsOfB.length);
  const cpus = (units.cpus[a] as number) + (units.cpus[b] as number);
  const memory = (units.memory[a] as number) + (units.memory[b] as number);
  const mayShare = !apart.has(a * units.count + b);
  hostsOfA.forEach((u, i) => {
    hostsOfB.forEach((v, j) => {
      const entry = i * hostsOfB.length + j;
      if (u === v) {
        const both = mayShare && fits(instance, u, cpus, memory);
        value[entry] = both ? localValue(bounds, instance, flows, u) : -Infinity;
        return;
      }
      let sum = 0;
      for (const flow of flows) {
        const forward = units.of[instance.flowFrom[flow] as number] === a;
        sum += forward ? bounds.remote(flow, u, v) : bounds.remote(flow, v, u);
      }
      value[entry] = sum;
    });
  });
  return value;
}

/** The same model, its parts' maxima as small as they could be made. */
export interface Balanced extends PairwiseModel {
  /** The sum of the maxima; -Infinity where some unit's every host is forbidden by another's. */
  bound: number;
}

export function dualAscent({ unary, pairs }: PairwiseModel): Balanced {
  // What each unit is worth on each of its hosts, with what the pairs have sent it.
  const worth = unary.map((values) => Float64Array.from(values));
  const rest = pairs.map(({ a, b, value }) => ({ a, b, value: Float64Array.from(value) }));
  let entries = 1;
  for (const { value } of pairs) entries += value.length;
  const steps = Math.min(STEPS_MAX, Math.max(1, Math.floor(OPERATIONS_MAX / entries / 4)));
  let bound = total(worth, rest);
  for (let step = 0; step < steps; step++) {
    for (const { a, b, value } of rest) balance(worth[a] as Float64Array, worth[b] as Float64Array, value);
    const before = bound;
    bound = Math.min(bound, total(worth, rest));
    if (!(bound < before - GAIN_LEAST * Math.abs(before))) break;
  }
  return { unary: worth, pairs: rest, bound };
}

function total(unary: readonly Float64Array[], pairs: readonly PairTable[]): number {
  let sum = 0;
  for (const values of unary) sum += largest(values);
  for (const { value } of pairs) sum += largest(value);
  return sum;
}

export function largest(values: Float64Array): number {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  return most;
}

/**
 * The pair takes all that both units have, and gives half of the best of each host back to it: afterwards the three parts'
 * maxima sum to the maximum of the whole, which is the least they can.
 */
function balance(worthA: Float64Array, worthB: Float64Array, rest: Float64Array): void {
  const [rows, columns] = [worthA.length, worthB.length];
  const [bestA, bestB] = [new Float64Array(rows).fill(-Infinity), new Float64Array(columns).fill(-Infinity)];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const whole = (rest[i * columns + j] as number) + (worthA[i] as number) + (worthB[j] as number);
      rest[i * columns + j] = whole;
      if (whole > (bestA[i] as number)) bestA[i] = whole;
      if (whole > (bestB[j] as number)) bestB[j] = whole;
    }
  }
  for (let i = 0; i < rows; i++) worthA[i] = (bestA[i] as number) / 2;
  for (let j = 0; j < columns; j++) worthB[j] = (bestB[j] as number) / 2;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const entry = i * columns + j;
      const whole = rest[entry] as number;
      rest[entry] = whole === -Infinity ? whole : whole - (worthA[i] as number) - (worthB[j] as number);
    }
  }
}
