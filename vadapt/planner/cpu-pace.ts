/**
 * How fast VMs run, over how fast they would with all the CPU that they ask for. Where the VMs of a host are all there
 * is, they share it alike; where others fill it (contention.ts), each waits for its turn: work of u seconds takes
 * u * (1 + queue) seconds, so a VM that asks for d CPUs runs at 1 / (1 + queue * d).
 */
import type { Instance } from '../model/instance.js';

/** A VM that gets no CPU at all still runs now and then. */
const PACE_MIN = 0.01;

/**
 * By VM; 1: as fast as it can.
 *
 * @param queues by host, seconds of waiting for a second of work; NaN: others do not fill it
 */
export function cpuPaces(
  { hosts, vmCpus, hostCpus }: Instance,
  mapping: ArrayLike<number>,
  queues: Float64Array,
): Float64Array {
  const asked = new Float64Array(hosts);
  for (const [vm, cpus] of vmCpus.entries()) {
    const host = mapping[vm] as number;
    asked[host] = (asked[host] as number) + cpus;
  }
  return Float64Array.from(vmCpus, (cpus, vm) => {
    const host = mapping[vm] as number;
    const [has, queue] = [hostCpus[host] as number, queues[host] as number];
    if (!Number.isNaN(queue)) return Math.max(PACE_MIN, 1 / (1 + queue * cpus));
    if (cpus === 0 || (asked[host] as number) <= has) return 1;
    return Math.max(PACE_MIN, has / (asked[host] as number));
  });
}
