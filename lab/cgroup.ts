/** CPU quotas by cgroup: version 2 (`cpu.max`) where it has the controller, else version 1 (cfs quota). */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { VnetError } from '../core/index.js';

const PERIOD_US = 50_000;
const UNIFIED_ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'];
const V1_ROOTS = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'];

interface Hierarchy {
  root: string;
  version: 1 | 2;
}

function words(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split(/\s+/);
  } catch {
    return [];
  }
}

function findHierarchy(): Hierarchy | undefined {
  const unified = UNIFIED_ROOTS.find((root) => words(`${root}/cgroup.controllers`).includes('cpu'));
  if (unified !== undefined) return { root: unified, version: 2 };
  const v1 = V1_ROOTS.find((root) => existsSync(`${root}/cpu.cfs_quota_us`));
  return v1 === undefined ? undefined : { root: v1, version: 1 };
}

function hierarchy(): Hierarchy {
  const found = findHierarchy();
  if (found !== undefined) return found;
  throw new VnetError('VNET_ERR_UNSUPPORTED', 'this machine has no cgroup cpu controller for CPU quotas', {
    hint: "leave out the 'cpu' lines",
  });
}

/** Where the group of a host is or would be. Throws VNET_ERR_UNSUPPORTED. */
export function cgroupPath(namespace: string): string {
  return `${hierarchy().root}/vnet-${namespace}`;
}

/** The group that this process is in, of the hierarchy that hands out CPU; undefined: there is none. */
export function ownCgroup(): string | undefined {
  const found = findHierarchy();
  if (found === undefined) return undefined;
  const controller = found.version === 2 ? '' : 'cpu';
  const line = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .find((text) => text.split(':')[1]?.split(',').includes(controller));
  const path = line?.split(':').slice(2).join(':') ?? '/';
  return path === '/' ? found.root : `${found.root}${path}`;
}

/** Makes the group with a quota in percent of one CPU. Throws VNET_ERR_PRIVILEGE. */
export function makeCgroup(path: string, percent: number): void {
  const { root, version } = hierarchy();
  const quota = Math.round((PERIOD_US * percent) / 100);
  try {
    if (version === 2 && !words(`${root}/cgroup.subtree_control`).includes('cpu')) {
      writeFileSync(`${root}/cgroup.subtree_control`, '+cpu');
    }
    mkdirSync(path);
    if (version === 2) return writeFileSync(`${path}/cpu.max`, `${quota} ${PERIOD_US}`);
    writeFileSync(`${path}/cpu.cfs_period_us`, String(PERIOD_US));
    writeFileSync(`${path}/cpu.cfs_quota_us`, String(quota));
  } catch (cause) {
    throw new VnetError('VNET_ERR_PRIVILEGE', `cannot set a CPU quota: ${(cause as Error).message}`, {
      cause,
      hint: "run as root, or leave out the 'cpu' lines",
    });
  }
}

/** A command that enters the group and then becomes the given one, with the same pid. */
export function inCgroup(path: string, command: readonly string[]): string[] {
  return ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', path, ...command];
}
