import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { PatternKind } from '../core/index.js';
import { isIsomorphism, patternEdges, patternName, recognise, ShapeGraph } from './patterns/index.js';

interface Shape {
  kind: PatternKind;
  size: number;
  dimensions?: number[];
}

const product = (sides: number[]) => sides.reduce((value, side) => value * side, 1);
const sum = (tiers: number[]) => tiers.reduce((value, tier) => value + tier, 0);
const sides = (min: number, lengths: { minLength: number; maxLength: number }) =>
  fc
    .array(fc.integer({ min, max: 7 }), lengths)
    .filter((list) => product(list) <= 1000)
    .map((list) => list.sort((a, b) => a - b));
const sized = (kind: PatternKind, min: number, max: number): fc.Arbitrary<Shape> =>
  fc.integer({ min, max }).map((size) => ({ kind, size }));

const anyShape: fc.Arbitrary<Shape> = fc.oneof(
  sized('pair', 2, 2),
  sized('star', 3, 60),
  sized('bus', 3, 200),
  sized('ring', 3, 200),
  sized('binary-tree', 3, 200),
  sized('all-to-all', 3, 40),
  sides(2, { minLength: 2, maxLength: 5 }).map(
    (dimensions): Shape => ({ kind: 'mesh', size: product(dimensions), dimensions }),
  ),
  sides(2, { minLength: 2, maxLength: 5 })
    .filter((dimensions) => dimensions.some((side) => side > 2))
    .map((dimensions): Shape => ({ kind: 'torus', size: product(dimensions), dimensions })),
  fc.integer({ min: 2, max: 9 }).map((d): Shape => ({ kind: 'hypercube', size: 2 ** d, dimensions: [d] })),
  fc
    .array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 2 })
    .filter((tiers) => sum(tiers) > 2)
    .map(
      (tiers): Shape => ({ kind: 'bipartite', size: sum(tiers), dimensions: tiers.sort((a, b) => a - b) }),
    ),
  fc
    .array(fc.integer({ min: 1, max: 6 }), { minLength: 4, maxLength: 7 })
    .filter((tiers) => tiers.some((tier) => tier > 1))
    .map((tiers): Shape => ({ kind: 'multi-tier', size: sum(tiers), dimensions: tiers })),
);

/** The shape's edges with its vertices numbered anew and its edges in another order. */
function relabelled(shape: Shape, random: readonly number[]): { a: number[]; b: number[] } {
  const at = (i: number) => random[i % random.length] ?? 0;
  const shuffled = <T>(list: T[]) =>
    list
      .map((value, i) => ({ value, key: (at(i) * (i + 7) + at(i + 3)) % 1 }))
      .sort((x, y) => x.key - y.key)
      .map(({ value }) => value);
  const labels = shuffled([...Array(shape.size).keys()]);
  const edges = shuffled(patternEdges(shape.kind, shape.size, shape.dimensions));
  return { a: edges.map(([i]) => labels[i]!), b: edges.map(([, j]) => labels[j]!) };
}

const sameSides = (kind: PatternKind, a: number[] = [], b: number[] = []) =>
  a.join() === b.join() || (kind === 'multi-tier' && a.toReversed().join() === b.join());
const randomness = fc.array(fc.double({ min: 0.1, max: 9, noNaN: true }), { minLength: 50, maxLength: 50 });

t.test('every shape is named, under any numbering, with an isomorphism', async () => {
  fc.assert(
    fc.property(anyShape, randomness, (shape, random) => {
      const { a, b } = relabelled(shape, random);
      const found = recognise(shape.size, a, b);
      const graph = new ShapeGraph(shape.size, a, b);
      for (const pattern of found) assert.ok(isIsomorphism(pattern, graph));
      assert.ok(
        found.some(
          ({ kind, dimensions }) => kind === shape.kind && sameSides(kind, dimensions, shape.dimensions),
        ),
        `${shape.kind} ${shape.dimensions} is ${found.map((p) => `${p.kind} ${p.dimensions}`).join(', ')}`,
      );
    }),
    { numRuns: 600 },
  );
});

t.test('a shape with an edge more or less is only what it is then', async () => {
  fc.assert(
    fc.property(anyShape, randomness, fc.nat(), fc.nat(), (shape, random, p, q) => {
      const { a, b } = relabelled(shape, random);
      const [x, y] = [p % shape.size, q % shape.size];
      const at = a.findIndex((from, i) => (from === x && b[i] === y) || (from === y && b[i] === x));
      if (x === y) return;
      if (at >= 0) {
        a.splice(at, 1);
        b.splice(at, 1);
      } else {
        a.push(x);
        b.push(y);
      }
      const graph = new ShapeGraph(shape.size, a, b);
      if (graph.reach(0).length < shape.size) return;
      for (const pattern of recognise(shape.size, a, b)) assert.ok(isIsomorphism(pattern, graph));
    }),
    { numRuns: 300 },
  );
});

/** Slow, obvious: tries every numbering. */
function isShape(shape: Shape, edges: [number, number][]): boolean {
  const wanted = patternEdges(shape.kind, shape.size, shape.dimensions);
  if (wanted.length !== edges.length) return false;
  const joined = new Set(edges.flatMap(([i, j]) => [i * 8 + j, j * 8 + i]));
  const place = (order: number[], left: number[]): boolean => {
    if (left.length === 0) return wanted.every(([i, j]) => joined.has(order[i]! * 8 + order[j]!));
    return left.some((vertex) =>
      place(
        [...order, vertex],
        left.filter((other) => other !== vertex),
      ),
    );
  };
  return place([], [...Array(shape.size).keys()]);
}

const SMALL: Shape[] = [2, 3, 4, 5, 6].flatMap((size): Shape[] => {
  if (size === 2) return [{ kind: 'pair', size }];
  const plain = (['star', 'bus', 'ring', 'binary-tree', 'all-to-all'] as const).map((kind) => ({
    kind,
    size,
  }));
  const split = [...Array(Math.floor(size / 2)).keys()].map(
    (i): Shape => ({ kind: 'bipartite', size, dimensions: [i + 1, size - i - 1] }),
  );
  return [...plain, ...split];
});
SMALL.push(
  { kind: 'mesh', size: 4, dimensions: [2, 2] },
  { kind: 'mesh', size: 6, dimensions: [2, 3] },
  { kind: 'torus', size: 6, dimensions: [2, 3] },
  { kind: 'hypercube', size: 4, dimensions: [2] },
  { kind: 'multi-tier', size: 5, dimensions: [1, 1, 2, 1] },
  { kind: 'multi-tier', size: 6, dimensions: [2, 1, 1, 2] },
  { kind: 'multi-tier', size: 6, dimensions: [1, 2, 2, 1] },
);

t.test('small graphs have the names that trying every numbering finds, and no others', async () => {
  const graphs = fc.integer({ min: 2, max: 6 }).chain((size) => {
    const all = patternEdges('all-to-all', size);
    return fc.record({ size: fc.constant(size), edges: fc.subarray(all) });
  });
  const agree = (size: number, edges: [number, number][]) => {
    const [a, b] = [edges.map(([i]) => i), edges.map(([, j]) => j)];
    if (new ShapeGraph(size, a, b).reach(0).length < size) return;
    const found = recognise(size, a, b);
    for (const shape of SMALL.filter((other) => other.size === size)) {
      const named = found.some(
        ({ kind, dimensions }) => kind === shape.kind && sameSides(kind, dimensions, shape.dimensions),
      );
      assert.equal(
        named,
        isShape(shape, edges),
        `${shape.kind} ${shape.dimensions}: ${JSON.stringify(edges)}`,
      );
    }
  };
  fc.assert(
    fc.property(graphs, ({ size, edges }) => agree(size, edges)),
    { numRuns: 150 },
  );
  for (const { kind, size, dimensions } of SMALL) agree(size, patternEdges(kind, size, dimensions));
});

const textsOf = (kind: PatternKind, size: number, dimensions?: number[]) => {
  const edges = patternEdges(kind, size, dimensions);
  const names = [...Array(size).keys()].map((i) => `v${i}`);
  const [a, b] = [edges.map(([i]) => i), edges.map(([, j]) => j)];
  return recognise(size, a, b).map((pattern) => patternName(pattern, names).text);
};

t.test('shapes that are one graph share their names, the familiar one first', async (t) => {
  t.strictSame(textsOf('pair', 2), ['pair']);
  t.strictSame(textsOf('star', 3), ['bus of 3', 'star around v0', 'binary-tree of 3', 'bipartite 1-2']);
  t.strictSame(textsOf('ring', 3), ['ring of 3', 'all-to-all of 3']);
  t.strictSame(textsOf('ring', 4), [
    'ring of 4',
    'hypercube 2',
    'mesh 2x2',
    'multi-tier 1-2-1',
    'bipartite 2-2',
  ]);
  t.strictSame(textsOf('torus', 16, [4, 4]), ['torus 4x4', 'hypercube 4', 'torus 2x2x4', 'mesh 2x2x2x2']);
  t.strictSame(textsOf('hypercube', 8, [3]), ['hypercube 3', 'torus 2x4', 'mesh 2x2x2']);
  t.strictSame(textsOf('mesh', 24, [2, 3, 4]), ['mesh 2x3x4']);
  t.strictSame(textsOf('torus', 12, [3, 4]), ['torus 3x4', 'torus 2x2x3']);
  t.strictSame(textsOf('multi-tier', 6, [2, 3, 1]), ['multi-tier 2-3-1', 'bipartite 3-3']);
  t.strictSame(textsOf('multi-tier', 7, [3, 1, 2, 1]), ['multi-tier 3-1-2-1']);
  t.strictSame(textsOf('star', 40), ['star around v0', 'bipartite 1-39']);
});

t.test('rates tell the outer tiers of three apart', async (t) => {
  // clients 0-5, web 6-8, database 9: a client's requests cost more octets than the queries behind them.
  const edges = patternEdges('multi-tier', 10, [6, 3, 1]);
  const rates = edges.map(([, j]) => (j === 9 ? 1 : 4));
  const found = recognise(
    10,
    edges.map(([i]) => i),
    edges.map(([, j]) => j),
    rates,
  );
  t.match(found[0], { kind: 'multi-tier', dimensions: [6, 3, 1], order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] });
});

t.test('a thousand VMs cost little, named or not', async (t) => {
  for (const [kind, dimensions] of [
    ['torus', [10, 10, 10]],
    ['mesh', [25, 40]],
    ['all-to-all', undefined],
  ] as const) {
    const edges = patternEdges(kind, 1000, dimensions ? [...dimensions] : undefined);
    const found = recognise(
      1000,
      edges.map(([i]) => i),
      edges.map(([, j]) => j),
    );
    t.equal(found[0]?.kind, kind);
  }
});
