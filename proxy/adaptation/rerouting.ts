/**
 * Routes of adaptation for VMs that are not where the plan has them: one stayed, or a person moved it meanwhile. The
 * route of before holds where it still fits; else the fewest links that were made for paths; else the ground. Pure.
 */
import type { Route } from '../../core/index.js';
import { edgeKey } from '../lowering/index.js';

export interface Ground {
  /** Of a VM; undefined: it is not there. */
  hostOf(vm: string): string | undefined;
  /** Edges that paths may use, by `edgeKey`, the star's own left out. */
  edges: ReadonlySet<string>;
  /** Adaptation's routes of before. */
  before: readonly Route[];
}

/** Undefined: the ground carries it. */
export function routeFor(route: Route, ground: Ground): Route | undefined {
  const [from, to] = [ground.hostOf(route.from), ground.hostOf(route.to)];
  if (from === undefined || to === undefined || from === to) return undefined;
  const fits = ({ via }: Route) => via[0] === from && via.at(-1) === to;
  if (fits(route)) return route;
  const old = ground.before.find((other) => isSamePair(other, route) && fits(other));
  const stands = old?.via.every(
    (host, i) => i === 0 || ground.edges.has(edgeKey(old.via[i - 1] as string, host)),
  );
  if (old && stands) return old;
  const via = shortest(from, to, ground.edges);
  return via ? { ...route, via } : undefined;
}

function isSamePair(a: Route, b: Route): boolean {
  return a.network === b.network && a.from === b.from && a.to === b.to && a.both === b.both;
}

/** Breadth first, the neighbour first by name among equals. O(edges). */
function shortest(from: string, to: string, edges: ReadonlySet<string>): string[] | undefined {
  const neighbours = new Map<string, string[]>();
  const join = (a: string, b: string) => neighbours.set(a, [...(neighbours.get(a) ?? []), b]);
  for (const edge of [...edges].sort()) {
    const [a, b] = edge.split(' ') as [string, string];
    join(a, b);
    join(b, a);
  }
  const cameFrom = new Map([[from, from]]);
  const queue = [from];
  for (const host of queue) {
    if (host === to) break;
    for (const next of neighbours.get(host) ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, host);
      queue.push(next);
    }
  }
  if (!cameFrom.has(to)) return undefined;
  const via = [to];
  for (let at = to; at !== from; ) {
    at = cameFrom.get(at) as string;
    via.unshift(at);
  }
  return via;
}
