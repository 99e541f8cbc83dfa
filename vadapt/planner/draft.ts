/** From a snapshot to the problem that the solvers get, and back from indexes to names. */
import type { AdaptSettings } from '../../core/index.js';
import { commonWait } from './cpu-lack.js';
import { contention } from './contention.js';
import { compile } from '../model/compile.js';
import { type ChangeCosts, DEFAULT_COSTS, moveCost } from '../model/cost-of-change.js';
import type { Instance } from '../model/instance.js';
import { OVERLOAD, type Placement, type Problem } from '../model/problem.js';
import { type DraftEdge, edgesOf } from './edges.js';
import { type DraftFlow, flowsOf } from './flows.js';
import { Ground, userEdges } from './ground.js';
import { hostNodes } from './hosts.js';
import { Notes } from './notes.js';
import { OwnTraffic, placesOf } from './own-traffic.js';
import { sharedCapacities } from './shared-capacities.js';
import type { Snapshot } from './snapshot.js';
import { vmDemands } from './vms.js';

/** Overlay hops of a path that is planned: each adds a host that may fail and a queue. Present paths may be longer. */
export const HOPS_PLANNED_MAX = 3;

/** What decisions of before rule out. */
export interface Avoided {
  /** VMs left where they are. */
  vms: ReadonlySet<string>;
  /** `vm host`. */
  moves: ReadonlySet<string>;
  /** Unordered pairs of hosts, as of `pairKey`. */
  links: ReadonlySet<string>;
}
export const NOTHING_AVOIDED: Avoided = { vms: new Set(), moves: new Set(), links: new Set() };

export interface Draft {
  snapshot: Snapshot;
  settings: AdaptSettings;
  avoided: Avoided;
  ground: Ground;
  problem: Problem;
  instance: Instance;
  /** As the problem's, in its order. */
  flows: readonly DraftFlow[];
  edges: ReadonlyMap<string, DraftEdge>;
  /** How things are. */
  present: Placement;
  hostIndex: ReadonlyMap<string, number>;
  /** By host, seconds that a VM waits for a second of work; NaN where others do not fill it. */
  queues: Float64Array;
  notes: Notes;
}

/** Throws what `compile` throws: a problem that is too large. */
export function draft(snapshot: Snapshot, settings: AdaptSettings, avoided = NOTHING_AVOIDED): Draft {
  const notes = new Notes();
  const ground = new Ground(snapshot);
  const places = placesOf(snapshot);
  const flows = flowsOf(snapshot, ground, (vm) => places.has(vm), notes);
  const paths = flows.map(({ from, to }) =>
    ground.present(from, to, places.get(from) as string, places.get(to) as string),
  );
  const own = new OwnTraffic(flows.map((flow, i) => ({ ...flow, path: paths[i] as string[] })));
  const talking = paths.map((path) => [path[0] as string, path.at(-1) as string] as const);
  const edges = edgesOf(
    snapshot,
    ground,
    { allows: linkRule(snapshot, settings, avoided), own, talking },
    notes,
  );
  const placed = new Set(places.keys());
  const rules = {
    settings,
    talking: new Set(flows.flatMap(({ from, to }) => [from, to])),
    leave: avoided.vms,
    avoided: avoided.moves,
  };
  const vms = vmDemands(snapshot, places, ground, rules, notes);
  noteRest(snapshot, placed, notes);
  const queues = contention(snapshot, commonWait(snapshot));
  const problem: Problem = {
    hosts: hostNodes(snapshot, placed, queues, notes),
    edges: [...edges.values()],
    vms,
    flows,
    shared: sharedCapacities(snapshot, edges, notes),
    ...constraintSets(snapshot, placed),
    maxHops: Math.max(HOPS_PLANNED_MAX, ...paths.map((path) => path.length - 1)),
    missingCpuBitsPerSecond: missingCpu(flows, vms, edges),
    present: {
      mapping: Object.fromEntries(places),
      links: [...edges.values()].filter(isThere(ground)).map(ends),
    },
  };
  const hostIndex = new Map(problem.hosts.map(({ name }, i) => [name, i]));
  return {
    snapshot,
    settings,
    avoided,
    ground,
    problem,
    instance: withMoveCosts(compile(problem, costsOf(settings, edges)), snapshot, costsOf(settings, edges)),
    flows,
    edges,
    present: placementOf(problem, hostIndex, places, paths),
    hostIndex,
    queues: Float64Array.from(problem.hosts, ({ name }) => queues.get(name) ?? Number.NaN),
    notes,
  };
}

const ends = ({ from, to }: DraftEdge): [string, string] => [from, to];
const isThere =
  (ground: Ground) =>
  ({ from, to }: DraftEdge): boolean =>
    ground.joined(from, to);

/** Without topology as a mechanism, nothing new: shapes that the user asked for and that are not up yet. */
function linkRule(
  { topology }: Snapshot,
  { mechanisms }: AdaptSettings,
  { links }: Avoided,
): (from: string, to: string) => boolean {
  const key = (a: string, b: string) => (a < b ? `${a} ${b}` : `${b} ${a}`);
  if (mechanisms.includes('topology')) return (from, to) => !links.has(key(from, to));
  const users = new Set(userEdges(topology).map(([a, b]) => key(a, b)));
  return (from, to) => users.has(key(from, to));
}

/** Migrations go as fast as the middling edge: that bounds how much a guest may write meanwhile. */
function costsOf({ horizonMs }: AdaptSettings, edges: ReadonlyMap<string, DraftEdge>): ChangeCosts {
  const rates = [...edges.values()].map(({ bitsPerSecond }) => bitsPerSecond).sort((a, b) => a - b);
  const moveBitsPerSecond = rates[Math.floor(rates.length / 2)] ?? DEFAULT_COSTS.moveBitsPerSecond;
  return { ...DEFAULT_COSTS, horizonSeconds: horizonMs / 1000, moveBitsPerSecond };
}

/** A light VM's processes stay where they are: its move copies nothing, whatever memory it takes. */
function withMoveCosts(instance: Instance, { vms }: Snapshot, costs: ChangeCosts): Instance {
  const light = new Set(vms.filter(({ driver }) => driver === 'netns').map(({ vm }) => vm));
  const traffic = vmTraffic(instance);
  const costOf = (cost: number, vm: number) =>
    light.has(instance.problem.vms[vm]?.name ?? '') ? moveCost({}, traffic[vm] as number, costs) : cost;
  return { ...instance, moveCost: instance.moveCost.map(costOf) };
}

/** By VM, all flows that begin or end there; bits a second. */
function vmTraffic({ vms, flows, flowFrom, flowTo, demand }: Instance): Float64Array {
  const traffic = new Float64Array(vms);
  for (let flow = 0; flow < flows; flow++) {
    for (const vm of [flowFrom[flow] as number, flowTo[flow] as number])
      traffic[vm] = (traffic[vm] as number) + (demand[flow] as number);
  }
  return traffic;
}

/**
 * What lacking a CPU is worth in bits a second: the traffic that a CPU of this application goes with, OVERLOAD times,
 * as bandwidth that lacks; and no less than the middling edge, or an application that computes much and says little
 * would never be worth a look.
 */
function missingCpu(
  flows: readonly DraftFlow[],
  vms: readonly { cpus?: number }[],
  edges: ReadonlyMap<string, DraftEdge>,
): number {
  const traffic = flows.reduce((sum, { bitsPerSecond }) => sum + bitsPerSecond, 0);
  const cpus = vms.reduce((sum, vm) => sum + (vm.cpus ?? 0), 0);
  const rates = [...edges.values()].map(({ bitsPerSecond }) => bitsPerSecond).sort((a, b) => a - b);
  const middling = rates[Math.floor(rates.length / 2)] ?? 0;
  return Math.max(1, middling, cpus > 0 ? (OVERLOAD * traffic) / cpus : 0);
}

function constraintSets(
  { topology }: Snapshot,
  placed: ReadonlySet<string>,
): Pick<Problem, 'apart' | 'together'> {
  const sets = (kind: 'apart' | 'together') =>
    topology.constraints
      .filter((constraint) => constraint.kind === kind)
      .map(({ vms }) => vms.filter((vm) => placed.has(vm)))
      .filter((vms) => vms.length > 1);
  return { apart: sets('apart'), together: sets('together') };
}

function noteRest(
  { topology, network, vms, settled, ready }: Snapshot,
  placed: ReadonlySet<string>,
  notes: Notes,
): void {
  for (const { vm, host, network: of } of vms)
    if (of === network && !placed.has(vm))
      notes.add('not looked at, since their hosts are away: %', `${vm} on ${host}`);
  for (const { name } of topology.hosts) if (!ready.includes(name)) notes.add('hosts that are away: %', name);
  if (topology.rules.some((rule) => rule.network === network))
    notes.add("the user's raw rules are not looked at: paths that they change are taken to be without them");
  if (!settled) notes.add("the application's topology has not settled");
}

/** `places`, `paths`: by VM, by flow, as names. */
export function placementOf(
  { vms }: Problem,
  hostIndex: ReadonlyMap<string, number>,
  places: ReadonlyMap<string, string>,
  paths: readonly (readonly string[])[],
): Placement {
  const index = (host: string) => hostIndex.get(host) as number;
  return {
    mapping: Int32Array.from(vms, ({ name }) => index(places.get(name) as string)),
    paths: paths.map((path) => Int32Array.from(path, index)),
  };
}

/** Hosts of a flow's path, as names. */
export function pathNames({ problem }: Draft, path: Int32Array): string[] {
  return Array.from(path, (host) => problem.hosts[host]?.name as string);
}
