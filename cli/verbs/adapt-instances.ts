import type { Command } from 'commander';
import type { InstancesOptions } from '../adapt-study/index.js';
import type { CliContext } from '../context.js';
import { act, addVerb } from '../run.js';

const DEFAULT_SIZES = '6x6x12,8x8x20,16x24x60';
const DEFAULT_SEEDS = '3';

export function addAdaptInstances(group: Command, context: CliContext): void {
  const command = addVerb(group, {
    usage: 'instances',
    summary: 'write instances to compare solvers on',
    about:
      'Writes instance files: made-up ones of several families of networks (a random mesh, sites with fast LANs, firewalls, ' +
      'shared uplinks, tight memory, latency bounds, constraints, costs of change) under several patterns of communication; ' +
      'the same seed gives the same files. With --real also measured cloud networks under recorded applications, from the ' +
      'folder that docs/instances.md describes.',
    examples: [
      ['adapt instances --out instances', 'some of each family'],
      ['adapt instances --out more --seed 100 --families sites,uplinks --sizes 12x20x60', 'others'],
      ['adapt instances --out real --real data', 'measured ones too'],
    ],
  })
    .requiredOption('--out <dir>', 'folder, made if it is not there')
    .option('--seed <n>', 'the first; default 1')
    .option('--count <n>', 'seeds of each family and size', DEFAULT_SEEDS)
    .option('--families <list>', 'with commas; default all; an unknown one lists them')
    .option('--sizes <list>', 'hosts x VMs x flows at most, with commas', DEFAULT_SIZES)
    .option('--real <dir>', 'folder with measurements')
    .option('--replace', 'overwrite files that are there and have another text');
  act<[], InstancesOptions>(command, context, async (run, options) => {
    const { instances } = await import('../adapt-study/index.js');
    instances(run, options);
  });
}
