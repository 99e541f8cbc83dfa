import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { NameBook } from '../names.js';
import { act, addVerb } from '../run.js';
import { applyStatement, parseStatement } from '../statement.js';

/** `route add` and `route delete`: pair routes by hand. */
export function addRouteChanges(parent: Command, context: CliContext): void {
  const add = addVerb(parent, {
    usage: 'add <statement...>',
    summary: 'set the way of a pair by hand',
    about:
      'Adds a route: the hosts that frames of a pair pass, ends included; `<->` is both directions, `->` one. ' +
      'Quote it, the shell reads < and > itself. A route of the same pair is replaced.',
    examples: [
      ["route add 'web <-> db via a b'", 'both directions over the edge a-b'],
      ["route add 'web -> db via a home b'", 'one direction, through the Proxy'],
    ],
  }).option('--network <name>', 'where there are several networks');
  act<[string[]], { network?: string }>(add, context, async (run, options, words) => {
    const { topology } = await run.client.overview();
    const statement = parseStatement(run, topology, 'routes', `route ${words.join(' ')}`, options.network);
    await applyStatement(run, topology, 'add', 'routes', statement);
  });
  const remove = addVerb(parent, {
    usage: 'delete <from> <to>',
    alias: 'del',
    summary: 'let a pair go its automatic way again',
    about:
      'Removes the routes that were set by hand between two VMs: one for both directions, or this direction only.',
    examples: [
      ['route delete web db', 'whatever route leads from web to db'],
      ['route delete web db --network lab', 'in this network only'],
    ],
  }).option('--network <name>', 'in this network only');
  act<[string, string], { network?: string }>(remove, context, async (run, options, from, to) => {
    const overlay = await run.client.overview();
    const names = new NameBook(overlay);
    const [a, b] = [from, to].map((text) => names.find(names.resolve(text))?.name ?? text);
    const found = overlay.topology.routes.filter(
      (route) =>
        (options.network === undefined || route.network === options.network) &&
        ((route.from === a && route.to === b) || (route.both && route.from === b && route.to === a)),
    );
    if (found.length === 0) {
      throw new VnetError('VNET_ERR_NOT_FOUND', `no route from ${a} to ${b} was set by hand`, {
        hint: `\`vnet route ${from} ${to}\` shows the way they take and which rule decides`,
      });
    }
    for (const route of found) await applyStatement(run, overlay.topology, 'remove', 'routes', route);
  });
}
