/**
 * Runs a solver outside the caller's turn and gives its answer checked: built in by its name, a file of the user's
 * (`./mine.mjs`), or a program (`exec:COMMAND`). Never a hung caller: what does not end is ended, and says so.
 */
import { VnetError } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
import type { Solution } from '../model/solver.js';
import { boundOf } from './bounds.js';
import { epochMs, forThread, pack, type ThreadJob, unpack } from './messages.js';
import { solverNamed } from './registry.js';
import type { RunOptions } from './run-options.js';
import { isStranger, runStranger } from './run-stranger.js';
import { SolverThreads } from './solver-threads.js';

/** A built-in solver that gives no answer so long after its budget hangs. */
export const OVERRUN_MS = 20_000;
/** A bound this part below the value is rounding; further below, it is no bound. */
const BOUND_ROUNDING = 1e-6;

let shared: SolverThreads | undefined;
function sharedThreads(): SolverThreads {
  shared ??= new SolverThreads();
  return shared;
}

/** Has a thread ready, so that the first call need not wait for one. */
export async function warmSolvers(threads = sharedThreads()): Promise<void> {
  await threads.warm();
}

/**
 * @throws VNET_ERR_NOT_FOUND for a solver that is none, or where it found no placement; VNET_ERR_INVALID for an answer
 * that is none; VNET_ERR_TIMEOUT, VNET_ERR_LIMIT, VNET_ERR_INTERNAL where it hangs, takes too much memory, or dies;
 * VNET_ERR_CLOSED where `signal` aborts; what the solver throws.
 */
export async function runSolver(instance: Instance, solver: string, options: RunOptions): Promise<Solution> {
  const { objective, signal, threads = sharedThreads() } = options;
  const { found, value, bound, tookMs } = isStranger(solver)
    ? await runStranger(instance, solver, options, threads, OVERRUN_MS)
    : await threads.run(
        builtIn(instance, solverNamed(solver).name, options),
        options.budgetMs + OVERRUN_MS,
        signal,
      );
  if (!found || value === undefined)
    throw new VnetError('VNET_ERR_NOT_FOUND', `${solver} found no placement`, {
      hint: 'either there is none that hosts and constraints allow, or its budget was too short',
    });
  const known = options.bound ?? (await boundOf(instance, objective, threads, OVERRUN_MS, signal));
  const least = checkedBound(solver, value, Math.min(known, bound ?? Infinity));
  return { solver, ...unpack(found), value, bound: least, gap: gapOf(value, least), tookMs };
}

export function gapOf(value: number, bound: number): number {
  return (bound - value) / Math.max(Math.abs(bound), 1);
}

function builtIn(
  instance: Instance,
  solver: string,
  { objective, budgetMs, seed = 1, start }: RunOptions,
): () => ThreadJob {
  return () => {
    const request = {
      objective,
      deadlineMs: epochMs() + budgetMs,
      seed,
      ...(start === undefined ? {} : { start: pack(start) }),
    };
    return { kind: 'solve', instance: forThread(instance), solver, request };
  };
}

/** A bound that an answer exceeds is a slip in a proof, which must not pass for one. */
function checkedBound(solver: string, value: number, bound: number): number {
  if (bound >= value) return bound;
  if (value - bound <= BOUND_ROUNDING * Math.max(1, Math.abs(value), Math.abs(bound))) return value;
  throw new VnetError('VNET_ERR_INTERNAL', `${solver} found a value of ${value}, above a bound of ${bound}`, {
    hint: 'one of the two is wrong: please report the instance',
  });
}
