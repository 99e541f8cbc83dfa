/**
 * CPU cgroups of a light VM's processes. Those that live in the source daemon's own group, as a lab's do when its host
 * has a quota, go to the destination's; processes in another group are somebody else's business and stay there.
 */
import { readFileSync } from 'node:fs';
import { VM_CPU_GROUP } from '../../core/index.js';
import { outputOf, spawnTool } from './ip.js';
import { GROUP_PASSES } from './limits.js';
import { processesOf } from './processes.js';

/** Hierarchy (`cpu`: version 1, `unified`: version 2) to the path of a group in it. */
export type CpuGroups = Record<string, string>;

/** From /proc/PID/cgroup (cgroups(7)): `ID:CONTROLLERS:PATH`, version 2 with ID 0 and no controllers. */
export function parseGroups(text: string): CpuGroups {
  const groups: CpuGroups = {};
  for (const line of text.split('\n')) {
    const [, id, controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (id === undefined) continue;
    if (id === '0') groups['unified'] = path;
    else if (controllers.split(',').includes('cpu')) groups[controllers] = path;
  }
  return groups;
}

export function groupsOf(pid: number | 'self'): CpuGroups {
  try {
    return parseGroups(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  } catch {
    return {}; // it has ended
  }
}

export const ownGroups = (): CpuGroups => groupsOf('self');

/** In it, or in the group of one VM below it. */
const isIn = (group: string | undefined, of: string): boolean =>
  group === of || group?.startsWith(`${of === '/' ? '' : of}/${VM_CPU_GROUP}`) === true;

/**
 * Takes the processes of a namespace that are in group `from`, or in a VM's own group below, to `to`. Without work where
 * these are the same.
 * @throws VNET_ERR_INTERNAL with what the system said
 */
export async function moveGroups(network: string, from: CpuGroups, to: CpuGroups): Promise<void> {
  for (const [hierarchy, target] of Object.entries(to)) {
    const source = from[hierarchy];
    if (source === undefined || source === target) continue;
    for (let pass = 0; pass < GROUP_PASSES; pass++) {
      const pids = processesOf(network).filter((pid) => isIn(groupsOf(pid)[hierarchy], source));
      if (pids.length === 0) break;
      await enterGroup(hierarchy, target, pids);
    }
  }
}

/** A process of `ip netns exec` has a /sys without cgroups: the hierarchy is mounted where only this helper sees it, in the
 * place of another that the daemon may have there. */
const ENTER = `
umount /sys/fs/cgroup 2>/dev/null
mount -t "$1" -o "$2" cgroup /sys/fs/cgroup || exit 1
file=/sys/fs/cgroup$3/cgroup.procs; shift 3
for pid; do echo "$pid" > "$file" || [ ! -d "/proc/$pid" ] || exit 1; done`;

async function enterGroup(hierarchy: string, target: string, pids: readonly number[]): Promise<void> {
  const [type, options] = hierarchy === 'unified' ? ['cgroup2', 'rw'] : ['cgroup', hierarchy];
  const args = ['--mount', 'sh', '-c', ENTER, 'sh', type, options, target, ...pids.map(String)];
  await outputOf(
    spawnTool('unshare', args as string[]),
    `taking the VM's processes to the CPU group ${target}`,
  );
}
