/** Instances for a folder: made up, and cut from measurements. */
import { join } from 'node:path';
import { seededRandom, VnetError } from '../../core/index.js';
import {
  cloudNetwork,
  type Family,
  generateInstance,
  type InstanceFile,
  measuredInstance,
  printInstance,
  rankMatrix,
  rankPairs,
  someHosts,
  someVms,
  type Traffic,
} from '../../vadapt/index.js';
import { filesOf, readData } from './instance-folder.js';

export interface Size {
  hosts: number;
  vms: number;
  /** At most. */
  flows: number;
}

export interface NamedText {
  name: string;
  text: string;
}

export function madeUp(options: {
  families: readonly Family[];
  sizes: readonly Size[];
  seed: number;
  count: number;
}): NamedText[] {
  return options.families.flatMap((family) =>
    options.sizes.flatMap((size) =>
      Array.from({ length: options.count }, (_, i) =>
        named(generateInstance(family, { ...size, seed: options.seed + i })),
      ),
    ),
  );
}

/** Where the measurements are, in the folder. */
const CLOUDS = ['cloud-throughput', 'results_202202.csv'] as const;
const MATRICES = 'mpi-maplib';
const PAIRS = 'mpi-cenat';
const BITS_PER_SECOND_OF_VM = 10e6;
/** Cuts that small that their best answers can be proven; and what real applications have. */
const CUTS: readonly Size[] = [
  { hosts: 6, vms: 6, flows: 12 },
  { hosts: 8, vms: 8, flows: 20 },
  { hosts: 16, vms: 24, flows: 60 },
];
/** VMs of the large recordings, which are for more hosts than there are regions. */
const VMS_MAX = 64;

/**
 * The recorded applications on all cloud regions, and cuts of them.
 * @throws VNET_ERR_NOT_FOUND where the folder has none, VNET_ERR_INVALID for a file that is not as expected
 */
export function measured(folder: string, seed: number): NamedText[] {
  const clouds = cloudNetwork(readData(folder, ...CLOUDS), CLOUDS.join('/'));
  const applications = recorded(folder);
  if (applications.length === 0)
    throw new VnetError('VNET_ERR_NOT_FOUND', `${folder} has no recorded applications`, {
      hint: `they are expected in ${join(folder, MATRICES)} and ${join(folder, PAIRS)}: docs/instances.md`,
    });
  return applications.flatMap(({ name, traffic }, i) => {
    const about = `${name}, recorded, on measured paths between cloud regions`;
    const size = `${clouds.hosts.length}x${traffic.vms.length}`;
    const whole = measuredInstance(clouds, traffic, { name: `cloud-${size}-${name}`, about });
    const cuts = CUTS.map(({ hosts, vms, flows }) => {
      const cut = someVms(traffic, vms, flows);
      const regions = someHosts(clouds, hosts, seededRandom(seed + i));
      const called = `cloud-${hosts}x${vms}x${cut.flows.length}-${name}-${seed}`;
      return measuredInstance(regions, cut, { name: called, about: `a cut of ${about}` });
    });
    return [whole, ...cuts].map(named);
  });
}

/** Both kinds of recordings, of as many VMs as suit 45 regions. */
function recorded(folder: string): { name: string; traffic: Traffic }[] {
  const scale = { bitsPerSecondOfVm: BITS_PER_SECOND_OF_VM };
  const matrices = filesOf(join(folder, MATRICES)).flatMap((file) => {
    const name = /^(.*)\.p2p\.size\.csv$/.exec(file)?.[1];
    return name === undefined
      ? []
      : [{ name, traffic: rankMatrix(readData(folder, MATRICES, file), file, scale) }];
  });
  const pairs = filesOf(join(folder, PAIRS)).flatMap((file) => {
    const [, name, ranks] = /^(.*)\.(\d+)\.csv$/.exec(file) ?? [];
    if (name === undefined || Number(ranks) > VMS_MAX) return [];
    return [{ name: `${name}-${ranks}`, traffic: rankPairs(readData(folder, PAIRS, file), file, scale) }];
  });
  return [...matrices, ...pairs];
}

function named(file: InstanceFile): NamedText {
  return { name: file.name, text: printInstance(file) };
}
