/** What another daemon says of its host's load, looked at before anybody decides by it: it came over a network. */
import type { HostLoad } from '../../core/index.js';

/** CPUs of the largest machine that anybody believes in. */
const CPUS_MAX = 8192;
/** VMs of one host. */
const VMS_MAX = 10_000;
const NAME_MAX = 63;
/** What was counted over one period may run a little ahead of the period. */
const COUNTING_SLACK = 1.1;

/** Undefined: it cannot be true. Shares that counting let run over are cut to what there is. */
export function soundLoad(body: unknown): HostLoad | undefined {
  if (!isRecord(body)) return undefined;
  const { cpus, busyCpus, vmCpus, vmWaits } = body;
  if (!isAmount(cpus, CPUS_MAX) || cpus === 0 || !isAmount(busyCpus, cpus * COUNTING_SLACK)) return undefined;
  const used = soundShares(vmCpus, cpus);
  const waits = soundShares(vmWaits, 1);
  if (!used || !waits) return undefined;
  return { cpus, busyCpus: Math.min(busyCpus, cpus), vmCpus: used, vmWaits: waits };
}

function soundShares(body: unknown, most: number): Record<string, number> | undefined {
  if (!isRecord(body)) return undefined;
  const shares = Object.entries(body);
  const isSound = ([name, share]: [string, unknown]) =>
    name.length <= NAME_MAX && isAmount(share, most * COUNTING_SLACK);
  if (shares.length > VMS_MAX || !shares.every(isSound)) return undefined;
  return Object.fromEntries(shares.map(([name, share]) => [name, Math.min(share as number, most)]));
}

function isAmount(value: unknown, most: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= most;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
