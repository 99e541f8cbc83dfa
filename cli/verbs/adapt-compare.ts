import type { Command } from 'commander';
import type { ParsedInstance } from '../../vadapt/index.js';
import {
  budgetOf,
  DEFAULT_BUDGET,
  instanceFiles,
  objectiveOf,
  readInstance,
  runsOf,
  showResults,
  showSummaries,
  solversOf,
  type StudyCase,
  type StudyResult,
  study,
  studyCsv,
  studyDocument,
  summarise,
  withBaseline,
} from '../adapt-study/index.js';
import type { CliContext } from '../context.js';
import { ProgressBar } from '../progress-bar.js';
import { act, addVerb, ExitWith, type Run } from '../run.js';

interface Options {
  instances: string;
  solvers?: string;
  budget?: string;
  runs?: string;
  objective?: string;
  csv?: boolean;
}

const INTERRUPTED = 130;

export function addAdaptCompare(group: Command, context: CliContext): void {
  const command = addVerb(group, {
    usage: 'compare',
    summary: 'solvers side by side, on instance files',
    about:
      'Runs every solver on every instance of a folder and prints what it found: the value of the objective, the least ' +
      'bound that is proven, the gap between the two, the share of the best value that is known, and the time; then each ' +
      'solver over all instances: worst, one in a hundred (P1) and mean share of the best known, and how often it was the ' +
      'best. A mapping drawn at random is always the first row. A solver is a name, a file of yours (./mine.mjs) or a ' +
      'program (exec:COMMAND); docs/instances.md has the format of instances and of answers. No daemon is needed.',
    examples: [
      ['adapt instances --out instances', 'instances to begin with'],
      ['adapt compare --instances instances', 'all solvers'],
      [
        'adapt compare --instances instances --solvers greedy,./mine.mjs --budget 1s --runs 5',
        'yours beside one of ours',
      ],
      ['adapt compare --instances one.json --csv > runs.csv', 'a line a run'],
    ],
  })
    .requiredOption('--instances <path>', 'folder of instance files (*.json, *.json.gz), or one')
    .option('--solvers <list>', 'with commas; default: all that are built in')
    .option('--budget <time>', `of one search, default ${DEFAULT_BUDGET}`)
    .option('--runs <n>', 'runs of each, with seeds 1 to n, default 1')
    .option('--objective <name>', 'for all, whatever the instances say')
    .option('--csv', 'a line a run');
  act<[], Options>(command, context, async (run, options) => {
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
  });
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
