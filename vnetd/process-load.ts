/** What the daemon's process takes of the machine, and how long its event loop keeps things waiting. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Figures are of the last one to two of these. */
const WINDOW_MS = 10_000;
const RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;
const US_PER_MS = 1000;

interface Mark {
  atMs: number;
  cpuUs: number;
}

export class ProcessLoad {
  #older: Mark = mark();
  #newer: Mark = this.#older;
  #delayBeforeMs = 0;
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#delay.enable();
    this.#timer = setInterval(() => this.#turn(), WINDOW_MS);
    this.#timer.unref();
  }

  /** Of one CPU: 1 is one CPU busy all the time, threads of the data plane included. */
  get cpuShare(): number {
    const now = mark();
    const elapsedUs = (now.atMs - this.#older.atMs) * US_PER_MS;
    return elapsedUs > 0 ? Math.max(0, now.cpuUs - this.#older.cpuUs) / elapsedUs : 0;
  }

  /** 99th percentile of what timers came late. */
  get loopDelayP99Ms(): number {
    return Math.max(this.#delayBeforeMs, this.#delayMs());
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }

  #turn(): void {
    this.#older = this.#newer;
    this.#newer = mark();
    this.#delayBeforeMs = this.#delayMs();
    this.#delay.reset();
  }

  /** The histogram counts whole intervals, the resolution included. */
  #delayMs(): number {
    const p99Ms = this.#delay.percentile(99) / NS_PER_MS;
    return this.#delay.count === 0 ? 0 : Math.max(0, p99Ms - RESOLUTION_MS);
  }
}

function mark(): Mark {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), cpuUs: user + system };
}
