/** What a daemon reports and when, on a clock of our own; real reporter and codec, a scripted data plane. */
import fc from 'fast-check';
import t from 'tap';
import {
  type Arrivals,
  decodeTrafficUpdate,
  DEFAULT_SIGHT,
  ECHOES_MAX,
  type EchoRequest,
  type Estimate,
  type LinkEstimate,
  type MacAddress,
  ManualClock,
  type PairCounters,
  type PlaneEcho,
  type PlaneSnapshot,
  TrafficReporter,
  type UnderlayReport,
} from '../../core/index.js';
import type { AgentPlane, SightLink, UnderlayAgent } from './agent.js';
import { ECHO_REQUESTS_MAX, Echoes } from './echoes.js';
import { ReportIntake } from './intake.js';
import { Metronome } from './metronome.js';
import { gridFor, Sampler, STATES_MS } from './sampler.js';
import { Sight, type SightSink } from './sight.js';
import { soundEvent } from './sound-event.js';
import { soundLoad } from './sound-load.js';
import { soundReport } from './sound-report.js';

const MAC_A = '02:00:00:00:00:0a' as MacAddress;
const MAC_B = '02:00:00:00:00:0b' as MacAddress;
const [A, B] = [0x02000000000a, 0x02000000000b];

/** Lets promises that are settled run on. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

async function advance(clock: ManualClock, byMs: number, stepMs = 10): Promise<void> {
  for (let passed = 0; passed < byMs; passed += stepMs) {
    clock.advance(Math.min(stepMs, byMs - passed));
    await settle();
  }
}

function pairsOf(rows: [source: number, destination: number, frames: number][]): PairCounters {
  const column = (pick: (row: [number, number, number]) => number) => Float64Array.from(rows.map(pick));
  const frames = column((row) => row[2]);
  return {
    rows: rows.length,
    network: column(() => 1),
    source: column((row) => row[0]),
    destination: column((row) => row[1]),
    inFrames: frames,
    inBytes: frames.map((count) => count * 100),
    outFrames: frames,
    outBytes: frames,
  };
}

const estimate = (value: number, ageMs = 0): Estimate => ({
  value,
  ageMs,
  method: 'traffic',
  confidence: 0.5,
});
const linkOf = (value: number, ageMs = 0): LinkEstimate => ({
  link: '00'.repeat(8),
  from: 'b',
  to: 'a',
  type: 'udp',
  throughputBitsPerSecond: estimate(value, ageMs),
});

/** A daemon's sight with everything around it in our hands. */
function makeBed() {
  const clock = new ManualClock();
  const bed = {
    clock,
    pairs: pairsOf([]),
    snapshots: 0,
    congested: false,
    failing: false,
    report: { links: [], queues: [], notes: [] } as UnderlayReport,
    updates: [] as { atMs: number; bytes: Uint8Array }[],
    reports: [] as { atMs: number; report: UnderlayReport }[],
    heard: [] as string[],
    echoes: [] as PlaneEcho[],
    warnings: [] as string[],
    plane: undefined as AgentPlane | undefined,
    links: [] as SightLink[],
  };
  const agent: UnderlayAgent = {
    links: (links) => void bed.heard.push(`links ${links.map(({ link, up }) => `${link} ${up}`)}`),
    setProbeShare: (share) => void bed.heard.push(`share ${share}`),
    arrivals: ({ rows }) => void bed.heard.push(`arrivals ${rows}`),
    note: (link) => void bed.heard.push(`note ${link}`),
    states: () => void bed.heard.push('states'),
    tick() {
      if (bed.failing) throw new Error('a bug of the agent');
    },
    report: () => bed.report,
  };
  const sight = new Sight({
    clock,
    reporter: new TrafficReporter({ boot: 7 }),
    portOf: (network, port) => (network === 1 && port === 'tap:a' ? 9 : undefined),
    links: () => bed.links,
    createAgent(plane) {
      bed.plane = plane;
      return agent;
    },
    log: { warn: (_details, message) => bed.warnings.push(message) },
    plane: {
      async snapshot(): Promise<PlaneSnapshot> {
        bed.snapshots++;
        return { pairs: bed.pairs, links: [], ports: [], drops: [], flowEntries: 0 };
      },
      setRecording: () => {},
      sendTrain: () => {},
      sendNote: () => {},
      sendEcho: (echo) => bed.echoes.push(echo),
    },
  });
  const sink: SightSink = {
    congested: () => bed.congested,
    send: (bytes) => bed.updates.push({ atMs: clock.now(), bytes }),
    underlay: (report) => bed.reports.push({ atMs: clock.now(), report }),
  };
  return { ...bed, bed, sight, sink };
}

t.test('the metronome keeps its grid, however late it is called', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 40 }),
      (periodMs, jumpsMs) => {
        // A clock that moves in jumps, as a blocked event loop sees it.
        let now = 0;
        let due: { atMs: number; callback: () => void } | undefined;
        const beats: number[] = [];
        const clock = {
          now: () => now,
          after(delayMs: number, callback: () => void) {
            due = { atMs: now + delayMs, callback };
            return () => {};
          },
        };
        new Metronome(clock, () => beats.push(now)).start(periodMs);
        for (const jumpMs of jumpsMs) {
          now += jumpMs;
          const called = due;
          if (called && called.atMs <= now) called.callback();
          if (!due || due.atMs % periodMs !== 0 || due.atMs <= now - periodMs) return false;
        }
        const cells = beats.map((atMs) => Math.floor(atMs / periodMs));
        return new Set(cells).size === cells.length;
      },
    ),
    { seed: 2 },
  );
  t.end();
});

t.test('one grid serves pairs exactly and states nearly', (t) => {
  t.same(gridFor(undefined), { beatMs: STATES_MS, pairsEvery: 0, statesEvery: 1 });
  for (const updateMs of [20, 100, 200, 250, 300, 1000, 7001, 60_000]) {
    const { beatMs, pairsEvery, statesEvery } = gridFor(updateMs);
    t.equal(beatMs * pairsEvery, updateMs);
    const statesMs = beatMs * statesEvery;
    t.ok(
      statesMs >= STATES_MS / 1.5 && statesMs <= STATES_MS * 1.5,
      `${updateMs}: states every ${statesMs} ms`,
    );
  }
  t.end();
});

t.test('snapshots: never two at once, and failures in a row are said once', async (t) => {
  const clock = new ManualClock();
  const asked: { resolve(snapshot: PlaneSnapshot): void; reject(error: Error): void }[] = [];
  const heard: string[] = [];
  const sampler = new Sampler({
    clock,
    snapshot: () => new Promise((resolve, reject) => asked.push({ resolve, reject })),
    onPairs: (_pairs, atMs) => heard.push(`pairs ${atMs}`),
    onStates: (_states, atMs) => heard.push(`states ${atMs}`),
    onFailure: () => heard.push('failed'),
  });
  const snapshot: PlaneSnapshot = { pairs: pairsOf([]), links: [], ports: [], drops: [], flowEntries: 0 };
  sampler.start(100);
  await advance(clock, 450);
  t.equal(asked.length, 1);
  asked[0]?.resolve(snapshot);
  await advance(clock, 50);
  t.same(heard, ['pairs 100'], 'as of when it was asked for');
  for (const attempt of [1, 2, 3]) {
    asked[attempt]?.reject(new Error('no memory'));
    await advance(clock, 100);
  }
  asked[4]?.resolve(snapshot);
  await settle();
  t.same(heard.slice(1, 2), ['failed']);
  t.equal(heard.filter((text) => text === 'failed').length, 1);
  t.match(heard.at(-1), /800/);
  await advance(clock, 100);
  sampler.stop();
  asked[5]?.resolve(snapshot);
  await settle();
  t.notOk(
    heard.some((text) => text.endsWith('900')),
    'an answer after the end',
  );
});

t.test('traffic: what changed, at the period asked for, to a Proxy that listens', async (t) => {
  const { bed, clock, sight, sink, updates } = makeBed();
  t.teardown(() => sight.close());
  bed.pairs = pairsOf([[A, B, 1]]);
  await advance(clock, 1000);
  t.equal(updates.length, 0, 'nobody listens');
  sight.connect(sink);
  await advance(clock, DEFAULT_SIGHT.updateMs);
  t.equal(updates.length, 1);
  const first = decodeTrafficUpdate(updates[0]?.bytes ?? new Uint8Array());
  t.match(first, { boot: 7, sequence: 1, full: true });
  t.same([...first.pairs.destination], [B]);
  t.equal(sight.pairs, 1);
  const next = () => decodeTrafficUpdate(updates.at(-1)?.bytes ?? new Uint8Array());
  await advance(clock, DEFAULT_SIGHT.updateMs);
  t.match(next(), { sequence: 2, full: false, counts: { rows: 0 } }, 'nothing new');

  sight.set({ ...DEFAULT_SIGHT, updateMs: 50 });
  updates.length = 0;
  const from = clock.now();
  const snapshots = bed.snapshots;
  for (let step = 2; step < 12; step++) {
    bed.pairs = pairsOf([[A, B, step]]);
    await advance(clock, 50);
    t.equal(next().full, step === 2, 'told anew, whole again');
    t.same([...next().counts.frames], [step]);
  }
  t.same(
    updates.map(({ atMs }) => atMs - from),
    [50, 100, 150, 200, 250, 300, 350, 400, 450, 500],
  );
  t.equal(bed.snapshots - snapshots, 10, 'states ride on the same snapshots');
  t.ok(bed.heard.filter((text) => text === 'states').length >= 8);

  sight.disconnect();
  const before = bed.snapshots;
  await advance(clock, 1000);
  t.equal(updates.length, 10, 'no Proxy, no updates');
  t.equal(bed.snapshots - before, 4, 'the links are still measured');
  sight.connect(sink);
  await advance(clock, 50);
  t.equal(next().full, true, 'whole on a new connection');
  for (const part of [{ updateMs: 0.01 }, { updateMs: Number.NaN }, { probeShare: 0.5 }])
    t.throws(() => sight.set({ ...DEFAULT_SIGHT, ...part }), { code: 'VNET_ERR_INVALID' });
  t.throws(() => sight.set({} as never), { code: 'VNET_ERR_INVALID' });
});

t.test('traffic: a full channel costs time, not counts', async (t) => {
  const { bed, clock, sight, sink, updates } = makeBed();
  t.teardown(() => sight.close());
  bed.pairs = pairsOf([[A, B, 1]]);
  sight.connect(sink);
  await advance(clock, 200);
  bed.congested = true;
  bed.pairs = pairsOf([
    [A, B, 500],
    [B, A, 3],
  ]);
  await advance(clock, 600);
  t.equal(updates.length, 1);
  t.equal(sight.skippedUpdates, 3);
  bed.congested = false;
  await advance(clock, 200);
  const made = decodeTrafficUpdate(updates[1]?.bytes ?? new Uint8Array());
  t.equal(made.sequence, 2);
  t.same([...made.counts.frames], [500, 3]);
  t.same([...made.pairs.index], [1], 'the pair that appeared meanwhile');
});

t.test('underlay: what is new, at most twice a second', async (t) => {
  const { bed, clock, sight, sink, reports } = makeBed();
  t.teardown(() => sight.close());
  sight.connect(sink);
  await advance(clock, 2000);
  t.equal(reports.length, 0, 'nothing known');
  bed.report = { links: [linkOf(1000)], queues: [], notes: [] };
  await advance(clock, 500);
  t.equal(reports.length, 1);
  const ageing = async (value: number, forMs: number, sampledAt: number) => {
    for (let passed = 0; passed < forMs; passed += 100) {
      bed.report = { links: [linkOf(value, clock.now() + 100 - sampledAt)], queues: [], notes: [] };
      await advance(clock, 100);
    }
  };
  await ageing(1010, 5000, clock.now() - 500);
  t.equal(reports.length, 1, 'the same sample, only older, and hardly another value');
  await ageing(2000, 500, clock.now());
  t.equal(reports.length, 2, 'another value');
  bed.report = { links: [linkOf(2000)], queues: [], notes: [] };
  await advance(clock, 5000);
  t.equal(reports.length, 4, 'measured again and again: told as fresh now and then');
  const series = { link: '00', from: 'b', to: 'a', sentBin: 10, arrivedBin: 20 };
  bed.report = { links: [linkOf(2000)], queues: [{ ...series, sentUs: [5], arrivedUs: [5] }], notes: [] };
  await advance(clock, 500);
  bed.report = {
    ...bed.report,
    queues: [{ ...series, sentUs: [5, Number.NaN], arrivedUs: [5, Number.NaN] }],
  };
  const told = reports.length;
  await advance(clock, 500);
  t.equal(reports.length, told, 'an empty bin is no news');
  bed.report = {
    ...bed.report,
    queues: [{ ...series, sentUs: [5, Number.NaN, 7], arrivedUs: [5, Number.NaN, Number.NaN] }],
  };
  await advance(clock, 500);
  t.equal(reports.length, told + 1);
  bed.congested = true;
  bed.report = { ...bed.report, notes: ['the clock of b runs backwards'] };
  await advance(clock, 2000);
  t.equal(reports.length, told + 1, 'nothing into a full channel');
  bed.congested = false;
  await advance(clock, 500);
  t.equal(reports.length, told + 2, 'and said when there is room');
});

t.test('the agent: what it hears, what it may do, and that it cannot take the daemon down', async (t) => {
  const { bed, clock, sight } = makeBed();
  t.teardown(() => sight.close());
  const arrivals: Arrivals = {
    rows: 3,
    link: Uint32Array.of(1, 1, 1),
    run: Uint32Array.of(1, 2, 2),
    train: Uint32Array.of(0, 5, 5),
    trainPackets: Uint32Array.of(0, 2, 2),
    sequence: Uint32Array.of(9, 0, 1),
    sentNs: Float64Array.of(1, 2, 3),
    arrivedNs: Float64Array.of(1, 2, 3),
    bytes: Uint32Array.of(1000, 200, 300),
  };
  const link = { link: 4, id: '00', peer: 'b', type: 'udp', up: true } as const;
  bed.links = [link, { ...link, link: 5 }];
  sight.linksChanged();
  await advance(clock, 100);
  sight.linkChanged(4, false);
  sight.linkChanged(4, true);
  await advance(clock, 50);
  bed.links = [{ ...link, up: false }];
  sight.linkChanged(4, false);
  await advance(clock, 50);
  t.same(bed.heard, ['links 4 true,5 true', 'links 4 false,5 true', 'links 4 true,5 true', 'links 4 false']);
  bed.heard.length = 0;
  sight.arrivals(arrivals);
  sight.event({ kind: 'note', link: 4, note: Uint8Array.of(1) });
  sight.set({ ...DEFAULT_SIGHT, probeShare: 0.02 });
  t.same(bed.heard, ['arrivals 3', 'note 4', 'share 0.02']);
  bed.plane?.sendTrain({ link: 4, train: 1, sizes: [100, 200], gapsNs: [10] });
  t.same(sight.probes, { sentBytes: 300, receivedBytes: 500 }, 'traffic is no probe');
  bed.failing = true;
  await advance(clock, 500);
  t.equal(bed.warnings.length, 1, 'said once');
});

const request: EchoRequest = {
  network: 1,
  port: 'tap:a',
  source: MAC_A,
  destination: MAC_B,
  count: 3,
  bytes: 60,
  intervalMs: 100,
  timeoutMs: 250,
};

t.test('echoes: on their grid, matched, given up, bounded', async (t) => {
  const { bed, clock, sight, echoes } = makeBed();
  const result = sight.echo(request);
  await advance(clock, 100);
  t.match(echoes, [{ port: 9, source: A, destination: B, bytes: 60 }, {}]);
  t.not(echoes[0]?.echo, echoes[1]?.echo);
  sight.event({ kind: 'echo', echo: echoes[1]?.echo ?? 0, rttUs: 1500, hops: 2 });
  sight.event({ kind: 'echo', echo: echoes[1]?.echo ?? 0, rttUs: 9, hops: 9 });
  await advance(clock, 100);
  sight.event({ kind: 'echo', echo: echoes[2]?.echo ?? 0, rttUs: 800, hops: 1 });
  await advance(clock, 50);
  t.same(await result, { rttUs: [null, 1500, 800], hops: 1 });
  sight.event({ kind: 'echo', echo: echoes[0]?.echo ?? 0, rttUs: 1, hops: 1 });

  const none = sight.echo({ ...request, count: 1 });
  await advance(clock, 250);
  t.same(await none, { rttUs: [null] });

  const wrong: Partial<EchoRequest>[] = [
    { count: 0 },
    { count: ECHOES_MAX + 1 },
    { count: 2, intervalMs: 9_900 },
    { timeoutMs: 0 },
    { bytes: 60.5 },
  ];
  for (const part of wrong)
    await t.rejects(sight.echo({ ...request, ...part }), { code: 'VNET_ERR_INVALID' });
  await t.rejects(sight.echo({ ...request, port: 'tap:b' }), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(sight.echo({ ...request, network: 2 }), { code: 'VNET_ERR_NOT_FOUND' });

  const many = Array.from({ length: ECHO_REQUESTS_MAX }, () => sight.echo(request));
  await t.rejects(sight.echo(request), { code: 'VNET_ERR_LIMIT' });
  sight.close();
  for (const each of many) await t.rejects(each, { code: 'VNET_ERR_CLOSED' });
  t.equal(bed.warnings.length, 0);

  const refusing = new Echoes({
    clock,
    portOf: () => 1,
    send() {
      throw new Error('too large');
    },
  });
  await t.rejects(refusing.run(request), { message: 'too large' });
});

t.test("the Proxy's intake: bounded, and each trouble is said", (t) => {
  const clock = new ManualClock();
  const troubles = new Set<string>();
  let taken = 0;
  let broken = false;
  const intake = new ReportIntake({
    host: 'a',
    clock,
    reports: {
      refused: (host, what, { message }) => troubles.add(`${what} of ${host}: ${message}`),
      traffic() {
        taken++;
        if (broken) throw new Error('not an update');
      },
      underlay: () => taken++,
      load: () => taken++,
    },
  });
  intake.traffic(new Uint8Array(), 1e9);
  t.equal(taken, 0);
  for (let n = 0; n < 1000; n++) intake.traffic(new Uint8Array(1), 1);
  t.equal(taken, 100);
  clock.advance(500);
  for (let n = 0; n < 1000; n++) intake.traffic(new Uint8Array(1), 1);
  t.equal(taken, 150);
  t.equal(troubles.size, 2);
  clock.advance(1000);
  broken = true;
  intake.traffic(new Uint8Array(1), 1);
  intake.traffic(new Uint8Array(1), 1);
  t.equal(troubles.size, 3);
  broken = false;
  taken = 0;
  for (let n = 0; n < 100; n++) intake.underlay({ links: [], queues: [], notes: [] });
  t.equal(taken, 10);
  t.equal(troubles.size, 4);
  intake.underlay(7);
  clock.advance(1000);
  intake.underlay(7);
  t.equal(troubles.size, 5);
  taken = 0;
  const load = { cpus: 2, busyCpus: 1, vmCpus: {}, vmWaits: {} };
  for (let n = 0; n < 100; n++) intake.load(load);
  t.equal(taken, 5);
  t.equal(troubles.size, 6);
  clock.advance(1000);
  intake.load({ ...load, busyCpus: 3 });
  t.same([taken, troubles.size], [5, 7]);
  t.end();
});

t.test('reports of load: what cannot be true is left out, what counting ran over is cut', (t) => {
  const good = { cpus: 2.5, busyCpus: 1, vmCpus: { web: 0.5 }, vmWaits: { web: 0.2 } };
  t.same(soundLoad(structuredClone(good)), good);
  const over = { ...good, busyCpus: 2.6, vmCpus: { web: 2.6 }, vmWaits: { web: 1.05 } };
  t.same(soundLoad(over), { ...good, busyCpus: 2.5, vmCpus: { web: 2.5 }, vmWaits: { web: 1 } });
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`v${i}`, 0]));
  const wrong = [
    { cpus: 0 },
    { cpus: -1 },
    { cpus: 1e9 },
    { cpus: '2' },
    { busyCpus: Number.NaN },
    { busyCpus: 3 },
    { busyCpus: -0.1 },
    { busyCpus: null },
    { vmCpus: { web: 3 } },
    { vmCpus: { web: -1 } },
    { vmCpus: [0.5] },
    { vmCpus: many },
    { vmCpus: { ['x'.repeat(64)]: 0 } },
    { vmWaits: { web: 1.2 } },
    { vmWaits: { web: Number.POSITIVE_INFINITY } },
    { vmWaits: 7 },
  ];
  for (const part of wrong) t.equal(soundLoad({ ...good, ...part }), undefined, Object.keys(part).join());
  for (const body of [null, undefined, 7, 'x', [], {}]) t.equal(soundLoad(body), undefined);
  t.end();
});

t.test('events: a daemon speaks of itself, in words that are known', (t) => {
  const at = '2026-01-02T03:04:05.000Z';
  const link = { at, kind: 'link', host: 'a', peer: 'b', type: 'udp', up: true, reason: 'x' };
  const source = { at, kind: 'source', host: 'a', port: 'tap:x', mac: '02:00:00:00:00:01', admitted: true };
  const port = { at, kind: 'port', host: 'a', port: 'tap:x', up: false, reason: 'gone' };
  const error = { at, kind: 'error', host: 'a', error: { code: 'VNET_ERR_LIMIT', message: 'no room' } };
  for (const event of [link, source, port, error]) t.equal(soundEvent(event, 'a'), event, event.kind);
  const wrong = [
    { ...link, host: 'c' },
    { ...link, type: 'x' },
    { ...link, peer: {} },
    { ...link, up: 1 },
    { ...link, reason: 'x'.repeat(501) },
    { ...source, mac: 'x' },
    { ...source, mac: 7 },
    { ...error, error: null },
    { at, kind: 'topology', host: 'a', network: 'lab' },
    { at, kind: 'adaptation', host: 'a' },
    { ...link, at: 7 },
  ];
  for (const event of [...wrong, null, undefined, 7, 'x', [], {}])
    t.equal(soundEvent(event, 'a'), undefined, JSON.stringify(event));
  t.end();
});

t.test('reports of the underlay: what can be true is kept', (t) => {
  const good: UnderlayReport = {
    links: [{ ...linkOf(5), rttUs: { ...estimate(1), atLeast: true } }],
    queues: [{ link: '00', from: 'b', to: 'a', sentBin: 1, arrivedBin: 2, sentUs: [null, 1], arrivedUs: [] }],
    notes: ['a note'],
  };
  t.same(soundReport(structuredClone(good), 'a'), { report: good, refused: 0 });
  t.same(soundReport(structuredClone(good), 'c').refused, 2, 'links of others');
  const [link, queue] = [good.links[0], good.queues[0]];
  const refusedOf = (more: object) => soundReport({ ...structuredClone(good), ...more }, 'a').refused;
  t.equal(refusedOf({ links: [link, link] }), 1, 'a direction twice');
  t.equal(refusedOf({ links: [{ ...link, lossRatio: estimate(7) }] }), 1, 'more than all is lost');
  t.equal(refusedOf({ links: [{ ...link, rttUs: estimate(1e300) }] }), 1);
  for (const bin of [2 ** 53, 1e300, -(2 ** 60), 0.5])
    t.equal(refusedOf({ queues: [{ ...queue, sentBin: bin }] }), 1, `bin ${bin}`);
  for (const body of [null, 7, 'x', [], { links: 1 }]) t.ok(soundReport(body, 'a').refused > 0);
  const spoilt = fc.record({
    path: fc.constantFrom('link', 'from', 'to', 'type', 'throughputBitsPerSecond', 'rttUs'),
    value: fc.constantFrom<unknown>(
      null,
      7,
      -1,
      [],
      {},
      { ...estimate(-1) },
      { ...estimate(1), confidence: 2 },
      'x'.repeat(501),
    ),
  });
  fc.assert(
    fc.property(spoilt, ({ path, value }) => {
      const { report, refused } = soundReport({ ...good, links: [{ ...good.links[0], [path]: value }] }, 'a');
      return refused === 1 && report?.links.length === 0 && report.queues.length === 1;
    }),
    { seed: 6 },
  );
  t.end();
});
