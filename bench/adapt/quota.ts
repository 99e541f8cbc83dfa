/**
 * A host's CPU quota, set anew while it runs: daemons and guests start with plenty, and what is measured runs with what
 * the scenario gives. The period is shorter than the lab's own, so that a host that has used its share waits for less.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabNode } from '../../lab/index.js';

const PERIOD_US = 20_000;

/** @param cpus of one processor: 0.3 is 30% */
export function setQuota(host: LabNode, cpus: number): void {
  const { cgroup } = host;
  if (cgroup === undefined) throw new Error(`${host.name} has no CPU quota to change`);
  const quotaUs = Math.round(PERIOD_US * cpus);
  const unified = join(cgroup, 'cpu.max');
  if (existsSync(unified)) return writeFileSync(unified, `${quotaUs} ${PERIOD_US}`);
  // The kernel refuses a period that is out of proportion to the quota there is: lift that first.
  writeFileSync(join(cgroup, 'cpu.cfs_quota_us'), '-1');
  writeFileSync(join(cgroup, 'cpu.cfs_period_us'), String(PERIOD_US));
  writeFileSync(join(cgroup, 'cpu.cfs_quota_us'), String(quotaUs));
}
