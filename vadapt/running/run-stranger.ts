/** Solvers of the user's. Nothing of what they say is believed: names, places, paths and value are checked here. */
import { VnetError } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
import type { Placement } from '../model/problem.js';
import { pinnedTo } from '../model/rpvee.js';
import { whyMappingInvalid } from '../model/validity.js';
import { epochMs, forThread, pack, type ThreadJob, type ThreadResult } from './messages.js';
import { readAnswer, requestText } from './request.js';
import type { RunOptions } from './run-options.js';
import type { SolverThreads } from './solver-threads.js';
import { runFile } from './user-file.js';
import { runProgram } from './user-program.js';

const PROGRAM = 'exec:';
/** Finds the paths where the user's solver only places the VMs. */
const ROUTER = 'greedy';

/** A path or a program; everything else is a name. */
export function isStranger(solver: string): boolean {
  return solver.startsWith(PROGRAM) || /\/|\.[cm]?js$/.test(solver);
}

/** `limitMs`: of what is done here besides, checking and paths. */
export async function runStranger(
  instance: Instance,
  solver: string,
  { objective, budgetMs, seed = 1, start, signal }: RunOptions,
  threads: SolverThreads,
  limitMs: number,
): Promise<ThreadResult> {
  const request = requestText(instance, {
    objective,
    budgetMs,
    seed,
    ...(start === undefined ? {} : { start }),
  });
  const run = { request, budgetMs, ...(signal === undefined ? {} : { signal }) };
  const { text, tookMs } = solver.startsWith(PROGRAM)
    ? await runProgram(solver.slice(PROGRAM.length), run)
    : await runFile(solver, run);
  if (text === undefined) return { tookMs };
  const { mapping, paths } = readAnswer(text, solver, instance);
  const why = whyMappingInvalid(instance, mapping);
  if (why !== undefined) throw new VnetError('VNET_ERR_INVALID', `${solver}: the answer is none: ${why}`);
  const ask = async (job: () => ThreadJob): Promise<ThreadResult> => {
    try {
      return await threads.run(job, limitMs, signal);
    } catch (thrown) {
      const { code, message } = VnetError.from(thrown);
      throw new VnetError(code, `${solver}: ${message}`, { cause: thrown });
    }
  };
  if (paths === undefined)
    return { ...(await ask(() => routing(instance, mapping, { objective, budgetMs, seed }))), tookMs };
  const found: Placement = { mapping, paths };
  const { value } = await ask(() => {
    return { kind: 'judge', instance: forThread(instance), objective, placement: pack(found) };
  });
  return { found: pack(found), ...(value === undefined ? {} : { value }), tookMs };
}

function routing(
  instance: Instance,
  mapping: Int32Array,
  { objective, budgetMs, seed }: { objective: RunOptions['objective']; budgetMs: number; seed: number },
): ThreadJob {
  const request = { objective, deadlineMs: epochMs() + budgetMs, seed };
  return { kind: 'solve', instance: forThread(pinnedTo(instance, mapping)), solver: ROUTER, request };
}
