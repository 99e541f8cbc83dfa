/** Where a daemon of a lab runs: in its host's namespace, known to the lab, which ends it at the latest. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { type Lab, openLab } from '../lab/index.js';

/** One a lab: each has the lab's record in memory, and two would overwrite each other's. */
const opened = new Map<string, Lab>();

/** Throws `VNET_ERR_NOT_FOUND` where there is no such lab. */
export function requireLab(lab: string): Lab {
  const known = opened.get(lab) ?? openLab(lab);
  opened.set(lab, known);
  return known;
}

/** Throws `VNET_ERR_NOT_FOUND` where there is no such lab or host. */
export function spawnInLab(
  lab: string,
  host: string,
  command: string[],
  options: SpawnOptions,
): ChildProcess {
  return requireLab(lab).host(host).spawn(command, options);
}
