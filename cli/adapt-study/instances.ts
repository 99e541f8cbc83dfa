/** `vnet adapt instances`: instance files to try solvers on. */
import { VnetError } from '../../core/index.js';
import { FAMILIES, type Family } from '../../vadapt/index.js';
import { plural, wholeNumber } from '../format.js';
import type { Run } from '../run.js';
import { writeInstances } from './instance-folder.js';
import { madeUp, measured, type Size } from './make-instances.js';
import { seedOf } from './options.js';

export interface InstancesOptions {
  out: string;
  seed?: string;
  count: string;
  families?: string;
  sizes: string;
  real?: string;
  replace?: boolean;
}

const COUNT = [1, 1000] as const;

export function instances(run: Run, options: InstancesOptions): void {
  const sizes = options.sizes.split(',').map(sizeOf);
  const count = wholeNumber(options.count, 'a number of seeds', ...COUNT);
  const seed = seedOf(options.seed);
  const files = [
    ...madeUp({ families: familiesOf(options.families), sizes, seed, count }),
    ...(options.real === undefined ? [] : measured(options.real, seed)),
  ];
  const paths = writeInstances(options.out, files, options.replace === true);
  if (run.json) return run.printJson(paths);
  run.print(`${plural(paths.length, 'instance')} written to ${options.out}`);
  run.print(run.paint.faint(`Compare: vnet adapt compare --instances ${options.out}`));
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
