/** What a solver did over all instances. */
import { gapOf } from '../../vadapt/index.js';
import type { StudyResult } from './study.js';

export interface SolverSummary {
  solver: string;
  /** Of the shares of the best known, over all instances and runs. */
  worst: number;
  /** One in a hundred runs is no better (nearest rank). */
  p1: number;
  mean: number;
  /** Mean of (bound - value) / |bound|. */
  gap: number;
  /** Runs that reached the best known, as a share. */
  best: number;
  medianMs: number;
  longestMs: number;
  runs: number;
  failed: number;
  /** VMs that it moved, where that is counted. */
  moves?: number;
}

/** Values this near to each other are one. */
const EQUAL = 1e-6;

export function summarise(results: readonly StudyResult[], solver: string): SolverSummary {
  const all = results
    .flatMap((result) => result.runs.map((run) => ({ result, run })))
    .filter(({ run }) => run.solver === solver);
  const good = all.filter(({ run }) => run.value !== undefined);
  const shares = good.map(({ run }) => run.share ?? 0).sort((a, b) => a - b);
  const times = good.map(({ run }) => run.tookMs).sort((a, b) => a - b);
  return {
    solver,
    worst: shares[0] ?? 0,
    p1: rank(shares, 0.01),
    mean: meanOf(shares),
    gap: meanOf(good.map(({ result, run }) => gapOf(run.value ?? 0, result.bound))),
    best: meanOf(shares.map((share) => (share >= 1 - EQUAL ? 1 : 0))),
    medianMs: rank(times, 0.5),
    longestMs: times.at(-1) ?? 0,
    runs: good.length,
    failed: all.length - good.length,
  };
}

/** Nearest rank, of a sorted list; 0 of none. */
export function rank(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
