/** CPU that is reserved for VMs, at the hosts where they are. */
import type { CpuConfig, CpuReservation } from '../../core/index.js';
import type { Place } from './model.js';
import { hostsOf } from './ports.js';

/** By VM: the user's counts before adaptation's. */
export function reservedCpu(
  users: readonly CpuReservation[],
  adapted: readonly CpuReservation[],
): Map<string, CpuReservation> {
  return new Map([...adapted, ...users].map((reservation) => [reservation.vm, reservation]));
}

export const cpuConfig = ({ vm, periodUs, sliceUs }: CpuReservation): CpuConfig => ({
  vm,
  periodUs,
  sliceUs,
});

/** A VM that moves has it at both hosts. */
export function cpuHosts(place: Place | undefined): string[] {
  return place ? hostsOf(place) : [];
}

/** One host's, by VM in order; undefined: none. */
export function hostCpu(
  host: string,
  places: readonly Place[],
  reserved: ReadonlyMap<string, CpuReservation>,
): CpuConfig[] | undefined {
  if (reserved.size === 0) return undefined;
  const here = places.flatMap((place) => {
    const reservation = place.learnt ? undefined : reserved.get(place.name);
    return reservation && cpuHosts(place).includes(host) ? [cpuConfig(reservation)] : [];
  });
  return here.length === 0 ? undefined : here.sort((a, b) => (a.vm < b.vm ? -1 : 1));
}
