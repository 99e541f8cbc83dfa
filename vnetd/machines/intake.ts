/** The Proxy's end of one host's reports of VMs: nonsense and floods are left out and said. The channel says whose they are. */
import { type Clock, type HostMachine, type HostReport, type VmReport, VnetError } from '../../core/index.js';
import { soundMachine, soundVmReport } from './sound-report.js';

/** Every change of state, and five times a second how far each move is: a host with 64 moves sends 320. */
export const VM_REPORTS_PER_SECOND_MAX = 2000;
/** With one host. */
export const VM_REPORTS_MAX = 10_000;
const NOTHING_KNOWN: HostMachine = {
  memoryBytes: 0,
  freeMemoryBytes: 0,
  cpus: 0,
  cpuModel: 'unknown',
  drivers: {},
};
const SECOND_MS = 1000;

export interface IntakeOptions {
  clock: Clock;
  report(report: VmReport): void;
  refused(what: string, error: VnetError): void;
}

export class VmIntake {
  readonly #options: IntakeOptions;
  #secondBeganMs: number;
  #inSecond = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#secondBeganMs = options.clock.now();
  }

  report(body: unknown): void {
    if (this.#isTooMuch()) {
      const message = `it sends more than ${VM_REPORTS_PER_SECOND_MAX} a second`;
      return this.#options.refused(REPORT, new VnetError('VNET_ERR_LIMIT', message));
    }
    const report = soundVmReport(body);
    if (!report) return this.#refuse(REPORT, 'it makes no sense');
    try {
      this.#options.report(report);
    } catch (thrown) {
      this.#options.refused(REPORT, VnetError.from(thrown));
    }
  }

  /** What a daemon says when it connects, with the parts that can be true; an older one says nothing of VMs. */
  greeting(report: HostReport): HostReport {
    const { machine, vms } = report as Partial<HostReport>;
    const sound = machine === undefined ? NOTHING_KNOWN : soundMachine(machine);
    if (!sound) this.#refuse('report of its machine', 'it makes no sense');
    return { ...report, machine: sound ?? NOTHING_KNOWN, vms: this.#soundVms(vms ?? []) };
  }

  #soundVms(vms: unknown): VmReport[] {
    const listed: unknown[] = Array.isArray(vms) ? vms : [vms];
    const byName = new Map<string, VmReport>();
    for (const item of listed.slice(0, VM_REPORTS_MAX)) {
      const report = soundVmReport(item);
      if (report) byName.set(report.vm, report);
    }
    const refused = listed.length - byName.size;
    if (refused > 0) this.#refuse(REPORT, `${refused} of ${listed.length} make no sense or are too many`);
    return [...byName.values()];
  }

  #refuse(what: string, why: string): void {
    this.#options.refused(what, new VnetError('VNET_ERR_INVALID', why));
  }

  #isTooMuch(): boolean {
    const nowMs = this.#options.clock.now();
    if (nowMs - this.#secondBeganMs >= SECOND_MS) [this.#secondBeganMs, this.#inSecond] = [nowMs, 0];
    return ++this.#inSecond > VM_REPORTS_PER_SECOND_MAX;
  }
}

const REPORT = 'report of a VM';
