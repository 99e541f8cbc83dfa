/** Removal by the record: exactly what it lists, in an order that leaves nothing running in what goes away. */

import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VM_CPU_GROUP, VnetError } from '../core/index.js';
import { forgetWire } from '../vm/index.js';
import { ownCgroup } from './cgroup.js';
import { mustRun, runCommand } from './command.js';
import { namespaceOf } from './layout.js';
import {
  bootId,
  deleteState,
  isAlive,
  type LabState,
  loadState,
  namespaceInode,
  type ProcessRecord,
  startTicks,
} from './state.js';

/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 1_000;
const POLL_MS = 10;
/** For the kernel to take a killed process away. */
const DEATH_MS = 5_000;

function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, name);
  } catch {
    // it ended this very moment
  }
}

async function gone(records: readonly ProcessRecord[], withinMs: number): Promise<boolean> {
  for (const end = Date.now() + withinMs; ; await sleep(POLL_MS)) {
    if (!records.some(isAlive)) return true;
    if (Date.now() > end) return false;
  }
}

async function endProcesses(records: readonly ProcessRecord[]): Promise<void> {
  for (const record of records) signal(record, 'SIGTERM');
  if (await gone(records, GRACE_MS)) return;
  for (const record of records) signal(record, 'SIGKILL');
  if (await gone(records, DEATH_MS)) return;
  const left = records.filter(isAlive).map((record) => `${record.pid} (${record.what})`);
  throw new VnetError('VNET_ERR_TIMEOUT', `processes of the lab do not end: ${left.join(', ')}`);
}

/** Namespaces of the record that exist and are the recorded ones. */
function ownNamespaces(state: LabState): string[] {
  return state.namespaces
    .filter(({ name, inode }) => {
      const now = namespaceInode(name);
      return now !== undefined && (inode === null || inode === now);
    })
    .map(({ name }) => name);
}

async function processesIn(namespaces: readonly string[]): Promise<ProcessRecord[]> {
  const listed = await Promise.all(namespaces.map((name) => runCommand(['ip', 'netns', 'pids', name])));
  const pids = listed.flatMap(({ stdout }) =>
    stdout
      .split(/\s+/)
      .filter((word) => word !== '')
      .map(Number),
  );
  return [...new Set(pids)]
    .filter((pid) => pid !== process.pid)
    .map((pid) => ({ pid, startTicks: startTicks(pid) ?? '', what: 'in a namespace of the lab' }));
}

/** Those that daemons which were killed left, of VMs whose CPU was reserved. */
function vmGroupsIn(path: string, host = ''): string[] {
  const prefix = host === '' ? VM_CPU_GROUP : `${VM_CPU_GROUP}${host}:`;
  return existsSync(path) ? readdirSync(path).filter((name) => name.startsWith(prefix)) : [];
}

/** Of hosts without a quota: below the group that the lab itself is in, as are those of other labs. */
function removeStrayVmGroups(hosts: readonly string[]): void {
  const top = ownCgroup();
  for (const name of hosts.flatMap((host) => (top === undefined ? [] : vmGroupsIn(top, host)))) {
    try {
      rmdirSync(join(top ?? '', name));
    } catch {
      // In use by another lab's host of that name.
    }
  }
}

async function removeCgroup(path: string): Promise<void> {
  for (const end = Date.now() + DEATH_MS; ; await sleep(POLL_MS)) {
    try {
      for (const name of vmGroupsIn(path)) rmdirSync(join(path, name));
      return rmdirSync(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || Date.now() > end) throw error;
    }
  }
}

/** Removes what one record lists; a record of an earlier boot lists only files that still exist. */
export async function removeByState(root: string, state: LabState): Promise<void> {
  if (state.bootId === bootId()) {
    const namespaces = ownNamespaces(state);
    await endProcesses([...state.processes, ...(await processesIn(namespaces))].filter(isAlive));
    for (const path of state.cgroups) await removeCgroup(path);
    removeStrayVmGroups(state.namespaces.map(({ name }) => name.slice(namespaceOf(state.name, '').length)));
    for (const name of namespaces) {
      await mustRun(['ip', 'netns', 'del', name]); // and its wires, on whatever host they are by now
      forgetWire(name);
    }
  }
  for (const file of state.files) rmSync(file, { force: true });
  deleteState(root, state.name);
}

/** Removes a lab by its name, also after its maker crashed. VNET_ERR_NOT_FOUND if there is none. */
export function removeByName(root: string, name: string): Promise<void> {
  return removeByState(root, loadState(root, name));
}
