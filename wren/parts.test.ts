/** The parts alone: against slow, obvious versions of themselves, and against nonsense. */
import fc from 'fast-check';
import { test } from 'tap';
import { type Arrivals, type LinkState, ManualClock, seededRandom, type TcpState } from '../core/index.js';
import { WrenAgent } from './agent.js';
import { Baseline } from './baseline.js';
import { BusyTraffic } from './busy-traffic.js';
import { LinkMeter } from './link-meter.js';
import { decodeNote, encodeNote, type Note } from './note.js';
import { recentMean } from './recent-mean.js';
import { RecentTraffic } from './recent-traffic.js';
import { inOrderSent, rowBlocks, type Row, sequenceDistance } from './row.js';
import { busySections } from './sections.js';
import { burstTrain, LEAD_PACKETS, SMALL_BYTES, TAIL_PACKETS } from './train-plan.js';
import { DelayVariation } from './variation.js';

const row = (sequence: number, sentNs: number, arrivedNs: number, bytes = 1500): Row => ({
  sequence,
  sentNs,
  arrivedNs,
  bytes,
});

test('sections: the sums over a queue are those of the fluid model', (t) => {
  fc.assert(
    fc.property(
      fc.record({
        nsPerByte: fc.integer({ min: 16, max: 800 }),
        load: fc.double({ min: 0, max: 0.9, noNaN: true }),
        offsetNs: fc.integer({ min: -1e15, max: 1e15 }),
        gaps: fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 40 }),
      }),
      ({ nsPerByte, load, offsetNs, gaps }) => {
        // A queue of 20 ms stands already; each packet waits behind it, the others' share and those before.
        const rows: Row[] = [row(0, offsetNs, 20e6)];
        for (const gapUs of gaps) {
          const last = rows.at(-1) as Row;
          const sentNs = last.sentNs + gapUs * 1e3;
          const arrivedNs = last.arrivedNs + 1500 * nsPerByte + load * gapUs * 1e3;
          if (sentNs - offsetNs >= arrivedNs) break;
          rows.push(row(rows.length, sentNs, arrivedNs));
        }
        const { dense, sparse } = busySections(rows, -offsetNs, nsPerByte);
        const bytes = dense.bytes + sparse.bytes;
        const sentNs = dense.sentNs + sparse.sentNs;
        const expected = bytes * nsPerByte + load * sentNs;
        return Math.abs(dense.arrivedNs + sparse.arrivedNs - expected) <= 1e-6 * expected + 50;
      },
    ),
  );
  t.end();
});

test('sections: packets that met no queue tell nothing', (t) => {
  const rows = Array.from({ length: 50 }, (_, i) => row(i, i * 1e6, i * 1e6 + 5e6 + (i % 3) * 10e3));
  const { dense, sparse } = busySections(rows, 5e6, undefined);
  t.same([dense.bytes, sparse.bytes], [0, 0]);
  t.end();
});

test('sections: arrivals seen together count once, at the time of the last', (t) => {
  // 10 packets at 100 ns an octet; the stamps of the middle ones are those of the last of them.
  const rows = Array.from({ length: 10 }, (_, i) => row(i, i * 1e3, 1e6 + i * 150e3));
  for (let i = 3; i < 8; i++) (rows[i] as Row).arrivedNs = 1e6 + 7 * 150e3;
  const { dense } = busySections(rows, 0, 100);
  t.equal(dense.bytes, 9 * 1500);
  t.equal(dense.arrivedNs, 9 * 150e3);
  t.end();
});

test('busy traffic: the same sums however a run is cut into pieces, and those of the fluid model', (t) => {
  fc.assert(
    fc.property(
      fc.record({
        nsPerByte: fc.integer({ min: 16, max: 800 }),
        load: fc.double({ min: 0, max: 0.9, noNaN: true }),
        gaps: fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 3, maxLength: 60 }),
        cuts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
      }),
      ({ nsPerByte, load, gaps, cuts }) => {
        const rows: Row[] = [row(0, 0, 20e6)];
        for (const gapUs of gaps) {
          const last = rows.at(-1) as Row;
          const sentNs = last.sentNs + gapUs * 1e3;
          const arrivedNs = last.arrivedNs + 1500 * nsPerByte + load * gapUs * 1e3;
          if (sentNs >= last.arrivedNs) break;
          rows.push(row(rows.length, sentNs, arrivedNs));
        }
        if (rows.length < 3) return true;
        const busy = new BusyTraffic();
        for (let at = 0, i = 0; at < rows.length; at += cuts[i++ % cuts.length] ?? 1)
          busy.take(1, rows.slice(at, at + (cuts[i % cuts.length] ?? 1)), 0);
        busy.take(2, [], 0); // The end of the run.
        const { dense, sparse } = busy.drain();
        const [bytes, sentNs] = [dense.bytes + sparse.bytes, dense.sentNs + sparse.sentNs];
        const expected = bytes * nsPerByte + load * sentNs;
        const arrivedNs = dense.arrivedNs + sparse.arrivedNs;
        return bytes === (rows.length - 1) * 1500 && Math.abs(arrivedNs - expected) <= 1e-6 * expected + 50;
      },
    ),
  );
  t.end();
});

/** Messages of 20 kB that leave as one and arrive as one, an acknowledgement behind each, all sent at once: 8 Mbit/s. */
function messages(served: 'first' | 'second'): Row[] {
  const rows: Row[] = [];
  let arrivedNs = 50e6;
  for (let message = 0; message < 3; message++) {
    const parts = Array.from({ length: 14 }, () => 1430);
    const [large, small] = [14 * 1430, 66];
    const wait = (bytes: number) => bytes * 1000;
    arrivedNs += wait(served === 'first' ? small : large);
    const at = arrivedNs;
    for (const bytes of parts) rows.push(row(rows.length, message * 50e3, at, bytes));
    arrivedNs += wait(served === 'first' ? large : small);
    rows.push(row(rows.length, message * 50e3 + 10e3, arrivedNs, small));
  }
  return rows;
}

test('busy traffic: a wire and a token bucket in debt say the same of messages and acknowledgements', (t) => {
  for (const served of ['first', 'second'] as const) {
    const busy = new BusyTraffic();
    busy.take(1, messages(served), 0);
    busy.take(2, [], 0);
    const { dense, sparse } = busy.drain();
    t.equal(sparse.steps, 0, served);
    t.ok(
      Math.abs(dense.arrivedNs / dense.bytes / 1000 - 1) < 0.08,
      `${served}: ${dense.arrivedNs / dense.bytes}`,
    );
    t.ok(dense.datagrams > 20);
  }
  t.end();
});

const MEAN = { deviation: 0.1, deviationMin: 0.01, changeMin: 0.05, trimMin: 0.1 };
const noisy = (seed: number, values: number[], noise: number) => {
  const random = seededRandom(seed);
  return values.map((value) => ({ value: value + (random() - 0.5) * noise, weight: 0.5 + random() }));
};

test('recent mean: all samples while nothing changes, and none of the past once it did', (t) => {
  let early = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const steady = recentMean(
      noisy(
        seed,
        Array.from({ length: 60 }, () => 0.5),
        0.2,
      ),
      MEAN,
    );
    if (steady.from > 0) early++;
    const values = Array.from({ length: 60 }, (_, i) => (i < 50 ? 0.2 : 0.7));
    const changed = recentMean(noisy(seed, values, 0.1), MEAN);
    t.ok(changed.from >= 48 && changed.from <= 52, `seed ${seed}: from ${changed.from}`);
    t.ok(Math.abs(changed.mean - 0.7) < 0.1);
  }
  t.ok(early <= 5, `${early} of 100 saw a change where there was none`);
  t.end();
});

test('recent mean: one outlier is suspected, and leads nowhere', (t) => {
  const samples = noisy(
    1,
    Array.from({ length: 30 }, () => 0.3),
    0.05,
  );
  const outlier = recentMean([...samples, { value: 5, weight: 1 }], MEAN);
  t.equal(outlier.suspect, true);
  t.equal(outlier.from, 0);
  t.ok(Math.abs(outlier.mean - 0.3) < 0.03, `${outlier.mean}`);
  t.equal(recentMean([...samples, { value: 5, weight: 1 }, { value: 0.3, weight: 1 }], MEAN).suspect, false);
  t.same(recentMean([], MEAN), { from: 0, mean: 0, standardError: 0.1, suspect: false });
  t.end();
});

test('notes: read back as written; nonsense is none', (t) => {
  const advice = fc.record({
    kind: fc.constant('advice' as const),
    train: fc.integer({ min: 0, max: 0xffffffff }),
    burstBytes: fc.integer({ min: 0, max: 4 << 20 }),
    spanUs: fc.integer({ min: 0, max: 1_000_000 }),
    capacityBitsPerSecond: fc.double({ min: 0, max: 1e13, noNaN: true }).map((value) => value + 0),
    bound: fc.boolean(),
    urgent: fc.boolean(),
    hold: fc.boolean(),
    refused: fc.boolean(),
  });
  fc.assert(
    fc.property(advice, (note: Note) => t.same(decodeNote(encodeNote(note)), note)),
    { numRuns: 50 },
  );
  t.same(decodeNote(encodeNote({ kind: 'self', datagramBytes: 1472 })), {
    kind: 'self',
    datagramBytes: 1472,
  });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
      const note = decodeNote(octets);
      if (note?.kind !== 'advice') return true;
      return (
        Number.isFinite(note.capacityBitsPerSecond) && note.capacityBitsPerSecond >= 0 && note.spanUs <= 1e6
      );
    }),
    { numRuns: 500 },
  );
  const huge = encodeNote({ ...fc.sample(advice, 1)[0], capacityBitsPerSecond: Number.NaN } as Note);
  t.equal(decodeNote(huge), undefined);
  t.end();
});

test('rows: in the order sent across the wrap of the sequence; batches cut at link, run and train', (t) => {
  t.equal(sequenceDistance(0xffffffff, 0), 1);
  t.equal(sequenceDistance(0, 0xffffffff), -1);
  const rows = [0xfffffffe, 0, 0xffffffff, 1].map((sequence) => row(sequence, 0, 0));
  t.same(
    inOrderSent(rows).map(({ sequence }) => sequence),
    [0xfffffffe, 0xffffffff, 0, 1],
  );
  const blocks = rowBlocks(columns([1, 1, 1, 2, 2], [1, 1, 2, 1, 2], [0, 0, 0, 0, 7]));
  t.same(
    blocks.map(({ link, run, train, rows: of }) => [link, run, train, of.length]),
    [
      [1, 1, 0, 2],
      [1, 2, 0, 1],
      [2, 1, 0, 1],
      [2, 2, 7, 1],
    ],
  );
  t.end();
});

function columns(link: number[], run: number[], train: number[]): Arrivals {
  const zeros = () => new Uint32Array(link.length);
  return {
    rows: link.length,
    link: Uint32Array.from(link),
    run: Uint32Array.from(run),
    train: Uint32Array.from(train),
    trainPackets: zeros(),
    sequence: zeros(),
    sentNs: new Float64Array(link.length),
    arrivedNs: new Float64Array(link.length),
    bytes: zeros(),
  };
}

test('baseline: the least delay, through drift, and through a queue that lasts', (t) => {
  const baseline = new Baseline();
  const random = seededRandom(4);
  t.equal(baseline.at(0), undefined);
  for (let ms = 0; ms < 60_000; ms += 20) {
    const arrivedNs = ms * 1e6;
    const queueNs = random() < 0.5 ? random() * 20e6 : random() * 50e3;
    baseline.add(arrivedNs * (1 - 80e-6) + 3e12 - queueNs, arrivedNs);
  }
  const truth = 80e-6 * 60e9 - 3e12;
  const error = (baseline.at(60e9) ?? 0) - truth;
  t.ok(Math.abs(error) < 100e3, `${error} ns off`);
  t.ok(Math.abs((baseline.at(62e9) ?? 0) - (80e-6 * 62e9 - 3e12)) < 100e3, 'and ahead of time');
  t.end();
});

test('delay variation: RFC 3550, appendix A.8, step by step', (t) => {
  const variation = new DelayVariation();
  const random = seededRandom(8);
  const rows = Array.from({ length: 200 }, (_, i) => row(i, i * 1e6, i * 1e6 + random() * 1e6));
  let jitter = 0;
  for (let i = 1; i < rows.length; i++) {
    const transit = (at: Row) => at.arrivedNs - at.sentNs;
    const d = Math.abs(transit(rows[i] as Row) - transit(rows[i - 1] as Row));
    jitter += (1 / 16) * (d - jitter);
  }
  t.equal(variation.us, undefined);
  variation.add(rows, 1);
  t.ok(Math.abs((variation.us ?? 0) - jitter / 1e3) < 1e-6);
  t.end();
});

test('trains: small packets around the burst, gaps between all', (t) => {
  const train = burstTrain(3, 9, 1500, { burstBytes: 30_000, spanNs: 10e6 }, seededRandom(1));
  t.equal(train.sizes.length, LEAD_PACKETS + 20 + TAIL_PACKETS);
  t.equal(train.gapsNs.length, train.sizes.length - 1);
  t.ok(
    train.sizes.every(
      (bytes, i) => bytes === (i >= LEAD_PACKETS && i < LEAD_PACKETS + 20 ? 1500 : SMALL_BYTES),
    ),
  );
  const tailNs = train.gapsNs.slice(LEAD_PACKETS + 20).reduce((sum, gap) => sum + gap, 0);
  t.ok(Math.abs(tailNs / 10e6 - 1) < 0.3, `${tailNs}`);
  t.end();
});

const TCP: TcpState = {
  rttUs: 5000,
  rttVarUs: 200,
  minRttUs: 4000,
  deliveryBitsPerSecond: 0,
  appLimited: true,
  sentSegments: 0,
  retransmittedSegments: 0,
  congestionWindowBytes: 100_000,
  unsentBytes: 0,
};

const state = (parts: Partial<LinkState>): LinkState => ({
  id: 1,
  up: true,
  rttUs: 1000,
  datagramBytes: 1472,
  arrived: 0,
  lost: 0,
  late: 0,
  inFrames: 0,
  inBytes: 0,
  outFrames: 0,
  outBytes: 0,
  drops: 0,
  ...parts,
});

test('meter: rates and loss from counters, also where they begin anew', (t) => {
  const meter = new LinkMeter();
  for (let i = 0; i <= 8; i++) {
    meter.add(state({ arrived: i * 100, lost: i * 2, inBytes: i * 100_000, rttUs: 1000 + i }), i * 250);
  }
  t.ok(Math.abs(meter.arriving(2000).value - (100_000 + 100 * 56) * 4 * 8) < 1);
  t.ok(Math.abs((meter.loss(2000)?.value ?? 0) - 2 / 102) < 1e-9);
  t.equal(meter.loss(2000)?.method, 'sequence');
  meter.add(state({ arrived: 5, inBytes: 500 }), 2250);
  t.equal(meter.loss(2250), undefined, 'a peer that began anew is no loss');
  t.equal(meter.arriving(2250).value, 0);
  t.end();
});

test('meter: a keep-alive that met a queue does not lead the round trip for seconds', (t) => {
  const meter = new LinkMeter();
  let smoothed = 1000;
  for (let i = 0; i < 40; i++) {
    smoothed += ((i % 7 === 3 ? 15_000 : 1000 + (i % 3)) - smoothed) / 8;
    meter.add(state({ rttUs: smoothed }), i * 250);
    if (i > 10) t.ok(Math.abs((meter.rtt(i * 250).rttUs?.value ?? 0) - 1000) < 200);
  }
  t.end();
});

test('TCP links: what the kernel says, of the direction that leaves', (t) => {
  const clock = new ManualClock();
  const never = () => void t.fail('nothing is sent or recorded for TCP');
  const plane = { setRecording: never, sendTrain: never, sendNote: never };
  const agent = new WrenAgent({ host: 'a', plane, clock, random: seededRandom(1) });
  agent.links([{ link: 1, id: 'l', peer: 'b', type: 'tcp', up: true }]);
  t.same(agent.report().links, []);
  for (let i = 0; i <= 20; i++) {
    const tcp = { ...TCP, deliveryBitsPerSecond: 40e6, sentSegments: i * 100, retransmittedSegments: i };
    agent.states([state({ tcp, outBytes: i * 125_000, datagramBytes: 0 })]);
    agent.tick();
    clock.advance(250);
  }
  const bound = agent.report().links[0];
  t.match(bound, { from: 'a', to: 'b', type: 'tcp', rttUs: { value: 5000, method: 'tcp-info' } });
  t.match(bound?.minRttUs, { value: 4000 });
  t.match(bound?.availableBitsPerSecond, { atLeast: true, method: 'tcp-info' });
  t.ok(Math.abs((bound?.throughputBitsPerSecond.value ?? 0) - 4e6) < 1e3);
  t.ok(Math.abs((bound?.lossRatio?.value ?? 0) - 0.01) < 1e-6);
  const after = (deliveryBitsPerSecond: number) => {
    agent.states([
      state({ tcp: { ...TCP, appLimited: false, deliveryBitsPerSecond }, outBytes: 21 * 125_000 }),
    ]);
    return agent.report().links[0]?.availableBitsPerSecond;
  };
  t.equal(after(90e6)?.atLeast, true, 'its own window held up a burst');
  const full = after(6e6);
  t.equal(full?.atLeast, undefined);
  t.ok(Math.abs((full?.value ?? 0) - 2e6) < 1e5, `${full?.value}`);
  t.end();
});

test('agent: links come and go, nonsense for unknown ones is ignored', (t) => {
  const clock = new ManualClock();
  const recorded: [number, number][] = [];
  const plane = {
    setRecording: (link: number, rate: number) => void recorded.push([link, rate]),
    sendTrain: () => undefined,
    sendNote: () => undefined,
  };
  const agent = new WrenAgent({ host: 'a', plane, clock, random: seededRandom(1) });
  agent.note(5, new Uint8Array(3));
  agent.arrivals(columns([5], [1], [0]));
  agent.states([state({ id: 5 })]);
  agent.links([{ link: 5, id: 'x', peer: 'b', type: 'udp', up: false }]);
  t.same(recorded, []);
  agent.links([{ link: 5, id: 'x', peer: 'b', type: 'udp', up: true }]);
  agent.links([{ link: 5, id: 'x', peer: 'b', type: 'udp', up: true }]);
  t.same(recorded, [[5, 2000]]);
  agent.arrivals(columns([5, 5], [1, 1], [0, 0]));
  agent.note(5, new Uint8Array([1, 1, 0, 0]));
  agent.links([]);
  t.same(agent.report(), { links: [], queues: [], notes: [] });
  t.end();
});

test("the overlay's own datagrams beside a train: counted where recorded, else by the mean", (t) => {
  const recent = new RecentTraffic();
  // A datagram of 1250 octets every millisecond, 10 Mbit/s, and a pause from 500 to 600 ms; 5 ms on the way.
  const rows = Array.from({ length: 1000 }, (_, ms) => ms)
    .filter((ms) => ms < 500 || ms >= 600)
    .map((ms) => ({ sequence: ms, sentNs: ms * 1e6, arrivedNs: (ms + 5) * 1e6, bytes: 1250 }));
  for (let from = 0; from < rows.length; from += 64) recent.add(rows.slice(from, from + 64));
  const rate = (fromMs: number, spanMs: number, mean: number) =>
    recent.bitsPerSecond(fromMs * 1e6, spanMs * 1e6, 1004e6, mean);
  t.equal(rate(510, 50, 9e6), 0, 'none was sent in the pause');
  t.ok(Math.abs(rate(700, 50, 9e6) / 10e6 - 1) < 0.05, `${rate(700, 50, 9e6)} beside it`);
  t.equal(rate(510, 50, 90e6), 90e6, 'a tenth of the traffic was recorded: the mean');
  t.equal(rate(510, 0, 9e6), 9e6);
  recent.reset();
  t.equal(rate(700, 50, 9e6), 9e6);
  t.end();
});
