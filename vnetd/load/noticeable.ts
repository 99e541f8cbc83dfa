/** Whether a load is news. Pure. */
import type { HostLoad } from '../../core/index.js';

/** Of the host's CPUs, and of the time waited. */
export const NEWS_SHARE = 0.05;

/** True: other VMs, or something of the load moved by NEWS_SHARE or more. */
export function isNews(before: HostLoad, now: HostLoad): boolean {
  const least = NEWS_SHARE * now.cpus;
  return (
    before.cpus !== now.cpus ||
    Math.abs(before.busyCpus - now.busyCpus) >= least ||
    differ(before.vmCpus, now.vmCpus, least) ||
    differ(before.vmWaits, now.vmWaits, NEWS_SHARE)
  );
}

function differ(before: Record<string, number>, now: Record<string, number>, least: number): boolean {
  const names = Object.keys(now);
  if (names.length !== Object.keys(before).length) return true;
  return names.some((name) => !(Math.abs((now[name] ?? 0) - (before[name] ?? Number.NaN)) < least));
}
