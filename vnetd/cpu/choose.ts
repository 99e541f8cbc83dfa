/** By what CPU is reserved: as the daemon's options say, or what this machine has. */
import { accessSync, constants } from 'node:fs';
import { VnetError } from '../../core/index.js';
import type { CpuHierarchy } from '../cgroup/index.js';
import { hasTool } from '../tool.js';
import { CgroupMeans } from './cgroup-means.js';
import { DeadlineMeans } from './deadline-means.js';
import type { CpuMeans } from './means.js';
import { NoMeans } from './no-means.js';

export const CPU_MEANS = ['cgroup', 'deadline', 'none'] as const;
/** `cgroup`: quota and weight of a CPU group, versions 1 and 2; `deadline`: SCHED_DEADLINE. */
export type CpuMeansKind = (typeof CPU_MEANS)[number];

/** Absent: a CPU group where there can be one, else SCHED_DEADLINE. Throws what is missing for the one that is named. */
export function chooseCpuMeans(
  kind: CpuMeansKind | undefined,
  { hierarchy, host }: { hierarchy: CpuHierarchy | undefined; host: string },
): CpuMeans {
  const groups = hierarchy && new CgroupMeans(hierarchy, host);
  if (kind === 'none')
    return new NoMeans('it was started with --cpu none', 'start vnetd with --cpu cgroup', groups);
  const missing = whatCgroupsMiss(hierarchy);
  if (kind !== 'deadline' && groups !== undefined && missing === undefined) return groups;
  if (kind !== 'cgroup' && hasTool('chrt') && process.getuid?.() === 0) return new DeadlineMeans(groups);
  const reason =
    kind === 'deadline' ? "SCHED_DEADLINE needs root and the program 'chrt' of util-linux" : (missing ?? '');
  const hint = 'run vnetd as root on a kernel with CPU cgroups';
  if (kind !== undefined) throw new VnetError('VNET_ERR_UNSUPPORTED', `--cpu ${kind}: ${reason}`, { hint });
  return new NoMeans(reason, hint, groups);
}

function whatCgroupsMiss(hierarchy: CpuHierarchy | undefined): string | undefined {
  if (hierarchy === undefined) return 'the machine has no CPU cgroups, or they cannot be reached';
  try {
    accessSync(hierarchy.own, constants.W_OK);
    return undefined;
  } catch {
    return `groups cannot be made below ${hierarchy.own}`;
  }
}
