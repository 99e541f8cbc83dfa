import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../core/index.js';
import { infer } from './infer.js';
import { Naming } from './naming.js';
import { patternEdges } from './patterns/index.js';
import { TopologyTracker } from './topology-tracker.js';
import type { VmDemands } from './vm-pairs.js';

type Edge = [a: number, b: number, rate: number, recent?: number];

const demandsOf = (edges: Edge[], frames = 1000): VmDemands => ({
  rows: edges.length,
  pair: Uint32Array.from(edges, (_, i) => i),
  a: Uint32Array.from(edges, ([a]) => a),
  b: Uint32Array.from(edges, ([, b]) => b),
  rate: Float64Array.from(edges, ([, , rate]) => rate),
  recent: Float64Array.from(edges, ([, , rate, recent]) => recent ?? rate),
  frames: new Float64Array(edges.length).fill(frames),
  recentShare: 0.4,
});

const namesOf = (edges: Edge[], threshold = 0.1) =>
  infer(demandsOf(edges), threshold, new Naming()).applications.map(({ part, patterns }) => {
    const [best] = patterns;
    return `${best?.kind ?? 'no name'} ${best?.dimensions?.join('x') ?? part.vms.length}`;
  });

const shape = (
  ...[kind, size, dimensions, rate = 100, first = 0]: [
    Parameters<typeof patternEdges>[0],
    number,
    number[]?,
    number?,
    number?,
  ]
): Edge[] => patternEdges(kind, size, dimensions).map(([a, b]): Edge => [first + a, first + b, rate]);

t.test('the paper: pairs below the threshold are left out, parts are applications', async (t) => {
  t.strictSame(namesOf([]), []);
  t.strictSame(namesOf([...shape('ring', 6), [0, 3, 9]]), ['ring 6']);
  t.strictSame(namesOf([...shape('ring', 6), ...shape('mesh', 6, [2, 3], 60, 10)]), ['ring 6', 'mesh 2x3']);
  t.strictSame(namesOf(shape('ring', 6, undefined, 100).map(([a, b], i) => [a, b, i === 0 ? 20 : 100])), [
    'ring 6',
  ]);
});

t.test('a far louder backup does not hide the application', async (t) => {
  for (const factor of [3, 5, 8, 11, 20, 60]) {
    const names = namesOf([...shape('ring', 8), [3, 20, 100 * factor], [1, 30, 0.1], [4, 30, 0.2]]);
    t.strictSame(names.toSorted(), ['pair 2', 'ring 8'], `${factor} times`);
  }
});

t.test('the hub of a star that backs itself up is no further arm', async (t) => {
  t.strictSame(namesOf([...shape('star', 6), [0, 20, 700]]).toSorted(), ['pair 2', 'star 6']);
  t.strictSame(namesOf([...shape('star', 6), [0, 20, 150]]), ['star 7'], 'unless it is about as loud');
});

t.test('a quieter transfer above the threshold is taken away where that leaves a shape', async (t) => {
  const found = infer(demandsOf([...shape('ring', 8), [0, 3, 20]]), 0.1, new Naming());
  t.equal(found.applications[0]?.patterns[0]?.kind, 'ring');
  t.match(found.applications[0], { dropped: { length: 1 } });
  t.ok((found.applications[0]?.confidence ?? 1) < 0.7, 'and costs confidence');
});

t.test('the cut moves to the widest gap where the threshold would break a shape', async (t) => {
  const rates = [100, 60, 30, 12, 9, 8];
  const ring = shape('ring', 6).map(([a, b], i): Edge => [a, b, rates[i] ?? 0]);
  t.strictSame(namesOf([...ring, [0, 3, 0.5]]), ['ring 6']);
});

t.test('confidence falls from 1 to 0 as noise comes up to the quietest kept pair', async (t) => {
  const of = (noise: number) =>
    infer(demandsOf([...shape('star', 9), [1, 20, noise]]), 0.5, new Naming()).applications[0]?.confidence ??
    -1;
  t.equal(of(0.001), 1);
  t.equal(of(10), 1);
  t.ok(of(20) < of(12));
  t.ok(of(24) > 0 && of(24) < 0.7);
});

t.test('what is declared stays until it is clearly below the threshold', async (t) => {
  const edges: Edge[] = [...shape('star', 4), [0, 9, 8]];
  const kept = (declared: Uint8Array) => infer(demandsOf(edges), 0.1, new Naming(), declared).pairs.length;
  t.equal(kept(new Uint8Array(0)), 3);
  t.equal(kept(Uint8Array.of(1, 1, 1, 1)), 4);
  edges[3] = [0, 9, 6];
  t.equal(kept(Uint8Array.of(1, 1, 1, 1)), 3);
});

t.test('steady is told from changing, where there are frames enough to tell', async (t) => {
  const look = (edges: Edge[], frames?: number) => {
    const { talking, steady, pairs } = infer(demandsOf(edges, frames), 0.1, new Naming());
    return [pairs.length, talking.length, steady];
  };
  t.strictSame(look(shape('ring', 6)), [6, 6, true]);
  const stopped: Edge[] = [...shape('ring', 6), [8, 9, 50, 5]];
  t.strictSame(look(stopped), [7, 6, false]);
  t.strictSame(look(stopped, 5), [7, 7, true]);
  const begun: Edge[] = [...shape('ring', 6), [8, 9, 50, 100]];
  t.strictSame(look(begun), [7, 7, false]);
  t.strictSame(look(begun, 5), [7, 7, true]);
});

t.test('any numbering, any order, any scale: the same inference', async () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 1e-3, max: 1e9, noNaN: true }), (seed, scale) => {
      const random = seededRandom(seed);
      const edges: Edge[] = [...shape('torus', 12, [3, 4]), [3, 20, 900], [1, 30, 0.1]];
      const labels = [...Array(40).keys()].sort(() => random() - 0.5);
      const moved = edges
        .map(([a, b, rate]): Edge => [labels[a] ?? 0, labels[b] ?? 0, rate * scale])
        .sort(() => random() - 0.5);
      assert.deepEqual(namesOf(moved).toSorted(), ['pair 2', 'torus 3x4']);
    }),
    { numRuns: 100 },
  );
});

// The tracker, with a model of the window in place of the matrix.

const [U, S] = [200, 1000];
const T = S + 2 * U;
const TOPOLOGIES = [
  [1, 2, 3, 4, 5, 6],
  [10, 11, 12, 13],
  [1, 20, 21, 22, 23],
  [30, 31, 32],
];

interface Told {
  atMs: number;
  state: string;
  pairs: number[];
}

/** `schedule`: which topology, and for how long. Reports are one period old, all talk evenly. */
function track(schedule: { topology: number; ms: number }[], afterwardsMs: number): Told[] {
  const tracker = new TopologyTracker({ updateMs: U, smoothingMs: S }, 0);
  const phases = schedule.map(({ topology, ms }) => ({ topology, fromMs: 0, toMs: ms }));
  for (const [i, phase] of phases.entries()) {
    phase.fromMs = phases[i - 1]?.toMs ?? 0;
    phase.toMs += phase.fromMs;
  }
  const last = phases.at(-1)!;
  const untilMs = last.toMs + afterwardsMs;
  last.toMs = untilMs;
  /** Share of a stretch of time that each pair talked in. */
  const shares = (fromMs: number, toMs: number) => {
    const sums = new Map<number, number>();
    for (const phase of phases) {
      const ms = Math.min(toMs, phase.toMs) - Math.max(fromMs, phase.fromMs);
      if (ms <= 0) continue;
      for (const pair of TOPOLOGIES[phase.topology]!)
        sums.set(pair, (sums.get(pair) ?? 0) + ms / (toMs - fromMs));
    }
    return sums;
  };
  const told: Told[] = [];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += U / 2) {
    const endMs = Math.floor((nowMs - 17) / U) * U;
    const [whole, recent] = [shares(endMs - S, endMs), shares(endMs - 2 * U, endMs)];
    const busiest = Math.max(0, ...whole.values());
    const pairs = [...whole]
      .filter(([, share]) => share > 0 && share >= 0.1 * busiest)
      .map(([pair]) => pair)
      .sort((x, y) => x - y);
    const swing = (pair: number) => (recent.get(pair) ?? 0) / (whole.get(pair) ?? 1);
    const talking = pairs.filter((pair) => swing(pair) >= 0.25);
    const steady = talking.length === pairs.length && pairs.every((pair) => swing(pair) <= 1.6);
    if (tracker.feed(nowMs, { pairs, talking, steady })) {
      told.push({ atMs: nowMs, state: tracker.state, pairs: Array.from(tracker.declared) });
    }
  }
  return told;
}

const schedules = fc
  .array(fc.record({ topology: fc.nat(TOPOLOGIES.length - 1), ms: fc.integer({ min: 20, max: 3 * T }) }), {
    minLength: 1,
    maxLength: 20,
    size: 'max',
  })
  .map((list) => list.filter(({ topology }, i) => topology !== list[i - 1]?.topology));

t.test('a topology that lasts is declared within the reaction time, alone', async () => {
  const long = schedules.map((list) => list.map(({ topology, ms }) => ({ topology, ms: 3 * T + ms })));
  fc.assert(
    fc.property(long, (schedule) => {
      const told = track(schedule, 0);
      let beganMs = 0;
      for (const { topology, ms } of schedule) {
        const during = told.filter(({ atMs }) => atMs > beganMs && atMs <= beganMs + ms);
        assert.equal(during.length, 1, 'declared once');
        assert.deepEqual(during[0]!.pairs, TOPOLOGIES[topology]);
        assert.ok(during[0]!.atMs - beganMs <= T, `after ${during[0]!.atMs - beganMs} ms`);
        beganMs += ms;
      }
    }),
    { numRuns: 150 },
  );
});

t.test('however fast topologies change, it never flaps, and settles when they stop', async () => {
  fc.assert(
    fc.property(schedules, (schedule) => {
      const told = track(schedule, 8 * T);
      for (const [i, { state, pairs, atMs }] of told.entries()) {
        const before = told[i - 1];
        if (!before || pairs.length === 0) continue;
        const lost = before.pairs.filter((pair) => !pairs.includes(pair)).length / before.pairs.length;
        if (state === 'union' && before.state === 'union') assert.equal(lost, 0, 'a union only grows');
        if (state === 'settled' && before.state === 'settled' && lost > 0.25) {
          assert.ok(atMs - before.atMs >= T, 'what takes away takes its time');
        }
      }
      const last = told.at(-1)!;
      assert.equal(last.state, 'settled');
      assert.deepEqual(last.pairs, TOPOLOGIES[schedule.at(-1)!.topology]);
    }),
    { numRuns: 200 },
  );
});

t.test('what changes faster than can be followed is shown as the union', async (t) => {
  for (const ms of [3 * U, 4 * U, 5 * U, 6 * U, 6.5 * U]) {
    const schedule = Array.from({ length: 60 }, (_, i) => ({ topology: i % 3, ms }));
    const told = track(schedule, 0);
    const union = [...new Set(TOPOLOGIES.slice(0, 3).flat())].sort((x, y) => x - y);
    t.strictSame(told.at(-1)?.pairs, union, `every ${ms} ms`);
    t.equal(told.at(-1)?.state, 'union');
    t.ok(told.length < 10 && (told.at(-1)?.atMs ?? 0) < 6 * T, 'and stays');
  }
  // The window holds both all the time, and its last part tells that they take turns.
  const turns = Array.from({ length: 40 }, (_, i) => ({ topology: i % 2, ms: 4 * U }));
  t.equal(track(turns, 0).at(-1)?.state, 'union');
});
