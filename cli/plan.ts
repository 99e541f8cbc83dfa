/** A plan on the screen, the question before it, and its execution with progress. */
import { type ChangeRequest, type ChangeResult, type Plan, type PlanStep, VnetError } from '../core/index.js';
import { duration, plural } from './format.js';
import { ProgressBar } from './progress-bar.js';
import type { Run } from './run.js';

/** Prints the plan: statements first, then what they mean for each host. */
export function showPlan(run: Run, plan: Plan): void {
  const { faint, strong, warn, good, bad } = run.paint;
  if (plan.steps.length === 0)
    return run.print(
      good('No changes.'),
      faint(`The overlay is as the script says (revision ${plan.revision}).`),
    );
  run.print(strong(`Against revision ${plan.revision}:`), '');
  for (const step of plan.steps) run.print(...stepLines(run, step));
  const number = (sign: PlanStep['sign']): number => plan.steps.filter((step) => step.sign === sign).length;
  run.print(
    '',
    `${strong('Plan:')} ${number('+')} to add, ${number('~')} to change, ${number('-')} to remove.`,
  );
  if (plan.effects.length === 0) return;
  const delta = (add: number, remove: number): string =>
    [...(add > 0 ? [good(`+${add}`)] : []), ...(remove > 0 ? [bad(`-${remove}`)] : [])].join(' ');
  run.print('');
  run.printTable(
    [{ title: 'ON HOST' }, { title: 'LINKS' }, { title: 'RULES' }, { title: '', flex: true }],
    plan.effects.map((effect) => [
      run.paint.host(effect.host),
      delta(effect.addLinks, effect.removeLinks),
      delta(effect.addRules, effect.removeRules),
      effect.pending ? warn('away: gets its part when it is back') : '',
    ]),
    '',
  );
}

function stepLines(run: Run, step: PlanStep): string[] {
  const { good, bad, warn, faint } = run.paint;
  if (step.sign === '+') return [good(`  + ${step.text}`)];
  if (step.sign === '-') return [bad(`  - ${step.text}`)];
  return [
    warn(`  ~ ${step.text}`),
    ...(step.before === undefined ? [] : [faint(`      was: ${step.before}`)]),
  ];
}

/**
 * Throws `VNET_ERR_REFUSED` where nobody can be asked; otherwise whether the person agrees.
 * `look`: the command that shows what is asked about.
 */
export async function agreed(run: Run, yes: boolean, question: string, look = 'vnet diff'): Promise<boolean> {
  if (yes) return true;
  if (!run.context.stdin.isTTY || run.json) {
    throw new VnetError(
      'VNET_ERR_REFUSED',
      'nobody can be asked: standard input is not a terminal, or --json is set',
      { hint: `look at it with \`${look}\`, then repeat with --yes` },
    );
  }
  return await run.context.stdin.confirm(`${question} [y/N] `);
}

/** Executes the request with a bar on the terminal. Errors of the Proxy pass through. */
export async function execute(run: Run, request: ChangeRequest): Promise<ChangeResult> {
  const bar = new ProgressBar(run);
  try {
    return await run.client.apply(request, ({ phase, host, done, total }) =>
      bar.show({ done, total, text: [phase, host ?? ''].join(' ').trimEnd(), undo: phase === 'undo' }),
    );
  } finally {
    bar.clear();
  }
}

/** What the change did, in a sentence or two. */
export function showResult(run: Run, result: ChangeResult): void {
  const { good, warn, faint } = run.paint;
  run.print(
    `${good('Applied.')} ${plural(result.steps.length, 'step')} in ${duration(result.tookMs)} ${faint(`(revision ${result.revision})`)}`,
  );
  if (result.pending.length > 0) {
    run.print(
      warn(
        `Away: ${result.pending.join(', ')}. Each gets its part when it is back; no route goes through it until then.`,
      ),
    );
  }
}
