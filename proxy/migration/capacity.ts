/** What hosts have for VMs, and what of it is taken. Pure. */
import type { CpuReservation } from '../../core/index.js';

export interface HostRoom {
  host: string;
  /** Octets for VMs; Infinity: not known, nothing is refused for it. */
  memoryBytes: number;
  cpus: number;
}

export interface Demand {
  memoryBytes: number;
  cpus: number;
}

/** A VM on a host; one that is being received is on both. */
export interface Resident extends Demand {
  vm: string;
  host: string;
}

export function usedMemory(host: string, residents: Iterable<Resident>): number {
  let used = 0;
  for (const resident of residents) if (resident.host === host) used += resident.memoryBytes;
  return used;
}

/** CPUs that are reserved for the VM, and those that the host has left for it beside the others that are there. */
export function reservedCpus(
  vm: string,
  host: Pick<HostRoom, 'host' | 'cpus'>,
  residents: Iterable<Resident>,
  reservations: Iterable<CpuReservation>,
): { wanted: number; left: number } {
  const slices = new Map<string, number>();
  for (const { vm: of, sliceUs, periodUs } of reservations) slices.set(of, sliceUs / periodUs);
  const here = new Set<string>();
  for (const resident of residents) if (resident.host === host.host) here.add(resident.vm);
  here.delete(vm);
  let left = host.cpus;
  for (const other of here) left -= slices.get(other) ?? 0;
  return { wanted: slices.get(vm) ?? 0, left: Math.max(0, left) };
}

export const gib = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${round(bytes / 2 ** 30)} GiB` : `${round(bytes / 2 ** 20)} MiB`;

/** To a tenth. */
export const round = (value: number): string => String(Math.round(value * 10) / 10);
