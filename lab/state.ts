/**
 * The record of what a lab made, on disk before it is made: from it alone a lab is found again, used by another
 * process, and removed to the last item after a crash.
 */

import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { VnetError } from '../core/index.js';
import type { LabSpec } from './spec.js';

export interface NamespaceRecord {
  name: string;
  /** Identity of the namespace; null until it is made. A namespace of that name with another one is not ours. */
  inode: number | null;
}

export interface ProcessRecord {
  pid: number;
  /** Field 22 of /proc/PID/stat: with the pid it names one process for ever, within one boot. */
  startTicks: string;
  what: string;
}

export interface LabState {
  version: 1;
  name: string;
  bootId: string;
  /** Who made it; not to be ended with it. */
  maker: ProcessRecord;
  madeAt: string;
  /** To end with its maker. */
  temporary?: boolean;
  /** As it is now: changes while running included, addresses and MACs filled in. */
  spec: LabSpec;
  /** How delay, jitter, loss and reordering are made; undefined while no path asks for any. */
  impairment?: 'netem' | 'emulator';
  namespaces: NamespaceRecord[];
  processes: ProcessRecord[];
  cgroups: string[];
  /** Beside this record itself. */
  files: string[];
}

const FOLDER = 'vnet-lab';
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const NETNS_FOLDER = '/run/netns';

function writable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where records lie: `vnet-lab` under /run for root, else under XDG_RUNTIME_DIR or /tmp. */
export function defaultRoot(): string {
  if (process.getuid?.() === 0 && writable('/run')) return join('/run', FOLDER);
  const runtime = process.env.XDG_RUNTIME_DIR;
  return join(runtime !== undefined && writable(runtime) ? runtime : '/tmp', FOLDER);
}

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The start time of a process in clock ticks since boot, or undefined if there is none such. */
export function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** True while the very process of the record lives. */
export function isAlive(record: ProcessRecord): boolean {
  return startTicks(record.pid) === record.startTicks;
}

export function namespaceInode(name: string): number | undefined {
  return statSync(join(NETNS_FOLDER, name), { throwIfNoEntry: false })?.ino;
}

export function statePath(root: string, name: string): string {
  return join(root, `${name}.json`);
}

/** Writes a new record; VNET_ERR_EXISTS if a lab of that name has one. */
export function createState(root: string, state: LabState): void {
  mkdirSync(root, { recursive: true, mode: FOLDER_MODE });
  try {
    writeFileSync(statePath(root, state.name), JSON.stringify(state), { flag: 'wx', mode: FILE_MODE });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new VnetError('VNET_ERR_EXISTS', `a lab named '${state.name}' exists`, {
      hint: `remove it: vnet lab down ${state.name}`,
      cause,
    });
  }
}

/** Replaces the record atomically. */
export function saveState(root: string, state: LabState): void {
  const path = statePath(root, state.name);
  writeFileSync(`${path}.new`, JSON.stringify(state), { mode: FILE_MODE });
  renameSync(`${path}.new`, path);
}

/** Throws VNET_ERR_NOT_FOUND if there is no such lab, VNET_ERR_CONFLICT if its record cannot be read. */
export function loadState(root: string, name: string): LabState {
  let text: string;
  try {
    text = readFileSync(statePath(root, name), 'utf8');
  } catch (cause) {
    const hint = `labs here: ${stateNames(root).join(', ') || 'none'}`;
    throw new VnetError('VNET_ERR_NOT_FOUND', `there is no lab named '${name}'`, { hint, cause });
  }
  try {
    return JSON.parse(text) as LabState;
  } catch (cause) {
    const hint = `look at ${statePath(root, name)}, remove the namespaces vl-${name}-* and then the file`;
    throw new VnetError('VNET_ERR_CONFLICT', `the record of the lab '${name}' is damaged`, { hint, cause });
  }
}

export function deleteState(root: string, name: string): void {
  try {
    unlinkSync(statePath(root, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

export function stateNames(root: string): string[] {
  try {
    return readdirSync(root)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length))
      .sort();
  } catch {
    return [];
  }
}
