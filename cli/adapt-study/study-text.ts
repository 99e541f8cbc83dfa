/** A study as tables, as a document, and as CSV. */
import { gapOf } from '../../vadapt/index.js';
import { signedRate } from '../adapt/index.js';
import { duration, percent } from '../format.js';
import type { Run } from '../run.js';
import { type StudyResult, type StudyRun, shareOf } from './study.js';
import { rank, type SolverSummary, summarise } from './summary.js';

const SOLVED = [
  { title: 'INSTANCE', flex: true },
  { title: 'SOLVER', flex: true },
  { title: 'VALUE', right: true },
  { title: 'BOUND', right: true },
  { title: 'GAP', right: true },
  { title: 'OF BEST', right: true },
  { title: 'TIME', right: true },
  { title: 'FAILED', flex: true },
];

/** A row for each solver: medians of its runs. */
export function showResults(run: Run, results: readonly StudyResult[], solvers: readonly string[]): void {
  const rows = results.flatMap((result) =>
    solvers.map((solver, i) => [i === 0 ? result.case.name : '', ...rowOf(result, solver)]),
  );
  run.printTable(SOLVED, rows, 'no instance');
}

function rowOf({ runs, bound, best }: StudyResult, solver: string): string[] {
  const own = runs.filter((run) => run.solver === solver);
  const good = own.filter((run) => run.value !== undefined);
  const median = (of: (run: StudyRun) => number) =>
    rank(
      good.map(of).sort((a, b) => a - b),
      0.5,
    );
  const why = own.find(({ error }) => error)?.error?.message ?? '';
  const limit = Number.isFinite(bound) ? signedRate(bound) : '-';
  if (good.length === 0) return [solver, '-', limit, '-', '-', '-', why];
  const value = median((run) => run.value ?? 0);
  return [
    solver,
    signedRate(value),
    limit,
    Number.isFinite(bound) ? percent(Math.max(0, gapOf(value, bound))) : '-',
    best === undefined ? '-' : exactPercent(shareOf(value, best)),
    duration(median((run) => run.tookMs)),
    why,
  ];
}

/** Shares of the best known near 1 are what a table is read for: `99.7%`. */
export function exactPercent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)}%`;
}

const SUMMED = [
  { title: 'SOLVER', flex: true },
  { title: 'WORST', right: true },
  { title: 'P1', right: true },
  { title: 'MEAN', right: true },
  { title: 'BEST IN', right: true },
  { title: 'GAP', right: true },
  { title: 'TIME', right: true },
  { title: 'LONGEST', right: true },
  { title: 'MOVES', right: true },
  { title: 'RUNS', right: true },
  { title: 'FAILED', right: true },
];

/** `summaries`: as `summarise` gives. */
export function showSummaries(run: Run, summaries: readonly SolverSummary[]): void {
  const rows = summaries.map((sum) => {
    const counts = [
      sum.moves === undefined ? '' : `${sum.moves}`,
      `${sum.runs}`,
      sum.failed === 0 ? '' : `${sum.failed}`,
    ];
    if (sum.runs === 0) return [sum.solver, '-', '-', '-', '-', '-', '-', '-', ...counts];
    return [
      sum.solver,
      exactPercent(sum.worst),
      exactPercent(sum.p1),
      exactPercent(sum.mean),
      percent(sum.best),
      percent(Math.max(0, sum.gap)),
      duration(sum.medianMs),
      duration(sum.longestMs),
      ...counts,
    ];
  });
  run.printTable(SUMMED, rows, 'no solver');
}

/** Numbers as they are; a bound that nobody has is null. */
export function studyDocument(results: readonly StudyResult[], solvers: readonly string[]): object {
  return {
    instances: results.map(({ case: { name, instance, objective }, best, bound, runs }) => ({
      name,
      hosts: instance.hosts,
      vms: instance.vms,
      flows: instance.flows,
      objective: objective.name,
      best: best ?? null,
      bound: Number.isFinite(bound) ? bound : null,
      runs: runs.map(({ placement: _, ...run }) => ({
        ...run,
        ...(run.value !== undefined && Number.isFinite(bound) ? { gap: gapOf(run.value, bound) } : {}),
      })),
    })),
    summary: solvers.map((solver) => summarise(results, solver)),
  };
}

const CSV_HEADING =
  'instance,hosts,vms,flows,objective,solver,seed,value,bound,gap,share_of_best,took_ms,error';

/** A line a run, the heading first. */
export function studyCsv(results: readonly StudyResult[]): string[] {
  const lines = results.flatMap(({ case: { name, instance, objective }, bound, runs }) =>
    runs.map(({ solver, seed, value, share, tookMs, error }) =>
      [
        name,
        instance.hosts,
        instance.vms,
        instance.flows,
        objective.name,
        solver,
        seed,
        value,
        Number.isFinite(bound) ? bound : undefined,
        value === undefined || !Number.isFinite(bound) ? undefined : gapOf(value, bound),
        share,
        value === undefined ? undefined : tookMs.toFixed(1),
        error?.message,
      ]
        .map(csvCell)
        .join(','),
    ),
  );
  return [CSV_HEADING, ...lines];
}

/** RFC 4180. */
function csvCell(value: string | number | undefined): string {
  const text = value === undefined ? '' : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
