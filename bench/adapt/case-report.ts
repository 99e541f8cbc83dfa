/** Runs of the four cases as rows, and what their tables have in common. */
import type { AdaptRecord } from '../../core/index.js';
import { type Figure, median } from '../figure.js';
import type { CaseRun } from './cases.js';
import type { Row } from './csv.js';

/** From the decision to the benefit, for light VMs. */
export const DECISION_MAX_MS = 5000;

/** `link+ 6, route+ 12, p0 f1>f5`: moves each, the rest counted by kind and sign. */
function actionsText(records: readonly AdaptRecord[]): string {
  const counts = new Map<string, number>();
  const moves: string[] = [];
  for (const action of records.flatMap(({ actions }) => actions)) {
    if (action.kind === 'move') moves.push(`${action.vm} ${action.from}>${action.to}`);
    else counts.set(`${action.kind}${action.sign}`, (counts.get(`${action.kind}${action.sign}`) ?? 0) + 1);
  }
  return [...[...counts].map(([kind, count]) => `${kind} ${count}`), ...moves].join(', ');
}

export function caseRow(run: CaseRun): Row {
  const { records } = run;
  return {
    ...{ case: run.case, before: run.before, after: run.after, moved: run.moved, changes: records.length },
    outcomes: records.map(({ outcome }) => outcome).join(' '),
    actions: actionsText(records),
    predictedGain: records[0]?.predictedGain,
    tookMs: records.reduce((sum, { tookMs }) => sum + tookMs, 0),
    decisionToBenefitMs: run.decisionToBenefitMs,
    switchToBenefitMs: run.switchToBenefitMs,
    busyShare: run.busyShare,
  };
}

/** Of the runs that did anything; none: nothing to tell. */
export function decisionFigure(runs: readonly CaseRun[]): Figure[] {
  const of = (what: 'decisionToBenefitMs' | 'switchToBenefitMs') =>
    runs.filter((run) => run.case === 'both').flatMap((run) => run[what] ?? []);
  const [decided, switched] = [of('decisionToBenefitMs'), of('switchToBenefitMs')];
  if (decided.length === 0) return [];
  return [
    {
      name: 'both: from the decision to half of the benefit',
      unit: 'ms',
      samples: decided,
      beside: `bar ${DECISION_MAX_MS} ms`,
      met: median(decided) < DECISION_MAX_MS,
    },
    {
      name: 'both: the same from the moment adaptation is on',
      unit: 'ms',
      samples: switched,
      beside: 'what it waits to be sure included',
    },
  ];
}
