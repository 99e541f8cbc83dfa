import type { Command } from 'commander';
import { type LinkStatement, type LinkType, VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { NameBook } from '../names.js';
import { act, addVerb, GROUPS } from '../run.js';
import { applyStatement, findStatement, parseStatement } from '../statement.js';

export function addLink(program: Command, context: CliContext): void {
  const group = addVerb(program, {
    usage: 'link',
    group: GROUPS.change,
    summary: 'add or delete a link between two hosts',
    about:
      'A link is a fast path between two hosts on top of the star. Traffic takes it where a route, a rule or a ' +
      'shape says so, and falls back to the star by itself when the link dies. `vnet links` lists them.',
    examples: [
      ['link add udp a b', 'join a and b over UDP'],
      ['link delete udp a b', 'and take the link away again'],
    ],
  });
  const add = addVerb(group, {
    usage: 'add <type> <a> <b>',
    summary: 'join two hosts',
    about:
      'Makes a link over udp or tcp. Whichever side can dials. A link that is there already is no error.',
    examples: [
      ['link add udp a b', 'the faster kind'],
      ['link add tcp a b', 'where a firewall lets nothing else through'],
    ],
  });
  act<[string, string, string]>(add, context, async (run, _options, type, a, b) => {
    const overlay = await run.client.overview();
    endsOf(new NameBook(overlay), type, a, b);
    const statement = parseStatement(run, overlay.topology, 'links', `link ${type} ${a} ${b}`);
    await applyStatement(run, overlay.topology, 'add', 'links', statement);
  });
  const remove = addVerb(group, {
    usage: 'delete <type> <a> <b>',
    alias: 'del',
    summary: 'take a link away',
    about:
      'Removes a link that the user owns; what went over it goes by the star. Links of the star itself and those ' +
      'that a shape means cannot be removed one by one.',
    examples: [
      ['link delete udp a b', 'in whichever order the hosts are named'],
      ['link delete tcp a b --json', 'the result, for scripts'],
    ],
  });
  act<[string, string, string]>(remove, context, async (run, _options, type, a, b) => {
    const overlay = await run.client.overview();
    const wanted = endsOf(new NameBook(overlay), type, a, b);
    const statement = findStatement(overlay.topology, 'links', wanted);
    if (!statement) {
      throw new VnetError('VNET_ERR_NOT_FOUND', `no link statement joins ${a} and ${b} over ${type}`, {
        hint: 'the star and shapes make links of their own: `vnet show` prints what the user wrote',
      });
    }
    await applyStatement(run, overlay.topology, 'remove', 'links', statement);
  });
}

/** Says what is wrong with the words before the language sees them. */
function endsOf(names: NameBook, type: string, a: string, b: string): LinkStatement {
  if (type !== 'udp' && type !== 'tcp') {
    throw new VnetError('VNET_ERR_INVALID', `"${type}" is no type of link`, {
      hint: 'write udp or tcp, as in `vnet link add udp a b`',
    });
  }
  if (a === b)
    throw new VnetError('VNET_ERR_INVALID', `a link joins two different hosts, not ${a} with itself`);
  return { type: type satisfies LinkType, a: names.host(a), b: names.host(b) };
}
