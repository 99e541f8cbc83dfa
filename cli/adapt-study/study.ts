/** Every solver on every instance, several times: what each found, and how near to the best that is known. */
import { type ErrorBody, VnetError } from '../../core/index.js';
import {
  gapOf,
  type Instance,
  type Objective,
  type Placement,
  runSolver,
  warmSolvers,
} from '../../vadapt/index.js';

export interface StudyCase {
  name: string;
  instance: Instance;
  objective: Objective;
  /** A value that somebody has reached. */
  best?: number;
  /** Proven. */
  bound?: number;
}

export interface StudyOptions {
  solvers: readonly string[];
  budgetMs: number;
  /** Seeds 1 to this. */
  runs: number;
  signal: AbortSignal;
}

export interface StudyRun {
  solver: string;
  seed: number;
  tookMs: number;
  /** Absent: it failed. */
  value?: number;
  placement?: Placement;
  /** Of `value` in the best known, 0 to 1. */
  share?: number;
  error?: ErrorBody;
}

export interface StudyResult {
  case: StudyCase;
  /** The greatest value of all, stored ones among them; absent: nobody found a placement. */
  best?: number;
  /** The least that anybody proved. */
  bound: number;
  runs: StudyRun[];
}

/** What every other has to beat: always there, and first. */
export const BASELINE = 'random';

/** Once, in the order given, after the baseline. */
export function withBaseline(solvers: readonly string[]): string[] {
  return [...new Set([BASELINE, ...solvers])];
}

/** One case. Threads are there before the first, so that no budget pays for their start. */
export async function study(one: StudyCase, options: StudyOptions): Promise<StudyResult> {
  await warmSolvers();
  const { instance, objective } = one;
  let bound = one.bound ?? Infinity;
  const runs: StudyRun[] = [];
  for (const solver of options.solvers) {
    for (let seed = 1; seed <= options.runs && !options.signal.aborted; seed++) {
      const { signal, budgetMs } = options;
      try {
        const found = await runSolver(instance, solver, { objective, budgetMs, seed, signal });
        bound = Math.min(bound, found.bound);
        const placement = { mapping: found.mapping, paths: found.paths };
        runs.push({ solver, seed, value: found.value, tookMs: found.tookMs, placement });
      } catch (thrown) {
        if (options.signal.aborted) break;
        runs.push({ solver, seed, tookMs: 0, error: VnetError.from(thrown).toBody() });
      }
    }
  }
  return judged({ case: one, bound, runs }, one.best);
}

/**
 * Results of one problem as one. Where change costs, the problems differ in what is there already: then the greatest of
 * their bounds holds for all of them.
 */
export function merged(parts: readonly [StudyResult, ...StudyResult[]]): StudyResult {
  const [{ case: one }] = parts;
  const bounds = parts.map(({ bound }) => bound);
  const changeCosts = (one.objective.weights.change ?? 0) > 0;
  const bound = changeCosts ? Math.max(...bounds) : Math.min(...bounds);
  const runs = parts.flatMap((part) => part.runs);
  return judged({ case: one, bound, runs }, one.best);
}

function judged(result: StudyResult, stored = -Infinity): StudyResult {
  const best = Math.max(stored, ...result.runs.map(({ value = -Infinity }) => value));
  for (const run of result.runs) if (run.value !== undefined) run.share = shareOf(run.value, best);
  return { ...result, ...(best === -Infinity ? {} : { best }) };
}

/** 1: it is the best known. What is as far below it as it is above nothing, or further, is 0. */
export function shareOf(value: number, best: number): number {
  return Math.max(0, 1 - gapOf(value, best));
}
