import type { Command } from 'commander';
import type { Rule } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { actionsText } from '../names.js';
import { act, addVerb, GROUPS } from '../run.js';

export function addRules(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'rules',
    group: GROUPS.look,
    summary: "a daemon's forwarding rules",
    about:
      'Lists the forwarding table of the daemon at the socket (or of another with --host). The strongest match ' +
      'wins: exact before not before any before none, the destination before the source; among equals a route, ' +
      'then adaptation, then a shape, then the automatic rules. `vnet route` tells which rule a frame meets.',
    examples: [
      ['rules', "this daemon's rules"],
      ['rules --host b --for db', "b's rules that name db's address"],
      ['rules --json', 'for scripts'],
    ],
  }).option('--for <vm>', 'only rules that name this VM or address');
  act<[], { for?: string }>(command, context, async (run, options) => {
    const [view, names] = [await run.view(), await run.names()];
    const wanted = options.for === undefined ? undefined : names.resolve(options.for);
    const macs = wanted === undefined ? [] : (names.find(wanted)?.macs ?? [wanted]);
    const rules = view.rules.filter(
      (rule) => wanted === undefined || matcherMacs(rule).some((mac) => (macs as string[]).includes(mac)),
    );
    if (run.json) return run.printJson(rules);
    const networkName = new Map(view.networks.map((network) => [network.id, network.name]));
    const { faint } = run.paint;
    const beside = (matcher: Rule['destination']): string => {
      const text = names.matcher(matcher);
      return 'mac' in matcher && !text.includes(matcher.mac) ? `${text} ${faint(matcher.mac)}` : text;
    };
    run.printTable(
      [
        { title: 'NETWORK' },
        { title: 'FROM', flex: true },
        { title: 'TO', flex: true },
        { title: 'DOES', flex: true },
        { title: 'ORIGIN' },
        { title: 'OWNER' },
        { title: 'EPOCHS' },
        { title: 'ID', flex: true },
      ],
      rules.map((rule) => [
        networkName.get(rule.network) ?? String(rule.network),
        beside(rule.source),
        beside(rule.destination),
        actionsText(rule.actions),
        rule.origin,
        rule.owner,
        rule.fromEpoch === 0 && rule.toEpoch === undefined ? '' : `${rule.fromEpoch}-${rule.toEpoch ?? ''}`,
        faint(rule.id),
      ]),
      wanted === undefined ? 'No rules: every frame is dropped here.' : `No rule names ${options.for}.`,
    );
  });
}

const matcherMacs = (rule: Rule): string[] =>
  [rule.source, rule.destination].flatMap((matcher) => ('mac' in matcher ? [matcher.mac] : []));
