/** The host's load between one look and the next. */
import { uptime } from 'node:os';
import type { HostLoad } from '../../core/index.js';
import type { CpuHierarchy } from '../cgroup/index.js';
import { HostCpu } from './host-cpu.js';
import { VmCpu, type VmProcesses } from './vm-cpu.js';

export class LoadSampler {
  readonly #hierarchy: CpuHierarchy | undefined;
  readonly #host: HostCpu;
  readonly #vms = new Map<string, VmCpu>();
  #atUs: number | undefined;

  constructor(hierarchy: CpuHierarchy | undefined) {
    this.#hierarchy = hierarchy;
    this.#host = new HostCpu(hierarchy);
  }

  /** Undefined at the first look: nothing has passed. A VM is left out at its own first. */
  sample(vms: ReadonlyMap<string, VmProcesses>, nowMs = performance.now()): HostLoad | undefined {
    const uptimeMs = uptime() * 1000;
    const elapsedUs = nowMs * 1000 - (this.#atUs ?? nowMs * 1000);
    this.#atUs = nowMs * 1000;
    const { cpus, usedUs } = this.#host.sample(uptimeMs);
    const load: HostLoad = { cpus, busyCpus: 0, vmCpus: {}, vmWaits: {} };
    for (const name of this.#vms.keys()) if (!vms.has(name)) this.#vms.delete(name);
    for (const [name, processes] of vms) this.#take(load, name, processes, { elapsedUs, uptimeMs });
    if (elapsedUs <= 0) return undefined;
    load.busyCpus = Math.min(cpus, usedUs / elapsedUs);
    return load;
  }

  #take(
    load: HostLoad,
    name: string,
    processes: VmProcesses,
    { elapsedUs, uptimeMs }: { elapsedUs: number; uptimeMs: number },
  ): void {
    const known = this.#vms.get(name);
    const meter = known ?? new VmCpu(this.#hierarchy);
    this.#vms.set(name, meter);
    const { usedUs, waitedUs } = meter.sample(processes, uptimeMs);
    if (known === undefined || elapsedUs <= 0) return;
    load.vmCpus[name] = Math.min(load.cpus, usedUs / elapsedUs);
    load.vmWaits[name] = Math.min(1, waitedUs / elapsedUs);
  }
}
