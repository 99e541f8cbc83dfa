import type { Command } from 'commander';
import { printPaper, printTopology } from '../../lang/index.js';
import type { CliContext } from '../context.js';
import { act, addVerb, GROUPS } from '../run.js';

export function addShow(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'show',
    group: GROUPS.look,
    summary: 'the current topology, in the language',
    about:
      'Prints what the user owns of the running overlay as a script: applying it again changes nothing, so it can ' +
      'be kept in git and compared. With --paper it is written in the form of Figure 5 of the Virtuoso paper; ' +
      'what that form cannot say is listed on standard error.',
    examples: [
      ['show > lab.vnet', 'keep the topology'],
      ['show --paper', "in the paper's form"],
      ['show --json', 'as the API holds it'],
    ],
  }).option('--paper', "in the paper's form (Figure 5)");
  act<[], { paper?: boolean }>(command, context, async (run, options) => {
    const { topology } = await run.client.overview();
    if (run.json) return run.printJson(topology);
    if (!options.paper) return run.print(printTopology(topology).trimEnd());
    const { text, omitted } = printPaper(topology);
    run.print(text.trimEnd());
    if (omitted.length > 0)
      run.note("The paper's form cannot say:", ...omitted.map((statement: string) => `  ${statement}`));
  });
}
