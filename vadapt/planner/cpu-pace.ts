/** Of the CPU that VMs ask for, what they get, where all on a host get the same share. */
import type { Instance } from '../model/instance.js';

/** A VM that gets no CPU at all still runs now and then. */
const PACE_MIN = 0.01;

/** By VM; 1: all of it. */
export function cpuPaces({ hosts, vmCpus, hostCpus }: Instance, mapping: ArrayLike<number>): Float64Array {
  const asked = new Float64Array(hosts);
  for (const [vm, cpus] of vmCpus.entries()) {
    const host = mapping[vm] as number;
    asked[host] = (asked[host] as number) + cpus;
  }
  return Float64Array.from(vmCpus, (cpus, vm) => {
    const host = mapping[vm] as number;
    const has = hostCpus[host] as number;
    if (cpus === 0 || (asked[host] as number) <= has) return 1;
    return Math.max(PACE_MIN, has / (asked[host] as number));
  });
}
