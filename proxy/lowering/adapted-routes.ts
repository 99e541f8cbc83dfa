/** Which routes of adaptation count: a direction of a pair that the user has a route for is left to the user. */
import type { Route } from '../../core/index.js';
import type { ListChange } from './list-change.js';
import { edgeKey } from './model.js';
import { MultiMap } from './multi-map.js';

/** What is left of `route`, the same object where that is all of it; undefined: nothing. */
export function leftOf(route: Route, isUsers: (direction: string) => boolean): Route | undefined {
  const [there, back] = directionsOf({ ...route, both: true }).map(isUsers);
  if (!there) return route.both && back ? { ...route, both: false } : route;
  if (!route.both || back) return undefined;
  return { ...route, from: route.to, to: route.from, both: false, via: [...route.via].reverse() };
}

export function directionsOf({ network, from, to, both }: Route): string[] {
  const there = `${network} ${from} ${to}`;
  return both ? [there, `${network} ${to} ${from}`] : [there];
}

/** The same kept up to date: a change costs the pairs it names. */
export class AdaptedRoutes {
  /** By direction: how many routes of the user's say where it goes. */
  readonly #users = new Map<string, number>();
  readonly #byPair = new MultiMap<string, Route>();
  /** What is left of each. */
  readonly #left = new Map<Route, Route | undefined>();

  update(users: ListChange<Route>, adapted: ListChange<Route>): ListChange<Route> {
    for (const route of users.removed) this.#count(route, -1);
    for (const route of users.added) this.#count(route, 1);
    const change: ListChange<Route> = { removed: [], added: [] };
    for (const route of adapted.removed) {
      this.#byPair.delete(edgeKey(route.from, route.to), route);
      const left = this.#left.get(route);
      if (left) change.removed.push(left);
      this.#left.delete(route);
    }
    const dirty = new Set(adapted.added);
    for (const route of adapted.added) this.#byPair.add(edgeKey(route.from, route.to), route);
    for (const { from, to } of [...users.removed, ...users.added])
      for (const route of this.#byPair.get(edgeKey(from, to))) dirty.add(route);
    for (const route of dirty) this.#renew(route, change);
    return change;
  }

  #renew(route: Route, change: ListChange<Route>): void {
    const before = this.#left.get(route);
    const after = leftOf(route, (direction) => this.#users.has(direction));
    this.#left.set(route, after);
    if (before === after) return;
    if (before) change.removed.push(before);
    if (after) change.added.push(after);
  }

  #count(route: Route, by: number): void {
    for (const direction of directionsOf(route)) {
      const count = (this.#users.get(direction) ?? 0) + by;
      if (count > 0) this.#users.set(direction, count);
      else this.#users.delete(direction);
    }
  }
}
