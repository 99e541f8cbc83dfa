/**
 * The CPU that a VM lacks because of the host it is on. VMs also wait where the machine below all hosts is busy (hosts that
 * are containers or guests themselves): a host that has not used up what it may use is not what they wait for, and another
 * host would not help. What VMs wait on such hosts, those on hosts that are full wait as well, beside what the host makes
 * them wait.
 */
import { type CpuDemand, cpuDemand, demandOf, LOAD_AGE_MAX_MS } from './hosts.js';
import type { Snapshot, SnapshotVm } from './snapshot.js';

/** Of what a host may use; with less busy it is not full. Bursts of VMs that share it leave gaps. */
export const FULL_SHARE = 0.8;
/** A VM that hardly runs tells nothing of the machine. CPUs. */
const WORKS_MIN = 0.01;

/** As `cpuDemand`, waiting that another host would not spare it left out. `common`: as `commonWait` has it. */
export function cpuLack(
  vm: SnapshotVm,
  snapshot: Snapshot,
  common = commonWait(snapshot),
): CpuDemand | undefined {
  const cpu = cpuDemand(vm, snapshot);
  if (!cpu || cpu.waits === 0) return cpu;
  const isHosts = isFull(vm.host, snapshot) && cpu.waits > common;
  const waits = isHosts ? (cpu.waits - common) / (1 - common) : 0;
  return { ...cpu, waits, demand: demandOf(vm, cpu.used, waits) };
}

function isFull(host: string, { loads }: Snapshot): boolean {
  const report = loads.get(host);
  if (!report || !(report.ageMs <= LOAD_AGE_MAX_MS)) return false;
  return report.load.busyCpus >= FULL_SHARE * report.load.cpus;
}

/** What VMs wait for the machine below: the least, by host, of those that are not full; 0 where all are. */
export function commonWait(snapshot: Snapshot): number {
  const least = new Map<string, number>();
  for (const vm of snapshot.vms) {
    const cpu = isFull(vm.host, snapshot) ? undefined : cpuDemand(vm, snapshot);
    if (cpu && cpu.used >= WORKS_MIN) least.set(vm.host, Math.min(least.get(vm.host) ?? 1, cpu.waits));
  }
  return least.size === 0 ? 0 : Math.min(...least.values());
}
