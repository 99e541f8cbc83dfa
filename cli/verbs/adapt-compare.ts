import type { Command } from 'commander';
import type { CompareOptions } from '../adapt-study/index.js';
import type { CliContext } from '../context.js';
import { act, addVerb } from '../run.js';
import { DEFAULT_BUDGET } from '../search-budget.js';

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
  act<[], CompareOptions>(command, context, async (run, options) => {
    const { compare } = await import('../adapt-study/index.js');
    await compare(run, options, context);
  });
}
