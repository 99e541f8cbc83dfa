/** What runs now as an instance: asked of the daemons piece by piece, and made a problem by the planner's own code. */
import { type OverlayView, VnetError } from '../../core/index.js';
import {
  draft,
  type InstanceFile,
  objectiveNamed,
  type Snapshot,
  type SnapshotVm,
} from '../../vadapt/index.js';
import type { Run } from '../run.js';
import { survey } from '../survey.js';

export interface PresentInstance {
  file: InstanceFile;
  /** What was missing, too old or not believed; sentences. */
  notes: string[];
}

/**
 * Hosts' load is not asked for: the instance knows of CPUs only what the topology says.
 * @throws VNET_ERR_NOT_FOUND for a network that is none, VNET_ERR_INVALID where there are several and none is named
 */
export async function presentInstance(run: Run, network: string | undefined): Promise<PresentInstance> {
  const { client } = run;
  const overview = await client.overview();
  const name = networkOf(overview, network);
  const [matrix, topology, underlay, vms, { adapted, settings }] = await Promise.all([
    client.matrix(name),
    client.inferredTopology(name),
    client.underlay(),
    client.vms(),
    client.adaptation(0),
  ]);
  const ready = overview.hosts.filter(({ phase }) => phase === 'ready').map(({ name: host }) => host);
  const views = await survey(run, ready);
  const links = [...views].flatMap(([a, { links }]) =>
    links.map(({ peer, type, up }) => ({ type, a, b: peer, up })),
  );
  const snapshot: Snapshot = {
    atMs: 0,
    network: name,
    revision: overview.revision,
    topology: overview.topology,
    adapted,
    matrix,
    settled: topology.state === 'settled',
    underlay,
    ready,
    loads: new Map(),
    vms: [...vms.map((vm) => ({ ...vm, learnt: false, refusedBy: {} })), ...learntVms(overview)],
    links,
  };
  const { problem, notes } = draft(snapshot, { ...settings, mechanisms: ['migration', 'topology'] });
  const about = `network ${name} as it was at ${underlay.at}`;
  return {
    file: { name, about, objective: objectiveNamed(settings.objective), problem },
    notes: notes.list(),
  };
}

function networkOf({ topology }: OverlayView, asked: string | undefined): string {
  const names = topology.networks.map(({ name }) => name);
  const [first, second] = names;
  if (asked !== undefined) {
    if (names.includes(asked)) return asked;
    throw new VnetError('VNET_ERR_NOT_FOUND', `there is no network ${asked}`, {
      hint: `there are ${names.join(', ')}`,
    });
  }
  if (first === undefined) throw new VnetError('VNET_ERR_NOT_FOUND', 'the overlay has no network');
  if (second === undefined) return first;
  throw new VnetError('VNET_ERR_INVALID', `there are ${names.length} networks`, {
    hint: `say which with --network: ${names.join(', ')}`,
  });
}

/** Machines behind LAN ports: they are where they are. */
function learntVms({ vms }: OverlayView): SnapshotVm[] {
  return vms
    .filter(({ learnt }) => learnt)
    .map(({ name, network, host }) => {
      const size = { pinned: true, memoryBytes: 0, cpus: 0, mayRunOn: [] };
      return { vm: name, network, host, ...size, learnt: true, refusedBy: {} };
    });
}
