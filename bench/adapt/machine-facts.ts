/** What the figures were measured on, for the JSON beside them. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface MachineFacts {
  processor: string;
  processors: number;
  memoryBytes: number;
  kernel: string;
  node: string;
  /** Of one, five and fifteen minutes, before the study. */
  loadAverage: number[];
}

export function machineFacts(): MachineFacts {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? 'unknown',
    processors: all.length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    loadAverage: loadavg(),
  };
}

/** Of the source that runs, `+` behind it where files differ from it; `unknown` outside a repository. */
export function commitName(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '-uno') === '' ? '' : '+'}`;
  } catch {
    return 'unknown';
  }
}
