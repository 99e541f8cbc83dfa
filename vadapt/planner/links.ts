/**
 * Which links a placement needs beyond the star and the user's own, and which of them fit into a host's limit: in the
 * order of AdaptTopology (Virtuoso, Appendix B.1), the pairs of hosts that carry most first. Flows whose links do not
 * fit are routed again over what remains.
 */
import { compile } from '../model/compile.js';
import type { Objective } from '../model/objective.js';
import { weightsOf } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import { byDemand, CandidateRelays, RelayPaths, ripUp, RoutedFlows, route } from '../routing/index.js';
import { type Draft, pathNames } from './draft.js';
import { pairKey, userEdges } from './ground.js';

/** Pairs of hosts (`pairKey`) that are joined without adaptation, or by what it has made for other networks. */
export class GivenLinks {
  readonly #joined = new Set<string>();
  /** By host: links of adaptation that stay whatever happens here. */
  readonly #kept = new Map<string, number>();
  readonly #proxy: string;

  constructor({ snapshot, ground }: Pick<Draft, 'snapshot' | 'ground'>) {
    const { topology, adapted, network } = snapshot;
    this.#proxy = ground.proxy;
    for (const [a, b] of [...userEdges(topology), ...topology.links.map(({ a, b }) => [a, b] as const)])
      this.#joined.add(pairKey(a, b));
    const others = adapted.routes.filter((other) => other.network !== network);
    for (const key of new Set(others.flatMap(({ via }) => edgeKeys(via)))) {
      if (this.has(key) || !adapted.links.some(({ a, b }) => pairKey(a, b) === key)) continue;
      this.#joined.add(key);
      for (const host of key.split(' ')) this.#kept.set(host, (this.#kept.get(host) ?? 0) + 1);
    }
  }

  has(key: string): boolean {
    return this.#joined.has(key) || key.split(' ').includes(this.#proxy);
  }

  keptAt(host: string): number {
    return this.#kept.get(host) ?? 0;
  }
}

/** Unordered, along a path. */
export function edgeKeys(path: readonly string[]): string[] {
  return path.slice(1).map((host, i) => pairKey(path[i] as string, host));
}

/** Pairs that must get a link, those that carry most first. */
export function linksNeeded(draft: Draft, given: GivenLinks, { paths }: Placement): string[] {
  const carried = new Map<string, number>();
  for (const [flow, path] of paths.entries()) {
    for (const key of edgeKeys(pathNames(draft, path)))
      if (!given.has(key))
        carried.set(key, (carried.get(key) ?? 0) + (draft.flows[flow]?.bitsPerSecond ?? 0));
  }
  return [...carried].sort((x, y) => y[1] - x[1] || (x[0] < y[0] ? -1 : 1)).map(([key]) => key);
}

/** As many of them as each host may have. */
export function linksThatFit(needed: readonly string[], given: GivenLinks, perHost: number): Set<string> {
  const count = new Map<string, number>();
  const room = (host: string) => perHost - given.keptAt(host) - (count.get(host) ?? 0);
  const fit = new Set<string>();
  for (const key of needed) {
    const hosts = key.split(' ');
    if (!hosts.every((host) => room(host) > 0)) continue;
    for (const host of hosts) count.set(host, (count.get(host) ?? 0) + 1);
    fit.add(key);
  }
  return fit;
}

/** The placement within the limit on links; itself where it fits. */
export function withinLinks(
  draft: Draft,
  given: GivenLinks,
  objective: Objective,
  placement: Placement,
): Placement {
  const needed = linksNeeded(draft, given, placement);
  const fit = linksThatFit(needed, given, draft.settings.linksPerHost);
  if (fit.size === needed.length) return placement;
  return rerouted(draft, objective, placement, (key) => given.has(key) || fit.has(key));
}

/** Rounds in which flows that were routed again try other ways. */
const ROUNDS_MAX = 2;

/** Flows that cross an edge which is not usable, and those named, get the widest way of those that are. */
export function rerouted(
  draft: Draft,
  objective: Objective,
  { mapping, paths }: Placement,
  usable: (key: string) => boolean,
  alsoFlows: ReadonlySet<number> = new Set(),
): Placement {
  const { problem } = draft;
  const edges = [...draft.edges.values()].filter(({ from, to }) => usable(pairKey(from, to)));
  const instance = compile({ ...problem, edges });
  const routed = new RoutedFlows(instance, weightsOf(objective), instance.maxHops);
  const search = new RelayPaths(routed, new CandidateRelays(instance));
  const lost: number[] = [];
  for (const flow of byDemand(instance.demand)) {
    const path = paths[flow] as Int32Array;
    const stands = path.length > 0 && edgeKeys(pathNames(draft, path)).every(usable);
    if (stands && !alsoFlows.has(flow)) routed.put(flow, path, path.length);
    else lost.push(flow);
  }
  for (const flow of lost) route(routed, search, mapping, flow);
  let rounds = 0;
  ripUp({ routed, search, mapping, over: () => rounds++ >= ROUNDS_MAX }, Int32Array.from(lost));
  return { mapping, paths: paths.map((_, flow) => routed.pathOf(flow)) };
}
