import type { Command } from 'commander';
import {
  budgetOf,
  countingChange,
  DEFAULT_BUDGET,
  objectiveOf,
  readInstance,
  recordedMoments,
  ReplayStudy,
  showResults,
  showSummaries,
  solversOf,
  studyCsv,
  studyDocument,
  summarise,
  withBaseline,
} from '../adapt-study/index.js';
import type { CliContext } from '../context.js';
import { plural } from '../format.js';
import { ProgressBar } from '../progress-bar.js';
import { act, addVerb, ExitWith, type Run } from '../run.js';

interface Options {
  on: string;
  solvers?: string;
  budget?: string;
  objective?: string;
  network?: string;
  csv?: boolean;
  all?: boolean;
}

const INTERRUPTED = 130;

export function addAdaptReplay(group: Command, context: CliContext): void {
  const command = addVerb(group, {
    usage: 'replay <file>',
    summary: 'a recording against every solver',
    about:
      'Runs recorded traffic (`vnet record`) through the inference, and at every topology that it declares has each solver ' +
      'decide anew, on the hosts and VMs of an instance file, from where that solver had put the VMs before; what a change costs is counted. Prints a row a ' +
      'solver: how near it came to the best of all at each moment, and how many VMs it moved. No daemon is needed.',
    examples: [
      ['adapt replay hour.vnetlog.gz --on lab.json', 'an hour, every solver'],
      ['adapt replay hour.vnetlog.gz --on lab.json --solvers greedy,./mine.mjs --all', 'every moment'],
    ],
  })
    .requiredOption('--on <instance>', 'hosts, network and VMs')
    .option('--solvers <list>', 'with commas; default: all that are built in')
    .option('--budget <time>', `of one search, default ${DEFAULT_BUDGET}`)
    .option('--objective <name>', "other than the instance's")
    .option('--network <name>', 'only this one')
    .option('--csv', 'a line a moment and solver')
    .option('--all', 'every moment, not only the sums');
  act<[string], Options>(command, context, async (run, options, path) => {
    const solvers = withBaseline(solversOf(options.solvers));
    const base = readInstance(options.on);
    const settings = { solvers, budgetMs: budgetOf(options.budget), runs: 1, signal: context.signal };
    const objective = countingChange(objectiveOf(options.objective) ?? base.objective);
    const replay = new ReplayStudy(base.problem, objective, settings);
    const bar = new ProgressBar(run);
    for await (const moment of recordedMoments(path, options.network)) {
      bar.show({ done: replay.results.length, total: replay.results.length + 1, text: moment.text });
      await replay.decide(moment);
      if (context.signal.aborted) break;
    }
    bar.clear();
    showReplay(run, replay, options);
    if (context.signal.aborted) throw new ExitWith(INTERRUPTED);
  });
}

function showReplay(
  run: Run,
  { results, moves, options: { solvers } }: ReplayStudy,
  { csv, all }: Options,
): void {
  if (csv) return run.print(...studyCsv(results));
  if (run.json)
    return run.printJson({ ...studyDocument(results, solvers), moves: Object.fromEntries(moves) });
  if (all) showResults(run, results, solvers);
  run.print(...(all ? [''] : []), run.paint.strong(`Over ${plural(results.length, 'moment')}`));
  const sums = solvers.map((solver) => ({ ...summarise(results, solver), moves: moves.get(solver) ?? 0 }));
  showSummaries(run, sums);
}
