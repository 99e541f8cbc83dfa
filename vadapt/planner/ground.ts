/**
 * Which way frames go without adaptation, and with what it has made so far: a user's route, a route of adaptation's,
 * shortest paths over the user's shapes, the star through the Proxy; the first that stands.
 */
import { type Route, shapeEdges, shapeHosts, type Topology } from '../../core/index.js';
import type { Snapshot } from './snapshot.js';

/** Unordered. */
export const pairKey = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

export class Ground {
  readonly proxy: string;
  /** Pairs of hosts that a live link joins; the star always does. */
  readonly #up: ReadonlySet<string>;
  readonly #ready: ReadonlySet<string>;
  readonly #neighbours: ReadonlyMap<string, readonly string[]>;
  readonly #trees = new Map<string, ReadonlyMap<string, string>>();
  readonly #userRoutes: ReadonlyMap<string, readonly string[]>;
  readonly #ownRoutes: ReadonlyMap<string, readonly string[]>;

  constructor({ topology, network, links, ready, adapted }: Snapshot) {
    this.proxy = topology.hosts.find((host) => host.proxy)?.name ?? '';
    this.#up = new Set(links.filter(({ up }) => up).map(({ a, b }) => pairKey(a, b)));
    this.#ready = new Set(ready);
    this.#neighbours = shapeNeighbours(topology, network, this.#ready);
    this.#userRoutes = byPair(topology.routes, network);
    this.#ownRoutes = byPair(adapted.routes, network);
  }

  /** True where the user has a route from VM to VM, whether it stands or not. */
  isUsers(from: string, to: string): boolean {
    return this.#userRoutes.has(`${from} ${to}`);
  }

  /** Hosts that frames of the pair pass now, ends included. */
  present(from: string, to: string, at: string, target: string): string[] {
    const key = `${from} ${to}`;
    for (const via of [this.#userRoutes.get(key), this.#ownRoutes.get(key)])
      if (via && via[0] === at && via.at(-1) === target && this.#stands(via)) return [...via];
    return this.withoutRoutes(at, target);
  }

  /** Where there is no route of anybody's. */
  withoutRoutes(at: string, target: string): string[] {
    if (at === target) return [at];
    const next = this.#nextHops(target);
    const path = [at];
    for (let host = at; host !== target; ) {
      const via = next.get(host);
      // An edge without a live link: from there on by the star.
      if (via === undefined || !this.joined(host, via)) return this.#onByStar(path, target);
      path.push(via);
      host = via;
    }
    return path;
  }

  /** Through the Proxy. */
  star(at: string, target: string): string[] {
    return [...new Set([at, this.proxy, target])];
  }

  /** A live link joins the two; every host has one to the Proxy. */
  joined(a: string, b: string): boolean {
    return a === this.proxy || b === this.proxy || this.#up.has(pairKey(a, b));
  }

  #onByStar(path: readonly string[], target: string): string[] {
    const rest = this.star(path.at(-1) as string, target);
    const whole = [...path, ...rest.slice(1)];
    // Frames that come back the way they went are modelled by the star alone.
    return new Set(whole).size === whole.length ? whole : this.star(path[0] as string, target);
  }

  #stands(via: readonly string[]): boolean {
    return via.every((host, i) => {
      const next = via[i + 1];
      return this.#ready.has(host) && (next === undefined || this.joined(host, next));
    });
  }

  /** Breadth first, the neighbour first by name among equals: as the Proxy lowers shapes. */
  #nextHops(target: string): ReadonlyMap<string, string> {
    const known = this.#trees.get(target);
    if (known) return known;
    const next = new Map<string, string>();
    let frontier = this.#neighbours.size > 0 ? [target] : [];
    while (frontier.length > 0) {
      const reached = new Map<string, string>();
      for (const via of frontier.sort()) {
        for (const host of this.#neighbours.get(via) ?? [])
          if (host !== target && !next.has(host) && !reached.has(host)) reached.set(host, via);
      }
      for (const [host, via] of reached) next.set(host, via);
      frontier = [...reached.keys()];
    }
    this.#trees.set(target, next);
    return next;
  }
}

/** `from to` of VMs to the hosts, each direction. */
function byPair(routes: readonly Route[], network: string): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, readonly string[]>();
  for (const route of routes) {
    if (route.network !== network) continue;
    paths.set(`${route.from} ${route.to}`, route.via);
    if (route.both) paths.set(`${route.to} ${route.from}`, [...route.via].reverse());
  }
  return paths;
}

/** Edges that the user's links and shapes ask for; the star's are none of them. */
export function userEdges(topology: Topology, network?: string): [string, string][] {
  const proxy = topology.hosts.find((host) => host.proxy)?.name;
  const shapes = topology.shapes.filter((shape) => network === undefined || shape.network === network);
  return [
    ...(network === undefined ? topology.links.map(({ a, b }): [string, string] => [a, b]) : []),
    ...shapes.flatMap((shape) => {
      if (shape.kind === 'star' && shapeHosts(shape, topology)[0] === proxy) return [];
      return shapeEdges(shape, topology);
    }),
  ];
}

function shapeNeighbours(
  topology: Topology,
  network: string,
  ready: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const neighbours = new Map<string, Set<string>>();
  const join = (a: string, b: string) => neighbours.set(a, (neighbours.get(a) ?? new Set()).add(b));
  for (const [a, b] of userEdges(topology, network)) {
    if (!ready.has(a) || !ready.has(b)) continue;
    join(a, b);
    join(b, a);
  }
  return new Map([...neighbours].map(([host, peers]) => [host, [...peers].sort()]));
}
