/** VMs of the problem: what they need, and where they may be. */
import type { AdaptSettings } from '../../core/index.js';
import type { VmDemand } from '../model/problem.js';
import { commonWait, cpuLack } from './cpu-lack.js';
import type { Ground } from './ground.js';
import type { Notes } from './notes.js';
import type { Snapshot, SnapshotVm } from './snapshot.js';

/** Share of the time waiting from which a VM without traffic is worth a move. */
export const WAITS_MIN = 0.05;

export interface PlacingRules {
  settings: Pick<AdaptSettings, 'mechanisms'>;
  /** VMs that talk. */
  talking: ReadonlySet<string>;
  /** VMs that a person has placed since, and the like: left where they are. */
  leave: ReadonlySet<string>;
  /** `vm host`: moves that were taken back, or refused. */
  avoided: ReadonlySet<string>;
}

export function vmDemands(
  snapshot: Snapshot,
  placed: ReadonlyMap<string, string>,
  ground: Ground,
  rules: PlacingRules,
  notes: Notes,
): VmDemand[] {
  const routed = routedByUser(snapshot);
  const common = commonWait(snapshot);
  const constrained = new Set(snapshot.topology.constraints.flatMap(({ vms }) => vms));
  return snapshot.vms
    .filter(({ vm, network }) => network === snapshot.network && placed.has(vm))
    .map((vm) => {
      const cpu = cpuLack(vm, snapshot, common);
      const matters =
        rules.talking.has(vm.vm) || constrained.has(vm.vm) || (cpu !== undefined && cpu.waits >= WAITS_MIN);
      const why = whyPinned(vm, rules, routed);
      if (why !== undefined && matters) notes.add(why, vm.vm);
      const demand = { name: vm.vm, memoryBytes: vm.memoryBytes, cpus: cpu?.demand ?? 0 };
      if (why !== undefined || !matters) return { ...demand, pinned: vm.host };
      return { ...demand, allowed: hostsFor(vm, snapshot, ground, rules) };
    });
}

/** A sentence with `%` for the VMs; undefined: it may move. */
function whyPinned(
  vm: SnapshotVm,
  { settings, leave }: PlacingRules,
  routed: ReadonlySet<string>,
): string | undefined {
  if (!settings.mechanisms.includes('migration'))
    return 'nothing is moved: migration is not among the mechanisms';
  if (vm.pinned) return 'pinned, and left there: %';
  if (vm.learnt) return 'a machine behind a LAN, which is where it is: %';
  if (vm.driver === undefined) return 'run by somebody else, so it cannot be moved: %';
  if (vm.move) return 'moving already: %';
  if (vm.state !== undefined && vm.state !== 'running') return 'not running, and left there: %';
  if (routed.has(vm.vm)) return "the end of a user's route, which would not stand if it moved: %";
  if (leave.has(vm.vm)) return 'placed by hand lately, and left there: %';
  return undefined;
}

function routedByUser({ topology, network }: Snapshot): ReadonlySet<string> {
  const routes = topology.routes.filter((route) => route.network === network);
  return new Set(routes.flatMap(({ from, to }) => [from, to]));
}

/**
 * Those that the user allows, that take part, and did not refuse it lately. The Proxy is one only where the user names
 * it, or the VM is there: it stands on the user's own network, not among the hosts for VMs.
 */
function hostsFor(
  vm: SnapshotVm,
  snapshot: Snapshot,
  { proxy }: Ground,
  { avoided }: PlacingRules,
): string[] {
  const among = snapshot.topology.vms.find(({ name }) => name === vm.vm)?.among;
  const candidates = among ?? snapshot.ready.filter((host) => host !== proxy);
  const ready = new Set(snapshot.ready);
  const hosts = candidates.filter(
    (host) => ready.has(host) && !(host in vm.refusedBy) && !avoided.has(`${vm.vm} ${host}`),
  );
  return [...new Set([vm.host, ...hosts])];
}
