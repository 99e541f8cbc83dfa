/**
 * Mesh, torus and hypercube of any sides: Cartesian products of paths and cycles, under any numbering.
 *
 * A product has one prime factorisation (Sabidussi 1960, Vizing 1963), and the edges of its factors follow from small
 * pieces (Feder 1992; Imrich and Klavzar, Product Graphs): opposite edges of a chordless square belong to one factor,
 * and so do two edges at a vertex that do not span exactly one such square. Then the layers that remain without a
 * factor's edges are its coordinate. A cycle of four is itself a product of two edges, so it appears as two factors.
 * O(vertices x degree^3), and a product of n vertices has degrees of at most 2 log2 n.
 */
import type { Pattern } from './pattern.js';
import type { ShapeGraph } from './shape-graph.js';

interface Factor {
  cycle: boolean;
  side: number;
  /** Of every vertex, 0 to side - 1. */
  coordinate: Int32Array;
}

export function recogniseGrid(graph: ShapeGraph): Pattern[] {
  const factors = factorise(graph);
  if (!factors || factors.length < 2) return [];
  const edgesOnly = factors.filter(({ side }) => side === 2);
  const patterns = torusPatterns(graph.size, factors, edgesOnly);
  if (edgesOnly.length === factors.length) {
    patterns.push({ kind: 'hypercube', dimensions: [factors.length], order: place(graph.size, factors) });
  }
  if (factors.every(({ cycle }) => !cycle)) patterns.push(grid('mesh', graph.size, factors));
  return patterns;
}

/** Any two sides of 2 can be read as one of 4: the ways with more sides of 4 come first. */
function torusPatterns(size: number, factors: Factor[], edgesOnly: Factor[]): Pattern[] {
  const cycles = factors.filter(({ cycle }) => cycle);
  if (cycles.length + edgesOnly.length < factors.length) return [];
  const patterns: Pattern[] = [];
  for (let fours = Math.floor(edgesOnly.length / 2); fours >= 0; fours--) {
    const squares = Array.from({ length: fours }, (_, i) => square(edgesOnly[2 * i], edgesOnly[2 * i + 1]));
    const sides = [
      ...cycles,
      ...squares.filter((factor) => factor !== undefined),
      ...edgesOnly.slice(2 * fours),
    ];
    if (sides.length >= 2 && sides.some(({ side }) => side > 2)) patterns.push(grid('torus', size, sides));
  }
  return patterns;
}

/** Around the square: (0,0), (0,1), (1,1), (1,0). */
function square(first: Factor | undefined, second: Factor | undefined): Factor | undefined {
  if (!first || !second) return undefined;
  const coordinate = first.coordinate.map((row, vertex) => {
    const column = second.coordinate[vertex] ?? 0;
    return row === 0 ? column : 3 - column;
  });
  return { cycle: true, side: 4, coordinate };
}

function grid(kind: 'mesh' | 'torus', size: number, factors: Factor[]): Pattern {
  const sorted = factors.toSorted((a, b) => a.side - b.side);
  return { kind, dimensions: sorted.map(({ side }) => side), order: place(size, sorted) };
}

/** Row by row, the last factor fastest. */
function place(size: number, factors: Factor[]): number[] {
  const order = new Array<number>(size).fill(0);
  for (let vertex = 0; vertex < size; vertex++) {
    const at = factors.reduce((sum, { side, coordinate }) => sum * side + (coordinate[vertex] ?? 0), 0);
    order[at] = vertex;
  }
  return order;
}

function factorise(graph: ShapeGraph): Factor[] | undefined {
  const degreeMax = 2 * Math.log2(graph.size);
  for (let v = 0; v < graph.size; v++)
    if (graph.degree(v) < 2 || graph.degree(v) > degreeMax) return undefined;
  const factorOf = edgeFactors(graph);
  const factors: Factor[] = [];
  for (const factor of new Set(factorOf)) {
    const made = measure(graph, factor, factorOf);
    if (!made) return undefined;
    factors.push(made);
  }
  return factors.reduce((product, { side }) => product * side, 1) === graph.size ? factors : undefined;
}

/** One number for all edges of a factor. */
function edgeFactors(graph: ShapeGraph): Int32Array {
  const classes = new EdgeClasses(graph.edges);
  const joined = Array.from({ length: graph.size }, (_, v) => new Set(graph.neighbours(v)));
  for (let v = 0; v < graph.size; v++) {
    const [neighbours, edges] = [graph.neighbours(v), graph.edgesAt(v)];
    for (let i = 0; i < neighbours.length; i++) {
      for (let j = i + 1; j < neighbours.length; j++) {
        const [a, b] = [neighbours[i] ?? 0, neighbours[j] ?? 0];
        const [edgeA, edgeB] = [edges[i] ?? 0, edges[j] ?? 0];
        const corner = joined[a]?.has(b) ? undefined : onlyCorner(graph, joined, v, a, b);
        if (!corner) classes.unite(edgeA, edgeB);
        else {
          classes.unite(edgeA, corner.oppositeA);
          classes.unite(edgeB, corner.oppositeB);
        }
      }
    }
  }
  return classes.numbers();
}

/** The fourth corner of the only chordless square over v-a and v-b: its edges to b (opposite v-a) and to a. */
function onlyCorner(
  graph: ShapeGraph,
  joined: Set<number>[],
  v: number,
  a: number,
  b: number,
): { oppositeA: number; oppositeB: number } | undefined {
  let found: { corner: number; edge: number } | undefined;
  const edges = graph.edgesAt(a);
  for (const [i, corner] of graph.neighbours(a).entries()) {
    if (corner === v || !joined[b]?.has(corner) || joined[v]?.has(corner)) continue;
    if (found) return undefined;
    found = { corner, edge: edges[i] ?? 0 };
  }
  if (!found) return undefined;
  const toB = graph.neighbours(b).indexOf(found.corner);
  return { oppositeA: graph.edgesAt(b)[toB] ?? 0, oppositeB: found.edge };
}

/** The factor as the path or cycle through vertex 0's layer, and every vertex' place along it. */
function measure(graph: ShapeGraph, factor: number, factorOf: Int32Array): Factor | undefined {
  const own = (edge: number) => factorOf[edge] === factor;
  const fibre = graph.reach(0, own);
  const along = (vertex: number) =>
    graph.neighbours(vertex).filter((_, i) => own(graph.edgesAt(vertex)[i] ?? 0));
  const ends = fibre.filter((vertex) => along(vertex).length === 1);
  if (fibre.some((vertex) => along(vertex).length > 2) || (ends.length !== 2 && ends.length !== 0)) {
    return undefined;
  }
  const row = [ends[0] ?? 0];
  while (row.length < fibre.length) {
    const next = along(row.at(-1) ?? 0).find((vertex) => vertex !== row.at(-2) && vertex !== row[0]);
    if (next === undefined) return undefined;
    row.push(next);
  }
  const coordinate = new Int32Array(graph.size).fill(-1);
  for (const [position, start] of row.entries()) {
    for (const vertex of graph.reach(start, (edge) => !own(edge))) {
      if (coordinate[vertex] !== -1) return undefined;
      coordinate[vertex] = position;
    }
  }
  return { cycle: ends.length === 0, side: row.length, coordinate };
}

/** Union-find with path halving. */
class EdgeClasses {
  readonly #above: Int32Array;

  constructor(size: number) {
    this.#above = Int32Array.from({ length: size }, (_, i) => i);
  }

  unite(a: number, b: number): void {
    this.#above[this.#top(a)] = this.#top(b);
  }

  numbers(): Int32Array {
    return this.#above.map((_, i) => this.#top(i));
  }

  #top(element: number): number {
    const above = this.#above;
    let at = element;
    while (above[at] !== at) {
      above[at] = above[above[at] ?? 0] ?? 0;
      at = above[at] ?? 0;
    }
    return at;
  }
}
