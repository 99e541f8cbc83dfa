import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { PairCounters } from './data-plane.js';
import { PairTable } from './pair-table.js';
import { TrafficReporter } from './traffic-reporter.js';
import { decodeTrafficUpdate, encodeTrafficUpdate, type TrafficUpdate } from './traffic-update.js';

/** What a data plane would say. Order is given: planes may list pairs as they like. */
function snapshot(counts: Map<string, [frames: number, bytes: number]>, order: string[]): PairCounters {
  const rows = order.length;
  const key = (column: number) => Float64Array.from(order, (pair) => Number(pair.split(' ')[column]));
  const count = (column: 0 | 1) => Float64Array.from(order, (pair) => counts.get(pair)?.[column] ?? 0);
  return {
    rows,
    network: key(0),
    source: key(1),
    destination: key(2),
    inFrames: count(0),
    inBytes: count(1),
    outFrames: new Float64Array(rows),
    outBytes: new Float64Array(rows),
  };
}

/** A slow reader of updates: sums what each pair said, as the Proxy should. */
class Reader {
  #dictionary: string[] = [];
  #last: [number, number][] = [];
  readonly totals = new Map<string, [number, number]>();

  read(sent: TrafficUpdate): void {
    const update = decodeTrafficUpdate(encodeTrafficUpdate(sent));
    const before = new Map(this.#dictionary.map((pair, index) => [pair, this.#last[index]!]));
    if (update.full) [this.#dictionary, this.#last] = [[], []];
    for (let row = 0; row < update.pairs.rows; row++) {
      const index = update.pairs.index[row]!;
      assert.ok(index <= this.#dictionary.length, 'no holes');
      const { network, source, destination } = update.pairs;
      const pair = `${network[row]} ${source[row]} ${destination[row]}`;
      this.#dictionary[index] = pair;
      const known = update.full ? before.get(pair) : undefined;
      this.#last[index] = known === undefined ? [0, 0] : [...known];
    }
    for (let row = 0; row < update.counts.rows; row++) {
      const index = update.counts.index[row]!;
      const pair = this.#dictionary[index]!;
      const [frames, bytes] = [update.counts.frames[row]!, update.counts.bytes[row]!];
      const [lastFrames, lastBytes] = this.#last[index]!;
      const [sumFrames, sumBytes] = this.totals.get(pair) ?? [0, 0];
      this.totals.set(pair, [sumFrames + frames - lastFrames, sumBytes + bytes - lastBytes]);
      this.#last[index] = [frames, bytes];
    }
  }
}

type Step =
  | { kind: 'talk'; pair: number; frames: number }
  | { kind: 'report' }
  | { kind: 'restart' }
  | { kind: 'wait'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('talk' as const), pair: fc.nat(11), frames: fc.nat(9) }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: 'report' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(1500) }) },
);

t.test('whatever happens, the reader of the updates holds the counters', async () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.nat(), (steps, shuffle) => {
      const reporter = new TrafficReporter({ boot: 7, silentMs: 1000 });
      const reader = new Reader();
      const counts = new Map<string, [number, number]>();
      let nowMs = 0;
      const report = () => {
        const order = [...counts.keys()];
        if (order.length > 1) order.push(...order.splice(0, (shuffle + nowMs) % order.length));
        reader.read(reporter.update(snapshot(counts, order), nowMs));
      };
      for (const each of steps) {
        nowMs += 1;
        if (each.kind === 'report') report();
        if (each.kind === 'restart') reporter.restart();
        if (each.kind === 'wait') nowMs += each.ms;
        if (each.kind !== 'talk') continue;
        const pair = `${each.pair % 2} ${each.pair} ${2 ** 41 + each.pair}`;
        const [frames, bytes] = counts.get(pair) ?? [0, 0];
        counts.set(pair, [frames + each.frames, bytes + each.frames * 60]);
      }
      nowMs += 1;
      report();
      for (const [pair, count] of counts) assert.deepEqual(reader.totals.get(pair) ?? [0, 0], count, pair);
    }),
    { numRuns: 1000 },
  );
});

const pair = (source: number) => `1 ${source} ${source + 1}`;

t.test('a silent pair gives its index to the next one and comes back from zero', async (t) => {
  const reporter = new TrafficReporter({ boot: 1, silentMs: 1000 });
  const counts = new Map<string, [number, number]>([[pair(10), [5, 500]]]);
  const say = (nowMs: number) => reporter.update(snapshot(counts, [...counts.keys()]), nowMs);
  t.match(say(0), { full: true, sequence: 1, pairs: { rows: 1 }, counts: { bytes: { 0: 500 } } });
  t.match(say(200), { pairs: { rows: 0 }, counts: { rows: 0 } }, 'nothing changed');
  counts.set(pair(20), [1, 60]);
  t.match(
    say(2000),
    { full: false, pairs: { rows: 1, index: { 0: 0 }, source: { 0: 20 } } },
    'takes index 0',
  );
  counts.set(pair(10), [6, 560]);
  t.match(say(2200), {
    pairs: { index: { 0: 1 }, source: { 0: 10 } },
    counts: { rows: 1, bytes: { 0: 60 } },
  });
});

t.test('counters that fall begin anew; group destinations are left out', async (t) => {
  const reporter = new TrafficReporter({ boot: 1 });
  const counts = new Map<string, [number, number]>([
    [pair(10), [5, 500]],
    ['1 10 281474976710655', [9, 900]],
  ]);
  const say = (nowMs: number) => reporter.update(snapshot(counts, [...counts.keys()]), nowMs);
  t.match(say(0), { pairs: { rows: 1 } });
  counts.set(pair(10), [1, 70]);
  t.match(say(200), { counts: { rows: 1, frames: { 0: 6 }, bytes: { 0: 570 } } });
});

t.test('more pairs than may be told are counted, and told when there is room', async (t) => {
  const reporter = new TrafficReporter({ boot: 1, pairsMax: 2, silentMs: 1000 });
  const counts = new Map<string, [number, number]>([10, 20, 30].map((mac) => [pair(mac), [1, 60]]));
  const say = (nowMs: number) => reporter.update(snapshot(counts, [...counts.keys()]), nowMs);
  t.match(say(0), { pairs: { rows: 2 } });
  t.equal(reporter.exceeded, 1);
  counts.set(pair(30), [2, 120]);
  t.match(say(2000), { pairs: { rows: 1, source: { 0: 30 } }, counts: { bytes: { 0: 60 } } });
  t.equal(reporter.exceeded, 0);
  t.throws(() => new TrafficReporter({ boot: 0.5 }), { code: 'VNET_ERR_INVALID' });
});

t.test('the table finds what a Map would', async () => {
  const key = fc.tuple(fc.nat(2), fc.nat(40), fc.nat(3));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), key), { maxLength: 300, size: 'max' }), (steps) => {
      const keys = { network: [] as number[], source: [] as number[], destination: [] as number[] };
      const table = new PairTable(keys);
      const oracle = new Map<string, number>();
      for (const [adds, [network, source, destination]] of steps) {
        const name = `${network} ${source} ${destination}`;
        const row = oracle.get(name) ?? -1;
        assert.equal(table.find(network, source, destination), row);
        if (adds && row === -1) {
          oracle.set(name, keys.network.length);
          keys.network.push(network);
          keys.source.push(source);
          keys.destination.push(destination);
          table.add(keys.network.length - 1);
        } else if (!adds && row !== -1) {
          table.remove(row);
          oracle.delete(name);
        }
      }
      for (const [name, row] of oracle) {
        const [network, source, destination] = name.split(' ').map(Number);
        assert.equal(table.find(network!, source!, destination!), row);
      }
    }),
    { numRuns: 300 },
  );
});
