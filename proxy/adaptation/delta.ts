/** Changes of what adaptation owns, as sets of statements; and what of them may be done beside the user's. Pure. */
import { type AdaptAction, type Adapted, IDENTITY, type Topology } from '../../core/index.js';
import { directionsOf, leftOf, linkKeysOf } from '../lowering/index.js';

/** What has the same identity in both is replaced. */
export interface AdaptedDelta {
  add: Adapted;
  remove: Adapted;
}

type Lists = { [K in keyof Adapted]: Adapted[K][number] };
export const ADAPTED_LISTS = ['links', 'routes', 'linkReservations', 'cpuReservations'] as const;

const KEY: { [K in keyof Lists]: (statement: Lists[K]) => string } = {
  links: IDENTITY.links,
  routes: (route) => directionsOf(route).sort().join(),
  linkReservations: IDENTITY.linkReservations,
  cpuReservations: IDENTITY.cpuReservations,
};

export function nothing(): Adapted {
  return { links: [], routes: [], linkReservations: [], cpuReservations: [] };
}

export function statementKey(list: keyof Adapted): (statement: unknown) => string {
  return KEY[list] as (statement: unknown) => string;
}

export function deltaOf(actions: readonly AdaptAction[]): AdaptedDelta {
  const delta = { add: nothing(), remove: nothing() };
  for (const action of actions) {
    if (action.kind === 'move') continue;
    const into = action.sign === '+' ? delta.add : delta.remove;
    if (action.kind === 'link') into.links.push(action.link);
    else if (action.kind === 'route') into.routes.push(action.route);
    else if (action.kind === 'reserve-link') into.linkReservations.push(action.reservation);
    else into.cpuReservations.push(action.reservation);
  }
  return delta;
}

/** From `before` to `after`. */
export function differenceOf(before: Adapted, after: Adapted): AdaptedDelta {
  const delta = { add: nothing(), remove: nothing() };
  for (const list of ADAPTED_LISTS) {
    const key = statementKey(list);
    const old = new Map(before[list].map((item) => [key(item), JSON.stringify(item)]));
    const left = new Set(after[list].map(key));
    const add = after[list].filter((item) => old.get(key(item)) !== JSON.stringify(item));
    Object.assign(delta.add, { [list]: add });
    Object.assign(delta.remove, { [list]: before[list].filter((item) => !left.has(key(item))) });
  }
  return delta;
}

/** Only the lists that are named take part; those that stay as they are stay the same objects. */
export function applied(
  adapted: Adapted,
  { add, remove }: AdaptedDelta,
  lists: readonly (keyof Adapted)[],
): Adapted {
  const after = { ...adapted };
  for (const list of lists) {
    if (add[list].length + remove[list].length === 0) continue;
    const key = statementKey(list);
    const items = new Map<string, unknown>(adapted[list].map((item) => [key(item), item]));
    for (const item of remove[list]) items.delete(key(item));
    for (const item of add[list]) items.set(key(item), item);
    Object.assign(after, { [list]: [...items.values()] });
  }
  return after;
}

export function isNothing(delta: Adapted): boolean {
  return ADAPTED_LISTS.every((list) => delta[list].length === 0);
}

/** Without what the user owns, and what names a host or VM that is not there. `topology`: the user's, complete. */
export function permitted(add: Adapted, topology: Topology): Adapted {
  if (isNothing(add)) return add;
  const hosts = new Set(topology.hosts.map(({ name }) => name));
  const vms = new Map(topology.vms.map(({ name, network }) => [name, network]));
  const links = add.links.length > 0 ? linkKeysOf(topology) : new Set<string>();
  const rates = new Set(topology.linkReservations.map(IDENTITY.linkReservations));
  const cpus = new Set(topology.cpuReservations.map(IDENTITY.cpuReservations));
  const directions = new Set(add.routes.length > 0 ? topology.routes.flatMap(directionsOf) : []);
  return {
    links: add.links.filter(
      (link) => link.a !== link.b && hosts.has(link.a) && hosts.has(link.b) && !links.has(KEY.links(link)),
    ),
    routes: add.routes.flatMap((route) => {
      const { from, to, network, via } = route;
      const isSound =
        vms.get(from) === network && vms.get(to) === network && new Set(via).size === via.length;
      return isSound ? (leftOf(route, (direction) => directions.has(direction)) ?? []) : [];
    }),
    linkReservations: add.linkReservations.filter(
      (rate) => hosts.has(rate.from) && hosts.has(rate.to) && !rates.has(KEY.linkReservations(rate)),
    ),
    cpuReservations: add.cpuReservations.filter((cpu) => vms.has(cpu.vm) && !cpus.has(cpu.vm)),
  };
}
