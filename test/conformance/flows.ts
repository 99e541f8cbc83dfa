/** The flow cache, its misses, and actions within one plane. */
import type { ConformanceCase } from './bed.js';
import {
  A,
  ALL,
  B,
  C,
  frame,
  MTU,
  NETWORK,
  Node,
  OTHER_NETWORK,
  sequences,
  toDrop,
  toPort,
  until,
} from './stage.js';

const QUIET_MS = 40;
/** More than any plane lets wait for one key. */
const FLOOD_FRAMES = 300;

export const flowTests: Record<string, ConformanceCase> = {
  'a miss asks once; frames wait in order and leave before newer ones': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    for (let i = 1; i <= 5; i += 1) one.send(frame(A, B, i));
    await until(bed, () => node.misses.length > 0, 'a miss');
    await bed.pass(QUIET_MS);
    t.strictSame(node.misses, [
      { network: NETWORK, ground: 0, ingress: 1, source: A, destination: B, epoch: 0 },
    ]);
    t.strictSame(sequences(two), []);
    node.install({ actions: [toPort(2)] });
    for (let i = 6; i <= 9; i += 1) one.send(frame(A, B, i));
    await until(bed, () => two.received.length === 9, 'nine frames');
    t.strictSame(sequences(two), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    t.strictSame(Buffer.from(two.received[0] ?? []), frame(A, B, 1), 'not an octet changed');
    t.equal(node.misses.length, 1);
    t.equal((await node.snapshot()).flowEntries, 1);
  },

  'an answer older than the newest change is ignored, and its key misses again': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    one.send(frame(A, B, 1));
    await until(bed, () => node.misses.length === 1, 'a miss');
    node.at.plane.applyFlows({ generation: 5, invalidate: [], install: [] });
    node.install({ actions: [toPort(2)] }, 4);
    await until(bed, () => node.misses.length === 2, 'the miss again');
    t.strictSame(node.misses[1], node.misses[0]);
    t.equal(two.received.length, 0);
    node.install({ actions: [toPort(2)] }, 5);
    await until(bed, () => two.received.length === 1, 'the frame');
  },

  'a change invalidates what it touches and nothing else': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    node.decide = () => [toPort(2)];
    const pairs: [number, number][] = [
      [A, B],
      [A, C],
      [C, B],
    ];
    const missesAfter = async (scope: Parameters<Node['invalidate']>[0]) => {
      node.invalidate(scope);
      await node.settled();
      node.misses.length = 0;
      const before = two.received.length;
      for (const [source, destination] of pairs) one.send(frame(source, destination));
      await until(bed, () => two.received.length === before + 3, 'three frames');
      return node.misses.map(({ source, destination }) => [source, destination]);
    };
    t.strictSame(await missesAfter({}), pairs);
    t.strictSame(await missesAfter({ network: OTHER_NETWORK }), []);
    t.strictSame(await missesAfter({ source: A }), [pairs[0], pairs[1]]);
    t.strictSame(await missesAfter({ network: NETWORK, destination: B }), [pairs[0], pairs[2]]);
    t.strictSame(await missesAfter({ source: A, destination: C }), [pairs[1]]);
    t.equal((await node.snapshot()).flowEntries, 3);
  },

  'what leads to a port is invalidated by it, group frames and held ones too': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two, three] = [await node.port(1), await node.port(2), await node.port(3)];
    let held = false;
    const toTwo = () => (held ? { kind: 'hold' as const, port: 2 } : toPort(2));
    node.decide = ({ destination }) =>
      destination === ALL ? [toTwo(), toPort(3)] : [destination === B ? toTwo() : toPort(3)];
    const missesOf = async () => {
      await node.settled();
      node.misses.length = 0;
      const before = three.received.length;
      for (const destination of [B, C, ALL]) one.send(frame(A, destination));
      await until(bed, () => three.received.length === before + 2, 'those to the third');
      return node.misses.map(({ destination }) => destination);
    };
    t.strictSame(await missesOf(), [B, C, ALL]);
    await until(bed, () => two.received.length === 2, 'two frames');
    held = true;
    node.invalidate({ port: 2 });
    t.strictSame(await missesOf(), [B, ALL]);
    await bed.pass(QUIET_MS);
    t.equal(two.received.length, 2, 'they wait');
    held = false;
    node.invalidate({ port: 2 });
    await until(bed, () => two.received.length === 4, 'they follow');
    t.equal(three.received.length, 4, 'no copy twice');
  },

  'a flow holds for its epochs, and the ingress stamps the present one': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two, three] = [await node.port(1), await node.port(2), await node.port(3)];
    node.install({ actions: [toPort(2)], toEpoch: 4 });
    node.install({ actions: [toPort(3)], fromEpoch: 4, toEpoch: 6 });
    one.send(frame(A, B, 1));
    await until(bed, () => two.received.length === 1, 'the old way');
    node.network({ epoch: 4 });
    await node.settled();
    one.send(frame(A, B, 2));
    await until(bed, () => three.received.length === 1, 'the new way');
    node.network({ epoch: 6, oldestEpoch: 5 });
    await node.settled();
    one.send(frame(A, B, 3));
    await until(bed, () => node.misses.length === 1, 'a miss past both');
    t.equal(node.misses[0]?.epoch, 6);
    t.strictSame([sequences(two), sequences(three)], [[1], [2]]);
  },

  'a group frame is copied to each action, and never to its ingress': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two, three] = [await node.port(1), await node.port(2), await node.port(3)];
    node.install({ destination: ALL, actions: [toPort(1), toPort(2), toPort(3)] });
    node.install({ actions: [toPort(1)] });
    await node.settled();
    one.send(frame(A, ALL, 1));
    await until(bed, () => two.received.length + three.received.length === 2, 'two copies');
    one.send(frame(A, B, 2));
    await until(bed, async () => (await node.drops('loop')) === 1, 'the lone way back is a loop');
    t.strictSame([sequences(one), sequences(two), sequences(three)], [[], [1], [1]]);
  },

  'hold keeps frames, in order, until the flow is changed': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    node.install({ actions: [{ kind: 'hold' }] });
    await node.settled();
    for (let i = 1; i <= 3; i += 1) one.send(frame(A, B, i));
    await until(
      bed,
      async () => (await node.snapshot()).ports.some(({ inFrames }) => inFrames === 3),
      'three in',
    );
    await bed.pass(QUIET_MS);
    t.equal(two.received.length, 0);
    node.install({ actions: [toPort(2)] }, 1);
    one.send(frame(A, B, 4));
    await until(bed, () => two.received.length === 4, 'four frames');
    t.strictSame(sequences(two), [1, 2, 3, 4]);
    t.equal(node.misses.length, 0);
  },

  'held frames of an invalidated flow ask again': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    node.install({ actions: [{ kind: 'hold' }] });
    await node.settled();
    one.send(frame(A, B, 1));
    await until(
      bed,
      async () => (await node.snapshot()).ports.some(({ inFrames }) => inFrames === 1),
      'one in',
    );
    node.decide = () => [toPort(2)];
    node.invalidate({ destination: B }, 1);
    node.decide = (miss) => {
      node.install({ ...miss, actions: [toPort(2)] }, 1);
      return undefined;
    };
    await until(bed, () => two.received.length === 1, 'the frame');
    t.equal(node.misses.length, 1);
  },

  'what waits is bounded in frames and in time, and starves no other key': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    for (let i = 0; i < FLOOD_FRAMES; i += 1) one.send(frame(A, B, i));
    await until(bed, async () => (await node.drops('missQueue')) > 0, 'the queue is full');
    node.install({ destination: C, actions: [toPort(2)] });
    one.send(frame(A, C, 1));
    await until(bed, () => two.received.length === 1, 'another flow passes');
    const all = async () => (await node.drops('missQueue')) + (await node.drops('missTimeout'));
    await until(bed, async () => (await all()) === FLOOD_FRAMES, 'every waiting frame is dropped in the end');
    t.ok((await node.drops('missTimeout')) > 0);
  },

  'drops say why: a rule, no match, no such port, too short, too long': async (t, bed) => {
    const node = new Node(bed, 'a');
    const one = await node.port(1);
    node.install({ destination: B, actions: [toDrop('rule')] });
    node.install({ destination: C, actions: [toDrop('noMatch')] });
    node.install({ destination: ALL, actions: [toPort(99)] });
    const provoke: [Parameters<Node['drops']>[0], Buffer][] = [
      ['rule', frame(A, B)],
      ['noMatch', frame(A, C)],
      ['portClosed', frame(A, ALL)],
      ['runt', frame(A, B).subarray(0, 13)],
      ['oversize', frame(A, B, 0, MTU + 15)],
    ];
    for (const [reason, octets] of provoke) {
      one.send(octets);
      await until(bed, async () => (await node.drops(reason)) === 1, `a drop for ${reason}`);
    }
    const { drops, ports } = await node.snapshot();
    t.equal(
      drops.reduce((sum, count) => sum + count, 0),
      provoke.length,
    );
    t.equal(ports[0]?.drops, provoke.length, 'counted where they came in too');
  },
};
