/** What hosts have for VMs, and what of it is taken. Pure. */

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

export const gib = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${round(bytes / 2 ** 30)} GiB` : `${round(bytes / 2 ** 20)} MiB`;

const round = (value: number): string => String(Math.round(value * 10) / 10);
