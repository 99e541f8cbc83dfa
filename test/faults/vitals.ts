/** What a process takes of the machine, from /proc. */
import { readFileSync } from 'node:fs';

/** USER_HZ, the same on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

export class Vitals {
  readonly #firstBytes: number;
  #mostBytes = 0;
  #ticks = 0;
  #atMs = 0;

  constructor(readonly pid: number) {
    this.#firstBytes = this.#read().residentBytes;
    this.begin();
  }

  begin(): void {
    this.#ticks = this.#read().ticks;
    this.#atMs = performance.now();
  }

  /** Since `begin`: of one CPU; and what it holds now. */
  end(): { cpuShare: number; residentBytes: number } {
    const { ticks, residentBytes } = this.#read();
    const seconds = (performance.now() - this.#atMs) / 1000;
    return { cpuShare: (ticks - this.#ticks) / TICKS_PER_SECOND / seconds, residentBytes };
  }

  /** The most seen at `begin` and `end`, above what it began with. */
  get growthBytes(): number {
    return this.#mostBytes - this.#firstBytes;
  }

  #read(): { ticks: number; residentBytes: number } {
    const text = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    // Fields from the state on (proc(5)): the name before it may hold spaces.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const residentBytes = (fields[21] ?? 0) * PAGE_BYTES;
    this.#mostBytes = Math.max(this.#mostBytes, residentBytes);
    return { ticks: (fields[11] ?? 0) + (fields[12] ?? 0), residentBytes };
  }
}
