/** Whose CPU is whose: the processes of the VMs whose drivers tell them. */
import type { RunningVm } from '../../core/index.js';
import type { VmProcesses } from './vm-cpu.js';

export async function processesOf(
  handles: ReadonlyMap<string, RunningVm>,
  groupOf: (vm: string) => string | undefined = () => undefined,
): Promise<Map<string, VmProcesses>> {
  const found = new Map<string, VmProcesses>();
  for (const [name, handle] of handles) {
    // One that ends at this moment is not there, and none of the others' business.
    const processes = await handle.processes?.().catch(() => undefined);
    if (processes !== undefined) found.set(name, { processes, group: groupOf(name) });
  }
  return found;
}
