/** Where the cgroups that hand out CPU are: version 2 where it has the controller, else version 1 (cgroups(7)). */
import { existsSync, readFileSync } from 'node:fs';

export interface CpuHierarchy {
  version: 1 | 2;
  /** Folder of the hierarchy's top, as far as this process sees it. */
  top: string;
  /** Folder of this process's own group. */
  own: string;
  /** Its name: what /proc/PID/cgroup says of whoever is in it. */
  name: string;
  /** Version 1: this process's own group where time is counted, if that has the same processes. */
  accounting?: string;
}

interface Mount {
  /** Of the hierarchy, what is mounted there. */
  root: string;
  folder: string;
  kind: 'cgroup' | 'cgroup2';
  controllers: string[];
}

/** Undefined: there are none, or they are not mounted where we could see it. */
export function findCpuHierarchy(proc = '/proc'): CpuHierarchy | undefined {
  const groups = groupsOf(`${proc}/self/cgroup`);
  const mounts = mountsOf(`${proc}/self/mountinfo`);
  return unified(mounts, groups) ?? legacy(mounts, groups);
}

function unified(mounts: Mount[], groups: Map<string, string>): CpuHierarchy | undefined {
  const mount = mounts.find(({ kind }) => kind === 'cgroup2');
  if (mount === undefined || !wordsOf(`${mount.folder}/cgroup.controllers`).includes('cpu')) return undefined;
  const name = groups.get('') ?? '/';
  return { version: 2, top: mount.folder, own: folderOf(mount, name), name };
}

function legacy(mounts: Mount[], groups: Map<string, string>): CpuHierarchy | undefined {
  const of = (controller: string) => mounts.find(({ controllers }) => controllers.includes(controller));
  const [mount, path] = [of('cpu'), groups.get('cpu') ?? '/'];
  if (mount === undefined || !existsSync(`${mount.folder}/cpu.cfs_quota_us`)) return undefined;
  const place = { version: 1, top: mount.folder, own: folderOf(mount, path), name: path } as const;
  const counted = of('cpuacct');
  if (counted === undefined || groups.get('cpuacct') !== path) return place;
  return { ...place, accounting: folderOf(counted, path) };
}

/** A container may see its own part of a hierarchy only. */
function folderOf({ root, folder }: Mount, path: string): string {
  const inside = root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;
  return inside === '/' || inside === '' ? folder : `${folder}${inside}`;
}

/** The group of a process, by its name; undefined: it has ended. */
export const groupOf = ({ version }: CpuHierarchy, pid: number, proc = '/proc'): string | undefined =>
  groupsOf(`${proc}/${pid}/cgroup`).get(version === 2 ? '' : 'cpu');

/** Controller to path; version 2 is the empty name. */
function groupsOf(file: string): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of textOf(file).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers?.split(',') ?? []) groups.set(controller, path ?? '/');
  }
  return groups;
}

/** proc_pid_mountinfo(5): `ID PARENT MAJOR:MINOR ROOT FOLDER OPTIONS ... - KIND SOURCE OPTIONS`. */
function mountsOf(file: string): Mount[] {
  return textOf(file)
    .split('\n')
    .flatMap((line): Mount[] => {
      const [left = '', right = ''] = line.split(' - ');
      const [, , , root = '/', folder = ''] = left.split(' ');
      const [kind, , options = ''] = right.split(' ');
      if (kind !== 'cgroup' && kind !== 'cgroup2') return [];
      return [{ root, folder, kind, controllers: options.split(',') }];
    });
}

export const wordsOf = (file: string): string[] => textOf(file).split(/\s+/).filter(Boolean);

/** Empty: there is no such file, or it is not ours to read. */
export function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
