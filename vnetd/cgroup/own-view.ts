/**
 * What `ip netns exec` starts, as a lab's daemons, has a /sys of its own without cgroups. They are mounted there again,
 * where only this process and its children see it.
 */
import { spawnSync } from 'node:child_process';
import { type CpuHierarchy, findCpuHierarchy, textOf } from './hierarchy.js';

const FOLDER = '/sys/fs/cgroup';
const TIMEOUT_MS = 5000;

/** As `findCpuHierarchy`, with such a mount where it is missing and is nobody else's to see. */
export function openCpuHierarchy(): CpuHierarchy | undefined {
  const found = findCpuHierarchy();
  if (found !== undefined || !isSysOurs(textOf('/proc/self/mountinfo'))) return found;
  const [kind, options] = kindOf(textOf('/proc/self/cgroup'));
  spawnSync('mount', ['-t', kind, '-o', options, 'cgroup', FOLDER], { stdio: 'ignore', timeout: TIMEOUT_MS });
  return findCpuHierarchy();
}

/** True: what is mounted below /sys is told to no other namespace (proc_pid_mountinfo(5), optional fields). */
export function isSysOurs(mountinfo: string): boolean {
  const last = mountinfo.split('\n').findLast((line) => line.split(' ')[4] === '/sys');
  const [, optional = ''] = /^(?:\S+ ){6}((?:\S+ )*)- /.exec(last ?? '') ?? [];
  return last !== undefined && !optional.includes('shared:');
}

/** Controllers of one hierarchy of version 1 are mounted together; without such a one it is version 2. */
export function kindOf(cgroup: string): ['cgroup' | 'cgroup2', string] {
  const controllers = cgroup.split('\n').flatMap((line) => /^\d+:([^:]+):/.exec(line)?.[1] ?? []);
  const ours = controllers.find((names) => names.split(',').includes('cpu'));
  return ours === undefined ? ['cgroup2', 'rw'] : ['cgroup', ours];
}
