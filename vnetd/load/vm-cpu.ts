/** What one VM takes of the CPU, and how long it waits for it. */
import { type CpuHierarchy, throttledUs, usedUs, waitedUs } from '../cgroup/index.js';
import { ProcessTimes } from './process-times.js';
import { RunQueueWait } from './run-queue.js';

export interface VmProcesses {
  processes: readonly number[];
  /** Folder of a CPU group that holds them and nobody else. */
  group?: string | undefined;
}

export interface VmSample {
  usedUs: number;
  /** At most the time between the samples. */
  waitedUs: number;
}

export class VmCpu {
  readonly #hierarchy: CpuHierarchy | undefined;
  readonly #times = new ProcessTimes();
  readonly #wait = new RunQueueWait();
  readonly #totals = new Map<string, number>();

  constructor(hierarchy: CpuHierarchy | undefined) {
    this.#hierarchy = hierarchy;
  }

  /** Since the sample before; zeros at the first. */
  sample({ processes, group }: VmProcesses, uptimeMs: number): VmSample {
    const used = this.#times.advance(processes, uptimeMs);
    const queued = this.#wait.advance(processes);
    if (group === undefined || this.#hierarchy === undefined) return { usedUs: used, waitedUs: queued };
    const counted = this.#grown(`${group} used`, usedUs(this.#hierarchy, group));
    const pressed = this.#grown(`${group} waited`, waitedUs(group));
    // Kept from running by its own quota is waiting as well, and not on the run queue of every kernel.
    const throttled = this.#grown(`${group} throttled`, throttledUs(this.#hierarchy, group)) ?? 0;
    return { usedUs: counted ?? used, waitedUs: pressed ?? Math.max(queued, throttled) };
  }

  #grown(what: string, total: number | undefined): number | undefined {
    if (total === undefined) return undefined;
    const before = this.#totals.get(what) ?? total;
    this.#totals.set(what, total);
    return Math.max(0, total - before);
  }
}
