/** What adaptation did, and what came of it. */
import type { AdaptAction, AdaptOutcome, AdaptRecord } from '../../core/index.js';
import { duration } from '../format.js';
import type { Run } from '../run.js';
import { moment } from '../moment.js';
import { actionText, countedActions } from './action-text.js';
import { gainText } from './numbers.js';

export function outcomeText({ paint }: Run, outcome: AdaptOutcome): string {
  const { good, bad, warn, strong } = paint;
  if (outcome === 'applied') return strong(outcome);
  if (outcome === 'kept') return good(outcome);
  return outcome === 'failed' ? bad(outcome) : warn(outcome);
}

export function showRecords(run: Run, records: readonly AdaptRecord[], nothing: string): void {
  run.printTable(
    [
      { title: 'AT' },
      { title: 'ID' },
      { title: 'NETWORK' },
      { title: 'BY' },
      { title: 'OUTCOME' },
      { title: 'CHANGE', flex: true },
      { title: 'PREDICTED', right: true },
      { title: 'MEASURED', right: true },
      { title: 'REASON', flex: true },
    ],
    records.map((record) => [
      run.paint.faint(moment(record.at)),
      record.id,
      record.network,
      record.by,
      outcomeText(run, record.outcome),
      countedActions(record.actions),
      gainText(record.predictedGain),
      record.measuredGain === undefined ? run.paint.faint('not yet') : gainText(record.measuredGain),
      record.reason,
    ]),
    nothing,
  );
}

/** More are counted, not shown. */
const ACTIONS_SHOWN = 10;

const HEADS: Record<AdaptOutcome, string> = {
  applied: 'Applied.',
  kept: 'Kept.',
  'taken-back': 'Taken back.',
  failed: 'Failed.',
  overruled: 'Overruled.',
};

/** What one change did, in a sentence or three. */
export function showRecord(run: Run, record: AdaptRecord): void {
  const { good, bad, warn, faint } = run.paint;
  const { outcome, actions, tookMs, id, reason, predictedGain, measuredGain, network } = record;
  const paint = outcome === 'applied' || outcome === 'kept' ? good : outcome === 'failed' ? bad : warn;
  run.print(
    `${paint(HEADS[outcome])} ${countedActions(actions)} in ${duration(tookMs)} ${faint(`(record ${id})`)}`,
  );
  if (outcome !== 'applied') showActions(run, actions, network);
  run.print(faint(`  ${reason}`));
  if (actions.length === 0) return;
  const measured =
    measuredGain === undefined
      ? faint('what it brings is measured once it has settled: `vnet adapt history`')
      : `${gainText(measuredGain)} measured`;
  run.print(`  ${gainText(predictedGain)} predicted; ${measured}`);
}

function showActions(run: Run, actions: readonly AdaptAction[], network: string): void {
  for (const action of actions.slice(0, ACTIONS_SHOWN)) run.print(`  ${actionText(run, action, network)}`);
  const rest = actions.length - ACTIONS_SHOWN;
  if (rest > 0) run.print(run.paint.faint(`  and ${rest} more: --json`));
}
