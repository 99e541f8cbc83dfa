/** What the user asked for on top of the star: paths of shapes, pair routes, raw rules. */
import { emptyTopology, isGroup, type Route, type RuleStatement, type Topology } from '../../core/index.js';
import { shapeEdgesOf } from './links.js';
import { ANY, edgeKey, edgeTo, exactly, type Place, type Placed, type RuleDraft } from './model.js';

/**
 * The edges of a network's shapes. Destination rules lead along shortest paths over them: hosts x addresses, never
 * pairs. All shapes of a network are one graph; every address has one tree towards it (breadth first, the
 * neighbour first by name among equals), so no mixture of them can loop. O(edges) a host that has addresses.
 */
export class ShapeGraph {
  static readonly EMPTY = new ShapeGraph(emptyTopology(), '', new Set());
  readonly #neighbours: ReadonlyMap<string, readonly string[]>;
  readonly #trees = new Map<string, ReadonlyMap<string, string>>();

  constructor(topology: Topology, network: string, unusable: ReadonlySet<string>) {
    const neighbours = new Map<string, Set<string>>();
    const join = (a: string, b: string) => neighbours.set(a, (neighbours.get(a) ?? new Set()).add(b));
    for (const shape of topology.shapes) {
      if (shape.network !== network) continue;
      for (const [a, b] of shapeEdgesOf(shape, topology)) {
        if (unusable.has(a) || unusable.has(b)) continue;
        join(a, b);
        join(b, a);
      }
    }
    this.#neighbours = new Map([...neighbours].map(([host, peers]) => [host, [...peers].sort()]));
  }

  get isEmpty(): boolean {
    return this.#neighbours.size === 0;
  }

  /** The same edges. */
  equals(other: ShapeGraph): boolean {
    const [ours, theirs] = [this.#neighbours, other.#neighbours];
    return (
      ours.size === theirs.size &&
      [...ours].every(([host, peers]) => peers.join(' ') === theirs.get(host)?.join(' '))
    );
  }

  /** Rules towards the addresses of a place, at every other host that reaches it. */
  rulesTo(place: Place): Placed[] {
    if (this.isEmpty) return [];
    return [...this.#nextHops(place.host)].flatMap(([host, next]) =>
      place.macs.map((mac): Placed => {
        const actions = [edgeTo(next)];
        return { host, rule: { source: ANY, destination: exactly(mac), actions, origin: 'shape' } };
      }),
    );
  }

  /** For each other host that reaches `target`: its neighbour on the way. */
  #nextHops(target: string): ReadonlyMap<string, string> {
    const known = this.#trees.get(target);
    if (known) return known;
    const next = new Map<string, string>();
    let frontier = [target];
    while (frontier.length > 0) {
      const reached = new Map<string, string>();
      for (const via of frontier.sort()) {
        for (const host of this.#neighbours.get(via) ?? []) {
          if (host !== target && !next.has(host) && !reached.has(host)) reached.set(host, via);
        }
      }
      for (const [host, via] of reached) next.set(host, via);
      frontier = [...reached.keys()];
    }
    this.#trees.set(target, next);
    return next;
  }
}

/** What a route needs to stand. */
export interface RouteGround {
  unusable: ReadonlySet<string>;
  /** By `edgeKey`: a link joins the two. */
  hasEdge(key: string): boolean;
}

/** Why no rules are made for a route; undefined: they are. */
export function whySuspended(
  { unusable, hasEdge }: RouteGround,
  route: Route,
  from: Place | undefined,
  to: Place | undefined,
): string | undefined {
  const { via } = route;
  const [first, last] = [via[0], via.at(-1)];
  if (from && from.host !== first) return `${from.name} is on ${from.host}, and the route begins at ${first}`;
  if (to && to.host !== last) return `${to.name} is on ${to.host}, and the route ends at ${last}`;
  for (const [i, host] of via.entries()) {
    const next = via[i + 1];
    if (unusable.has(host)) return `host ${host} is pending`;
    if (next !== undefined && !hasEdge(edgeKey(host, next))) return `no link joins ${host} and ${next}`;
  }
  return from && to ? undefined : 'a VM of it is not there';
}

/** Whose route it is. */
export type RouteOrigin = 'route' | 'adapt';

export function routeRules(route: Route, from: Place, to: Place, origin: RouteOrigin): Placed[] {
  const there = pathRules(from, to, route.via, origin);
  return route.both ? [...there, ...pathRules(to, from, [...route.via].reverse(), origin)] : there;
}

function pathRules(from: Place, to: Place, via: readonly string[], origin: RouteOrigin): Placed[] {
  return via.slice(0, -1).flatMap((host, i) => {
    const next = via[i + 1] as string;
    return from.macs.flatMap((source) =>
      to.macs.map((destination): Placed => {
        const matchers = { source: exactly(source), destination: exactly(destination) };
        return { host, rule: { ...matchers, actions: [edgeTo(next)], origin } };
      }),
    );
  });
}

/** True where the rule is for group frames only. */
export function isGroupRule({ destination }: Pick<RuleStatement, 'destination'>): boolean {
  return destination.kind === 'group' || (destination.kind === 'exact' && isGroup(destination.mac));
}

/**
 * Raw rules go in as they are: an edge without a live link is the data plane's to send to ground. `fallen`: rules
 * of group frames lose their edges to the star.
 */
export function rawRule(statement: RuleStatement, fallen: boolean): Placed[] {
  const { host, source, destination } = statement;
  const keepsEdges = !fallen || !isGroupRule(statement);
  const actions = keepsEdges ? statement.actions : statement.actions.filter(({ kind }) => kind !== 'edge');
  const rule: RuleDraft = { source, destination, actions, origin: 'route' };
  return actions.length > 0 || keepsEdges ? [{ host, rule }] : [];
}
