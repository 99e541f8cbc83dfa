/** All names of a connected graph, best first. Exact: polynomial for each shape, and every answer is checked. */
import type { PatternKind } from '../../core/index.js';
import { recogniseGrid } from './grid.js';
import { NeighbourHashes } from './neighbour-hashes.js';
import { type Pattern, patternEdges } from './pattern.js';
import { ShapeGraph } from './shape-graph.js';
import { recogniseTiers } from './tiers.js';
import { recogniseBinaryTree, recogniseChain, recogniseStar } from './trees.js';

/** Where a graph has several names, the one that people would say comes first. */
const FAMILIARITY: readonly PatternKind[] = [
  'pair',
  'bus',
  'ring',
  'star',
  'all-to-all',
  'torus',
  'hypercube',
  'mesh',
  'binary-tree',
  'multi-tier',
  'bipartite',
];

/**
 * `a[i]` and `b[i]`, vertices below `size`, are joined by edge i, at `rates[i]`. The graph is connected, without loops
 * and double edges. Rates only tell outer tiers apart.
 */
export function recognise(
  size: number,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  rates: ArrayLike<number> = [],
): Pattern[] {
  if (size < 2 || !canHaveName(size, a, b)) return [];
  const graph = new ShapeGraph(size, a, b);
  const found = [
    ...recogniseChain(graph),
    ...recogniseStar(graph),
    ...recogniseTiers(graph, rates),
    ...recogniseBinaryTree(graph),
    ...recogniseGrid(graph),
  ];
  return found
    .filter((pattern) => isIsomorphism(pattern, graph))
    .map((pattern, place) => ({ pattern, rank: unfamiliarity(pattern), place }))
    .sort((x, y) => x.rank - y.rank || x.place - y.place)
    .map(({ pattern }) => pattern);
}

/** Dense graphs have names only if they are complete or have twins: the others are not worth building. O(edges). */
function canHaveName(size: number, a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length <= size * Math.log2(size) || a.length === (size * (size - 1)) / 2) return true;
  const hashes = new NeighbourHashes(size);
  for (let edge = 0; edge < a.length; edge++) {
    hashes.add(a[edge] ?? 0, b[edge] ?? 0);
    hashes.add(b[edge] ?? 0, a[edge] ?? 0);
  }
  return new Set(Array.from({ length: size }, (_, vertex) => hashes.of(vertex))).size < size;
}

/** The lower, the sooner people would say it. */
export function unfamiliarity({ kind, dimensions = [] }: Pattern): number {
  // Nobody says torus where a side is but an edge, unless nothing else fits.
  const stretched = kind === 'torus' && dimensions.includes(2) ? 1.5 : 0;
  return FAMILIARITY.indexOf(kind) + stretched;
}

/** The order fills every place once, and the pattern's edges are the graph's. */
export function isIsomorphism({ kind, dimensions, order }: Pattern, graph: ShapeGraph): boolean {
  if (order.length !== graph.size || new Set(order).size !== graph.size) return false;
  const edges = patternEdges(kind, graph.size, dimensions);
  if (edges.length !== graph.edges) return false;
  const joined = Array.from({ length: graph.size }, (_, vertex) => new Set(graph.neighbours(vertex)));
  return edges.every(([i, j]) => joined[order[i] ?? -1]?.has(order[j] ?? -1));
}
