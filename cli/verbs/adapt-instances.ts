import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import { FAMILIES, type Family } from '../../vadapt/index.js';
import { madeUp, measured, seedOf, type Size, writeInstances } from '../adapt-study/index.js';
import type { CliContext } from '../context.js';
import { plural, wholeNumber } from '../format.js';
import { act, addVerb } from '../run.js';

interface Options {
  out: string;
  seed?: string;
  count?: string;
  families?: string;
  sizes: string;
  real?: string;
  replace?: boolean;
}

const DEFAULT_SIZES = '6x6x12,8x8x20,16x24x60';
const COUNT = [1, 1000] as const;
const DEFAULT_COUNT = 3;

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
    .option('--count <n>', `seeds of each family and size; default ${DEFAULT_COUNT}`)
    .option('--families <list>', `with commas; default all: ${Object.keys(FAMILIES).join(', ')}`)
    .option('--sizes <list>', 'hosts x VMs x flows at most, with commas', DEFAULT_SIZES)
    .option('--real <dir>', 'folder with measurements')
    .option('--replace', 'overwrite files that are there and have another text');
  act<[], Options>(command, context, async (run, options) => {
    const sizes = options.sizes.split(',').map(sizeOf);
    const count =
      options.count === undefined ? DEFAULT_COUNT : wholeNumber(options.count, 'a number of seeds', ...COUNT);
    const seed = seedOf(options.seed);
    const files = [
      ...madeUp({ families: familiesOf(options.families), sizes, seed, count }),
      ...(options.real === undefined ? [] : measured(options.real, seed)),
    ];
    const paths = writeInstances(options.out, files, options.replace === true);
    if (run.json) return run.printJson(paths);
    run.print(`${plural(paths.length, 'instance')} written to ${options.out}`);
    run.print(run.paint.faint(`Compare: vnet adapt compare --instances ${options.out}`));
  });
}

function familiesOf(text: string | undefined): Family[] {
  const all = Object.keys(FAMILIES) as Family[];
  if (text === undefined) return all;
  return text.split(',').map((name) => {
    const found = all.find((family) => family === name.trim());
    if (found) return found;
    throw new VnetError('VNET_ERR_INVALID', `there is no family "${name}"`, {
      hint: `one of: ${all.join(', ')}`,
    });
  });
}

function sizeOf(text: string): Size {
  const [, hosts, vms, flows] = /^\s*(\d+)x(\d+)x(\d+)\s*$/.exec(text) ?? [];
  if (hosts === undefined || vms === undefined || flows === undefined)
    throw new VnetError('VNET_ERR_INVALID', `"${text}" is no size`, {
      hint: 'write hosts x VMs x flows: 6x6x12',
    });
  return { hosts: Number(hosts), vms: Number(vms), flows: Number(flows) };
}
