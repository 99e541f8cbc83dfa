/** What moves as one: VMs that must be together are one unit, with what they need together and where they all may be. */
import type { Instance } from '../model/instance.js';
import { ROUNDING } from '../model/evaluate.js';
import { togetherOf } from '../model/together.js';

export interface Units {
  count: number;
  /** VM to unit. */
  of: Int32Array;
  members: readonly Int32Array[];
  cpus: Float64Array;
  memory: Float64Array;
  /** By unit: hosts, in order. Empty: the problem has no answer. */
  domains: readonly Int32Array[];
}

export function makeUnits(instance: Instance): Units {
  const of = togetherOf(instance);
  const count = of.reduce((most, unit) => Math.max(most, unit + 1), 0);
  const members: number[][] = Array.from({ length: count }, () => []);
  of.forEach((unit, vm) => members[unit]?.push(vm));
  const sum = (needs: Float64Array) =>
    Float64Array.from(members, (vms) => vms.reduce((total, vm) => total + (needs[vm] as number), 0));
  const [cpus, memory] = [sum(instance.vmCpus), sum(instance.vmMemory)];
  const torn = new Set<number>();
  for (const set of instance.apart)
    set.forEach((vm, i) => {
      if (set.some((other, j) => j < i && of[other] === of[vm])) torn.add(of[vm] as number);
    });
  const domains = members.map((vms, unit) => {
    if (torn.has(unit)) return new Int32Array(0);
    const hosts: number[] = [];
    for (let host = 0; host < instance.hosts; host++) {
      const may = vms.every((vm) => instance.allowed[vm * instance.hosts + host] === 1);
      if (may && fits(instance, host, cpus[unit] as number, memory[unit] as number)) hosts.push(host);
    }
    return Int32Array.from(hosts);
  });
  return { count, of, members: members.map((vms) => Int32Array.from(vms)), cpus, memory, domains };
}

/** With the tolerances of `whyMappingInvalid`. */
export function fits(instance: Instance, host: number, cpus: number, memory: number): boolean {
  if (memory > (instance.hostMemory[host] as number) * (1 + ROUNDING)) return false;
  return instance.missingCpu < Infinity || cpus <= (instance.hostCpus[host] as number) + ROUNDING;
}

/** Pairs of units that must not share a host, as `a x count + b`, both ways. */
export function apartUnits({ apart }: Instance, units: Units): Set<number> {
  const pairs = new Set<number>();
  for (const set of apart)
    for (const a of set)
      for (const b of set)
        if (a !== b) pairs.add((units.of[a] as number) * units.count + (units.of[b] as number));
  return pairs;
}
