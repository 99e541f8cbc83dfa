import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { TrafficUpdate } from '../core/index.js';
import { BUCKETS_PER_UPDATE, MATRIX_SLOTS_MAX, PAIR_AGE_MS, UPDATES_PER_SECOND_MAX } from './limits.js';
import { TrafficMatrix } from './traffic-matrix.js';

const U = 200;
const S = 1000;

/** A daemon as the tests want it: says what it is told to. */
class Daemon {
  boot = 1;
  sequence = 0;
  dictionary: [source: number, destination: number][] = [];
  readonly bytes = new Map<string, number>();

  constructor(
    readonly name: string,
    /** Its clock minus the Proxy's. */
    readonly clockMs = 0,
  ) {}

  talk(source: number, destination: number, bytes: number): void {
    const key = `${source} ${destination}`;
    this.bytes.set(key, (this.bytes.get(key) ?? 0) + bytes);
  }

  update(nowMs: number, full = this.sequence === 0): TrafficUpdate {
    if (full) this.dictionary = [];
    const first = this.dictionary.length;
    for (const key of this.bytes.keys()) {
      const [source, destination] = key.split(' ').map(Number) as [number, number];
      if (!this.dictionary.some(([a, b]) => a === source && b === destination)) {
        this.dictionary.push([source, destination]);
      }
    }
    const added = this.dictionary.slice(first);
    this.sequence++;
    const counts = this.dictionary.map(([a, b]) => this.bytes.get(`${a} ${b}`) ?? 0);
    return {
      boot: this.boot,
      sequence: this.sequence,
      atMs: nowMs + this.clockMs,
      full,
      pairs: {
        rows: added.length,
        index: Uint32Array.from(added, (_, i) => first + i),
        network: new Uint32Array(added.length).fill(1),
        source: Float64Array.from(added, ([source]) => source),
        destination: Float64Array.from(added, ([, destination]) => destination),
      },
      counts: {
        rows: counts.length,
        index: Uint32Array.from(counts, (_, i) => i),
        frames: Float64Array.from(counts, (bytes) => Math.ceil(bytes / 1000)),
        bytes: Float64Array.from(counts),
      },
    };
  }
}

const slotOf = (matrix: TrafficMatrix, source: number, destination: number) =>
  matrix.slots.find(1, source, destination);
const windowOf = (matrix: TrafficMatrix, source: number, destination: number) =>
  matrix.windowBytes[slotOf(matrix, source, destination) ?? -1] ?? 0;
const totalOf = (matrix: TrafficMatrix, source: number, destination: number) =>
  matrix.slots.bytes[slotOf(matrix, source, destination) ?? -1] ?? 0;

interface Talk {
  host: number;
  pair: number;
  bytes: number;
}
const talks = fc.array(
  fc.record({ host: fc.nat(2), pair: fc.nat(5), bytes: fc.integer({ min: 1, max: 1e6 }) }),
  { maxLength: 6, size: 'max' },
);
const event = fc.record({
  /** Report this host, after so long. */
  host: fc.nat(2),
  afterMs: fc.integer({ min: 5, max: 350 }),
  talks,
  full: fc.boolean(),
  restart: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
});

t.test('the matrix is what a slow sum of everything says', async () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40, size: 'max' }), (events) => {
      const matrix = new TrafficMatrix({ updateMs: U, smoothingMs: S });
      const daemons = [new Daemon('a', 0), new Daemon('b', 3e5), new Daemon('c', -7e6)];
      const last = new Map<Daemon, number>();
      /** What was counted, and over which of the Proxy's time. */
      const counted: { pair: number; fromMs: number; toMs: number; bytes: number }[] = [];
      const waiting: Talk[] = [];
      let nowMs = 1000;
      for (const { host, afterMs, talks, full, restart } of events) {
        nowMs += afterMs;
        waiting.push(...talks);
        for (const { host: at, pair, bytes } of talks) daemons[at]!.talk(pair * 2, pair * 2 + 1, bytes);
        const daemon = daemons[host]!;
        if (restart) {
          daemon.boot++;
          daemon.sequence = 0;
          daemon.bytes.clear();
          last.delete(daemon);
        }
        matrix.report(daemon.name, daemon.update(nowMs, full || daemon.sequence === 0), nowMs);
        const fromMs = last.get(daemon);
        for (const talk of waiting.splice(0)) {
          if (talk.host !== host) waiting.push(talk);
          else if (fromMs !== undefined && !restart) {
            counted.push({ pair: talk.pair, fromMs, toMs: nowMs, bytes: talk.bytes });
          }
        }
        last.set(daemon, nowMs);
        matrix.advance(nowMs);
        const reached = [...last.values()].filter((atMs) => atMs >= nowMs - 2 * U);
        assert.equal(matrix.endMs, Math.min(...reached, nowMs));
        for (let pair = 0; pair < 6; pair++) {
          const own = counted.filter((each) => each.pair === pair);
          const total = own.reduce((sum, { bytes }) => sum + bytes, 0);
          assert.equal(totalOf(matrix, pair * 2, pair * 2 + 1), total);
          const expected = slowWindow(own, matrix.endMs, nowMs);
          const got = windowOf(matrix, pair * 2, pair * 2 + 1);
          assert.ok(Math.abs(got - expected) <= 1e-6 * Math.max(1, expected), `${got} is not ${expected}`);
        }
      }
    }),
    { numRuns: 300 },
  );
});

/** Bucket by bucket, from the list of everything; what the ring had dropped already is left out. */
function slowWindow(
  counted: { fromMs: number; toMs: number; bytes: number }[],
  endMs: number,
  nowMs: number,
) {
  const overlap = (a: number, b: number, c: number, d: number) =>
    Math.max(0, Math.min(b, d) - Math.max(a, c));
  let sum = 0;
  const width = U / BUCKETS_PER_UPDATE;
  for (let number = Math.floor((nowMs - 2 * S) / width); number <= Math.floor(nowMs / width); number++) {
    const [begin, end] = [number * width, (number + 1) * width];
    const share = overlap(begin, end, Math.min(nowMs - S, endMs - Math.max(S / 2, U)), endMs) / width;
    for (const { fromMs, toMs, bytes } of counted) {
      sum += (share * bytes * overlap(begin, end, fromMs, toMs)) / (toMs - fromMs);
    }
  }
  return sum;
}

/** Two updates of one pair, 200 ms apart, the second as `change` leaves it. */
function refusal(change: (update: TrafficUpdate, daemon: Daemon) => TrafficUpdate, nowMs = 1200) {
  const matrix = new TrafficMatrix({ updateMs: U, smoothingMs: S });
  const daemon = new Daemon('a');
  daemon.talk(2, 3, 1000);
  matrix.report('a', daemon.update(1000), 1000);
  daemon.talk(2, 3, 5000);
  const update = change(daemon.update(1200), daemon);
  const before = JSON.stringify([totalOf(matrix, 2, 3), matrix.slots.live]);
  try {
    matrix.report('a', update, nowMs);
  } catch (error) {
    assert.equal(JSON.stringify([totalOf(matrix, 2, 3), matrix.slots.live]), before, 'nothing changed');
    daemon.sequence = 1;
    matrix.report('a', daemon.update(1200), 1200);
    assert.equal(totalOf(matrix, 2, 3), 5000, 'the right one still counts');
    return error as { code: string; message: string };
  }
  return undefined;
}

t.test('what cannot be is refused, says what it is, and changes nothing', async (t) => {
  t.equal(
    refusal((update) => update),
    undefined,
  );
  t.match(
    refusal((update) => ({ ...update, sequence: 1 })),
    { code: 'VNET_ERR_INVALID', message: /host "a" is refused: it sent update 1 after update 1/ },
  );
  t.match(
    refusal((update) => ({ ...update, sequence: 7 })),
    { code: 'VNET_ERR_CONFLICT', message: /sent update 7 where 2 was due/, hint: /full/ },
  );
  t.match(
    refusal((update) => ({ ...update, atMs: 1000 })),
    { code: 'VNET_ERR_INVALID', message: /its clock went from 1000 to 1000 ms/ },
  );
  t.match(
    refusal((update) => ({ ...update, boot: 9 })),
    { code: 'VNET_ERR_CONFLICT', message: /began without its dictionary/ },
  );
  t.match(
    refusal((update) => ({ ...update, counts: { ...update.counts, index: Uint32Array.of(8) } })),
    { code: 'VNET_ERR_CONFLICT', message: /counts index 8, its dictionary has 1/ },
  );
  t.match(
    refusal((update) => ({
      ...update,
      pairs: {
        rows: 1,
        index: Uint32Array.of(5),
        network: Uint32Array.of(1),
        source: Float64Array.of(8),
        destination: Float64Array.of(9),
      },
    })),
    { code: 'VNET_ERR_CONFLICT', message: /left out index 1/ },
  );
  t.match(
    refusal((update) => ({ ...update, counts: { ...update.counts, bytes: Float64Array.of(26e9) } })),
    { code: 'VNET_ERR_INVALID', message: /counts 25999999000 octets of one pair in 200 ms/ },
  );
});

t.test('updates of an older boot are refused, those of a new one begin anew', async (t) => {
  const matrix = new TrafficMatrix({ updateMs: U, smoothingMs: S });
  const [before, after] = [new Daemon('a'), new Daemon('a')];
  before.talk(2, 3, 1e6);
  matrix.report('a', before.update(1000), 1000);
  before.talk(2, 3, 500);
  matrix.report('a', before.update(1200), 1200);
  after.boot = 2;
  after.talk(2, 3, 100);
  matrix.report('a', after.update(1400), 1400);
  t.equal(totalOf(matrix, 2, 3), 500, 'no jump');
  t.throws(() => matrix.report('a', before.update(1600, true), 1600), { message: /before its restart/ });
  after.talk(2, 3, 40);
  matrix.report('a', after.update(1600), 1600);
  t.equal(totalOf(matrix, 2, 3), 540);
});

t.test('a counter that falls is a new beginning', async (t) => {
  const matrix = new TrafficMatrix({ updateMs: U, smoothingMs: S });
  const daemon = new Daemon('a');
  daemon.talk(2, 3, 1e6);
  matrix.report('a', daemon.update(1000), 1000);
  daemon.bytes.set('2 3', 5);
  matrix.report('a', daemon.update(1200), 1200);
  daemon.bytes.set('2 3', 25);
  matrix.report('a', daemon.update(1400), 1400);
  t.equal(totalOf(matrix, 2, 3), 20);
});

t.test('a host that sends too much is told so', async (t) => {
  const matrix = new TrafficMatrix({ updateMs: 20, smoothingMs: 100 });
  const daemon = new Daemon('a');
  const flood = () => {
    for (let i = 0; i <= UPDATES_PER_SECOND_MAX; i++) matrix.report('a', daemon.update(1000 + i), 1000);
  };
  t.throws(flood, { code: 'VNET_ERR_LIMIT', message: /more than 100 updates a second/ });
  daemon.sequence = UPDATES_PER_SECOND_MAX;
  matrix.report('a', daemon.update(2000), 2000);
});

t.test('a VM that moved is counted at both hosts', async (t) => {
  const matrix = new TrafficMatrix({ updateMs: U, smoothingMs: S });
  const hosts = [new Daemon('a', 5e5), new Daemon('b', -5e5)];
  for (const host of hosts) matrix.report(host.name, host.update(1000), 1000);
  for (const [i, nowMs] of [1200, 1400].entries()) {
    hosts[i]?.talk(2, 3, 1000);
    for (const host of hosts) matrix.report(host.name, host.update(nowMs), nowMs);
  }
  matrix.advance(1400);
  t.equal(totalOf(matrix, 2, 3), 2000);
  t.ok(Math.abs(windowOf(matrix, 2, 3) - 2000) < 1);
});

t.test('a host is believed about sources that are there, or were when it first told of them', async (t) => {
  const places = new Map([
    [1, 'a'],
    [2, 'b'],
  ]);
  const asked: string[] = [];
  const matrix = new TrafficMatrix({ updateMs: U, smoothingMs: S }, (host, network, source) => {
    asked.push(`${host} ${network} ${source}`);
    return places.get(source) === host;
  });
  const [a, liar] = [new Daemon('a'), new Daemon('c')];
  const bytesOf = (source: number) => matrix.slots.bytes[matrix.slots.find(1, source, 9) ?? -1];
  const round = (nowMs: number) => {
    a.talk(1, 9, 100);
    for (const source of [1, 2, 3]) liar.talk(source, 9, 1e6);
    t.equal(matrix.report('a', a.update(nowMs), nowMs), 0);
    return matrix.report('c', liar.update(nowMs), nowMs);
  };
  round(0);
  t.equal(round(U), 3, 'said once');
  t.equal(round(2 * U), 0);
  t.equal(bytesOf(1), 200, 'what the VM said at its host counts, and no more');
  t.equal(matrix.slots.live, 1);
  t.equal(asked.length, 4, 'asked once a row');

  places.set(1, 'c');
  matrix.placesChanged();
  t.equal(round(3 * U), 2);
  t.equal(bytesOf(1), 300 + 1e6, 'it moved: what comes late from its old host counts too');
});

t.test('group destinations and a VM with itself are left out', async (t) => {
  const matrix = new TrafficMatrix({ updateMs: U, smoothingMs: S });
  const daemon = new Daemon('a');
  matrix.report('a', daemon.update(1000), 1000);
  daemon.talk(2, 2 ** 48 - 1, 1000);
  daemon.talk(2, 2 ** 40, 1000);
  daemon.talk(2, 2, 1000);
  matrix.report('a', daemon.update(1200), 1200);
  t.equal(matrix.slots.live, 0);
});

t.test('a burst of late updates lands where it belongs', async (t) => {
  const matrix = new TrafficMatrix({ updateMs: U, smoothingMs: S });
  const daemon = new Daemon('a');
  matrix.report('a', daemon.update(1000), 1000);
  const stalled: TrafficUpdate[] = [];
  for (let atMs = 1200; atMs <= 2000; atMs += U) {
    daemon.talk(2, 3, 1000);
    stalled.push(daemon.update(atMs));
  }
  for (const update of stalled) matrix.report('a', update, 2001);
  matrix.advance(2001);
  t.ok(Math.abs(windowOf(matrix, 2, 3) - 5000) < 10, 'as if they had come in time');
  t.ok(Math.abs((matrix.recentBytes[0] ?? 0) - 2000) < 1500, 'and not all at once');
});

t.test('silent pairs are forgotten and come back', async (t) => {
  const matrix = new TrafficMatrix({ updateMs: U, smoothingMs: S });
  const daemon = new Daemon('a');
  matrix.report('a', daemon.update(1000), 1000);
  daemon.talk(2, 3, 1000);
  matrix.report('a', daemon.update(1200), 1200);
  matrix.advance(1200);
  t.equal(matrix.slots.live, 1);
  const laterMs = 1200 + PAIR_AGE_MS + 10_000;
  matrix.advance(laterMs);
  t.equal(matrix.slots.live, 0);
  daemon.talk(4, 5, 10);
  daemon.talk(2, 3, 77);
  matrix.report('a', daemon.update(laterMs), laterMs);
  t.equal(totalOf(matrix, 2, 3), 77, 'from zero');
  t.equal(totalOf(matrix, 4, 5), 10);
});

t.test('the number of pairs is bounded, whatever a host makes up', async (t) => {
  const matrix = new TrafficMatrix({ updateMs: 20, smoothingMs: 20 });
  const made = (sequence: number, first: number, rows: number): TrafficUpdate => ({
    boot: 1,
    sequence,
    atMs: sequence * 1000,
    full: sequence === 1,
    pairs: {
      rows,
      index: Uint32Array.from({ length: rows }, (_, i) => i),
      network: new Uint32Array(rows).fill(1),
      source: Float64Array.from({ length: rows }, (_, i) => first + i),
      destination: new Float64Array(rows).fill(1),
    },
    counts: {
      rows,
      index: Uint32Array.from({ length: rows }, (_, i) => i),
      frames: new Float64Array(rows).fill(1),
      bytes: new Float64Array(rows).fill(100),
    },
  });
  const rows = 130_000;
  matrix.report('a', made(1, 2, 0), 1000);
  matrix.report('a', made(2, 2, rows), 2000);
  t.equal(matrix.slots.live, rows);
  t.throws(() => matrix.report('a', made(3, 2 + rows, rows), 3000), {
    code: 'VNET_ERR_LIMIT',
    message: new RegExp(`more than ${MATRIX_SLOTS_MAX} pairs`),
  });
  t.equal(matrix.slots.live, rows);
  matrix.forget('a');
  t.equal(matrix.slots.live, rows, 'what was counted stays');
});
