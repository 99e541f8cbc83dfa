/** Made-up instances, seeded: the same family, size and seed give the same file. */
import { type Random, seededRandom, VnetError } from '../../core/index.js';
import { OBJECTIVES, weighted } from '../model/objective.js';
import type { EdgeMatrix, FlowDemand, HostNode, Problem, VmDemand } from '../model/problem.js';
import { type CommunicationPattern, communication, PATTERNS } from './communication.js';
import { between, numberedNames, shuffled } from './draw.js';
import type { InstanceFile } from './instance-file.js';
import { firewalls, type Network, randomMesh, sites, uplinks } from './networks.js';

/** What a family adds to an underlay and a pattern. */
export const FAMILIES = {
  mesh: 'every pair of hosts over the wide area, log-normal capacities; VMs spread evenly, as in the paper',
  sites: 'fast LANs, slow paths between sites that share uplinks; room for half of the VMs at a site',
  firewalls: 'a sparse graph: most pairs of hosts reach each other over others only',
  uplinks: "each host's own uplink is what limits it",
  memory: 'VMs of three sizes fill four fifths of the memory, CPUs may be exceeded at a price',
  latency: 'flows with latency bounds, some of which no direct edge keeps; bandwidth and latency count',
  constrained: 'VMs pinned, apart, together, barred from hosts; relays that do not relay',
  change: 'VMs and links are somewhere already, and moving them costs',
} as const;
export type Family = keyof typeof FAMILIES;

export interface GeneratorOptions {
  hosts: number;
  vms: number;
  /** At most; default: all that the pattern has. */
  flows?: number;
  /** Default: the seed picks one. */
  pattern?: CommunicationPattern;
  seed: number;
}

const GIB = 2 ** 30;
/** A flow asks for this part of a median wide-area path: some paths can take several, some not even one. */
const DEMAND_BITS_PER_SECOND = 20e6;
/** Above this many hosts edges are a matrix. */
const LISTED_HOSTS = 40;
const CHANGE_WEIGHT = 1;

/** @throws VNET_ERR_INVALID for sizes that make no problem (fewer than 2 hosts or VMs). */
export function generateInstance(family: Family, options: GeneratorOptions): InstanceFile {
  const { hosts, vms, flows = Number.MAX_SAFE_INTEGER, seed } = options;
  if (!(hosts >= 2 && vms >= 2))
    throw new VnetError('VNET_ERR_INVALID', 'an instance has 2 hosts and 2 VMs at least');
  const random = seededRandom(seed);
  const pattern = options.pattern ?? (PATTERNS[seed % PATTERNS.length] as CommunicationPattern);
  const network = networkOf(family)(hosts, random);
  const names = numberedNames('vm', vms);
  const demands = communication(pattern, names, flows, DEMAND_BITS_PER_SECOND, random);
  const base = { ...network, vms: names.map((name) => ({ name })), flows: demands };
  const { objective = OBJECTIVES.residual, ...problem } = ADD[family](base, random);
  return {
    name: `${family}-${hosts}x${vms}x${demands.length}-${pattern}-${seed}`,
    about: `made up: ${FAMILIES[family]}; pattern ${pattern}, seed ${seed}`,
    objective,
    problem: hosts <= LISTED_HOSTS ? problem : { ...problem, edges: asMatrix(network) },
  };
}

/** A list names each host a thousand times over where there are a thousand. */
function asMatrix({ hosts, edges }: Network): EdgeMatrix {
  const count = hosts.length;
  const numbers = new Map(hosts.map(({ name }, i) => [name, i]));
  const matrix = {
    bitsPerSecond: new Float64Array(count * count),
    latencyUs: new Float64Array(count * count),
  };
  for (const { from, to, bitsPerSecond, latencyUs } of edges) {
    const edge = (numbers.get(from) as number) * count + (numbers.get(to) as number);
    matrix.bitsPerSecond[edge] = bitsPerSecond;
    matrix.latencyUs[edge] = latencyUs;
  }
  return matrix;
}

function networkOf(family: Family): (hosts: number, random: Random) => Network {
  if (family === 'sites') return sites;
  if (family === 'firewalls') return firewalls;
  if (family === 'uplinks') return uplinks;
  return randomMesh;
}

type Made = Problem & { objective?: InstanceFile['objective'] };
interface Base extends Network {
  vms: VmDemand[];
  flows: FlowDemand[];
}

/** By memory alone: so many VMs of 1 GiB fit on a host. */
function roomFor(share: number, { hosts, vms }: Base): { hosts: HostNode[]; vms: VmDemand[] } {
  const each = Math.max(1, Math.ceil(vms.length / share / hosts.length));
  return {
    hosts: hosts.map((host) => ({ ...host, memoryBytes: each * GIB })),
    vms: vms.map((vm) => ({ ...vm, memoryBytes: GIB })),
  };
}

const ADD: Record<Family, (base: Base, random: Random) => Made> = {
  mesh: (base) => ({ ...base, ...roomFor(1, base) }),
  sites: (base) => ({ ...base, ...roomFor(0.5, base) }),
  firewalls: (base) => ({ ...base, ...roomFor(0.7, base) }),
  uplinks: (base) => ({ ...base, ...roomFor(0.7, base) }),
  memory,
  latency,
  constrained,
  change,
};

/** Each VM is laid on the emptiest host first, so that there is an answer. */
function memory(base: Base, random: Random): Made {
  const vms = base.vms.map((vm) => {
    const units = [1, 2, 4][Math.floor(random() * 3)] as number;
    return { ...vm, memoryBytes: units * GIB, cpus: units / 2 };
  });
  const held = base.hosts.map(() => 0);
  for (const { memoryBytes } of [...vms].sort((a, b) => b.memoryBytes - a.memoryBytes)) {
    const host = held.indexOf(Math.min(...held));
    held[host] = (held[host] as number) + memoryBytes;
  }
  const hosts = base.hosts.map((host, i) => {
    const memoryBytes = Math.max(2 * GIB, Math.ceil((held[i] as number) * between(random, 1.15, 1.35)));
    return { ...host, memoryBytes, cpus: Math.ceil(memoryBytes / GIB / 3) };
  });
  return { ...base, hosts, vms, missingCpuBitsPerSecond: 100e6 };
}

function latency(base: Base, random: Random): Made {
  const flows = base.flows.map((flow) =>
    random() < 0.6 ? { ...flow, maxLatencyUs: Math.round(between(random, 3000, 25_000)) } : flow,
  );
  return { ...base, ...roomFor(0.7, base), flows, maxHops: 3, objective: OBJECTIVES.combined };
}

/** What is asked for is kept by a placement that is drawn first, which is not said. */
function constrained(base: Base, random: Random): Made {
  const room = roomFor(0.5, base);
  const each = (room.hosts[0]?.memoryBytes ?? GIB) / GIB;
  const slots = shuffled(
    base.hosts.flatMap((_, host) => Array.from({ length: each }, () => host)),
    random,
  );
  const at = (vm: number): number => slots[vm] as number;
  const name = (host: number): string => base.hosts[host]?.name ?? '';
  const vms = room.vms.map((vm, i) => {
    if (random() < 0.15) return { ...vm, pinned: name(at(i)) };
    if (random() > 0.3) return vm;
    const allowed = base.hosts
      .map((host) => host.name)
      .filter((host) => host === name(at(i)) || random() < 0.5);
    return { ...vm, allowed };
  });
  const order = shuffled([...vms.keys()], random);
  const [first = 0, ...rest] = order;
  const apart = [first, ...rest.filter((vm) => at(vm) !== at(first)).slice(0, 1)];
  const friend = rest.find((vm) => at(vm) === at(first));
  const called = (list: readonly number[]) => list.map((vm) => vms[vm]?.name ?? '');
  const hosts = room.hosts.map((host) => (random() < 0.2 ? { ...host, relays: false } : host));
  return {
    ...base,
    hosts,
    vms,
    ...(apart.length > 1 ? { apart: [called(apart)] } : {}),
    ...(friend === undefined ? {} : { together: [called([first, friend])] }),
  };
}

function change(base: Base, random: Random): Made {
  const room = roomFor(0.6, base);
  const each = (room.hosts[0]?.memoryBytes ?? GIB) / GIB;
  const slots = shuffled(
    base.hosts.flatMap(({ name }) => Array.from({ length: each }, () => name)),
    random,
  );
  const mapping = Object.fromEntries(room.vms.map(({ name }, i) => [name, slots[i] as string]));
  const hub = base.hosts[0]?.name ?? '';
  const links = base.hosts.slice(1).flatMap(({ name }) => [[hub, name] as const, [name, hub] as const]);
  const vms = room.vms.map((vm) => ({ ...vm, dirtyBytesPerSecond: Math.round(between(random, 0, 80e6)) }));
  return {
    ...base,
    hosts: room.hosts,
    vms,
    present: { mapping, links },
    objective: weighted({ residual: 1, change: CHANGE_WEIGHT }, 'residual-and-change'),
  };
}
