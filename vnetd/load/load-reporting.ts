/** Tells the Proxy of the host's load while it is there: when it changed noticeably, and now and then in any case. */
import { type Clock, HOST_LOAD_PERIOD_MS, type HostLoad } from '../../core/index.js';
import type { CpuHierarchy } from '../cgroup/index.js';
import { LoadSampler } from './load-sampler.js';
import { isNews } from './noticeable.js';
import type { VmProcesses } from './vm-cpu.js';

/** A load that did not change is told again after so many periods: it is evidence, and that ages. */
export const REPEAT_PERIODS = 5;

export interface LoadReportingOptions {
  clock: Clock;
  hierarchy: CpuHierarchy | undefined;
  /** Of the VMs that run here, those whose processes are known. */
  vms(): Promise<ReadonlyMap<string, VmProcesses>>;
  log: { warn(details: object, message: string): void };
}

export class LoadReporting {
  readonly #options: LoadReportingOptions;
  readonly #sampler: LoadSampler;
  #send: ((load: HostLoad) => void) | undefined;
  #told: HostLoad | undefined;
  #untold = 0;
  #cancel: (() => void) | undefined;
  #failed = false;

  constructor(options: LoadReportingOptions) {
    this.#options = options;
    this.#sampler = new LoadSampler(options.hierarchy);
  }

  /** The Proxy is there; it gets a load within two periods. */
  connect(send: (load: HostLoad) => void): void {
    this.#send = send;
    this.#told = undefined;
    this.#cancel?.();
    this.#next(0);
  }

  disconnect(): void {
    this.#send = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #next(delayMs: number): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#look().finally(() => {
        // Not where the channel went down meanwhile, or came back and began anew.
        if (this.#cancel === cancel) this.#next(HOST_LOAD_PERIOD_MS);
      });
    });
    this.#cancel = cancel;
  }

  async #look(): Promise<void> {
    try {
      const load = this.#sampler.sample(await this.#options.vms());
      this.#failed = false;
      if (load !== undefined) this.#tell(load);
    } catch (thrown) {
      if (!this.#failed) this.#options.log.warn({ err: thrown }, 'cannot tell the load of this host');
      this.#failed = true;
    }
  }

  #tell(load: HostLoad): void {
    this.#untold++;
    if (this.#told !== undefined && this.#untold < REPEAT_PERIODS && !isNews(this.#told, load)) return;
    this.#untold = 0;
    this.#told = load;
    this.#send?.(rounded(load));
  }
}

/** Four digits are what the counters give. */
function rounded({ cpus, busyCpus, vmCpus, vmWaits }: HostLoad): HostLoad {
  const round = (value: number): number => Math.round(value * 1e4) / 1e4;
  const all = (of: Record<string, number>) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, round(value)]));
  return { cpus: round(cpus), busyCpus: round(busyCpus), vmCpus: all(vmCpus), vmWaits: all(vmWaits) };
}
