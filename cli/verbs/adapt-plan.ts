import type { Command } from 'commander';
import type { AdaptPlan, AdaptPlanRequest, AdaptRecord } from '../../core/index.js';
import { addSearchOptions, type SearchFlags, searchOf, showPlan, showRecord } from '../adapt/index.js';
import type { CliContext } from '../context.js';
import { agreed } from '../plan.js';
import { ProgressBar } from '../progress-bar.js';
import { act, addVerb, ExitWith, type Run } from '../run.js';

/** As `vnet diff`. */
const EXIT_WORTH_IT = 2;

interface PlanFlags extends SearchFlags {
  network?: string;
  all?: boolean;
}

/** `adapt plan` and `apply`. */
export function addAdaptPlan(group: Command, context: CliContext): void {
  const plan = addVerb(group, {
    usage: 'plan',
    summary: 'what it would do now, and why',
    about:
      'Decides now, and does nothing: VMs to move, links, routes and reservations to make or remove, each with its reason; ' +
      'the value of the objective now and then, and the bound that nothing can pass; the cost of the change; what each ' +
      'flow gets now and would get. `apply` with its name does exactly this plan, while what it stands on holds. ' +
      'Settings given here are for this plan alone. Exit code 0: nothing is worth it, 2: something is, 1: an error.',
    examples: [
      ['adapt plan', 'with the settings that hold'],
      ['adapt plan --mechanisms topology', 'if VMs had to stay where they are'],
      ['adapt plan --objective latency --budget 2s', 'another aim, a longer search'],
      ['adapt plan --solver ./mine.mjs', "a heuristic of your own, a file on the Proxy's host"],
      ["adapt plan --json | jq '.actions[].action'", 'for scripts'],
    ],
  });
  act<[], PlanFlags>(planOptions(plan), context, async (run, flags) => {
    const made = await run.client.planAdaptation(requestOf(flags));
    if (run.json) run.printJson(made);
    else {
      showPlan(run, made, flags.all === true);
      if (made.actions.length > 0) run.print(run.paint.faint(`Do it: vnet adapt apply ${made.id}`));
    }
    if (made.worthIt) throw new ExitWith(EXIT_WORTH_IT);
  });

  const apply = addVerb(group, {
    usage: 'apply [plan]',
    summary: 'do exactly what a plan says',
    about:
      'Shows the plan, asks, and carries it out: reservations, links, moves, routes, then what is to go; undone if a step ' +
      'fails. Without the name of a plan it makes one now, as `plan` does with these options. If what the plan stands on ' +
      'has changed since, nothing happens. A plan that is not worth it is carried out too, if you say so. Exit code 1 if ' +
      'it was not carried out.',
    examples: [
      ['adapt apply', 'decides, shows, asks'],
      ['adapt apply p12', 'the plan that `vnet adapt plan` showed'],
      ['adapt apply --yes --json', 'for scripts: the record'],
    ],
  }).option('-y, --yes', 'do not ask');
  act<[string | undefined], PlanFlags & { yes?: boolean }>(
    planOptions(apply),
    context,
    async (run, flags, id) => {
      const plan =
        id === undefined ? await run.client.planAdaptation(requestOf(flags)) : await known(run, id);
      // Whoever names a plan and is not asked has seen it.
      const shown = !run.json && (id === undefined || flags.yes !== true);
      if (shown && plan !== undefined) {
        showPlan(run, plan, flags.all === true);
        run.print('');
      }
      if (plan?.actions.length === 0) {
        if (run.json) run.printJson(null);
        return;
      }
      const name = id ?? plan?.id ?? '';
      if (!(await agreed(run, flags.yes === true, `Apply plan ${name}?`, 'vnet adapt plan'))) {
        run.print('Nothing was changed.');
        throw new ExitWith(1);
      }
      const record = await carryOut(run, name);
      if (run.json) run.printJson(record);
      else showRecord(run, record);
      if (record.outcome !== 'applied' && record.outcome !== 'kept') throw new ExitWith(1);
    },
  );
}

function planOptions(command: Command): Command {
  return addSearchOptions(command.option('--network <name>', 'where there are several networks')).option(
    '--all',
    'every action with its evidence, every flow',
  );
}

function requestOf(flags: PlanFlags): AdaptPlanRequest {
  const settings = searchOf(flags);
  return {
    ...(flags.network === undefined ? {} : { network: flags.network }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
  };
}

/** Undefined: only the Proxy can say whether there is such a plan. */
async function known(run: Run, id: string): Promise<AdaptPlan | undefined> {
  const { plans } = await run.client.adaptation(0);
  return plans.find((plan) => plan.id === id);
}

async function carryOut(run: Run, id: string): Promise<AdaptRecord> {
  const bar = new ProgressBar(run);
  const { signal } = run.context;
  // Half a change is no place to stop at: the Proxy ends what it began.
  const tell = (): void => {
    bar.clear();
    run.note(
      run.paint.warn(
        'It goes on. Ctrl-C again leaves it alone; `vnet adapt history` tells what became of it.',
      ),
    );
  };
  signal.addEventListener('abort', tell, { once: true });
  try {
    return await run.client.applyAdaptation(id, ({ step, done, total, text }) =>
      bar.show({ done, total, text, undo: step === 'undo' }),
    );
  } finally {
    signal.removeEventListener('abort', tell);
    bar.clear();
  }
}
