/** How much CPU this process may use, and how much of it its group does. */
import { dirname } from 'node:path';
import { type CpuHierarchy, textOf, wordsOf } from './hierarchy.js';

export interface Quota {
  /** Folder of the group that has it: ours, or one above. */
  group: string;
  cpus: number;
}

/** The tightest of our group's and those above; undefined: none, all of the machine's CPUs. */
export function quotaOf({ version, top, own }: CpuHierarchy): Quota | undefined {
  let tightest: Quota | undefined;
  for (let group = own; group.startsWith(top); group = dirname(group)) {
    const cpus = version === 2 ? quota2(group) : quota1(group);
    if (cpus !== undefined && cpus < (tightest?.cpus ?? Number.POSITIVE_INFINITY)) tightest = { group, cpus };
    if (group === top) break;
  }
  return tightest;
}

function quota2(group: string): number | undefined {
  const [slice, period] = wordsOf(`${group}/cpu.max`);
  return slice === undefined || slice === 'max' ? undefined : share(slice, period);
}

function quota1(group: string): number | undefined {
  const slice = textOf(`${group}/cpu.cfs_quota_us`).trim();
  return slice === '' || slice.startsWith('-')
    ? undefined
    : share(slice, textOf(`${group}/cpu.cfs_period_us`));
}

function share(slice: string, period: string | undefined): number | undefined {
  const cpus = Number(slice) / Number(period);
  return Number.isFinite(cpus) && cpus > 0 ? cpus : undefined;
}

/** CPU time of a group and those below, microseconds; undefined: the kernel does not count it there. */
export function usedUs({ version, own, accounting }: CpuHierarchy, group: string): number | undefined {
  if (version === 2) return statOf(group, 'usage_usec');
  // The same place in the other hierarchy.
  const counted =
    accounting !== undefined && group.startsWith(own) ? accounting + group.slice(own.length) : '';
  const ns = counted === '' ? '' : textOf(`${counted}/cpuacct.usage`);
  return ns === '' ? undefined : Number(ns) / 1000;
}

/** Time for which the group's processes were kept from running by its quota, microseconds, of all CPUs together. */
export function throttledUs({ version }: CpuHierarchy, group: string): number {
  if (version === 2) return statOf(group, 'throttled_usec') ?? 0;
  return (statOf(group, 'throttled_time') ?? 0) / 1000;
}

/** Share of the time in which some process of the group waited, as a growing total in microseconds (PSI); undefined: not kept. */
export function waitedUs(group: string): number | undefined {
  const total = /^some .*total=(\d+)/m.exec(textOf(`${group}/cpu.pressure`))?.[1];
  return total === undefined ? undefined : Number(total);
}

function statOf(group: string, name: string): number | undefined {
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(textOf(`${group}/cpu.stat`))?.[1];
  return value === undefined ? undefined : Number(value);
}
