/**
 * The whole problem given to a solver of mixed-integer linear programs, HiGHS (Huangfu and Hall, Mathematical Programming
 * Computation 10, 2018), in the formulation of docs/exact.md. It proves a handful of hosts and is here to be a proof of another
 * kind than branch.ts. HiGHS is WebAssembly that somebody loads; here it is an argument.
 */
import { VnetError } from '../../core/index.js';
import { evaluate, whyInvalid } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import { type ObjectiveWeights, weightsOf } from '../model/objective.js';
import { OVERLOAD, type Placement } from '../model/problem.js';
import type { Answer, SolveOptions, Solver } from '../model/solver.js';
import { isBounded } from './flow-bound.js';
import { Formulation } from './formulation.js';
import type { LinearArrays } from './linear-model.js';
import { makeUnits, type Units } from './units.js';

/** What is used of the package `highs`, as its loader gives it. */
export interface Highs {
  readonly constants: { readonly modelStatus: { readonly optimal: number; readonly infeasible: number } };
  createModel(source: LinearArrays): HighsModel;
}

export interface HighsModel {
  readonly options: { set(values: Record<string, string | number | boolean>): void };
  readonly info: { get(name: string): unknown };
  run(): unknown;
  getModelStatus(): number;
  getSolution(): { colValue: ArrayLike<number> };
  dispose(): void;
}

/** Flows x flows x edges is about the size of the model; HiGHS in 32-bit memory. */
const PRODUCTS_MAX = 300_000;
/** Part of a value by which HiGHS may be mistaken: it compares up to 1e-6, of the widest edge's hundredth. */
const TOLERANCE = 1e-6;

export function milpSolver(highs: Highs): Solver {
  return {
    name: 'milp',
    source: 'mixed-integer linear program without big numbers on edges, HiGHS',
    solve: (instance, options) => solve(highs, instance, options),
  };
}

/** @throws VNET_ERR_UNSUPPORTED where there is no linear model, or it would be too large. */
function solve(highs: Highs, instance: Instance, options: SolveOptions): Answer | undefined {
  const weights = weightsOf(options.objective);
  checkLinear(instance, weights);
  const units = makeUnits(instance);
  if (units.domains.some((domain) => domain.length === 0)) return undefined;
  const started = options.now();
  const formulation = new Formulation(instance, weights, units);
  const model = highs.createModel(formulation.model.arrays());
  try {
    const seconds = Math.max(0.01, (options.budgetMs - (options.now() - started)) / 1000);
    model.options.set({
      output_flag: false,
      mip_rel_gap: 0,
      ...(seconds < Infinity ? { time_limit: seconds } : {}),
    });
    model.run();
    const status = model.getModelStatus();
    if (status === highs.constants.modelStatus.infeasible) return undefined;
    const found = placementOf(instance, formulation, units, model.getSolution().colValue);
    const best = better(instance, options, found);
    if (!best) return undefined;
    const { value } = evaluate(instance, options.objective, best);
    const bound = -(model.info.get('mip_dual_bound') as number) / formulation.scale;
    const slack = TOLERANCE * Math.max(Math.abs(bound), 1 / formulation.scale);
    return { ...best, ...(bound < Infinity ? { bound: Math.max(value, bound + slack) } : {}) };
  } finally {
    model.dispose();
  }
}

function checkLinear(instance: Instance, weights: ObjectiveWeights): void {
  const slope = weights.residual - weights.tightFit;
  const unsupported = (message: string) =>
    new VnetError('VNET_ERR_UNSUPPORTED', `milp: ${message}`, { hint: 'the solver exact does without' });
  if (!isBounded(weights)) throw unsupported('a weight is negative');
  if (weights.nearness !== 0) throw unsupported('nearness is not linear in the latency');
  if (slope < 0) throw unsupported('a tight fit is not the maximum of anything linear');
  if (slope > OVERLOAD)
    throw unsupported(`room may not be worth more than ${OVERLOAD} times what is lacking`);
  const products = (instance.flows * instance.flows * instance.hosts * instance.hosts) / 2;
  if (products > PRODUCTS_MAX) {
    throw unsupported(
      `${instance.hosts} hosts and ${instance.flows} flows make a model of ${products} products`,
    );
  }
}

/** Undefined: there is no solution, or time ended in the middle of one. */
function placementOf(
  instance: Instance,
  { x, y }: Formulation,
  units: Units,
  values: ArrayLike<number>,
): Placement | undefined {
  const { hosts, flows, flowFrom, flowTo } = instance;
  if (values.length === 0) return undefined;
  const isSet = (column: number | undefined) =>
    column !== undefined && column >= 0 && (values[column] ?? 0) > 0.5;
  const mapping = Int32Array.from(units.of, (unit) => {
    return Array.from({ length: hosts }, (_, host) => host).findIndex((host) =>
      isSet(x[unit * hosts + host]),
    );
  });
  const paths = Array.from({ length: flows }, (_, flow) => {
    const [from, to] = [
      mapping[flowFrom[flow] as number] as number,
      mapping[flowTo[flow] as number] as number,
    ];
    const path = [from];
    for (let here = from; here !== to && path.length <= hosts; ) {
      const row = flow * hosts * hosts + here * hosts;
      const next = Array.from({ length: hosts }, (_, host) => host).find((host) => {
        return host !== here && isSet(y[row + host]);
      });
      if (next === undefined) return new Int32Array(0);
      path.push(next);
      here = next;
    }
    return Int32Array.from(path);
  });
  const placement = { mapping, paths };
  return whyInvalid(instance, placement) === undefined ? placement : undefined;
}

function better(
  instance: Instance,
  { objective, start }: SolveOptions,
  found: Placement | undefined,
): Placement | undefined {
  const candidates = [found, start].filter((placement) => placement !== undefined);
  const valid = candidates.filter((placement) => whyInvalid(instance, placement) === undefined);
  const value = (placement: Placement) => evaluate(instance, objective, placement).value;
  return valid.sort((a, b) => value(b) - value(a))[0];
}
