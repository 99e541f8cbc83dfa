/** Both directions between two VMs through the forwarding tables, and the frames that really pass there meanwhile. */
import type { LocalView, RouteHop, RouteView } from '../core/index.js';
import { pause } from './pause.js';
import { count, duration, plural, roundTrip } from './format.js';
import type { NameBook } from './names.js';
import type { Run } from './run.js';
import { edgeState, linksOfEdge, neighbourOf, sumRoundTrips, survey } from './survey.js';

/** Frames that left a host towards the next one, or at a port, before and after. */
export interface HopCounter {
  host: string;
  to: string;
  before: number;
  after: number;
}

export interface BothWays {
  forward: { route: RouteView; counters: HopCounter[] };
  back: { route: RouteView; counters: HopCounter[] };
  watchMs: number;
  before: Map<string, LocalView>;
  after: Map<string, LocalView>;
}

/** `a`, `b`: as the API takes them. */
export async function followBothWays(
  run: Run,
  a: string,
  b: string,
  network: string | undefined,
  watchMs: number,
): Promise<BothWays> {
  const [forward, back] = await Promise.all([
    run.client.route(a, b, network),
    run.client.route(b, a, network),
  ]);
  const hosts = [...forward.hops, ...back.hops].map((hop) => hop.host);
  const before = await survey(run, hosts);
  if (watchMs > 0) await pause(run, watchMs);
  const after = watchMs > 0 ? await survey(run, hosts) : before;
  const counted = (route: RouteView) => ({
    route,
    counters: route.hops.map((hop) => counterOf(hop, before, after)),
  });
  return { forward: counted(forward), back: counted(back), watchMs, before, after };
}

export function showBothWays(run: Run, ways: BothWays, names: NameBook): void {
  for (const { route, counters } of [ways.forward, ways.back])
    showDirection(run, route, counters, names, ways.after, ways.watchMs);
  showDrops(run, ways.before, ways.after);
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
  const { strong, host, good, bad, faint } = run.paint;
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
      const counter = hop.verdict === 'drop' ? undefined : counters[index];
      return [
        String(index + 1),
        host(hop.host),
        targetText(run, hop, views),
        stateText(run, hop, views),
        counter ? count(counter.after) : '',
        counter && watchMs > 0 ? `+${count(counter.after - counter.before)}` : '',
      ];
    }),
    'no host knows the source',
  );
  run.print('');
}

function targetText(run: Run, hop: RouteHop, views: Map<string, LocalView>): string {
  if (hop.verdict === 'drop') return '';
  const peer = neighbourOf(hop, views);
  const ground = hop.verdict === 'ground' ? run.paint.warn('ground ') : '';
  return ground + (peer === undefined ? hop.to : run.paint.host(peer));
}

function stateText(run: Run, hop: RouteHop, views: Map<string, LocalView>): string {
  const { good, bad } = run.paint;
  if (hop.verdict === 'drop') return bad(`dropped: ${hop.to}`);
  const peer = neighbourOf(hop, views);
  if (peer !== undefined) return edgeState(run, views.get(hop.host), peer);
  const port = views.get(hop.host)?.ports.find((each) => each.port === hop.to);
  if (!port) return '';
  return port.up ? good('up') : bad(port.state);
}

/** What the hosts on the way dropped meanwhile, whosever frames they were. */
function showDrops(run: Run, before: Map<string, LocalView>, after: Map<string, LocalView>): void {
  for (const [host, view] of after) {
    const grown = grownDrops(before.get(host), view);
    if (grown.length === 0) continue;
    const text = grown.map(([reason, frames]) => `${reason} ${count(frames)}`).join(', ');
    run.print(run.paint.warn(`dropped at ${host} meanwhile: ${text}`));
  }
}

/** Drop reasons whose counters grew from one view of a daemon to a later one, most frames first. */
export function grownDrops(
  before: LocalView | undefined,
  after: LocalView,
): [reason: string, frames: number][] {
  return Object.entries(after.drops)
    .map(([reason, frames]): [string, number] => [reason, frames - (before?.drops[reason] ?? 0)])
    .filter(([, frames]) => frames > 0)
    .sort(([, one], [, two]) => two - one);
}
