import fc from 'fast-check';
import t from 'tap';
import {
  type Arrivals,
  type DataPlane,
  DROP_REASONS,
  type FlowMiss,
  ManualClock,
  type PlaneAction,
  type PlaneEvent,
  type PlaneLink,
  seededRandom,
} from '../../core/index.js';
import { createMemoryPlane, MemoryFabric, memoryLimits } from './index.js';
import { SequenceWindow } from './sequence.js';

const A = 0x02_00_00_00_00_01;
const B = 0x02_00_00_00_00_02;
const NETWORK = 1;
const EDGE = 50;

function frame(source: number, destination: number, length = 60): Buffer {
  const octets = Buffer.alloc(length);
  octets.writeUIntBE(destination, 0, 6);
  octets.writeUIntBE(source, 6, 6);
  return octets;
}

/** A fabric with its clock; `pass` moves it by small steps and lets what is under way arrive. */
function world() {
  const clock = new ManualClock();
  const fabric = new MemoryFabric({ clock, random: seededRandom(4) });
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 5) {
      await new Promise(setImmediate);
      clock.advance(Math.min(5, ms - at));
    }
    await new Promise(setImmediate);
  };
  const plane = (
    name: string,
    decide: (miss: FlowMiss) => PlaneAction[] | undefined = () => undefined,
    arrivals?: (arrivals: Arrivals) => void,
  ) => {
    const misses: FlowMiss[] = [];
    const events: PlaneEvent[] = [];
    const handlers = {
      misses(batch: FlowMiss[]) {
        misses.push(...batch);
        const install = batch.flatMap((miss) => {
          const actions = decide(miss);
          return actions ? [{ ...miss, fromEpoch: 0, toEpoch: 9, actions }] : [];
        });
        made.applyFlows({ generation: 0, invalidate: [], install });
      },
      events: (batch: PlaneEvent[]) => void events.push(...batch),
      ...(arrivals && { arrivals }),
    };
    const made: DataPlane = createMemoryPlane(handlers, fabric, { clock, random: seededRandom(3), name });
    made.setNetwork({ network: NETWORK, mtu: 1500, epoch: 0, oldestEpoch: 0 });
    const drops = async (reason: keyof typeof DROP_REASONS) =>
      (await made.snapshot()).drops[DROP_REASONS[reason]];
    const port = (number: number) => {
      made.openPort({ port: number, network: NETWORK, spec: `memory:p${number}`, guarded: false, macs: [] });
      return fabric.port(made, `p${number}`);
    };
    return { plane: made, misses, events, drops, port };
  };
  return { clock, fabric, pass, plane };
}

function link(more: Partial<PlaneLink> = {}): PlaneLink {
  return {
    link: 1,
    edge: EDGE,
    type: 'udp',
    id: new Uint8Array(8).fill(1),
    secret: new Uint8Array(16),
    initiator: true,
    keepAliveMs: 50,
    deadAfterMs: 200,
    backoffCapMs: 400,
    ...more,
  };
}

const upDowns = (events: PlaneEvent[]) =>
  events.flatMap((event) => (event.kind === 'link' ? [[event.up, event.reason]] : []));

t.test('paths are cut, restored and delayed', async (t) => {
  const { fabric, pass, plane } = world();
  const a = plane('a', () => [{ kind: 'edge', edge: EDGE }]);
  const b = plane('b', () => [{ kind: 'port', port: 2 }]);
  const [near, far] = [a.port(1), b.port(2)];
  const at = b.plane.listen('10.0.0.2', 0);
  a.plane.openLink(link({ dial: { address: '10.0.0.2', port: at.port } }));
  b.plane.openLink(link());
  a.plane.setEdge(EDGE, [1]);
  fabric.setPath('a', '10.0.0.2', { delayMs: 20 });
  await pass(100);
  t.strictSame(
    [upDowns(a.events), upDowns(b.events)],
    [[[true, 'handshake done']], [[true, 'handshake done']]],
  );
  t.match((await a.plane.snapshot()).links, [{ up: true, rttUs: 40_000 }]);
  near.send(frame(A, B));
  await pass(15);
  t.equal(far.received.length, 0, 'under way');
  await pass(10);
  t.equal(far.received.length, 1);

  fabric.setPath('a', '10.0.0.2', { up: false });
  await pass(150);
  t.equal(upDowns(a.events).length, 1, 'not dead yet');
  await pass(150);
  t.strictSame(
    [upDowns(a.events)[1], upDowns(b.events)[1]],
    [
      [false, 'silent for 200 ms'],
      [false, 'silent for 200 ms'],
    ],
  );
  fabric.setPath('a', '10.0.0.2', {});
  await pass(400);
  t.strictSame([upDowns(a.events).length, upDowns(b.events).length], [3, 3], 'back within the back-off cap');
  a.plane.closeLink(1);
  await pass(5);
  t.strictSame(upDowns(b.events)[3], [false, 'closed by the peer']);
});

t.test('a lossy path loses about what it should, and the link lives', async (t) => {
  const { fabric, pass, plane } = world();
  const a = plane('a', () => [{ kind: 'edge', edge: EDGE }]);
  const b = plane('b', () => [{ kind: 'port', port: 2 }]);
  const [near, far] = [a.port(1), b.port(2)];
  a.plane.openLink(link({ dial: { address: 'b', port: b.plane.listen('b', 0).port }, deadAfterMs: 500 }));
  b.plane.openLink(link({ deadAfterMs: 500 }));
  a.plane.setEdge(EDGE, [1]);
  await pass(10);
  fabric.setPath('a', 'b', { lossRatio: 0.2 });
  for (let i = 0; i < 1000; i += 1) {
    near.send(frame(A, B));
    if (i % 10 === 0) await pass(5);
  }
  await pass(50);
  t.ok(far.received.length > 700 && far.received.length < 900, `${far.received.length} of 1000`);
  t.strictSame(upDowns(a.events).length, 1);
});

t.test('what a path loses and reorders is counted; what is late is not lost', async (t) => {
  const { fabric, pass, plane } = world();
  const a = plane('a', () => [{ kind: 'edge', edge: EDGE }]);
  const b = plane('b', () => [{ kind: 'port', port: 2 }]);
  const [near, far] = [a.port(1), b.port(2)];
  a.plane.openLink(link({ dial: { address: 'b', port: b.plane.listen('b', 0).port }, deadAfterMs: 2000 }));
  b.plane.openLink(link({ deadAfterMs: 2000 }));
  a.plane.setEdge(EDGE, [1]);
  await pass(10);
  const state = async () => (await b.plane.snapshot()).links[0];
  const send = async (frames: number) => {
    for (let i = 0; i < frames; i += 1) {
      near.send(frame(A, B));
      await pass(1);
    }
    await pass(100);
  };
  fabric.setPath('a', 'b', { jitterMs: 20 });
  await send(200);
  const reordered = await state();
  t.match(reordered, { lost: 0, arrived: Number });
  t.ok((reordered?.late ?? 0) > 50, `${reordered?.late} late`);
  t.equal(far.received.length, 200);
  fabric.setPath('a', 'b', { lossRatio: 0.2 });
  await send(500);
  const lost = (await state())?.lost ?? 0;
  const missing = 700 - far.received.length;
  t.ok(missing > 50 && lost >= missing, `${lost} lost, ${missing} of them frames`);
});

t.test('the window counts as someone who remembers every number', async (t) => {
  // When each number arrives, relative to its turn: undefined is never.
  const delays = fc.array(fc.option(fc.integer({ min: 0, max: 500 }), { freq: 8, nil: undefined }), {
    maxLength: 2000,
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), delays, (first, list) => {
      const order = [0, ...list]
        .flatMap((delay, place) =>
          delay === undefined ? [] : [{ at: place === 0 ? 0 : place + delay, place }],
        )
        .sort((a, b) => a.at - b.at || a.place - b.place);
      const window = new SequenceWindow();
      let [newest, late] = [0, 0];
      for (const { place } of order) {
        for (let times = 0; times < 1 + (place % 3); times += 1) window.take((first + place) >>> 0);
        late += place < newest ? 1 : 0;
        newest = Math.max(newest, place);
      }
      t.strictSame(
        [window.arrived, window.lost, window.late],
        [order.length, newest + 1 - order.length, late],
      );
    }),
  );
});

t.test('a train shows the bandwidth of its path', async (t) => {
  const { fabric, pass, plane } = world();
  const rows: { sequence: number; bytes: number; sentNs: number; arrivedNs: number }[] = [];
  const a = plane('a');
  const b = plane('b', undefined, ({ rows: count, train, sequence, bytes, sentNs, arrivedNs }) => {
    for (let i = 0; i < count; i += 1) {
      if (train[i] === 0) continue;
      const [at, octets, sent, arrived] = [
        sequence[i] ?? 0,
        bytes[i] ?? 0,
        sentNs[i] ?? 0,
        arrivedNs[i] ?? 0,
      ];
      rows.push({ sequence: at, bytes: octets, sentNs: sent, arrivedNs: arrived });
    }
  });
  a.plane.openLink(link({ dial: { address: 'b', port: b.plane.listen('b', 0).port } }));
  b.plane.openLink(link());
  await pass(10);
  b.plane.setRecording(1, 1000);
  fabric.setPath('a', 'b', { delayMs: 3, bitsPerSecond: 10e6 });
  a.plane.sendTrain({ link: 1, train: 1, sizes: [1000, 1000, 1000, 1000], gapsNs: [1e5, 1e5, 1e6] });
  await pass(50);
  const gaps = (name: 'sentNs' | 'arrivedNs') =>
    rows.slice(1).map((row, i) => Math.round((row[name] - (rows[i]?.[name] ?? 0)) / 1000));
  t.strictSame(
    rows.map(({ sequence, bytes }) => [sequence, bytes]),
    [0, 1, 2, 3].map((place) => [place, 1000]),
  );
  t.strictSame(gaps('sentNs'), [100, 100, 1000]);
  t.strictSame(
    gaps('arrivedNs'),
    [800, 800, 800],
    '1000 octets take 800 us at 10 Mbit/s; the queue is still there',
  );
});

t.test('a learnt source that goes on talking is reported again', async (t) => {
  const { clock, pass, plane } = world();
  const a = plane('a', () => [{ kind: 'port', port: 2 }]);
  const [one] = [a.port(1), a.port(2)];
  const sources = () => a.events.filter(({ kind }) => kind === 'source').length;
  for (let minute = 0; minute < 5; minute += 1) {
    for (let i = 0; i < 6; i += 1) {
      one.send(frame(A, B));
      await pass(5);
      clock.advance(10_000);
    }
  }
  t.equal(sources(), 5, 'every minute');
});

t.test('a restarted peer comes back; both may dial', async (t) => {
  const { pass, plane } = world();
  const a = plane('a');
  const [first, second] = [plane('b'), plane('b2')];
  const at = { address: '10.0.0.2', port: 7700 };
  a.plane.listen('10.0.0.1', 7700);
  first.plane.listen(at.address, at.port);
  t.throws(() => second.plane.listen(at.address, at.port), { code: 'VNET_ERR_EXISTS' });
  a.plane.openLink(link({ dial: at }));
  first.plane.openLink(link({ dial: { address: '10.0.0.1', port: 7700 }, initiator: false }));
  await pass(100);
  t.strictSame(upDowns(a.events), [[true, 'handshake done']]);
  first.plane.close();
  await pass(20);
  second.plane.listen(at.address, at.port);
  second.plane.openLink(link());
  await pass(500);
  t.strictSame(
    upDowns(a.events).map(([up]) => up),
    [true, false, true],
  );
  t.strictSame(upDowns(second.events), [[true, 'handshake done']]);
});

t.test('handlers are never called from within a call', async (t) => {
  const { fabric, pass, plane } = world();
  const a = plane('a', () => [{ kind: 'drop', reason: DROP_REASONS.rule }]);
  const one = a.port(1);
  one.send(frame(A, B));
  t.strictSame([a.events.length, a.misses.length], [0, 0]);
  await pass(5);
  t.strictSame([a.events.map(({ kind }) => kind), a.misses.length], [['port', 'source'], 1]);
  t.equal(fabric.port(a.plane, 'nowhere').send(frame(A, B)), false);
  t.throws(() => fabric.port({} as DataPlane, 'p1'), { code: 'VNET_ERR_NOT_FOUND' });
});

t.test('every queue is bounded, and says so', async (t) => {
  const { fabric, pass, plane } = world();
  const a = plane('a', ({ destination }) => {
    if (destination === B) return [{ kind: 'port', port: 2 }];
    if (destination === A) return [{ kind: 'hold' }];
    return destination === B + 1 ? [{ kind: 'edge', edge: EDGE }] : undefined;
  });
  const b = plane('b', () => [{ kind: 'drop', reason: DROP_REASONS.rule }]);
  const [one, two] = [a.port(1), a.port(2)];
  const dial = { address: 'b', port: b.plane.listen('b', 0).port };
  a.plane.openLink(link({ dial }));
  b.plane.openLink(link());
  a.plane.setEdge(EDGE, [1]);
  const warm = [A, B, B + 1];
  for (const destination of warm) one.send(frame(A, destination));
  await pass(50);

  for (let i = 0; i < memoryLimits.PORT_QUEUE_FRAMES; i += 1) one.send(frame(A, B));
  t.strictSame([two.received.length, await a.drops('portQueue')], [memoryLimits.PORT_QUEUE_FRAMES, 1]);
  for (let i = 0; i < memoryLimits.PATH_QUEUE_DATAGRAMS + 3; i += 1) one.send(frame(A, B + 1));
  t.equal(await a.drops('linkQueue'), 3);
  const holds = Math.floor(memoryLimits.HOLD_BYTES / 1514);
  for (let i = 0; i < holds + 2; i += 1) one.send(frame(A, A, 1514));
  t.equal(await a.drops('holdLimit'), 2, 'in octets');
  await pass(memoryLimits.HOLD_MS);
  t.equal(await a.drops('holdLimit'), 2 + holds + 1, 'in time');

  for (let i = 0; i < memoryLimits.PENDING_KEYS_PER_INGRESS + 5; i += 1) one.send(frame(A, B + 100 + i));
  t.equal(await a.drops('missQueue'), 5, 'keys that wait');
  two.send(frame(A, B + 100));
  t.equal(await a.drops('missQueue'), 5, 'another port has room of its own');
  await pass(memoryLimits.MISS_TIMEOUT_MS);
  t.equal(await a.drops('missTimeout'), memoryLimits.PENDING_KEYS_PER_INGRESS + 1);
  t.match(fabric.trace(), /drop: missTimeout/);
});

t.test('frames of two epochs do not overtake each other', async (t) => {
  const { fabric, pass, plane } = world();
  const a = plane('a');
  const one = a.port(1);
  a.port(2);
  const entry = { network: NETWORK, ground: 0 as const, ingress: 1, source: A, destination: B };
  const install = (fromEpoch: number) => {
    const actions = [{ kind: 'port' as const, port: 2 }];
    a.plane.applyFlows({
      generation: 0,
      invalidate: [],
      install: [{ ...entry, fromEpoch, toEpoch: fromEpoch + 1, actions }],
    });
  };
  one.send(frame(A, B, 60));
  a.plane.setNetwork({ network: NETWORK, mtu: 1500, epoch: 1, oldestEpoch: 0 });
  one.send(frame(A, B, 61));
  await pass(5);
  t.strictSame(
    a.misses.map(({ epoch }) => epoch),
    [0, 1],
  );
  install(1);
  one.send(frame(A, B, 62));
  const { received } = fabric.port(a.plane, 'p2');
  t.equal(received.length, 0, 'the oldest is not answered yet');
  install(0);
  t.strictSame(
    received.map(({ length }) => length),
    [60, 61, 62],
  );
});

t.test('the flow cache is bounded', async (t) => {
  const { plane } = world();
  const a = plane('a');
  a.port(1);
  const install = Array.from({ length: memoryLimits.FLOW_ENTRIES + 10 }, (_, i) => ({
    network: NETWORK,
    ground: 0 as const,
    ingress: 1,
    source: A,
    destination: B + i,
    fromEpoch: 0,
    toEpoch: 1,
    actions: [{ kind: 'drop' as const, reason: DROP_REASONS.rule }],
  }));
  a.plane.applyFlows({ generation: 0, invalidate: [], install });
  t.equal((await a.plane.snapshot()).flowEntries, memoryLimits.FLOW_ENTRIES);
});

t.test('the run as a diagram', async (t) => {
  const { fabric, pass, plane } = world();
  const a = plane('a', () => [{ kind: 'edge', edge: EDGE }]);
  const b = plane('b', () => [{ kind: 'port', port: 2 }]);
  const near = a.port(1);
  b.port(2);
  a.plane.openLink(link({ dial: { address: 'b', port: b.plane.listen('b', 0).port } }));
  b.plane.openLink(link());
  a.plane.setEdge(EDGE, [1]);
  await pass(10);
  fabric.clearTrace();
  near.send(frame(A, B));
  near.send(frame(A, B).subarray(0, 9));
  await pass(5);
  t.strictSame(fabric.trace().split('\n'), [
    '                a             b',
    '   10.0         *             |       in memory:p1: 02:00:00:00:00:01 > 02:00:00:00:00:02, 60 octets',
    '   10.0         *             |       in memory:p1: 9 octets',
    '   10.0         *             |       drop: runt',
    '   10.0         |------------>|       02:00:00:00:00:01 > 02:00:00:00:00:02, 60 octets',
    '   10.0         |             *       out memory:p2: 02:00:00:00:00:01 > 02:00:00:00:00:02, 60 octets',
  ]);
});
