/** `vnet sim`: what would be decided for a recording or an instance. */
import { VnetError } from '../../core/index.js';
import { runSolver, warmSolvers } from '../../vadapt/index.js';
import type { CliContext } from '../context.js';
import type { Run } from '../run.js';
import { decisionDocument, showDecision } from './decision-text.js';
import { readInstance } from './instance-folder.js';
import { budgetOf, countingChange, objectiveOf, seedOf, solverOf } from './options.js';
import { isRecording } from './recorded-moments.js';
import { simulate } from './simulate.js';

export interface SimOptions {
  on?: string;
  solver: string;
  objective?: string;
  budget?: string;
  seed?: string;
  network?: string;
  all?: boolean;
}

export async function sim(run: Run, options: SimOptions, path: string, context: CliContext): Promise<void> {
  const search = {
    solver: solverOf(options.solver),
    budgetMs: budgetOf(options.budget),
    seed: seedOf(options.seed),
    signal: context.signal,
  };
  const other = objectiveOf(options.objective);
  if (await isRecording(path)) {
    const on = options.on === undefined ? undefined : readInstance(options.on);
    const network = options.network === undefined ? {} : { network: options.network };
    return await simulate(run, path, {
      ...search,
      ...network,
      ...(on && { on, objective: countingChange(other ?? on.objective) }),
    });
  }
  if (options.on !== undefined)
    throw new VnetError('VNET_ERR_INVALID', `${path} is no recording`, {
      hint: '--on is for what `vnet record` wrote',
    });
  const { name, instance, objective: own } = readInstance(path);
  const objective = other ?? own;
  await warmSolvers();
  const solution = await runSolver(instance, search.solver, { ...search, objective });
  if (run.json) run.printJson(decisionDocument(name, instance, objective, solution));
  else showDecision(run, name, instance, objective, solution, options.all === true);
}
