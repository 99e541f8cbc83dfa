/** `vnet adapt compare`: solvers side by side on a folder of instances. */
import type { ParsedInstance } from '../../vadapt/index.js';
import type { CliContext } from '../context.js';
import { ProgressBar } from '../progress-bar.js';
import { ExitWith, type Run } from '../run.js';
import { instanceFiles, readInstance } from './instance-folder.js';
import { budgetOf, objectiveOf, runsOf, solversOf } from './options.js';
import { type StudyCase, type StudyResult, study, withBaseline } from './study.js';
import { showResults, showSummaries, studyCsv, studyDocument } from './study-text.js';
import { summarise } from './summary.js';

export interface CompareOptions {
  instances: string;
  solvers?: string;
  budget?: string;
  runs?: string;
  objective?: string;
  csv?: boolean;
}

const INTERRUPTED = 130;

export async function compare(run: Run, options: CompareOptions, context: CliContext): Promise<void> {
  const solvers = withBaseline(solversOf(options.solvers));
  const settings = {
    solvers,
    budgetMs: budgetOf(options.budget),
    runs: runsOf(options.runs),
    signal: context.signal,
  };
  const objective = objectiveOf(options.objective);
  const files = instanceFiles(options.instances);
  const results: StudyResult[] = [];
  const bar = new ProgressBar(run);
  for (const [i, file] of files.entries()) {
    bar.show({ done: i, total: files.length, text: file });
    results.push(await study(caseOf(readInstance(file), objective), settings));
    if (context.signal.aborted) break;
  }
  bar.clear();
  showStudy(run, results, solvers, options.csv === true);
  if (context.signal.aborted) throw new ExitWith(INTERRUPTED);
}

/** What is stored with an instance was found for its own objective. */
function caseOf(
  { name, instance, objective, best, bound }: ParsedInstance,
  other: StudyCase['objective'] | undefined,
): StudyCase {
  if (other) return { name, instance, objective: other };
  return {
    name,
    instance,
    objective,
    ...(best === undefined ? {} : { best: best.value }),
    ...(bound === undefined ? {} : { bound: bound.value }),
  };
}

function showStudy(
  run: Run,
  results: readonly StudyResult[],
  solvers: readonly string[],
  csv: boolean,
): void {
  if (csv) return run.print(...studyCsv(results));
  if (run.json) return run.printJson(studyDocument(results, solvers));
  showResults(run, results, solvers);
  run.print(
    '',
    run.paint.strong(`Over ${results.length === 1 ? '1 instance' : `${results.length} instances`}`),
  );
  showSummaries(
    run,
    solvers.map((solver) => summarise(results, solver)),
  );
}
