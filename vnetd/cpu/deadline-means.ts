/**
 * CPU by SCHED_DEADLINE (sched(7)): the kernel's own periodic real-time model, with its own admission test. For the
 * threads of a guest's CPUs only, since such a thread may not start others; each gets its part of the slice.
 */
import { type CpuConfig, VnetError } from '../../core/index.js';
import { runTool } from '../tool.js';
import type { CpuHolder, CpuMeans } from './means.js';

const NS_PER_US = 1000;
/** The kernel takes no less for a runtime (1024 ns), and its own timers no less than this. */
const RUNTIME_MIN_US = 10;

export class DeadlineMeans implements CpuMeans {
  readonly name = 'SCHED_DEADLINE';
  readonly byThread = true;
  readonly #held = new Map<string, { config: CpuConfig; threads: readonly number[] }>();
  readonly #earlier: Pick<CpuMeans, 'clear'> | undefined;

  /** `earlier`: other means, of which an earlier process may have left something. */
  constructor(earlier?: Pick<CpuMeans, 'clear'>) {
    this.#earlier = earlier;
  }

  async hold(config: CpuConfig, { vm, threads = [] }: CpuHolder): Promise<void> {
    if (threads.length === 0) {
      throw new VnetError('VNET_ERR_UNSUPPORTED', `VM ${vm} has no threads of its own for its CPUs`, {
        hint: 'SCHED_DEADLINE is for VMs that QEMU runs; give the host CPU cgroups for others',
      });
    }
    const before = this.#held.get(vm);
    if (before?.threads.join() === threads.join() && sameSlice(before.config, config)) return;
    const runtimeUs = Math.floor(config.sliceUs / threads.length);
    if (runtimeUs < RUNTIME_MIN_US || runtimeUs > config.periodUs) {
      const message = `${config.sliceUs} us in ${config.periodUs} us cannot be parted among ${threads.length} CPUs of VM ${vm}`;
      throw new VnetError('VNET_ERR_LIMIT', message);
    }
    this.#held.set(vm, { config, threads });
    try {
      for (const thread of threads) await setDeadline(thread, runtimeUs, config.periodUs);
    } catch (thrown) {
      await this.#undo(vm, before);
      const message = `the kernel does not admit it: ${VnetError.from(thrown).message}`;
      throw new VnetError('VNET_ERR_REFUSED', message, {
        hint: 'all such slices together may take 95% of the CPUs (/proc/sys/kernel/sched_rt_runtime_us)',
        cause: thrown,
      });
    }
  }

  async release(vm: string): Promise<void> {
    const held = this.#held.get(vm);
    this.#held.delete(vm);
    for (const thread of held?.threads ?? [])
      await runTool('chrt', ['-o', '-p', '0', String(thread)]).catch(() => {}); // it has ended
  }

  /** What an earlier process set ends with its thread, or is set anew; there is no list of it. */
  async clear(): Promise<void> {
    await this.#earlier?.clear();
  }

  groupOf(): undefined {
    return undefined;
  }

  async #undo(
    vm: string,
    before: { config: CpuConfig; threads: readonly number[] } | undefined,
  ): Promise<void> {
    await this.release(vm);
    if (before !== undefined)
      await this.hold(before.config, { vm, processes: [], threads: before.threads }).catch(() => {});
  }
}

const sameSlice = (a: CpuConfig, b: CpuConfig): boolean =>
  a.sliceUs === b.sliceUs && a.periodUs === b.periodUs;

function setDeadline(thread: number, runtimeUs: number, periodUs: number): Promise<string> {
  const [runtime, period] = [runtimeUs * NS_PER_US, periodUs * NS_PER_US].map(String) as [string, string];
  return runTool('chrt', ['-d', '-T', runtime, '-D', period, '-P', period, '-p', '0', String(thread)]);
}
