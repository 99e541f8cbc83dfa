import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { act, addVerb, GROUPS } from '../run.js';
import { applyStatement, findStatement, parseStatement } from '../statement.js';

export function addRule(program: Command, context: CliContext): void {
  const group = addVerb(program, {
    usage: 'rule',
    group: GROUPS.change,
    summary: "add or delete a rule in a host's forwarding table",
    about:
      'A raw rule says what one host does with frames of a source and a destination. It ranks with routes, before ' +
      'everything automatic. Most of the time a route or a shape says it better. `vnet rules` lists what stands.',
    examples: [
      ['rule add on a from any to db via edge b', 'what a has for db goes to b'],
      ['rule delete on a from any to db', 'and back to the automatic way'],
    ],
  });
  const add = addVerb(group, {
    usage: 'add <statement...>',
    summary: 'add a rule, or replace the one of the same source and destination',
    about:
      'Takes a rule statement of the language without its first word: on HOST from SOURCE to DESTINATION via ' +
      'edge NEIGHBOUR, port PORT or drop. A source is a VM, an address, `not` one, or any; a destination also group or none.',
    examples: [
      ['rule add on a from web to db via edge b', 'one pair'],
      ['rule add on a from any to group via port packet:vnet7', 'broadcasts to a port'],
    ],
  }).option('--network <name>', 'where there are several networks');
  act<[string[]], { network?: string }>(add, context, async (run, options, words) => {
    const { topology } = await run.client.overview();
    const statement = parseStatement(run, topology, 'rules', `rule ${words.join(' ')}`, options.network);
    await applyStatement(run, topology, 'add', 'rules', statement);
  });
  const remove = addVerb(group, {
    usage: 'delete <statement...>',
    alias: 'del',
    summary: 'delete a rule that was added by hand',
    about: 'Takes the same statement as `rule add`; what the rule does may be left out.',
    examples: [
      ['rule delete on a from web to db', 'whatever it did'],
      ['rule delete on a from any to group', 'for broadcasts'],
    ],
  }).option('--network <name>', 'where there are several networks');
  act<[string[]], { network?: string }>(remove, context, async (run, options, words) => {
    const { topology } = await run.client.overview();
    const text = words.join(' ');
    const whole = /\bvia\b/.test(text) ? text : text.replace(/(\s+in\s+\S+)?\s*$/, ' via drop$1');
    const wanted = parseStatement(run, topology, 'rules', `rule ${whole}`, options.network);
    const statement = findStatement(topology, 'rules', wanted);
    if (!statement) {
      throw new VnetError('VNET_ERR_NOT_FOUND', `no such rule was added by hand: ${text}`, {
        hint: '`vnet show` prints the rules that the user wrote; automatic ones follow from VMs and shapes',
      });
    }
    await applyStatement(run, topology, 'remove', 'rules', statement);
  });
}
