/** Patterns as graphs: what each name means, edge by edge. A recogniser's answer is checked against this. */
import type { PatternKind } from '../../core/index.js';

/** A named shape of a graph; `order[i]` is the vertex that takes the pattern's place i. */
export interface Pattern {
  kind: PatternKind;
  /** As in PatternName. */
  dimensions?: number[];
  order: number[];
}

/**
 * Every edge once, as places counted from 0. The hub and the root are place 0; a tree is laid out by levels, left to
 * right; a grid is numbered with its last side fastest; tiers follow one another. A torus side of 2 is a mesh side of
 * 2: there is no second edge around it. `size` counts where no dimensions say it.
 */
export function patternEdges(kind: PatternKind, size: number, dimensions: number[] = []): [number, number][] {
  switch (kind) {
    case 'pair':
    case 'bus':
      return range(1, size).map((i) => [i - 1, i]);
    case 'ring':
      return range(0, size).map((i) => [i, (i + 1) % size]);
    case 'star':
      return range(1, size).map((i) => [0, i]);
    case 'binary-tree':
      return range(1, size).map((i) => [Math.floor((i - 1) / 2), i]);
    case 'all-to-all':
      return range(0, size).flatMap((i) => range(i + 1, size).map((j): [number, number] => [i, j]));
    case 'mesh':
      return gridEdges(dimensions, false);
    case 'torus':
      return gridEdges(dimensions, true);
    case 'hypercube':
      return gridEdges(new Array<number>(dimensions[0] ?? 0).fill(2), false);
    case 'bipartite':
    case 'multi-tier':
      return tierEdges(dimensions);
  }
}

/** VMs that a pattern of these dimensions has; undefined where they do not say it. */
export function patternSize(kind: PatternKind, dimensions: number[]): number | undefined {
  if (kind === 'hypercube') return 2 ** (dimensions[0] ?? 0);
  if (kind === 'mesh' || kind === 'torus') return dimensions.reduce((product, side) => product * side, 1);
  if (kind === 'bipartite' || kind === 'multi-tier') return dimensions.reduce((sum, tier) => sum + tier, 0);
  return kind === 'pair' ? 2 : undefined;
}

function gridEdges(sides: number[], wraps: boolean): [number, number][] {
  const size = sides.reduce((product, side) => product * side, 1);
  const edges: [number, number][] = [];
  let stride = 1;
  for (const side of [...sides].reverse()) {
    for (let i = 0; i < size; i++) {
      const coordinate = Math.floor(i / stride) % side;
      if (coordinate + 1 < side) edges.push([i, i + stride]);
      else if (wraps && side > 2) edges.push([i - (side - 1) * stride, i]);
    }
    stride *= side;
  }
  return edges;
}

function tierEdges(tiers: number[]): [number, number][] {
  const edges: [number, number][] = [];
  let begin = 0;
  for (const [tier, width] of tiers.entries()) {
    const next = begin + width;
    for (const i of range(begin, next)) {
      for (const j of range(next, next + (tiers[tier + 1] ?? 0))) edges.push([i, j]);
    }
    begin = next;
  }
  return edges;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
