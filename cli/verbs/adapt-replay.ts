import type { Command } from 'commander';
import type { ReplayOptions } from '../adapt-study/index.js';
import type { CliContext } from '../context.js';
import { act, addVerb } from '../run.js';
import { DEFAULT_BUDGET } from '../search-budget.js';

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
  act<[string], ReplayOptions>(command, context, async (run, options, path) => {
    const { replay } = await import('../adapt-study/index.js');
    await replay(run, options, path, context);
  });
}
