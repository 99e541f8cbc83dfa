/** What this machine has for VMs. */
import { readFile } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';
import type { HostMachine } from '../../core/index.js';

export async function machineFacts(): Promise<Omit<HostMachine, 'drivers'>> {
  const [first, ...others] = cpus();
  return {
    memoryBytes: totalmem(),
    freeMemoryBytes: (await availableBytes()) ?? freemem(),
    cpus: Math.max(1, others.length + (first ? 1 : 0)),
    cpuModel: first?.model.trim() || 'unknown',
  };
}

/** proc_meminfo(5): free, and what the kernel gives back when asked, which `freemem` leaves out. */
async function availableBytes(): Promise<number | undefined> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}
