/** Whether the machine was the bottleneck: all hosts of a lab share its processors, whatever their quotas say. */
import { readFileSync } from 'node:fs';

/** Above this share of all processors a run is marked: what it shows may be the machine's doing. */
export const BUSY_MAX = 0.85;

interface Ticks {
  busy: number;
  all: number;
}

/** The first line of /proc/stat (proc(5)): user nice system idle iowait irq softirq steal. */
export function parseTicks(stat: string): Ticks {
  const numbers = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').slice(0, 8).map(Number);
  const all = numbers.reduce((sum, ticks) => sum + ticks, 0);
  return { all, busy: all - (numbers[3] ?? 0) - (numbers[4] ?? 0) };
}

export class ProcessorWatch {
  #from = parseTicks(readFileSync('/proc/stat', 'utf8'));

  /** Share of all processors that was busy since the last call, or the start; 0 to 1. */
  share(): number {
    const now = parseTicks(readFileSync('/proc/stat', 'utf8'));
    const { all, busy } = this.#from;
    this.#from = now;
    return now.all > all ? (now.busy - busy) / (now.all - all) : 0;
  }
}
