/** Parts of an observation, from what daemons and Proxy answered: pure. */
import type {
  LocalView,
  MatrixView,
  OverlayView,
  RouteView,
  UnderlayView,
  VmView,
} from '../../core/index.js';
import { grownDrops } from '../reachability.js';
import { crossings, linksOfEdge, liveLink } from '../survey.js';
import type { DeadEdge, End, Hop, HostOnPath } from './observation.js';

/** Guarded ports that refuse one of these addresses: the VM is there, and registered elsewhere or nowhere. */
export function refusals(views: Map<string, LocalView>, macs: readonly string[]): End['refusedAt'] {
  return [...views].flatMap(([host, view]) =>
    view.ports.flatMap(({ port, refused }) =>
      refused.filter((mac) => macs.includes(mac)).map((mac) => ({ host, port, mac })),
    ),
  );
}

export const mtuOf = (views: Map<string, LocalView>, network: string): number | undefined =>
  [...views.values()].flatMap((view) => view.networks).find((each) => each.name === network)?.mtu;

export function hostOnPath(
  host: string,
  overlay: OverlayView,
  before: LocalView | undefined,
  after: LocalView | undefined,
): HostOnPath {
  const phase = overlay.hosts.find((each) => each.name === host)?.phase;
  return {
    host,
    answered: after !== undefined,
    drops: after && before ? grownDrops(before, after) : [],
    ...(phase === undefined ? {} : { phase }),
    ...(after ? { cpuShare: after.cpuShare, eventLoopDelayP99Ms: after.eventLoopDelayP99Ms } : {}),
  };
}

export function hopsOf(
  way: Hop['way'],
  route: RouteView,
  before: Map<string, LocalView>,
  after: Map<string, LocalView>,
  underlay: UnderlayView | undefined,
): Hop[] {
  return crossings(route).map(({ host: from, to, ground }) => {
    const link = liveLink(after.get(from), to);
    const earlier = link && before.get(from)?.links.find((each) => each.id === link.id);
    const arrivals = link && arrivedMeanwhile(link.id, before.get(to), after.get(to));
    const known = underlay?.paths.filter((path) => path.from === from && path.to === to) ?? [];
    const estimate = (known.find((path) => path.link?.link === link?.id) ?? known[0])?.link;
    return {
      from,
      to,
      way,
      ground,
      linkDrops: link && earlier ? Math.max(0, link.drops - earlier.drops) : 0,
      rivals: [],
      ...(link ? { link } : {}),
      ...(arrivals ? { arrivals } : {}),
      ...(estimate ? { estimate } : {}),
    };
  });
}

/** Datagrams of a link by its receiving end's counters, between two looks. */
function arrivedMeanwhile(
  id: string,
  before: LocalView | undefined,
  after: LocalView | undefined,
): Hop['arrivals'] {
  const [earlier, later] = [before, after].map((view) => view?.links.find((each) => each.id === id));
  if (!earlier || !later) return undefined;
  return {
    arrived: Math.max(0, later.arrived - earlier.arrived),
    lost: Math.max(0, later.lost - earlier.lost),
  };
}

export function deadEdgesOf(
  way: Hop['way'],
  route: RouteView,
  views: Map<string, LocalView>,
  proxy: string | undefined,
): DeadEdge[] {
  return route.hops
    .filter((hop) => hop.verdict === 'ground')
    .map((hop) => {
      const links = linksOfEdge(views.get(hop.host), hop.to);
      return {
        from: hop.host,
        to: hop.to,
        way,
        star: hop.host === proxy || hop.to === proxy,
        states: links.map((link) => `${link.type}: ${link.state}`),
        back: links.some((link) => link.up),
      };
    });
}

export function lookAtPort(end: End, before: Map<string, LocalView>, after: Map<string, LocalView>): void {
  const find = (views: Map<string, LocalView>, { host, port }: VmView) =>
    views.get(host)?.ports.find((each) => each.port === port);
  if (!end.vm) return;
  const [earlier, port] = [find(before, end.vm), find(after, end.vm)];
  if (!port) return;
  end.port = port;
  end.sentFrames = port.inFrames - (earlier?.inFrames ?? 0);
  end.portDrops = port.drops - (earlier?.drops ?? 0);
}

export function rateOf(
  { pairs }: MatrixView,
  { source, destination }: RouteView,
): { there: number; back: number } {
  const rate = (from: string, to: string): number =>
    pairs.find((pair) => pair.source === from && pair.destination === to)?.bitsPerSecond ?? 0;
  return { there: rate(source, destination), back: rate(destination, source) };
}
