/** `vnet adapt replay`: a recording against every solver. */
import type { CliContext } from '../context.js';
import { plural } from '../format.js';
import { ProgressBar } from '../progress-bar.js';
import { ExitWith, type Run } from '../run.js';
import { readInstance } from './instance-folder.js';
import { budgetOf, countingChange, objectiveOf, solversOf } from './options.js';
import { recordedMoments } from './recorded-moments.js';
import { ReplayStudy } from './replay-study.js';
import { withBaseline } from './study.js';
import { showResults, showSummaries, studyCsv, studyDocument } from './study-text.js';
import { summarise } from './summary.js';

export interface ReplayOptions {
  on: string;
  solvers?: string;
  budget?: string;
  objective?: string;
  network?: string;
  csv?: boolean;
  all?: boolean;
}

const INTERRUPTED = 130;

export async function replay(
  run: Run,
  options: ReplayOptions,
  path: string,
  context: CliContext,
): Promise<void> {
  const solvers = withBaseline(solversOf(options.solvers));
  const base = readInstance(options.on);
  const settings = { solvers, budgetMs: budgetOf(options.budget), runs: 1, signal: context.signal };
  const objective = countingChange(objectiveOf(options.objective) ?? base.objective);
  const study = new ReplayStudy(base.problem, objective, settings);
  const bar = new ProgressBar(run);
  for await (const moment of recordedMoments(path, options.network)) {
    bar.show({ done: study.results.length, total: study.results.length + 1, text: moment.text });
    await study.decide(moment);
    if (context.signal.aborted) break;
  }
  bar.clear();
  showReplay(run, study, options);
  if (context.signal.aborted) throw new ExitWith(INTERRUPTED);
}

function showReplay(
  run: Run,
  { results, moves, options: { solvers } }: ReplayStudy,
  { csv, all }: ReplayOptions,
): void {
  if (csv) return run.print(...studyCsv(results));
  if (run.json)
    return run.printJson({ ...studyDocument(results, solvers), moves: Object.fromEntries(moves) });
  if (all) showResults(run, results, solvers);
  run.print(...(all ? [''] : []), run.paint.strong(`Over ${plural(results.length, 'moment')}`));
  const sums = solvers.map((solver) => ({ ...summarise(results, solver), moves: moves.get(solver) ?? 0 }));
  showSummaries(run, sums);
}
