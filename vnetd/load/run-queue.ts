/** How long the threads of processes waited for a CPU, from the scheduler's own count (schedstat). */
import { readdirSync, readFileSync } from 'node:fs';

/** Threads of one set that are looked at: what the busiest of so many waits tells enough. */
export const THREADS_MAX = 256;

export class RunQueueWait {
  readonly #proc: string;
  #known = new Map<string, number>();

  constructor(proc = '/proc') {
    this.#proc = proc;
  }

  /** Of the thread that waited longest since the call before, microseconds. PSI's "some" is this or more. */
  advance(processes: readonly number[]): number {
    const now = new Map<string, number>();
    let longest = 0;
    for (const thread of this.#threads(processes)) {
      const waitedUs = this.#look(thread);
      if (waitedUs === undefined) continue;
      now.set(thread, waitedUs);
      const before = this.#known.get(thread);
      if (before !== undefined) longest = Math.max(longest, waitedUs - before);
    }
    this.#known = now;
    return longest;
  }

  #threads(processes: readonly number[]): string[] {
    const threads: string[] = [];
    for (const pid of processes) {
      if (threads.length >= THREADS_MAX) break;
      try {
        for (const thread of readdirSync(`${this.#proc}/${pid}/task`)) threads.push(`${pid}/task/${thread}`);
      } catch {
        // it has ended
      }
    }
    return threads.slice(0, THREADS_MAX);
  }

  /** `ran waited slices`, the times in nanoseconds. */
  #look(thread: string): number | undefined {
    try {
      return Number(readFileSync(`${this.#proc}/${thread}/schedstat`, 'latin1').split(' ')[1]) / 1000;
    } catch {
      return undefined; // it has ended, or the kernel does not count
    }
  }
}
