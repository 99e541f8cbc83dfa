/** The rules of one network at all hosts, kept up to date. */
import {
  type Network,
  networkId,
  type PortConfig,
  type Route,
  type RuleStatement,
  type Shape,
} from '../../core/index.js';
import { AdaptedRoutes } from './adapted-routes.js';
import { type GroupWay, groupWay } from './groups.js';
import { Causes, type HostParts } from './host-part.js';
import { isNone, type ListChange } from './list-change.js';
import type { LoweringInput, Place, SuspendedRoute } from './model.js';
import { isGroupRule, rawRule, ShapeGraph } from './paths.js';
import type { PortChange } from './port-part.js';
import { RoutePart } from './route-part.js';
import { hostRules, placeRules } from './star.js';

/** What became of the input, as far as rules depend on it. */
export interface NetworkChanges {
  /** Names of hosts that came or went. */
  hosts: ListChange<string>;
  ports: readonly PortChange[];
  places: ListChange<Place>;
  shapes: ListChange<Shape>;
  routes: ListChange<Route>;
  /** Adaptation's. */
  adaptedRoutes: ListChange<Route>;
  rules: ListChange<RuleStatement>;
  /** Edges, by `edgeKey`, that have links now and had none, or the other way round. */
  edges: ReadonlySet<string>;
  /** Hosts that became usable, or no longer are. */
  usability: ReadonlySet<string>;
}

export class NetworkPart {
  readonly #name: string;
  readonly #id: number;
  readonly #proxy: string;
  readonly #hosts = new Set<string>();
  readonly #withPorts = new Map<string, readonly PortConfig[]>();
  readonly #groupRules = new Set<RuleStatement>();
  readonly #places = new Set<Place>();
  readonly #routes: RoutePart;
  readonly #left = new AdaptedRoutes();
  readonly #adapted: RoutePart;
  readonly #ofHosts: Causes<string>;
  readonly #ofPlaces: Causes<Place>;
  readonly #ofShapes: Causes<Place>;
  readonly #ofRules: Causes<RuleStatement>;
  #graph = ShapeGraph.EMPTY;
  #way: GroupWay = { ownTree: false, error: undefined };
  #isFallen = false;
  /** Hosts of `#withPorts` in order; undefined: to be sorted. */
  #served: string[] | undefined;

  constructor(network: Network, proxy: string, parts: HostParts, hasEdge: (key: string) => boolean) {
    this.#name = network.name;
    this.#id = networkId(network);
    this.#proxy = proxy;
    this.#routes = new RoutePart('route', new Causes(parts, this.#id), hasEdge);
    this.#adapted = new RoutePart('adapt', new Causes(parts, this.#id), hasEdge);
    this.#ofHosts = new Causes(parts, this.#id);
    this.#ofPlaces = new Causes(parts, this.#id);
    this.#ofShapes = new Causes(parts, this.#id);
    this.#ofRules = new Causes(parts, this.#id);
  }

  /** Why the group rules cannot stand. */
  get error(): GroupWay['error'] {
    return this.#way.error;
  }

  suspended(routes: readonly Route[]): SuspendedRoute[] {
    return this.#routes.suspendedOf(routes);
  }

  update(input: LoweringInput, changes: NetworkChanges): void {
    const isOurs = ({ network }: { network: string }) => network === this.#name;
    const ours = <T extends { network: string }>(change: ListChange<T>): ListChange<T> =>
      isNone(change)
        ? change
        : { removed: change.removed.filter(isOurs), added: change.added.filter(isOurs) };
    const places = ours(changes.places);
    const fell = this.#setFallen(input.fallen?.has(this.#name) ?? false);
    this.#updateRules(ours(changes.rules), fell);
    this.#updateHosts(changes, fell);
    this.#updatePlaces(places);
    this.#updateShapes(input, ours(changes.shapes), changes, places);
    const routes = ours(changes.routes);
    this.#routes.update(input.unusable, { ...changes, places, routes });
    const left = this.#left.update(routes, ours(changes.adaptedRoutes));
    this.#adapted.update(input.unusable, { ...changes, places, routes: left });
  }

  /** True: it changed. */
  #setFallen(isFallen: boolean): boolean {
    const changed = isFallen !== this.#isFallen;
    this.#isFallen = isFallen;
    return changed;
  }

  // What comes first, then what goes: a rule that one cause gives up and another takes up stays as it is.

  #updateRules({ removed, added }: ListChange<RuleStatement>, fell: boolean): void {
    for (const rule of added) {
      if (isGroupRule(rule)) this.#groupRules.add(rule);
      this.#ofRules.set(rule, rawRule(rule, this.#isFallen));
    }
    for (const rule of removed) {
      this.#groupRules.delete(rule);
      this.#ofRules.set(rule, []);
    }
    if (fell) for (const rule of this.#groupRules) this.#ofRules.set(rule, rawRule(rule, this.#isFallen));
  }

  #updateHosts({ hosts, ports, rules }: NetworkChanges, fell: boolean): void {
    const dirty = new Set(hosts.added);
    for (const host of hosts.removed) this.#hosts.delete(host);
    for (const host of hosts.added) this.#hosts.add(host);
    if ([...hosts.removed, ...hosts.added].some((host) => this.#withPorts.has(host)))
      this.#served = undefined;
    for (const change of ports) this.#notePorts(change, dirty);
    for (const host of hosts.removed) this.#ofHosts.set(host, []);
    const groupsMayChange =
      fell ||
      this.#served === undefined ||
      !isNone(hosts) ||
      [...rules.removed, ...rules.added].some((rule) => rule.network === this.#name && isGroupRule(rule));
    const { ownTree } = this.#way;
    if (groupsMayChange) this.#renewWay();
    const affected = ownTree === this.#way.ownTree ? dirty : this.#hosts;
    if (this.#served === undefined) {
      this.#served = this.#hostsWithPorts().sort();
      if (this.#hosts.has(this.#proxy)) dirty.add(this.#proxy);
    }
    for (const host of affected) this.#renewHost(host, this.#served);
  }

  #notePorts({ host, before, after }: PortChange, dirty: Set<string>): void {
    const isOurs = ({ network }: PortConfig) => network === this.#id;
    const [old, next] = [before.filter(isOurs), after.filter(isOurs)];
    if (old.length + next.length === 0) return;
    if (next.length > 0) this.#withPorts.set(host, next);
    else this.#withPorts.delete(host);
    if (old.length > 0 !== next.length > 0) this.#served = undefined;
    if (this.#hosts.has(host)) dirty.add(host);
  }

  #renewWay(): void {
    if (this.#groupRules.size === 0) {
      this.#way = { ownTree: false, error: undefined };
      return;
    }
    const scope = {
      network: this.#name,
      rules: [...this.#groupRules],
      hosts: this.#hosts,
      proxy: this.#proxy,
      withPorts: new Set(this.#hostsWithPorts()),
    };
    this.#way = groupWay(scope, this.#isFallen);
  }

  #hostsWithPorts(): string[] {
    return [...this.#withPorts.keys()].filter((host) => this.#hosts.has(host));
  }

  #renewHost(host: string, withPorts: readonly string[]): void {
    const ports = this.#withPorts.get(host) ?? [];
    const rules = hostRules({ host, proxy: this.#proxy, ports, ownTree: this.#way.ownTree, withPorts });
    this.#ofHosts.set(
      host,
      rules.map((rule) => ({ host, rule })),
    );
  }

  #updatePlaces({ removed, added }: ListChange<Place>): void {
    for (const place of added) {
      this.#places.add(place);
      this.#ofPlaces.set(place, placeRules(place, this.#proxy));
    }
    for (const place of removed) {
      this.#places.delete(place);
      this.#ofPlaces.set(place, []);
    }
  }

  #updateShapes(
    { topology, unusable }: LoweringInput,
    shapes: ListChange<Shape>,
    { hosts, usability }: NetworkChanges,
    places: ListChange<Place>,
  ): void {
    const hostsChanged = !isNone(hosts) || usability.size > 0;
    const mayChange = !isNone(shapes) || (hostsChanged && this.#hasShapes(topology));
    const graph = mayChange ? new ShapeGraph(topology, this.#name, unusable) : this.#graph;
    const isSame = graph === this.#graph || graph.equals(this.#graph);
    if (isSame && graph.isEmpty) return;
    if (!isSame) this.#graph = graph;
    for (const place of isSame ? places.added : this.#places)
      this.#ofShapes.set(place, this.#graph.rulesTo(place));
    for (const place of places.removed) this.#ofShapes.set(place, []);
  }

  #hasShapes({ shapes }: LoweringInput['topology']): boolean {
    return shapes.some(({ network }) => network === this.#name);
  }
}
