/**
 * CPU time of a changing set of processes. Files of /proc are read at once, not by the thread pool: that costs a
 * tenth, and they never wait for a disk.
 */
import { readFileSync } from 'node:fs';

/** proc_pid_stat(5): times are in this unit on every Linux (USER_HZ). */
const TICK_US = 10_000;
/** Processes of one set that are looked at. */
export const PROCESSES_MAX = 1000;

interface Known {
  parent: number;
  /** Ticks since the boot: tells a number that is used again. */
  startedAt: number;
  /** Its own and those of its children that ended and were waited for. */
  usedUs: number;
}

export class ProcessTimes {
  readonly #proc: string;
  #known: Map<number, Known> | undefined;
  #lookedAt = 0;

  constructor(proc = '/proc') {
    this.#proc = proc;
  }

  /**
   * Microseconds that the set used since the call before; zero at the first.
   * @param uptimeMs of the machine: a process that is new in the set counts whole only if it began since then
   */
  advance(processes: readonly number[], uptimeMs: number): number {
    const before = this.#known;
    const now = new Map<number, Known>();
    for (const pid of processes.slice(0, PROCESSES_MAX)) {
      const known = this.#look(pid);
      if (known !== undefined) now.set(pid, known);
    }
    const since = (this.#lookedAt * 1000) / TICK_US;
    this.#known = now;
    this.#lookedAt = uptimeMs;
    if (before === undefined) return 0;
    let used = 0;
    for (const [pid, { startedAt, usedUs }] of now) {
      const old = before.get(pid);
      if (old?.startedAt === startedAt) used += usedUs - old.usedUs;
      else if (startedAt >= since) used += usedUs;
    }
    // What an ended child used was counted then, and is in its parent's time by now.
    for (const [pid, old] of before) {
      const isGone = now.get(pid)?.startedAt !== old.startedAt;
      if (isGone && now.has(old.parent) && before.has(old.parent)) used -= old.usedUs;
    }
    return Math.max(0, used);
  }

  #look(pid: number): Known | undefined {
    let text: string;
    try {
      text = readFileSync(`${this.#proc}/${pid}/stat`, 'latin1');
    } catch {
      return undefined; // it has ended
    }
    // The name, in brackets, may hold anything; fields are counted from behind it, and the state is the third of all.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const field = (number: number): number => Number(fields[number - 3]);
    const ticks = field(14) + field(15) + field(16) + field(17);
    return { parent: field(4), startedAt: field(22), usedUs: ticks * TICK_US };
  }
}
