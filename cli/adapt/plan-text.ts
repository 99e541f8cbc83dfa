/** A plan of adaptation: what it would do and why, what it is worth, what each flow would get. */
import type { AdaptAction, AdaptPlan, PlannedAction } from '../../core/index.js';
import { bitRate, duration, plural } from '../format.js';
import type { Run } from '../run.js';
import { actionText, countedActions } from './action-text.js';
import { evidenceText } from './evidence-text.js';
import { showFlows } from './flow-table.js';
import { gainText, gapText, signedRate } from './numbers.js';

/** More are counted, not shown, unless all are asked for. There are many routes, and they are much alike. */
const ACTIONS_SHOWN = 10;
const ROUTES_SHOWN = 5;
const NOUNS: Record<AdaptAction['kind'], string> = {
  move: 'move',
  link: 'link',
  route: 'route',
  'reserve-link': 'reservation',
  'reserve-cpu': 'reservation',
};
/** Under an action. */
const EVIDENCE_SHOWN = 2;

export function showPlan(run: Run, plan: AdaptPlan, all: boolean): void {
  const { strong, faint, good, warn } = run.paint;
  const { id, network, revision, objective, solver, solveMs } = plan;
  const how = `${objective} by ${solver} in ${duration(solveMs)}, against revision ${revision}`;
  run.print(`${strong(`Plan ${id}`)} for ${network}  ${faint(how)}`, '');
  if (plan.actions.length === 0) run.print(good('  Nothing to do.'));
  for (const kind of ['reserve-link', 'reserve-cpu', 'link', 'move', 'route'] as const) {
    showActions(
      run,
      plan,
      plan.actions.filter(({ action }) => action.kind === kind),
      all,
    );
  }
  run.print('');
  if (plan.actions.length > 0)
    run.print(`${strong('Plan:')} ${countedActions(plan.actions.map(({ action }) => action))}.`);
  showWorth(run, plan);
  showFlows(run, plan.flows, all);
  if (plan.notes.length > 0) {
    run.print('', strong('Notes'));
    for (const note of plan.notes) run.print(`  ${warn(note)}`);
  }
  run.print('', verdictText(run, plan));
}

/** A reason is said once for actions in a row that share it. */
function showActions(run: Run, { network }: AdaptPlan, planned: PlannedAction[], all: boolean): void {
  const { faint } = run.paint;
  const most = planned[0]?.action.kind === 'route' ? ROUTES_SHOWN : ACTIONS_SHOWN;
  const shown = all ? planned : planned.slice(0, most);
  let said: string | undefined;
  for (const { action, why, evidence } of shown) {
    run.print(`  ${actionText(run, action, network)}`);
    if (why !== said) run.print(faint(`      ${why}`));
    said = why;
    const grounds = all ? evidence : action.kind === 'route' ? [] : evidence.slice(0, EVIDENCE_SHOWN);
    for (const each of grounds) run.print(`      ${evidenceText(run, each)}`);
  }
  const rest = planned.length - shown.length;
  if (rest > 0)
    run.print(faint(`  and ${plural(rest, NOUNS[planned[0]?.action.kind ?? 'move'])} more: --all`));
}

function showWorth(run: Run, { valueNow, valueThen, bound, cost, gain, actions }: AdaptPlan): void {
  const { strong, faint } = run.paint;
  const line = (name: string, text: string): void => run.print(`  ${strong(name.padEnd(6))} ${text}`);
  const then = actions.length === 0 ? '' : `, ${signedRate(valueThen)} then`;
  // JSON has no infinity: a bound that is none arrives as null, or as the largest number there is.
  const isProven = Number.isFinite(bound) && bound < Number.MAX_VALUE;
  const best = isProven
    ? `at most ${signedRate(bound)} ${faint(`(${gapText(valueThen, bound)})`)}`
    : faint('no bound is proven');
  line('value', `${signedRate(valueNow)} now${then}, ${best}`);
  if (actions.length === 0) return;
  line('cost', `${bitRate(cost)} ${faint('of the change, spread over the horizon')}`);
  line('gain', `${gainText(gain)} ${faint('predicted for the rates of the flows, the cost taken off')}`);
}

/** The verdict as a sentence, painted by what it says. */
export function verdictText({ paint: { good, warn } }: Run, plan: AdaptPlan): string {
  const sentence = `${plan.verdict.charAt(0).toUpperCase()}${plan.verdict.slice(1)}`;
  if (plan.worthIt) return good(sentence);
  return plan.actions.length === 0 ? sentence : warn(sentence);
}

/** `p12 of lab: 2 moves, 1 link, +85% predicted. Worth it: ...`. */
export function planLine(run: Run, plan: AdaptPlan): string {
  const head = `${run.paint.strong(plan.id)} of ${plan.network}: `;
  if (plan.actions.length === 0) return head + verdictText(run, plan);
  const what = countedActions(plan.actions.map(({ action }) => action));
  return `${head}${what}, ${gainText(plan.gain)} predicted. ${verdictText(run, plan)}`;
}
