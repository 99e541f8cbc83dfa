/** What the daemons along a path, or all of them, say of themselves: asked in parallel, the silent ones left out. */
import { type LinkView, type LocalView, type RouteHop, type RouteView, VnetError } from '../core/index.js';
import { roundTrip } from './format.js';
import type { Run } from './run.js';

/** Daemons asked at the same moment. */
const PARALLEL_VIEWS = 16;

/** Views by host name. A host that is away or does not answer has none; any other error passes through. */
export async function survey(run: Run, hosts: Iterable<string>): Promise<Map<string, LocalView>> {
  const waiting = [...new Set(hosts)];
  const views = new Map<string, LocalView>();
  const worker = async (): Promise<void> => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
      try {
        views.set(host, await run.client.hostView(host));
      } catch (thrown) {
        if (!SILENT.has(VnetError.from(thrown).code)) throw thrown;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_VIEWS }, worker));
  return views;
}

const SILENT = new Set(['VNET_ERR_UNREACHABLE', 'VNET_ERR_TIMEOUT', 'VNET_ERR_NOT_FOUND']);

/** The links of the edge from this host to that one, live ones first, then as the data plane prefers them. */
export function linksOfEdge(view: LocalView | undefined, peer: string): LinkView[] {
  const links = view?.links.filter((link) => link.peer === peer) ?? [];
  return links.sort((a, b) => Number(b.up) - Number(a.up) || a.preference - b.preference);
}

/** The link a frame over this edge takes: the first live one. */
export const liveLink = (view: LocalView | undefined, peer: string): LinkView | undefined =>
  linksOfEdge(view, peer).find((link) => link.up);

/** The neighbour a hop would send to, dead edges included; undefined where the frame ends. */
export function neighbourOf(hop: RouteHop, views: Map<string, LocalView>): string | undefined {
  if (hop.verdict === 'edge') return hop.to;
  if (hop.verdict === 'ground' && linksOfEdge(views.get(hop.host), hop.to).length > 0) return hop.to;
  return undefined;
}

/** Hops that cross to another host. One that falls to ground names the dead edge; the hop after it crosses. */
export const crossings = (route: RouteView): RouteHop[] => route.hops.filter((hop) => hop.verdict === 'edge');

/** Round trips of the route's links added up, microseconds; `whole` is false where one is not measured. */
export function sumRoundTrips(
  route: RouteView,
  views: Map<string, LocalView>,
): { us: number; whole: boolean; edges: number } {
  let [us, whole, edges] = [0, true, 0];
  for (const hop of crossings(route)) {
    edges++;
    const rttUs = liveLink(views.get(hop.host), hop.to)?.rttUs ?? 0;
    if (rttUs > 0) us += rttUs;
    else whole = false;
  }
  return { us, whole, edges };
}

/** `udp up 0.8 ms`, `tcp down: refused by 10.0.0.1:7700`, or why nothing is known. */
export function edgeState(run: Run, view: LocalView | undefined, peer: string): string {
  if (!view) return run.paint.faint('this host did not answer');
  const [link] = linksOfEdge(view, peer);
  if (!link) return run.paint.bad('no link');
  return linkState(run, link);
}

export function linkState(run: Run, link: LinkView): string {
  if (!link.up) return `${link.type} ${run.paint.bad('down')} ${run.paint.faint(link.state)}`;
  const rtt = link.rttUs > 0 ? roundTrip(link.rttUs) : run.paint.faint('round trip not measured yet');
  return `${link.type} ${run.paint.good('up')} ${rtt}`;
}
