import type { Command } from 'commander';
import type { CliContext } from '../context.js';
import { act, addVerb, ExitWith, GROUPS } from '../run.js';
import { showPlan } from '../plan.js';
import { loadRequest, type ScriptOptions } from '../scripts.js';

/** As `terraform plan -detailed-exitcode`: 0 nothing to do, 1 error, 2 changes. */
const EXIT_CHANGES = 2;

export function addDiff(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'diff <script>',
    group: GROUPS.explain,
    summary: 'what applying a script would change',
    about:
      'Compares a script with the running overlay and shows the plan: statements to add, change and remove, and ' +
      'what that means in links and rules on each host. Changes nothing. Looks only at what the user owns: the ' +
      'star and what adaptation made stay out of it. Exit code 0: no changes, 2: changes, 1: an error.',
    examples: [
      ['diff lab.vnet', 'the plan'],
      ['diff lab.vnet || echo drift', 'in a script'],
      ['diff --json lab.vnet', 'the plan as the API gives it, and `warnings`'],
    ],
  }).option('--proxy <host>', "the Proxy of a script in the paper's form");
  act<[string], ScriptOptions>(command, context, async (run, options, script) => {
    const { request, warnings } = await loadRequest(run, script, options);
    const plan = await run.client.plan(request);
    if (run.json) run.printJson({ ...plan, warnings });
    else {
      showPlan(run, plan);
      if (plan.steps.length > 0) run.print('', run.paint.faint(`Do it: vnet apply ${script}`));
    }
    if (plan.steps.length > 0) throw new ExitWith(EXIT_CHANGES);
  });
}
