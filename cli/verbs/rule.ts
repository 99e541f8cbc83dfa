import type { Command } from 'commander';
import { type DestinationMatcher, isMac, type SourceMatcher, VnetError } from '../../core/index.js';
import { networkOption, theOnly } from '../choice.js';
import type { CliContext } from '../context.js';
import { NameBook } from '../names.js';
import { act, addVerb, GROUPS } from '../run.js';
import { applyStatement, parseStatement } from '../statement.js';

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
    about:
      'Takes the same statement as `rule add`; what the rule does may be left out, and of host, source and ' +
      'destination whatever is not needed to tell the rule from the others.',
    examples: [
      ['rule delete on a from web to db', 'whatever it did'],
      ['rule delete on a', 'the only rule on a'],
    ],
  }).option('--network <name>', 'where there are several networks');
  act<[string[]], { network?: string }>(remove, context, async (run, options, words) => {
    const overlay = await run.client.overview();
    const { topology } = overlay;
    const names = new NameBook(overlay);
    const text = words.join(' ');
    const wanted = ruleWords(names, text);
    const network = options.network ?? wanted.network;
    const fitting = topology.rules.filter(
      (rule) =>
        (network === undefined || rule.network === network) &&
        (wanted.host === undefined || rule.host === wanted.host) &&
        (wanted.source?.(rule.source) ?? true) &&
        (wanted.destination?.(rule.destination) ?? true),
    );
    const statement = theOnly(topology, 'rules', fitting, `rules fit "${text}"`, (rule) => {
      const ends = `from ${oneMatcher(names, rule.source)} to ${oneMatcher(names, rule.destination)}`;
      return `rule delete on ${rule.host} ${ends}${networkOption(topology, rule.network)}`;
    });
    if (!statement) {
      throw new VnetError('VNET_ERR_NOT_FOUND', `no such rule was added by hand: ${text}`, {
        hint: '`vnet show` prints the rules that the user wrote; automatic ones follow from VMs and shapes',
      });
    }
    await applyStatement(run, topology, 'remove', 'rules', statement);
  });
}

type Matcher = SourceMatcher | DestinationMatcher;
type Fits = (matcher: Matcher) => boolean;

interface RuleWords {
  host?: string;
  source?: Fits;
  destination?: Fits;
  network?: string;
}

/** `on HOST from SOURCE to DESTINATION via ... in NETWORK`, each part optional but one; what it does is passed over. */
function ruleWords(names: NameBook, text: string): RuleWords {
  const parts =
    /^(?:on (\S+))?(?: ?from ((?:not )?\S+))?(?: ?to ((?:not )?\S+))?(?: ?via .*?)?(?: ?in (\S+))?$/.exec(
      text.trim().replace(/\s+/g, ' '),
    );
  if (!parts || parts.slice(1).every((part) => part === undefined)) {
    throw new VnetError('VNET_ERR_INVALID', `"${text}" does not name a rule`, {
      hint: 'write it as in `vnet rule delete on a from any to db`',
    });
  }
  const [, host, source, destination, network] = parts;
  return {
    ...(host === undefined ? {} : { host: names.host(host) }),
    ...(source === undefined ? {} : { source: fits(names, source) }),
    ...(destination === undefined ? {} : { destination: fits(names, destination) }),
    ...(network === undefined ? {} : { network }),
  };
}

/** A VM's name stands for each of its addresses. */
function fits(names: NameBook, text: string): Fits {
  const [, not, end = ''] = /^(not )?(.*)$/.exec(text) ?? [];
  if (['any', 'group', 'none'].includes(end)) return (matcher) => matcher.kind === text;
  const resolved = names.resolve(end);
  const macs: readonly string[] = isMac(resolved) ? [resolved] : (names.find(resolved)?.macs ?? []);
  const kind = not === undefined ? 'exact' : 'not';
  return (matcher) => matcher.kind === kind && 'mac' in matcher && macs.includes(matcher.mac);
}

/** By name only where that names one address. */
function oneMatcher(names: NameBook, matcher: Matcher): string {
  if (!('mac' in matcher) || names.find(matcher.mac)?.macs.length === 1) return names.matcher(matcher);
  return matcher.kind === 'not' ? `not ${matcher.mac}` : matcher.mac;
}
