/** What adaptation would own with a placement carried out: links, routes and reservations, whole. */
import type { Adapted, AdaptedLink, Route } from '../../core/index.js';
import type { Placement } from '../model/problem.js';
import { type Draft, pathNames } from './draft.js';
import { edgeKeys, type GivenLinks } from './links.js';
import { pairKey } from './ground.js';
import { cpuReservations, linkReservations } from './reservations.js';

export function targetOf(draft: Draft, given: GivenLinks, placement: Placement): Adapted {
  const { snapshot, settings } = draft;
  const { adapted, network } = snapshot;
  const others = adapted.routes.filter((route) => route.network !== network);
  const routes = settings.mechanisms.includes('topology')
    ? routesFor(draft, placement)
    : standing(draft, placement);
  const linkKeys = new Set(routes.flatMap(({ via }) => edgeKeys(via)).filter((key) => !given.has(key)));
  const idle = idleRoutes(draft, placement, given, linkKeys, routes);
  const kept = [...others, ...idle].flatMap(({ via }) => edgeKeys(via));
  const wanted = new Set([...linkKeys, ...kept]);
  const before = adapted.links.filter(({ a, b }) => wanted.has(pairKey(a, b)));
  const there = new Set(before.map(({ a, b }) => pairKey(a, b)));
  const fresh = [...linkKeys]
    .filter((key) => !there.has(key))
    .map((key): AdaptedLink => {
      const [a, b] = key.split(' ') as [string, string];
      return { type: settings.linkType, a, b };
    });
  const links = [...before, ...fresh];
  return {
    links,
    routes: [...others, ...idle, ...routes],
    linkReservations: linkReservations(draft, placement, links),
    cpuReservations: cpuReservations(draft, placement),
  };
}

/** Those of pairs whose path is not what it would be without. One for both directions where they are alike. */
function routesFor(draft: Draft, placement: Placement): Route[] {
  const paths = new Map(
    draft.flows.map(({ from, to }, flow) => [
      `${from} ${to}`,
      pathNames(draft, placement.paths[flow] as Int32Array),
    ]),
  );
  const routes: Route[] = [];
  const add = (from: string, to: string, both: boolean, via: string[]) => {
    const grounds: [string, string][] = [[via[0] as string, via.at(-1) as string]];
    if (both) grounds.push([via.at(-1) as string, via[0] as string]);
    const same = grounds.every(([at, target], i) => {
      const ground = draft.ground.withoutRoutes(at, target);
      return sameList(i === 0 ? ground : ground.toReversed(), via);
    });
    if (via.length > 1 && !same) routes.push({ network: draft.snapshot.network, from, to, both, via });
  };
  for (const [key, path] of paths) {
    const [from, to] = key.split(' ') as [string, string];
    const back = paths.get(`${to} ${from}`);
    const users = draft.ground.isUsers(to, from);
    const alike = !users && (back === undefined || sameList(back.toReversed(), path));
    if (!alike) add(from, to, false, path);
    else if (back === undefined && from > to) add(to, from, true, path.toReversed());
    else if (from < to) add(from, to, true, path);
  }
  return routes;
}

/** Of this network, what stands after the moves. */
function standing(draft: Draft, placement: Placement): Route[] {
  const at = placesThen(draft, placement);
  return ownRoutes(draft).filter(({ from, to, via }) => at.get(from) === via[0] && at.get(to) === via.at(-1));
}

/** Routes of pairs that are silent now, where their ends stay and their links are there anyhow, or fit. */
function idleRoutes(
  draft: Draft,
  placement: Placement,
  given: GivenLinks,
  used: ReadonlySet<string>,
  routes: readonly Route[],
): Route[] {
  const busy = new Set(draft.flows.map(({ from, to }) => pairKey(from, to)));
  const routed = new Set(routes.map(({ from, to }) => pairKey(from, to)));
  const count = new Map<string, number>();
  const links = new Set<string>();
  const take = (key: string) => {
    links.add(key);
    for (const host of key.split(' ')) count.set(host, (count.get(host) ?? given.keptAt(host)) + 1);
  };
  for (const key of used) take(key);
  return standing(draft, placement).filter((route) => {
    const pair = pairKey(route.from, route.to);
    if (busy.has(pair) || routed.has(pair)) return false;
    const fresh = edgeKeys(route.via).filter((key) => !given.has(key) && !links.has(key));
    const room = (host: string) => (count.get(host) ?? given.keptAt(host)) < draft.settings.linksPerHost;
    if (!fresh.every((key) => key.split(' ').every(room))) return false;
    for (const key of fresh) take(key);
    return true;
  });
}

/** Where the user has a route for the pair, theirs counts. */
function ownRoutes({ snapshot, ground }: Draft): Route[] {
  return snapshot.adapted.routes.filter(
    ({ network, from, to, both }) =>
      network === snapshot.network && !ground.isUsers(from, to) && !(both && ground.isUsers(to, from)),
  );
}

/** VM to host. */
export function placesThen({ problem }: Draft, { mapping }: Placement): ReadonlyMap<string, string> {
  return new Map(
    problem.vms.map(({ name }, vm) => [name, problem.hosts[mapping[vm] as number]?.name as string]),
  );
}

export const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i]);
