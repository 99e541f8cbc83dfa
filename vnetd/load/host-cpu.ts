/** CPU of this host: that of the machine, or of the group that has a quota, as a container's or a lab's host. */
import { cpus } from 'node:os';
import { type CpuHierarchy, processesIn, type Quota, quotaOf, textOf, usedUs } from '../cgroup/index.js';
import { ProcessTimes } from './process-times.js';

/** proc_stat(5) counts in this unit. */
const TICK_US = 10_000;

export interface CpuSample {
  cpus: number;
  /** Since the sample before; whoever used it. Zero at the first. */
  usedUs: number;
}

export class HostCpu {
  readonly #hierarchy: CpuHierarchy | undefined;
  readonly #times = new ProcessTimes();
  /** Asking takes longer than all the rest. */
  readonly #machineCpus = Math.max(1, cpus().length);
  #before: { of: string; totalUs: number } | undefined;

  constructor(hierarchy: CpuHierarchy | undefined) {
    this.#hierarchy = hierarchy;
  }

  sample(uptimeMs: number): CpuSample {
    const machine = this.#machineCpus;
    const quota = this.#hierarchy && quotaOf(this.#hierarchy);
    if (quota === undefined || quota.cpus >= machine)
      return { cpus: machine, usedUs: this.#grown('', busyUs(textOf('/proc/stat'))) };
    return { cpus: quota.cpus, usedUs: this.#usedByGroup(quota, uptimeMs) };
  }

  #usedByGroup({ group }: Quota, uptimeMs: number): number {
    const total = this.#hierarchy && usedUs(this.#hierarchy, group);
    if (total !== undefined) return this.#grown(group, total);
    return this.#times.advance(processesIn(group), uptimeMs);
  }

  #grown(of: string, totalUs: number): number {
    const before = this.#before?.of === of ? this.#before.totalUs : totalUs;
    this.#before = { of, totalUs };
    return Math.max(0, totalUs - before);
  }
}

/** First line of /proc/stat: `cpu user nice system idle iowait irq softirq steal guest guest_nice`; guests are in user. */
export function busyUs(text: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    /^cpu +(.*)$/m.exec(text)?.[1]?.split(' ').map(Number) ?? [];
  return (user + nice + system + irq + softirq + steal) * TICK_US;
}
