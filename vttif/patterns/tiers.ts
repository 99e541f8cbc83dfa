/**
 * All-to-all, complete bipartite and multi-tier, by twins: vertices with the same neighbours. The classes of twins of a
 * chain of tiers, each joined completely to the next, are its tiers, so the graph of classes is a path. O(edges).
 *
 * Three tiers are special: the outer two have the same neighbours, hence a-b-c is the bipartite graph b, a+c, and the
 * graph cannot tell where the outer tiers part. Their rates can: see `splitByRate`.
 */
import { NeighbourHashes } from './neighbour-hashes.js';
import type { Pattern } from './pattern.js';
import type { ShapeGraph } from './shape-graph.js';

/** Without rates that tell, all ways to read three tiers are listed up to this many VMs. */
const SPLITS_LISTED_VMS_MAX = 16;
/** How many times busier each VM of one outer tier must be than each of the other. */
const TIER_RATIO = 1.5;

export function recogniseTiers(graph: ShapeGraph, rates: ArrayLike<number>): Pattern[] {
  const { size, edges } = graph;
  if (size < 3) return [];
  if (edges === (size * (size - 1)) / 2) return [{ kind: 'all-to-all', order: [...Array(size).keys()] }];
  const classes = twinClasses(graph);
  if (classes.length === 2) return bipartite(graph, classes, rates);
  if (classes.length < 4 || classes.every((tier) => tier.length === 1)) return [];
  const tiers = chain(graph, classes);
  return tiers ? [multiTier(tiers)] : [];
}

/** By a hash of the neighbours; two that only look alike are found out when the answer is checked. */
function twinClasses(graph: ShapeGraph): number[][] {
  const hashes = new NeighbourHashes(graph.size);
  for (let v = 0; v < graph.size; v++) for (const neighbour of graph.neighbours(v)) hashes.add(v, neighbour);
  const classes = new Map<number, number[]>();
  for (let v = 0; v < graph.size; v++) {
    const key = hashes.of(v);
    const twins = classes.get(key);
    if (twins) twins.push(v);
    else classes.set(key, [v]);
  }
  return [...classes.values()];
}

/** The classes in a row, where each touches one or two others. */
function chain(graph: ShapeGraph, classes: number[][]): number[][] | undefined {
  const classOf = new Uint32Array(graph.size);
  for (const [number, members] of classes.entries()) for (const vertex of members) classOf[vertex] = number;
  const touching = classes.map((members) => [
    ...new Set(graph.neighbours(members[0] ?? 0).map((vertex) => classOf[vertex] ?? 0)),
  ]);
  const ends = touching.flatMap((others, number) => (others.length === 1 ? [number] : []));
  if (ends.length !== 2 || touching.some((others) => others.length > 2)) return undefined;
  const row = [ends[0] ?? 0];
  while (row.length < classes.length) {
    const next = touching[row.at(-1) ?? 0]?.find((number) => number !== row.at(-2));
    if (next === undefined) return undefined;
    row.push(next);
  }
  return row.map((number) => classes[number] ?? []);
}

function bipartite(graph: ShapeGraph, classes: number[][], rates: ArrayLike<number>): Pattern[] {
  const [small, large] = classes.toSorted((a, b) => a.length - b.length) as [number[], number[]];
  if (graph.edges !== small.length * large.length) return [];
  const whole: Pattern = {
    kind: 'bipartite',
    dimensions: [small.length, large.length],
    order: [...small, ...large],
  };
  const byRate = [splitByRate(graph, large, small, rates), splitByRate(graph, small, large, rates)]
    .filter((split) => split !== undefined)
    .sort((a, b) => b.ratio - a.ratio)
    .map(({ tiers }) => multiTier(tiers));
  if (byRate.length > 0) return [...byRate, whole];
  if (graph.size > SPLITS_LISTED_VMS_MAX) return [whole];
  return [
    whole,
    ...evenSplits(large, small),
    ...(small.length === large.length ? [] : evenSplits(small, large)),
  ];
}

/** Parts `outer` into two tiers where the rates of its VMs have their widest gap, if that is wide enough. */
function splitByRate(
  graph: ShapeGraph,
  outer: number[],
  middle: number[],
  rates: ArrayLike<number>,
): { tiers: number[][]; ratio: number } | undefined {
  const rateOf = (vertex: number) =>
    graph.edgesAt(vertex).reduce((sum, edge) => sum + (rates[edge] ?? 0), 0) / graph.degree(vertex);
  const sorted = outer.map((vertex) => ({ vertex, rate: rateOf(vertex) })).sort((a, b) => b.rate - a.rate);
  let [best, at] = [TIER_RATIO, 0];
  for (let i = 1; i < sorted.length; i++) {
    const ratio = (sorted[i - 1]?.rate ?? 0) / (sorted[i]?.rate ?? 0);
    if (ratio > best) [best, at] = [ratio, i];
  }
  if (at === 0 || middle.length < 2) return undefined;
  const vertices = sorted.map(({ vertex }) => vertex);
  return { tiers: [vertices.slice(0, at), middle, vertices.slice(at)], ratio: best };
}

/** Around a middle of one it is a star. */
function evenSplits(outer: number[], middle: number[]): Pattern[] {
  if (middle.length < 2) return [];
  const splits: Pattern[] = [];
  for (let left = Math.ceil(outer.length / 2); left < outer.length; left++) {
    splits.push(multiTier([outer.slice(0, left), middle, outer.slice(left)]));
  }
  return splits;
}

/** Read from the end that has more VMs. */
function multiTier(tiers: number[][]): Pattern {
  const widths = (list: number[][]) => list.map((tier) => tier.length);
  const backwards = tiers.toReversed();
  const differs = tiers.findIndex((tier, i) => tier.length !== backwards[i]?.length);
  const read =
    differs >= 0 && (tiers[differs]?.length ?? 0) < (backwards[differs]?.length ?? 0) ? backwards : tiers;
  return { kind: 'multi-tier', dimensions: widths(read), order: read.flat() };
}
