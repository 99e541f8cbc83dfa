/** Applications of every shape, at random sizes, with and without the noise of a real network; and their run. */
import {
  type ApplicationView,
  DEFAULT_SIGHT,
  macToNumber,
  type PatternKind,
  type Random,
  seededRandom,
  type SightParameters,
  type TopologyView,
} from '../../core/index.js';
import {
  drive,
  type Flow,
  noiseFlows,
  patternFlows,
  patternSize,
  SyntheticFleet,
  syntheticAddress,
  type TopologyDeclaration,
  TrafficSight,
} from '../../vttif/index.js';

export const NETWORK = 1;
const HOSTS = 8;
/** VMs beside the application's that only make noise. */
const IDLE_VMS = 8;
const ADMIN_VM = 5000;
const BACKUP_VM = 5001;

export interface Workload {
  kind: PatternKind;
  dimensions?: number[];
  /** In the pattern's order. */
  vms: number[];
  bitsPerSecond: number;
}

const KINDS: readonly PatternKind[] = [
  'pair',
  'star',
  'bus',
  'ring',
  'mesh',
  'torus',
  'hypercube',
  'binary-tree',
  'all-to-all',
  'bipartite',
  'multi-tier',
];
export const PATTERN_KINDS = KINDS;

const MESHES = [
  [2, 3],
  [3, 3],
  [3, 4],
  [4, 5],
  [2, 3, 4],
  [3, 3, 3],
  [2, 2, 5],
];
const TORI = [
  [3, 3],
  [3, 4],
  [4, 4],
  [4, 5],
  [2, 5],
  [2, 3, 4],
  [3, 3, 3],
  [4, 4, 4],
];
const TIERS = [
  [2, 3, 1],
  [4, 3, 2, 1],
  [6, 3, 2],
  [10, 4, 4, 2],
  [3, 2, 2, 1],
  [8, 2, 3],
];

const oneOf = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)] as T;
const integer = (random: Random, least: number, most: number) =>
  least + Math.floor(random() * (most - least + 1));

/** `firstVm`: VMs are numbered from here, and take the pattern's places in random order. */
export function randomWorkload(kind: PatternKind, random: Random, firstVm = 0): Workload {
  const dimensions = dimensionsOf(kind, random);
  const size = patternSize(kind, dimensions ?? []) ?? integer(random, 4, 24);
  const vms = Array.from({ length: size }, (_, i) => firstVm + i);
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [vms[i], vms[j]] = [vms[j] ?? 0, vms[i] ?? 0];
  }
  const bitsPerSecond = Math.exp(Math.log(2e6) + random() * Math.log(50));
  return { kind, vms, bitsPerSecond, ...(dimensions ? { dimensions } : {}) };
}

function dimensionsOf(kind: PatternKind, random: Random): number[] | undefined {
  if (kind === 'mesh') return oneOf(MESHES, random);
  if (kind === 'torus') return oneOf(TORI, random);
  if (kind === 'multi-tier') return oneOf(TIERS, random);
  if (kind === 'hypercube') return [integer(random, 2, 5)];
  if (kind === 'bipartite') return [integer(random, 2, 4), integer(random, 4, 8)];
  return undefined;
}

export function flowsOf(workload: Workload, random: Random, noisy: boolean): Flow[] {
  const flows = patternFlows(workload, workload.vms, workload.bitsPerSecond, random);
  if (!noisy) return flows;
  const idle = Array.from({ length: IDLE_VMS }, (_, i) => 1000 + i);
  const noise = noiseFlows(
    {
      vms: [...workload.vms, ...idle],
      admin: ADMIN_VM,
      backupServer: BACKUP_VM,
      applicationBitsPerSecond: workload.bitsPerSecond,
    },
    random,
  );
  return [...flows, ...noise];
}

const FIRST_ADDRESS = syntheticAddress(0);
export const vmName = (vm: number): string => `v${vm}`;

export function makeSight(parameters: Partial<SightParameters> = {}): TrafficSight {
  return new TrafficSight({
    parameters: { ...DEFAULT_SIGHT, ...parameters },
    networkName: (network) => (network === NETWORK ? 'lab' : undefined),
    vmName: (_, mac) => vmName(macToNumber(mac) - FIRST_ADDRESS),
    records: false,
  });
}

export interface Run {
  view: TopologyView;
  declarations: (TopologyDeclaration & { atMs: number })[];
}

/** From silence: `phases` of flows, each for its time. */
export function run(
  phases: { flows: Flow[]; ms: number }[],
  seed: number,
  parameters: Partial<SightParameters> = {},
): Run {
  const sight = makeSight(parameters);
  const fleet = new SyntheticFleet({
    hosts: HOSTS,
    updateMs: sight.parameters.updateMs,
    random: seededRandom(seed),
  });
  const declarations: Run['declarations'] = [];
  let nowMs = 0;
  for (const { flows, ms } of phases) {
    fleet.flows = flows;
    drive(sight, fleet, nowMs, nowMs + ms, { told: (atMs, told) => declarations.push({ atMs, ...told }) });
    nowMs += ms;
  }
  return { view: sight.topology(NETWORK, nowMs), declarations };
}

/** The workload's own name is among those of an application of exactly its VMs. */
export function isNamed({ applications }: TopologyView, workload: Workload): boolean {
  const vms = workload.vms.map(vmName).sort().join();
  return applications.some(
    (application) => application.vms.toSorted().join() === vms && hasName(application, workload),
  );
}

function hasName({ names }: ApplicationView, { kind, dimensions = [], vms }: Workload): boolean {
  const wanted = dimensions.join();
  return names.some((name) => {
    if (name.kind !== kind) return false;
    if (kind === 'star') return name.order[0] === vmName(vms[0] ?? -1);
    const found = name.dimensions ?? [];
    if (kind === 'multi-tier') return found.join() === wanted || found.toReversed().join() === wanted;
    return found.toSorted((a, b) => a - b).join() === dimensions.toSorted((a, b) => a - b).join();
  });
}
