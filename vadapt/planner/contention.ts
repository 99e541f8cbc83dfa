/**
 * Hosts whose CPU others have filled. A VM there gets no fixed share that another could take over: it queues behind the
 * others for each bit of its work, and what it leaves they take. What queueing costs is measured on the VMs that are
 * there: seconds of waiting for a second of work, the same for whoever comes.
 */
import { cpuLack, FULL_SHARE } from './cpu-lack.js';
import type { CpuDemand } from './hosts.js';
import type { Snapshot, SnapshotVm } from './snapshot.js';

/** A VM that hardly runs tells nothing of the queue. CPUs. */
const WORKS_MIN = 0.001;

/** By host, seconds of waiting for a second of work; only hosts that others fill, and where a VM of ours waits. */
export function contention(snapshot: Snapshot, common: number): ReadonlyMap<string, number> {
  const byHost = new Map<string, CpuDemand[]>();
  for (const vm of snapshot.vms) {
    const cpu = isFilledByOthers(vm, snapshot) ? cpuLack(vm, snapshot, common) : undefined;
    if (cpu) byHost.set(vm.host, [...(byHost.get(vm.host) ?? []), cpu]);
  }
  const queues = new Map<string, number>();
  for (const [host, cpus] of byHost) {
    const [waits, used] = [sumOf(cpus, 'waits'), sumOf(cpus, 'used')];
    if (waits > 0 && used >= WORKS_MIN) queues.set(host, waits / used);
  }
  return queues;
}

function isFilledByOthers({ host }: SnapshotVm, { loads, vms }: Snapshot): boolean {
  const load = loads.get(host)?.load;
  if (!load) return false;
  const ours = vms.filter((vm) => vm.host === host).reduce((sum, { vm }) => sum + (load.vmCpus[vm] ?? 0), 0);
  return load.busyCpus - ours >= FULL_SHARE * load.cpus;
}

const sumOf = (cpus: readonly CpuDemand[], what: 'waits' | 'used'): number =>
  cpus.reduce((sum, cpu) => sum + cpu[what], 0);
