/** A simple undirected graph for recognisers: vertices 0 to size - 1. */
export class ShapeGraph {
  readonly size: number;
  /** How many. */
  readonly edges: number;
  readonly #neighbours: number[][];
  /** Of the edge to each neighbour: its place in the lists that the graph was made from. */
  readonly #edgeTo: number[][];

  /** `a[i]` and `b[i]` are joined by edge i; no loops, no edge twice. */
  constructor(size: number, a: ArrayLike<number>, b: ArrayLike<number>) {
    this.size = size;
    this.edges = a.length;
    this.#neighbours = Array.from({ length: size }, () => []);
    this.#edgeTo = Array.from({ length: size }, () => []);
    for (let i = 0; i < a.length; i++) {
      this.#join(a[i] ?? 0, b[i] ?? 0, i);
      this.#join(b[i] ?? 0, a[i] ?? 0, i);
    }
  }

  degree(vertex: number): number {
    return this.neighbours(vertex).length;
  }

  neighbours(vertex: number): readonly number[] {
    return this.#neighbours[vertex] ?? [];
  }

  /** In the order of `neighbours`. */
  edgesAt(vertex: number): readonly number[] {
    return this.#edgeTo[vertex] ?? [];
  }

  /** Vertices reached from `start` over edges that `passes` lets through, in order of distance. */
  reach(start: number, passes: (edge: number) => boolean = () => true): number[] {
    const seen = new Uint8Array(this.size);
    const order = [start];
    seen[start] = 1;
    for (const vertex of order) {
      const edges = this.edgesAt(vertex);
      for (const [i, next] of this.neighbours(vertex).entries()) {
        if (seen[next] === 1 || !passes(edges[i] ?? 0)) continue;
        seen[next] = 1;
        order.push(next);
      }
    }
    return order;
  }

  #join(from: number, to: number, edge: number): void {
    this.#neighbours[from]?.push(to);
    this.#edgeTo[from]?.push(edge);
  }
}
