import type { Command } from 'commander';
import type { SimOptions } from '../adapt-study/index.js';
import type { CliContext } from '../context.js';
import { act, addVerb, GROUPS } from '../run.js';
import { DEFAULT_BUDGET } from '../search-budget.js';

export function addSim(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'sim <file>',
    group: GROUPS.explain,
    summary: 'what adaptation would decide, for a recording or an instance',
    about:
      'Runs inference and solvers in this command, without a daemon or a privilege, and does nothing. For an instance file: ' +
      'where the VMs would run, which hosts each flow would pass, and its fair share there. For a recording of the traffic ' +
      '(`vnet record`): every topology that is inferred, and, on the hosts and VMs of an instance file, what would be ' +
      'decided each time, what a change costs counted: moves, links, the value and its bound. docs/instances.md describes instance files.',
    examples: [
      ['sim instances/mesh-6x6x12-ring-1.json', 'one problem'],
      ['sim run.vnetlog --on lab.json', 'a recorded application on a network'],
      ['sim lab.json --solver ./mine.mjs --budget 1s --json', 'a heuristic of your own, for scripts'],
    ],
  })
    .option('--on <instance>', 'hosts, network and VMs for a recording')
    .option('--solver <name>', "a solver's name, ./mine.mjs or exec:COMMAND", 'auto')
    .option('--objective <name>', "other than the instance's")
    .option('--budget <time>', `of one search, default ${DEFAULT_BUDGET}`)
    .option('--seed <n>', 'of chance, default 1')
    .option('--network <name>', 'of a recording, only this one')
    .option('--all', 'every flow');
  act<[string], SimOptions>(command, context, async (run, options, path) => {
    const { sim } = await import('../adapt-study/index.js');
    await sim(run, options, path, context);
  });
}
