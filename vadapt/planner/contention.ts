/**
 * Hosts whose CPU others have filled. A VM there gets no fixed share that another could take over: it queues behind the
 * others for each bit of its work, and what it leaves they take. What queueing costs is measured on the VMs that are
 * there: seconds of waiting for a second of work, the same for whoever comes.
 */
import { cpuLack, FULL_SHARE } from './cpu-lack.js';
import { type CpuDemand, LOAD_AGE_MAX_MS } from './hosts.js';
import type { Snapshot, SnapshotVm } from './snapshot.js';

/** A VM that hardly runs tells nothing of the queue. CPUs. */
const WORKS_MIN = 0.001;

/** Where nobody has told: many short waits, each of a few of the scheduler's slices, for little work. */
const UNKNOWN_QUEUE = 20;

/** By host that others fill, seconds of waiting for a second of work; not where VMs of ours do not wait for all that. */
export function contention(snapshot: Snapshot, common: number): ReadonlyMap<string, number> {
  const queues = new Map<string, number>();
  for (const host of snapshot.ready) {
    const here = snapshot.vms.filter((vm) => vm.host === host);
    if (!isFilledByOthers(host, here, snapshot)) continue;
    const cpus = here.flatMap((vm) => cpuLack(vm, snapshot, common) ?? []);
    const [waits, used] = [sumOf(cpus, 'waits'), sumOf(cpus, 'used')];
    if (used < WORKS_MIN) queues.set(host, UNKNOWN_QUEUE);
    else if (waits > 0) queues.set(host, waits / used);
  }
  return queues;
}

function isFilledByOthers(host: string, here: readonly SnapshotVm[], { loads }: Snapshot): boolean {
  const report = loads.get(host);
  if (!report || !(report.ageMs <= LOAD_AGE_MAX_MS)) return false;
  const { busyCpus, cpus, vmCpus } = report.load;
  const ours = here.reduce((sum, { vm }) => sum + (vmCpus[vm] ?? 0), 0);
  return busyCpus - ours >= FULL_SHARE * cpus;
}

const sumOf = (cpus: readonly CpuDemand[], what: 'waits' | 'used'): number =>
  cpus.reduce((sum, cpu) => sum + cpu[what], 0);
