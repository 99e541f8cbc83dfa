import type { Command } from 'commander';
import { type LinkType, type Topology, VnetError } from '../../core/index.js';
import { theOnly } from '../choice.js';
import type { CliContext } from '../context.js';
import { NameBook } from '../names.js';
import { act, addVerb, GROUPS } from '../run.js';
import { applyStatement, parseStatement } from '../statement.js';

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
      ['link delete a b', 'and take the link away again'],
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
    linkWords(new NameBook(overlay), [type, a, b]);
    const statement = parseStatement(run, overlay.topology, 'links', `link ${type} ${a} ${b}`);
    await applyStatement(run, overlay.topology, 'add', 'links', statement);
  });
  const remove = addVerb(group, {
    usage: 'delete <link...>',
    alias: 'del',
    summary: 'take a link away',
    about:
      'Takes the two hosts, in whichever order; the type (udp, tcp) before them where several links join the two. ' +
      'Removes a link that the user owns; what went over it goes by the star. Links of the star itself and those ' +
      'that a shape means cannot be removed one by one.',
    examples: [
      ['link delete a b', 'the link between a and b'],
      ['link delete tcp a b', 'the one over tcp, where there are two'],
    ],
  });
  act<[string[]]>(remove, context, async (run, _options, words) => {
    const overlay = await run.client.overview();
    const { type, a, b } = linkWords(new NameBook(overlay), words);
    const fitting = overlay.topology.links.filter(
      (link) =>
        (type === undefined || link.type === type) &&
        ((link.a === a && link.b === b) || (link.a === b && link.b === a)),
    );
    const what = `links join ${a} and ${b}`;
    const statement = theOnly(overlay.topology, 'links', fitting, what, (link) => {
      return `link delete ${link.type} ${a} ${b}`;
    });
    if (!statement) throw noLink(overlay.topology, type, a, b);
    await applyStatement(run, overlay.topology, 'remove', 'links', statement);
  });
}

/** Why there is nothing to delete: it is of the other type, or not the user's. */
function noLink(current: Topology, type: LinkType | undefined, a: string, b: string): VnetError {
  const other = current.links.find((link) => [link.a, link.b].sort().join() === [a, b].sort().join());
  return new VnetError(
    'VNET_ERR_NOT_FOUND',
    `no link statement joins ${a} and ${b}${type === undefined ? '' : ` over ${type}`}`,
    {
      hint: other
        ? `there is one over ${other.type}: \`vnet link delete ${a} ${b}\``
        : 'the star and shapes make links of their own: `vnet show` prints what the user wrote',
    },
  );
}

/** `[type] a b`. */
function linkWords(names: NameBook, words: string[]): { type?: LinkType; a: string; b: string } {
  const [a, b, ...more] = words.slice(words.length === 3 ? 1 : 0);
  if (a === undefined || b === undefined || more.length > 0) {
    throw new VnetError('VNET_ERR_INVALID', 'a link is named by its two hosts', {
      hint: 'write `vnet link delete a b`, or the type before them: `vnet link delete udp a b`',
    });
  }
  return words.length === 2 ? endsOf(names, a, b) : { type: typeOf(words[0] ?? ''), ...endsOf(names, a, b) };
}

function typeOf(text: string): LinkType {
  if (text === 'udp' || text === 'tcp') return text;
  throw new VnetError('VNET_ERR_INVALID', `"${text}" is no type of link`, {
    hint: 'write udp or tcp, as in `vnet link add udp a b`',
  });
}

/** Says what is wrong with the hosts before the language sees them. */
function endsOf(names: NameBook, a: string, b: string): { a: string; b: string } {
  if (a === b)
    throw new VnetError('VNET_ERR_INVALID', `a link joins two different hosts, not ${a} with itself`);
  return { a: names.host(a), b: names.host(b) };
}
