/** What `vnet` alone says: not every option, but where to begin. */
import type { Command } from 'commander';
import type { Palette } from './palette.js';
import { GROUPS } from './run.js';
import { pad } from './table.js';

const FIRST_STEPS: [command: string, effect: string][] = [
  ['vnet check lab.vnet', 'is the script right?'],
  ['vnet up lab.vnet', 'start the daemons of this machine and establish the topology'],
  ['vnet map', 'see hosts, links and VMs'],
  ['vnet route web db', 'the way a frame takes, and which rule decides'],
  ['vnet watch', 'who talks to whom, and the network underneath, live'],
  ['vnet doctor web db', 'what is wrong between two VMs, and what to do'],
  ['vnet adapt plan', 'what would make it faster: VMs to move, links, routes'],
  ['vnet diff lab.vnet', 'what an edited script would change'],
  ['vnet apply lab.vnet', 'change it, without dropping a frame'],
];

/** Verbs by task, as their help groups say; the lab's verbs appear under their own heading. */
export function overviewText(program: Command, paint: Palette): string {
  const { strong, faint, code } = paint;
  const help = program.createHelp();
  const verbs = help.visibleCommands(program).filter((verb) => verb.name() !== 'help');
  const width = Math.max(
    ...verbs.map((verb) => verb.name().length),
    ...FIRST_STEPS.map(([command]) => command.length),
  );
  const lines = [
    `${strong('vnet')} joins virtual machines, containers and ports at many sites into one Ethernet,`,
    'and reshapes it to suit what runs on it.',
    '',
    strong('First steps:'),
    ...FIRST_STEPS.map(([command, effect]) => `  ${pad(code(command), width)}  ${faint(effect)}`),
  ];
  const groupOf = (verb: Command): string => verb.helpGroup() || GROUPS.more;
  for (const group of new Set(verbs.map(groupOf))) {
    lines.push('', strong(group));
    for (const verb of verbs.filter((each) => groupOf(each) === group)) {
      lines.push(`  ${pad(code(verb.name()), width)}  ${help.subcommandDescription(verb)}`);
    }
  }
  lines.push(
    '',
    `${code('vnet VERB --help')} explains a verb, with examples; ${code('--json')} is understood by every verb.`,
  );
  return lines.join('\n');
}
