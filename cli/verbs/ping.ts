import type { Command } from 'commander';
import type { LocalView, RouteHop, RouteView } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { count, duration, plural, roundTrip, wholeNumber } from '../format.js';
import { NameBook } from '../names.js';
import { act, addVerb, ExitWith, GROUPS, type Run } from '../run.js';
import { edgeState, linksOfEdge, neighbourOf, sumRoundTrips, survey } from '../survey.js';
import { reasonOf } from './route.js';

const MAX_WATCH_MS = 60_000;

/** Frames that left a host towards the next one, or at a port, before and after. */
interface HopCounter {
  host: string;
  to: string;
  before: number;
  after: number;
}

export function addPing(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'ping <from> <to>',
    group: GROUPS.explain,
    summary: 'whether two VMs reach each other, and how far it is',
    about:
      'Follows both directions between two VMs through the forwarding tables, shows the state and round trip of ' +
      'every link on the way, and watches for a moment how many frames really pass there. It sends nothing itself, ' +
      'so it works without touching the VMs, and it cannot see whether a guest answers. Exit code 1 if either ' +
      'direction does not arrive.',
    examples: [
      ['ping web db', 'both directions'],
      ['ping web db --watch 5000', 'watch the counters for five seconds'],
      ['ping web db > /dev/null && echo reachable', 'in a script'],
    ],
  })
    .option('--watch <milliseconds>', 'how long to watch the counters', '1000')
    .option('--network <name>', 'where an address stands in several networks');
  act<[string, string], { watch: string; network?: string }>(
    command,
    context,
    async (run, options, from, to) => {
      const watchMs = wholeNumber(options.watch, 'a time in milliseconds', 0, MAX_WATCH_MS);
      const names = new NameBook(await run.client.overview());
      const [a, b] = [names.resolve(from), names.resolve(to)];
      const [forward, back] = await Promise.all([
        run.client.route(a, b, options.network),
        run.client.route(b, a, options.network),
      ]);
      const hosts = [...forward.hops, ...back.hops].map((hop) => hop.host);
      const before = await survey(run, hosts);
      if (watchMs > 0) await new Promise<void>((resolve) => context.clock.after(watchMs, resolve));
      const after = watchMs > 0 ? await survey(run, hosts) : before;
      const reachable = forward.delivered && back.delivered;
      const roundTripUs = Math.round((sumRoundTrips(forward, after).us + sumRoundTrips(back, after).us) / 2);
      const counters = [forward, back].map((route) => route.hops.map((hop) => counterOf(hop, before, after)));
      if (run.json) {
        run.printJson({
          reachable,
          roundTripUs,
          watchMs,
          forward: { route: forward, counters: counters[0] },
          back: { route: back, counters: counters[1] },
        });
      } else {
        [forward, back].forEach((route, at) =>
          showDirection(run, route, counters[at] ?? [], names, after, watchMs),
        );
        showDrops(run, before, after);
        const time = roundTripUs > 0 ? `, ${roundTrip(roundTripUs)} there and back over the links` : '';
        run.print(
          reachable
            ? `${run.paint.good('Reachable')}${time}.`
            : `${run.paint.bad('Not reachable')}: ${reasonOf(forward.delivered ? back : forward)}.`,
        );
        run.print(run.paint.faint('The tables and counters say so; no frame was sent.'));
      }
      if (!reachable) throw new ExitWith(1);
    },
  );
}

function counterOf(hop: RouteHop, before: Map<string, LocalView>, after: Map<string, LocalView>): HopCounter {
  const framesIn = (views: Map<string, LocalView>): number => {
    const view = views.get(hop.host);
    if (hop.verdict === 'port') return view?.ports.find((port) => port.port === hop.to)?.outFrames ?? 0;
    const peer = neighbourOf(hop, views);
    return peer === undefined ? 0 : linksOfEdge(view, peer).reduce((sum, link) => sum + link.outFrames, 0);
  };
  return { host: hop.host, to: hop.to, before: framesIn(before), after: framesIn(after) };
}

function showDirection(
  run: Run,
  route: RouteView,
  counters: HopCounter[],
  names: NameBook,
  views: Map<string, LocalView>,
  watchMs: number,
): void {
  const { strong, host, good, bad, faint, warn } = run.paint;
  const { us, edges } = sumRoundTrips(route, views);
  const arrives = route.delivered ? good('arrives') : bad('does not arrive');
  run.print(
    `${strong(names.label(route.source))} ${run.glyphs.arrow} ${strong(names.label(route.destination))}  ${arrives}${faint(`  ${plural(edges, 'edge')}${us > 0 ? `, ${roundTrip(us)}` : ''}`)}`,
  );
  run.printTable(
    [
      { title: '', right: true },
      { title: 'HOST' },
      { title: 'TO', flex: true },
      { title: 'STATE', flex: true },
      { title: 'FRAMES OUT', right: true },
      { title: `IN ${duration(watchMs).toUpperCase()}`, right: true },
    ],
    route.hops.map((hop, index) => {
      const peer = neighbourOf(hop, views);
      const port = views.get(hop.host)?.ports.find((each) => each.port === hop.to);
      const counter = counters[index];
      const state =
        hop.verdict === 'drop'
          ? bad(`dropped: ${hop.to}`)
          : peer !== undefined
            ? edgeState(run, views.get(hop.host), peer)
            : port
              ? port.up
                ? good('up')
                : bad(port.state)
              : '';
      const target =
        hop.verdict === 'drop'
          ? ''
          : `${hop.verdict === 'ground' ? warn('ground ') : ''}${peer === undefined ? hop.to : host(peer)}`;
      return [
        String(index + 1),
        host(hop.host),
        target,
        state,
        counter && hop.verdict !== 'drop' ? count(counter.after) : '',
        counter && watchMs > 0 && hop.verdict !== 'drop' ? `+${count(counter.after - counter.before)}` : '',
      ];
    }),
    'no host knows the source',
  );
  run.print('');
}

/** What the hosts on the way dropped meanwhile, whosever frames they were. */
function showDrops(run: Run, before: Map<string, LocalView>, after: Map<string, LocalView>): void {
  for (const [host, view] of after) {
    const grown = Object.entries(view.drops)
      .map(([reason, frames]) => [reason, frames - (before.get(host)?.drops[reason] ?? 0)] as const)
      .filter(([, frames]) => frames > 0);
    if (grown.length > 0) {
      run.print(
        run.paint.warn(
          `dropped at ${host} meanwhile: ${grown.map(([reason, frames]) => `${reason} ${count(frames)}`).join(', ')}`,
        ),
      );
    }
  }
}
