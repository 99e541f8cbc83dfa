/** The pair routes of one network and owner, kept up to date. */
import type { Route } from '../../core/index.js';
import type { Causes } from './host-part.js';
import type { ListChange } from './list-change.js';
import { edgeKey, type Place, type SuspendedRoute } from './model.js';
import { MultiMap } from './multi-map.js';
import { type RouteOrigin, routeRules, whySuspended } from './paths.js';

export interface RouteChanges {
  routes: ListChange<Route>;
  places: ListChange<Place>;
  edges: ReadonlySet<string>;
  usability: ReadonlySet<string>;
}

export class RoutePart {
  readonly #origin: RouteOrigin;
  readonly #causes: Causes<Route>;
  readonly #hasEdge: (key: string) => boolean;
  readonly #vms = new Map<string, Place>();
  readonly #byVm = new MultiMap<string, Route>();
  readonly #byHost = new MultiMap<string, Route>();
  readonly #byEdge = new MultiMap<string, Route>();
  readonly #suspended = new Map<Route, SuspendedRoute>();

  constructor(origin: RouteOrigin, causes: Causes<Route>, hasEdge: (key: string) => boolean) {
    this.#origin = origin;
    this.#causes = causes;
    this.#hasEdge = hasEdge;
  }

  /** In the order of `routes`. */
  suspendedOf(routes: readonly Route[]): SuspendedRoute[] {
    if (this.#suspended.size === 0) return [];
    return routes.flatMap((route) => this.#suspended.get(route) ?? []);
  }

  update(unusable: ReadonlySet<string>, { routes, places, edges, usability }: RouteChanges): void {
    const dirty = new Set<Route>();
    for (const { name, learnt } of places.removed) if (!learnt) this.#vms.delete(name);
    for (const place of places.added) if (!place.learnt) this.#vms.set(place.name, place);
    for (const route of routes.added) {
      this.#index(route, 'add');
      dirty.add(route);
    }
    const note = (index: MultiMap<string, Route>, keys: Iterable<string>) => {
      for (const key of keys) for (const route of index.get(key)) dirty.add(route);
    };
    note(
      this.#byVm,
      [...places.removed, ...places.added].map(({ name }) => name),
    );
    note(this.#byHost, usability);
    note(this.#byEdge, edges);
    const gone = new Set(routes.removed);
    for (const route of dirty) if (!gone.has(route)) this.#renew(route, unusable);
    for (const route of gone) this.#forget(route);
  }

  #renew(route: Route, unusable: ReadonlySet<string>): void {
    const [from, to] = [this.#vms.get(route.from), this.#vms.get(route.to)];
    const reason = whySuspended({ unusable, hasEdge: this.#hasEdge }, route, from, to);
    const stands = reason === undefined && from && to;
    this.#causes.set(route, stands ? routeRules(route, from, to, this.#origin) : []);
    if (reason === undefined) this.#suspended.delete(route);
    else this.#suspended.set(route, { from: route.from, to: route.to, reason });
  }

  #forget(route: Route): void {
    this.#index(route, 'delete');
    this.#suspended.delete(route);
    this.#causes.set(route, []);
  }

  #index(route: Route, what: 'add' | 'delete'): void {
    for (const name of new Set([route.from, route.to])) this.#byVm[what](name, route);
    for (const [i, host] of route.via.entries()) {
      this.#byHost[what](host, route);
      const next = route.via[i + 1];
      if (next !== undefined) this.#byEdge[what](edgeKey(host, next), route);
    }
  }
}
