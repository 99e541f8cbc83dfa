/**
 * The patterns as graphs over ranks 0 to n-1: what the application really does, beside what is inferred of it.
 * Pure; the generator in `program/` has the same in C++, and the tests compare the two.
 */
import { VnetError } from '../../core/index.js';

export type PatternOperation = 'exchange' | 'reduction' | 'all-to-all';

/** Traffic of one superstep in one direction between two neighbours. */
export interface PatternTraffic {
  from: number;
  to: number;
  /** Whole messages, relayed ones included. A reduction's release (32 octets a superstep, down) is left out. */
  messages: number;
}

export const MAX_RANKS = 1024;
const NAMES = ['bus', 'ring', 'mesh', 'torus', 'hypercube', 'tree', 'all-to-all'] as const;
const WITH_SIDES = new Set<string>(['mesh', 'torus']);

interface Shape {
  kind: (typeof NAMES)[number];
  sides: number[];
}

function invalid(message: string, hint?: string): VnetError {
  return new VnetError('VNET_ERR_INVALID', message, hint === undefined ? {} : { hint });
}

function parseShape(text: string, ranks: number): Shape {
  const [word = '', sidesText] = text.split(':');
  const kind = NAMES.find((name) => name === word);
  if (kind === undefined) throw invalid(`there is no pattern '${word}'`, `there are ${NAMES.join(', ')}`);
  if (WITH_SIDES.has(kind) !== (sidesText !== undefined)) {
    throw invalid(`'${text}' is not a pattern`, 'mesh and torus, and only they, have sides: torus:4x4');
  }
  const sides = sidesText?.split('x').map((side) => (/^[1-9]\d{0,3}$/.test(side) ? Number(side) : 0)) ?? [];
  if (sides.includes(0)) throw invalid(`'${sidesText}' is not a list of sides such as 4x4`);
  checkSize({ kind, sides }, text, ranks);
  return { kind, sides };
}

function checkSize({ kind, sides }: Shape, text: string, ranks: number): void {
  if (!Number.isInteger(ranks) || ranks < 2 || ranks > MAX_RANKS) {
    throw invalid(`a pattern has 2 to ${MAX_RANKS} ranks, got ${ranks}`);
  }
  const product = sides.reduce((all, side) => all * side, 1);
  if (sides.length > 0 && product !== ranks)
    throw invalid(`${text} has ${product} ranks, but there are ${ranks}`);
  if (kind === 'hypercube' && !Number.isInteger(Math.log2(ranks))) {
    throw invalid(`a hypercube needs a power of two of ranks, got ${ranks}`);
  }
}

/** One step forward along every side, the last side fastest; a torus wraps. */
function gridSteps({ kind, sides }: Shape, rank: number): number[] {
  let stride = 1;
  return [...sides].reverse().flatMap((side) => {
    const at = Math.floor(rank / stride) % side;
    const wraps = at === side - 1;
    const other = wraps ? rank - at * stride : rank + stride;
    stride *= side;
    return wraps && kind === 'mesh' ? [] : [other];
  });
}

/** Ranks that this one is joined to, as far as its own number says; the other end may say the rest. */
function joins(shape: Shape, rank: number, ranks: number): number[] {
  switch (shape.kind) {
    case 'bus':
      return rank > 0 ? [rank - 1] : [];
    case 'ring':
      return [(rank + 1) % ranks];
    case 'mesh':
    case 'torus':
      return gridSteps(shape, rank);
    case 'hypercube':
      return Array.from({ length: Math.log2(ranks) }, (_, bit) => rank ^ (1 << bit));
    case 'tree':
      return rank > 0 ? [(rank - 1) >> 1] : [];
    case 'all-to-all':
      return Array.from({ length: rank }, (_, other) => other);
  }
}

/**
 * The neighbours of each rank, ascending.
 * @param shape `bus`, `ring`, `mesh:4x4`, `torus:2x2x2`, `hypercube`, `tree` (binary), `all-to-all`
 * @throws VNET_ERR_INVALID for a shape that is none, or cannot have that many ranks
 */
export function neighbours(shape: string, ranks: number): number[][] {
  const parsed = parseShape(shape, ranks);
  const sets = Array.from({ length: ranks }, () => new Set<number>());
  for (let rank = 0; rank < ranks; rank++) {
    for (const other of joins(parsed, rank, ranks)) {
      if (other === rank) continue;
      sets[rank]?.add(other);
      sets[other]?.add(rank);
    }
  }
  return sets.map((set) => [...set].sort((a, b) => a - b));
}

/** Each edge once, the lower rank first, ascending. Throws as `neighbours`. */
export function patternEdges(shape: string, ranks: number): [number, number][] {
  return neighbours(shape, ranks).flatMap((list, rank) =>
    list.filter((other) => other > rank).map((other): [number, number] => [rank, other]),
  );
}

/** Towards `root` by shortest ways: each rank's next hop, its lowest neighbour that is nearer; ranks by distance. */
function treeTowards(graph: readonly number[][], root: number): { next: number[]; order: number[] } {
  const distance = graph.map(() => Number.POSITIVE_INFINITY);
  distance[root] = 0;
  const order = [root];
  for (const rank of order) {
    for (const other of graph[rank] ?? []) {
      if (distance[other] !== Number.POSITIVE_INFINITY) continue;
      distance[other] = (distance[rank] ?? 0) + 1;
      order.push(other);
    }
  }
  const next = graph.map(
    (list, rank) => list.find((other) => (distance[other] ?? 0) < (distance[rank] ?? 0)) ?? rank,
  );
  return { next, order };
}

/** Messages over each edge of a tree when every rank sends one to the root and all are relayed. */
function relayed(graph: readonly number[][], root: number): PatternTraffic[] {
  const { next, order } = treeTowards(graph, root);
  const below = graph.map(() => 1);
  return order
    .slice(1)
    .reverse()
    .map((from) => {
      const to = next[from] ?? root;
      below[to] = (below[to] ?? 0) + (below[from] ?? 0);
      return { from, to, messages: below[from] ?? 0 };
    });
}

/** Who sends how much to whom in one superstep, by sender and receiver. Throws as `neighbours`. */
export function patternTraffic(shape: string, operation: PatternOperation, ranks: number): PatternTraffic[] {
  const graph = neighbours(shape, ranks);
  const flows = (): PatternTraffic[] => {
    switch (operation) {
      case 'exchange':
        return graph.flatMap((list, from) => list.map((to) => ({ from, to, messages: 1 })));
      case 'reduction':
        return relayed(graph, 0).map((flow) => ({ ...flow, messages: 1 }));
      case 'all-to-all':
        return graph.flatMap((_, root) => relayed(graph, root));
    }
  };
  const sums = new Map<number, PatternTraffic>();
  for (const flow of flows()) {
    const key = flow.from * ranks + flow.to;
    sums.set(key, { ...flow, messages: flow.messages + (sums.get(key)?.messages ?? 0) });
  }
  return [...sums.entries()].sort(([a], [b]) => a - b).map(([, flow]) => flow);
}
