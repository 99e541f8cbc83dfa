import type { Command } from 'commander';
import type { LocalView, RouteHop, RouteView } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { plural, roundTrip } from '../format.js';
import { NameBook } from '../names.js';
import { act, addVerb, ExitWith, GROUPS, type Run } from '../run.js';
import { edgeState, neighbourOf, sumRoundTrips, survey } from '../survey.js';
import { addRouteChanges } from './route-change.js';

export function addRoute(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'route <from> <to>',
    group: GROUPS.explain,
    summary: 'the way a frame takes, and why; add and delete routes',
    about:
      'Follows a frame from one VM (or address) to another through the forwarding tables, as traceroute would, ' +
      'and says at every host which rule it met, why that rule won, and which others matched. The tables answer: ' +
      'no frame is sent. `route add` and `route delete` set the way of a pair by hand. Exit code 1 if the frame ' +
      'does not arrive.',
    examples: [
      ['route web db', 'from web to db'],
      ['route web ff:ff:ff:ff:ff:ff', 'where a broadcast of web goes'],
      ["route add 'web <-> db via a b'", 'this pair, both directions, over the edge a-b'],
    ],
  }).option('--network <name>', 'where an address stands in several networks');
  act<[string, string], { network?: string }>(command, context, async (run, options, from, to) => {
    const names = new NameBook(await run.client.overview());
    const route = await run.client.route(names.resolve(from), names.resolve(to), options.network);
    if (run.json) run.printJson(route);
    else
      showRoute(
        run,
        route,
        names,
        await survey(
          run,
          route.hops.map((hop) => hop.host),
        ),
      );
    if (!route.delivered) throw new ExitWith(1);
  });
  addRouteChanges(command, context);
}

function showRoute(run: Run, route: RouteView, names: NameBook, views: Map<string, LocalView>): void {
  const { strong, faint, vm, good, bad } = run.paint;
  const end = (mac: string): string => {
    const name = names.nameOf(mac);
    return name === undefined ? strong(mac) : `${vm(strong(name))} ${faint(mac)}`;
  };
  run.print(
    `${end(route.source)}  ${run.glyphs.arrow}  ${end(route.destination)}   ${faint(`network ${route.network}`)}`,
    '',
  );
  route.hops.forEach((hop, index) =>
    run.print(...hopLines(run, hop, index, index === route.hops.length - 1, names, views)),
  );
  const { us, whole, edges } = sumRoundTrips(route, views);
  const time =
    us > 0 ? `, round trips add up to ${roundTrip(us)}${whole ? '' : ' where they are measured'}` : '';
  run.print(
    '',
    route.delivered
      ? `${good('Delivered')} over ${plural(edges, 'edge')}${time}.`
      : `${bad('Not delivered')}: ${reasonOf(route)}.`,
  );
}

/** Why the frame does not arrive, as its last hop says. */
export function reasonOf(route: RouteView): string {
  const last = route.hops.findLast((hop) => hop.verdict === 'drop') ?? route.hops.at(-1);
  if (!last) return 'no host knows the source';
  return last.verdict === 'drop' ? `${last.host} drops it (${last.to})` : `it ends at ${last.host}`;
}

/** A hop: the host; the rule, why it won, what it won over; where the frame goes. */
function hopLines(
  run: Run,
  hop: RouteHop,
  index: number,
  last: boolean,
  names: NameBook,
  views: Map<string, LocalView>,
): string[] {
  const { host, strong, faint, warn } = run.paint;
  const bar = faint(last ? '  ' : run.glyphs.bar);
  const field = (name: string, text: string): string => `  ${bar}  ${faint(name.padEnd(5))} ${text}`;
  const lines = [
    `${strong(String(index + 1).padStart(3))}  ${host(strong(hop.host))}${hop.ground ? warn('  ground') : ''}`,
  ];
  if (hop.rule)
    lines.push(field('rule', `${names.rule(hop.rule)}  ${faint(`${hop.rule.origin}, ${hop.rule.owner}`)}`));
  lines.push(field('why', whyText(hop, names)));
  hop.others.forEach((other, at) => {
    lines.push(field(at === 0 ? 'over' : '', faint(`${names.rule(other)}  ${other.origin}, ${other.owner}`)));
  });
  lines.push(field(run.glyphs.arrow, verdictText(run, hop, views)));
  if (!last) lines.push(`  ${bar}`.trimEnd());
  return lines;
}

/** The reason with rules as people read them, where it names those that lost by their ids. */
const whyText = (hop: RouteHop, names: NameBook): string =>
  hop.others.reduce((text, other) => text.replaceAll(`rule ${other.id}`, `"${names.rule(other)}"`), hop.why);

function verdictText(run: Run, hop: RouteHop, views: Map<string, LocalView>): string {
  const { host, good, bad, warn, faint } = run.paint;
  if (hop.verdict === 'drop') return bad(`dropped: ${hop.to}`);
  if (hop.verdict === 'port') return `${good(`port ${hop.to}`)}`;
  const peer = neighbourOf(hop, views);
  const where = peer === undefined ? hop.to : `${host(peer)}   ${edgeState(run, views.get(hop.host), peer)}`;
  return hop.verdict === 'ground' ? `${warn('ground')} ${faint('(the star)')} ${where}` : where;
}
