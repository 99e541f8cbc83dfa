/** Which VM of a host that is to be emptied goes where: best fit by memory, then by CPUs; never over. Pure. */
import { gib, type HostRoom, type Resident } from './capacity.js';

export interface DrainPlan {
  moves: { vm: string; to: string }[];
  stay: { vm: string; reason: string }[];
}

/**
 * `leaving`: the VMs that may leave; `residents`: everybody, those included. Largest first (best-fit decreasing), each
 * to the host that it leaves the least memory free on; among equals the one with the most CPUs to spare.
 */
export function planDrain(
  host: string,
  rooms: readonly HostRoom[],
  residents: readonly Resident[],
  leaving: readonly string[],
): DrainPlan {
  const plan: DrainPlan = { moves: [], stay: [] };
  const free = new Map(
    rooms
      .filter((room) => room.host !== host)
      .map((room) => {
        const here = residents.filter((resident) => resident.host === room.host);
        const sum = (what: 'memoryBytes' | 'cpus') => here.reduce((all, resident) => all + resident[what], 0);
        return [
          room.host,
          { memoryBytes: room.memoryBytes - sum('memoryBytes'), cpus: room.cpus - sum('cpus') },
        ];
      }),
  );
  const names = new Set(leaving);
  const vms = residents.filter((resident) => resident.host === host && names.has(resident.vm));
  vms.sort((a, b) => b.memoryBytes - a.memoryBytes || b.cpus - a.cpus || (a.vm < b.vm ? -1 : 1));
  for (const { vm, memoryBytes, cpus } of vms) {
    const [best] = [...free]
      .filter(([, room]) => memoryBytes <= room.memoryBytes)
      .sort(
        ([a, x], [b, y]) =>
          Number(y.cpus >= cpus) - Number(x.cpus >= cpus) ||
          compare(x.memoryBytes, y.memoryBytes) ||
          compare(y.cpus, x.cpus) ||
          (a < b ? -1 : 1),
      );
    if (!best) {
      plan.stay.push({ vm, reason: `no other host that can be reached has ${gib(memoryBytes)} free` });
      continue;
    }
    best[1].memoryBytes -= memoryBytes;
    best[1].cpus -= cpus;
    plan.moves.push({ vm, to: best[0] });
  }
  return plan;
}

/** Infinities may be equal. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
