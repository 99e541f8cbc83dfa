/** What the user asked for on top of the star: paths of shapes, pair routes, raw rules. */
import { type Route, shapeEdges } from '../../core/index.js';
import { isGround } from './links.js';
import {
  ANY,
  edgeKey,
  edgeTo,
  exactly,
  type NetworkDraft,
  type Place,
  type SuspendedRoute,
} from './model.js';

/**
 * Destination rules along shortest paths over the edges of the network's shapes: hosts x addresses, never pairs.
 * All shapes of a network are one graph; every address has one tree towards it (breadth first, the neighbour
 * first by name among equals), so no mixture of them can loop. O(hosts x edges) a network.
 */
export function shapeRules(draft: NetworkDraft): void {
  const neighbours = shapeGraph(draft);
  if (neighbours.size === 0) return;
  for (const [target, places] of placesByHost(draft.places)) {
    for (const [host, next] of nextHops(neighbours, target)) {
      for (const mac of places.flatMap(({ macs }) => macs)) {
        draft.add(host, { source: ANY, destination: exactly(mac), actions: [edgeTo(next)], origin: 'shape' });
      }
    }
  }
}

function shapeGraph({ topology, network, unusable }: NetworkDraft): Map<string, string[]> {
  const neighbours = new Map<string, Set<string>>();
  const join = (a: string, b: string) => neighbours.set(a, (neighbours.get(a) ?? new Set()).add(b));
  for (const shape of topology.shapes) {
    if (shape.network !== network.name || isGround(shape, topology)) continue;
    for (const [a, b] of shapeEdges(shape, topology)) {
      if (unusable.has(a) || unusable.has(b)) continue;
      join(a, b);
      join(b, a);
    }
  }
  return new Map([...neighbours].map(([host, peers]) => [host, [...peers].sort()]));
}

function placesByHost(places: readonly Place[]): Map<string, Place[]> {
  const byHost = new Map<string, Place[]>();
  for (const place of places) byHost.set(place.host, [...(byHost.get(place.host) ?? []), place]);
  return byHost;
}

/** For each other host that reaches `target`: its neighbour on the way. */
function nextHops(neighbours: ReadonlyMap<string, string[]>, target: string): Map<string, string> {
  const next = new Map<string, string>();
  let frontier = [target];
  while (frontier.length > 0) {
    const reached = new Map<string, string>();
    for (const via of frontier.sort()) {
      for (const host of neighbours.get(via) ?? []) {
        if (host !== target && !next.has(host) && !reached.has(host)) reached.set(host, via);
      }
    }
    for (const [host, via] of reached) next.set(host, via);
    frontier = [...reached.keys()];
  }
  return next;
}

/** Rules of the routes that can stand; the others are returned with the reason. */
export function routeRules(draft: NetworkDraft): SuspendedRoute[] {
  const byName = new Map(draft.places.filter(({ learnt }) => !learnt).map((place) => [place.name, place]));
  const suspended: SuspendedRoute[] = [];
  for (const route of draft.topology.routes) {
    if (route.network !== draft.network.name) continue;
    const [from, to] = [byName.get(route.from), byName.get(route.to)];
    const reason = whySuspended(draft, route, from, to);
    if (reason !== undefined || !from || !to) {
      suspended.push({ from: route.from, to: route.to, reason: reason ?? 'a VM of it is not there' });
      continue;
    }
    addPath(draft, from, to, route.via);
    if (route.both) addPath(draft, to, from, [...route.via].reverse());
  }
  return suspended;
}

function whySuspended(draft: NetworkDraft, route: Route, from?: Place, to?: Place): string | undefined {
  const { via } = route;
  const [first, last] = [via[0], via.at(-1)];
  if (from && from.host !== first) return `${from.name} is on ${from.host}, and the route begins at ${first}`;
  if (to && to.host !== last) return `${to.name} is on ${to.host}, and the route ends at ${last}`;
  for (const [i, host] of via.entries()) {
    const next = via[i + 1];
    if (draft.unusable.has(host)) return `host ${host} is pending`;
    if (next !== undefined && !draft.edges.has(edgeKey(host, next)))
      return `no link joins ${host} and ${next}`;
  }
  return undefined;
}

function addPath(draft: NetworkDraft, from: Place, to: Place, via: readonly string[]): void {
  for (const [i, host] of via.entries()) {
    const next = via[i + 1];
    if (next === undefined) break;
    for (const source of from.macs) {
      for (const destination of to.macs) {
        const matchers = { source: exactly(source), destination: exactly(destination) };
        draft.add(host, { ...matchers, actions: [edgeTo(next)], origin: 'route' });
      }
    }
  }
}

/** Raw rules go in as they are: an edge without a live link is the data plane's to send to ground. */
export function rawRules(draft: NetworkDraft): void {
  for (const { network, host, source, destination, actions } of draft.topology.rules) {
    if (network === draft.network.name) draft.add(host, { source, destination, actions, origin: 'route' });
  }
}
