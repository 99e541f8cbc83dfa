/**
 * CPU by cgroups: a group for each VM below the daemon's own, with a quota and a weight. The quota alone is only an upper
 * bound; with the weight it is a lower one too, against COMPETITORS busy threads of the host on the VM's CPU. More
 * weight would starve the daemon, which carries the VM's frames, where the host itself gets less than it should.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CpuConfig, VM_CPU_GROUP, VnetError } from '../../core/index.js';
import { type CpuHierarchy, groupOf, groupsIn, wordsOf } from '../cgroup/index.js';
import type { CpuHolder, CpuMeans } from './means.js';

/** What the kernel takes for a quota (cpu.cfs_quota_us, cpu.max). */
const SLICE_MIN_US = 1000;
const PERIOD_MAX_US = 1_000_000;
/** Of a thread, in cpu.shares (version 1) and cpu.weight (version 2). */
const THREAD_SHARES = 1024;
const THREAD_WEIGHT = 100;
const COMPETITORS = 10;
/** In weights of a thread. */
const WEIGHT_MIN = 10;
const WEIGHT_MAX = 32;
/** A group is not gone at once when its last process has left. */
const REMOVAL_TRIES = 50;
const REMOVAL_PAUSE_MS = 10;

export class CgroupMeans implements CpuMeans {
  readonly name: string;
  readonly byThread = false;
  readonly #hierarchy: CpuHierarchy;
  readonly #prefix: string;
  readonly #held = new Map<string, CpuConfig>();

  /** `host`: ours; daemons of one machine may have one group. */
  constructor(hierarchy: CpuHierarchy, host: string) {
    this.#hierarchy = hierarchy;
    this.#prefix = `${VM_CPU_GROUP}${host}:`;
    this.name = `a quota of its CPU group (cgroup version ${hierarchy.version})`;
  }

  async hold(config: CpuConfig, { vm, processes }: CpuHolder): Promise<void> {
    const before = this.#held.get(vm);
    try {
      const isSet = before?.periodUs === config.periodUs && before.sliceUs === config.sliceUs;
      if (!isSet || !existsSync(this.#folder(vm))) this.#set(config);
      this.#held.set(vm, config);
      this.#take(vm, processes);
    } catch (thrown) {
      await this.#undo(vm, before);
      throw asVnetError(`the CPU group of VM ${vm}`, thrown);
    }
  }

  async release(vm: string): Promise<void> {
    this.#held.delete(vm);
    await this.#dissolve(this.#folder(vm));
  }

  async clear(): Promise<void> {
    const left = groupsIn(this.#hierarchy.own).filter((group) => basename(group).startsWith(this.#prefix));
    for (const group of left) await this.#dissolve(group);
  }

  groupOf(vm: string): string | undefined {
    return this.#held.has(vm) ? this.#folder(vm) : undefined;
  }

  #folder(vm: string): string {
    return `${this.#hierarchy.own}/${this.#prefix}${vm}`;
  }

  #set({ vm, ...config }: CpuConfig): void {
    const { periodUs, sliceUs } = whatTheKernelTakes(vm, config);
    const folder = this.#folder(vm);
    if (this.#hierarchy.version === 2) {
      this.#make2(folder);
      writeFileSync(`${folder}/cpu.weight`, String(Math.round(THREAD_WEIGHT * weightOf(config))));
      writeFileSync(`${folder}/cpu.max`, `${sliceUs} ${periodUs}`);
      return;
    }
    if (!existsSync(folder)) mkdirSync(folder);
    writeFileSync(`${folder}/cpu.shares`, String(Math.round(THREAD_SHARES * weightOf(config))));
    // A quota that does not fit the period of before would be refused.
    writeFileSync(`${folder}/cpu.cfs_quota_us`, '-1');
    writeFileSync(`${folder}/cpu.cfs_period_us`, String(periodUs));
    writeFileSync(`${folder}/cpu.cfs_quota_us`, String(sliceUs));
  }

  /** Below a group that has processes itself, as the daemon's own, only a threaded one can have some (cgroup-v2.rst). */
  #make2(folder: string): void {
    const { own, top } = this.#hierarchy;
    if (!wordsOf(`${own}/cgroup.subtree_control`).includes('cpu'))
      writeFileSync(`${own}/cgroup.subtree_control`, '+cpu');
    if (existsSync(folder)) return;
    mkdirSync(folder);
    if (own !== top) writeFileSync(`${folder}/cgroup.type`, 'threaded');
  }

  /** Those in the daemon's own group; whoever is elsewhere was put there by somebody. */
  #take(vm: string, processes: readonly number[]): void {
    const folder = this.#folder(vm);
    const members = new Set(membersOf(folder));
    for (const pid of processes) {
      if (members.has(pid) || groupOf(this.#hierarchy, pid) !== this.#hierarchy.name) continue;
      enter(folder, pid);
    }
  }

  async #undo(vm: string, before: CpuConfig | undefined): Promise<void> {
    try {
      if (before !== undefined) return this.#set(before);
      await this.release(vm);
    } catch {
      // Why it failed in the first place is what to tell.
    }
  }

  async #dissolve(folder: string): Promise<void> {
    for (let tries = 0; existsSync(folder); tries++) {
      for (const pid of membersOf(folder)) enter(this.#hierarchy.own, pid);
      try {
        rmdirSync(folder);
      } catch (thrown) {
        const { code } = thrown as NodeJS.ErrnoException;
        if (code === 'ENOENT') return;
        if (code !== 'EBUSY' || tries >= REMOVAL_TRIES) throw asVnetError(`the CPU group ${folder}`, thrown);
        await sleep(REMOVAL_PAUSE_MS);
      }
    }
  }
}

/** The members of a threaded group are threads; the number of each does for its process. */
const membersOf = (folder: string): number[] => {
  const processes = wordsOf(`${folder}/cgroup.procs`);
  return (processes.length > 0 ? processes : wordsOf(`${folder}/cgroup.threads`)).map(Number);
};

function enter(folder: string, pid: number): void {
  try {
    writeFileSync(`${folder}/cgroup.procs`, String(pid));
  } catch (thrown) {
    // It ended this very moment.
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

/** In weights of a thread: what it takes to have the share `s` of a CPU beside so many others is `s / (1 - s)` of them. */
function weightOf({ periodUs, sliceUs }: Omit<CpuConfig, 'vm'>): number {
  const share = sliceUs / periodUs;
  const needed = share < 1 ? (COMPETITORS * share) / (1 - share) : WEIGHT_MAX;
  return Math.min(WEIGHT_MAX, Math.max(WEIGHT_MIN, needed));
}

/** A slice too short for a quota: several periods are one. */
function whatTheKernelTakes(
  vm: string,
  { periodUs, sliceUs }: Omit<CpuConfig, 'vm'>,
): { periodUs: number; sliceUs: number } {
  const periods = Math.max(1, Math.ceil(SLICE_MIN_US / sliceUs));
  if (periodUs * periods <= PERIOD_MAX_US)
    return { periodUs: periodUs * periods, sliceUs: sliceUs * periods };
  const message = `a slice of ${sliceUs} us in ${periodUs} us for VM ${vm} is less than a quota can say`;
  throw new VnetError('VNET_ERR_LIMIT', message, {
    hint: 'make the slice longer: 1 ms in a second at least',
  });
}

function asVnetError(what: string, thrown: unknown): VnetError {
  if (thrown instanceof VnetError) return thrown;
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const hint = 'run vnetd as root, or give it a CPU group of its own (systemd: Delegate=yes)';
    return new VnetError('VNET_ERR_PRIVILEGE', `${what} cannot be set: ${message}`, { hint, cause: thrown });
  }
  return new VnetError('VNET_ERR_UNSUPPORTED', `${what} cannot be set: ${message}`, { cause: thrown });
}
