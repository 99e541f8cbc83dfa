/** Bus, ring, star and complete binary tree: degrees decide, one walk gives the order. O(vertices). */
import type { Pattern } from './pattern.js';
import type { ShapeGraph } from './shape-graph.js';

export function recogniseChain(graph: ShapeGraph): Pattern[] {
  if (graph.size === 2) return [{ kind: 'pair', order: [0, 1] }];
  const ends: number[] = [];
  for (let v = 0; v < graph.size; v++) {
    if (graph.degree(v) === 1) ends.push(v);
    else if (graph.degree(v) !== 2) return [];
  }
  if (graph.edges === graph.size && ends.length === 0) return [{ kind: 'ring', order: walk(graph, 0) }];
  if (graph.edges === graph.size - 1 && ends.length === 2) {
    return [{ kind: 'bus', order: walk(graph, ends[0] ?? 0) }];
  }
  return [];
}

export function recogniseStar(graph: ShapeGraph): Pattern[] {
  if (graph.size < 3 || graph.edges !== graph.size - 1) return [];
  for (let hub = 0; hub < graph.size; hub++) {
    if (graph.degree(hub) === graph.size - 1)
      return [{ kind: 'star', order: [hub, ...graph.neighbours(hub)] }];
  }
  return [];
}

/**
 * The tree whose levels are full, the last one filled from the left, as in a binary heap; of any number of vertices. Its
 * root has two children, as has every inner vertex but perhaps one, so at most two vertices can be the root.
 */
export function recogniseBinaryTree(graph: ShapeGraph): Pattern[] {
  if (graph.size < 3 || graph.edges !== graph.size - 1) return [];
  const roots: number[] = [];
  for (let v = 0; v < graph.size; v++) {
    if (graph.degree(v) > 3) return [];
    if (graph.degree(v) === 2) roots.push(v);
  }
  if (roots.length > 2) return [];
  for (const root of roots) {
    const order = heapOrder(graph, root);
    if (order) return [{ kind: 'binary-tree', order }];
  }
  return [];
}

function walk(graph: ShapeGraph, start: number): number[] {
  const order = [start];
  let before = -1;
  for (let vertex = start; order.length < graph.size; ) {
    const next = graph.neighbours(vertex).find((neighbour) => neighbour !== before && neighbour !== start);
    if (next === undefined) break;
    order.push(next);
    [before, vertex] = [vertex, next];
  }
  return order;
}

/** Level by level from the root, the larger subtree to the left; undefined where that leaves a gap. */
function heapOrder(graph: ShapeGraph, root: number): number[] | undefined {
  const visited = graph.reach(root);
  const parent = new Int32Array(graph.size).fill(-1);
  const weight = new Uint32Array(graph.size).fill(1);
  for (const vertex of visited) {
    for (const next of graph.neighbours(vertex)) if (next !== parent[vertex]) parent[next] = vertex;
  }
  for (const vertex of visited.toReversed()) {
    const above = parent[vertex] ?? -1;
    if (above >= 0) weight[above] = (weight[above] ?? 0) + (weight[vertex] ?? 0);
  }
  const order = [root];
  for (const vertex of order) {
    const children = graph.neighbours(vertex).filter((next) => next !== parent[vertex]);
    if (children.length > 2) return undefined;
    children.sort((a, b) => (weight[b] ?? 0) - (weight[a] ?? 0));
    order.push(...children);
  }
  return order.every((vertex, place) => place === 0 || parent[vertex] === order[(place - 1) >> 1])
    ? order
    : undefined;
}
