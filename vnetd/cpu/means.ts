/** Ways of the kernel's to give a VM its slice of CPU in every period (VSched). */
import type { CpuConfig } from '../../core/index.js';

export interface CpuHolder {
  vm: string;
  processes: readonly number[];
  /** Threads that execute the guest's CPUs; absent: the driver knows of none apart. */
  threads?: readonly number[] | undefined;
}

export interface CpuMeans {
  /** In a few words, as in `cgroup quota`. */
  readonly name: string;
  /** It needs the threads of a guest's CPUs: asking QEMU for them, every second, is not for nothing. */
  readonly byThread: boolean;
  /** Gives what is asked for, also to processes that came since the last call. Rejects with nothing changed for the VM. */
  hold(config: CpuConfig, holder: CpuHolder): Promise<void>;
  /** Takes it off; the VM goes on as any other process. No error where nothing is held. */
  release(vm: string): Promise<void>;
  /** Takes off what an earlier process of the daemon left. */
  clear(): Promise<void>;
  /** Folder of a CPU group that has the VM's processes and no others. */
  groupOf(vm: string): string | undefined;
}
