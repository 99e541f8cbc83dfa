import type { Command } from 'commander';
import { type Route, type Topology, VnetError } from '../../core/index.js';
import { theOnly } from '../choice.js';
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
    usage: 'delete <vm> [other]',
    alias: 'del',
    summary: 'let a pair go its automatic way again',
    about:
      'Removes the routes that were set by hand from one VM to another: one for both directions, or this direction ' +
      'only. One VM is enough where only one route begins or ends there.',
    examples: [
      ['route delete web db', 'whatever route leads from web to db'],
      ['route delete web', 'the only one that has web at an end'],
    ],
  }).option('--network <name>', 'in this network only');
  act<[string, string | undefined], { network?: string }>(remove, context, async (run, options, from, to) => {
    const overlay = await run.client.overview();
    const names = new NameBook(overlay);
    const nameOf = (text: string): string => names.find(names.resolve(text))?.name ?? text;
    const inNetwork = overlay.topology.routes.filter(
      (route) => options.network === undefined || route.network === options.network,
    );
    const found =
      to === undefined
        ? onlyRouteOf(overlay.topology, inNetwork, nameOf(from))
        : inNetwork.filter((route) => leads(route, nameOf(from), nameOf(to)));
    if (found.length === 0) throw noRoute(from, to);
    for (const route of found) await applyStatement(run, overlay.topology, 'remove', 'routes', route);
  });
}

const leads = (route: Route, a: string, b: string): boolean =>
  (route.from === a && route.to === b) || (route.both && route.from === b && route.to === a);

function onlyRouteOf(current: Topology, routes: Route[], vm: string): Route[] {
  const fitting = routes.filter((route) => route.from === vm || route.to === vm);
  const what = `routes begin or end at ${vm}`;
  const only = theOnly(current, 'routes', fitting, what, (route) => `route delete ${route.from} ${route.to}`);
  return only === undefined ? [] : [only];
}

function noRoute(from: string, to: string | undefined): VnetError {
  return to === undefined
    ? new VnetError('VNET_ERR_NOT_FOUND', `no route with ${from} at an end was set by hand`, {
        hint: '`vnet show` prints what the user wrote',
      })
    : new VnetError('VNET_ERR_NOT_FOUND', `no route from ${from} to ${to} was set by hand`, {
        hint: `\`vnet route ${from} ${to}\` shows the way they take and which rule decides`,
      });
}
