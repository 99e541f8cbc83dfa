/** Who is in a group. */
import { readdirSync } from 'node:fs';
import { wordsOf } from './hierarchy.js';

/** Groups in groups that are looked through. */
const DEPTH_MAX = 4;

/** Process numbers of a group and those below. */
export function processesIn(group: string, depth = DEPTH_MAX): number[] {
  const own = wordsOf(`${group}/cgroup.procs`).map(Number);
  return depth === 0 ? own : [...own, ...groupsIn(group).flatMap((each) => processesIn(each, depth - 1))];
}

/** Folders of the groups directly below. */
export function groupsIn(group: string): string[] {
  try {
    return readdirSync(group, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${group}/${name}`);
  } catch {
    return []; // it is gone
  }
}
