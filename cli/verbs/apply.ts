import type { Command } from 'commander';
import type { CliContext } from '../context.js';
import { agreed, execute, showPlan, showResult } from '../plan.js';
import { act, addVerb, ExitWith, GROUPS } from '../run.js';
import { loadRequest, type ScriptOptions } from '../scripts.js';

export function addApply(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'apply <script>',
    group: GROUPS.change,
    summary: 'make the overlay what a script says',
    about:
      'Shows the plan, asks, and makes what the user owns equal to the script, without dropping a frame: new paths ' +
      'are made before old ones go, and all of it is undone if a step fails. The plan holds for the revision it ' +
      "was made against; if someone was faster, nothing happens. A script in the paper's form with DELETE is a " +
      'change of what runs: its ADDs are added and its DELETEs removed, the rest stays.',
    examples: [
      ['apply lab.vnet', 'shows the plan and asks'],
      ['apply --yes lab.vnet', 'asks nothing, as scripts want'],
      ['show | vnet apply --yes -', 'standard input; this one changes nothing'],
    ],
  })
    .option('-y, --yes', 'do not ask')
    .option('--proxy <host>', "the Proxy of a script in the paper's form");
  act<[string], ScriptOptions & { yes?: boolean }>(command, context, async (run, options, script) => {
    const { request, warnings } = await loadRequest(run, script, options);
    const plan = await run.client.plan(request);
    if (!run.json) showPlan(run, plan);
    if (plan.steps.length > 0) {
      if (!run.json) run.print('');
      if (!(await agreed(run, options.yes === true, 'Apply this plan?'))) {
        run.print('Nothing was changed.');
        throw new ExitWith(1);
      }
    } else if (!run.json) return;
    const result = await execute(run, { ...request, revision: plan.revision });
    if (run.json) run.printJson({ ...result, warnings });
    else showResult(run, result);
  });
}
