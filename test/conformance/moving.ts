/** A VM that moves: frames held for its port, and announcements. */
import type { PlaneAction, PlaneEvent } from '../../core/index.js';
import type { ConformanceCase } from './bed.js';
import {
  A,
  ALL,
  B,
  C,
  EDGE,
  frame,
  join,
  NETWORK,
  Node,
  sequences,
  toDrop,
  toEdge,
  toPort,
  until,
} from './stage.js';

/** More than may wait for the answer to a miss. */
const MANY = 400;
const GROUND_EDGE = 51;
const toHold = (port: number): PlaneAction => ({ kind: 'hold', port });
const count = (length: number, from = 1) => Array.from({ length }, (_, i) => from + i);

async function heldAt(node: Node, port: number): Promise<number> {
  return (await node.snapshot()).ports.find(({ id }) => id === port)?.held ?? 0;
}

function sources(events: PlaneEvent[]) {
  return events.flatMap((event) =>
    event.kind === 'source' ? [[event.source, event.admitted, event.announced]] : [],
  );
}

function arp(source: number, sender: number, target: number): Buffer {
  const octets = frame(source, ALL);
  octets.fill(0, 14);
  Buffer.from('08060001080006040001', 'hex').copy(octets, 12);
  octets.writeUIntBE(source, 22, 6);
  octets.writeUInt32BE(sender, 28);
  octets.writeUInt32BE(target, 38);
  return octets;
}

function advertisement(source: number, flags: number): Buffer {
  const octets = frame(source, 0x33_33_00_00_00_01, 0, 86);
  octets.writeUInt16BE(0x86dd, 12);
  octets[20] = 58;
  octets[54] = 136;
  octets[58] = flags;
  return octets;
}

export const movingTests: Record<string, ConformanceCase> = {
  'frames held for a port are counted there, and are decided again when released': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    node.decide = () => [toHold(2)];
    for (const i of count(MANY)) one.send(frame(A, B, i));
    await until(bed, async () => (await heldAt(node, 2)) > 0, 'a frame is held');
    for (const i of count(MANY, MANY + 1)) one.send(frame(A, B, i));
    const entered = async () =>
      (await node.snapshot()).ports.find(({ id }) => id === 1)?.inFrames === 2 * MANY;
    await until(bed, entered, 'all entered');
    const { drops } = await node.snapshot();
    const lost = drops.reduce((sum, each) => sum + each, 0);
    t.ok(lost <= MANY, 'only what came before the answer to the miss');
    t.equal(await heldAt(node, 2), 2 * MANY - lost);
    t.equal(two.received.length, 0);
    node.decide = () => [toPort(2)];
    node.invalidate({}, 1);
    node.decide = (miss) => {
      node.install({ ...miss, fromEpoch: 0, actions: [toPort(2)] }, 1);
      return undefined;
    };
    one.send(frame(A, B, 2 * MANY + 1));
    await until(bed, () => two.received.length === 2 * MANY - lost + 1, 'all of them, and the newer one');
    const order = sequences(two);
    t.strictSame(
      order,
      [...new Set(order)].sort((a, b) => a - b),
      'in order, nothing twice',
    );
    t.equal(order.at(-1), 2 * MANY + 1);
  },

  'what left too late for a VM that stopped comes back, before what waits, and goes where the VM is': async (
    t,
    bed,
  ) => {
    const node = new Node(bed, 'a');
    const [one, two, three] = [await node.port(1), await node.port(2), await node.port(3)];
    node.decide = () => [toPort(2)];
    node.at.plane.keepSent(2, true);
    for (const i of count(3)) one.send(frame(A, B, i));
    one.send(frame(A, ALL, 9));
    await until(bed, () => two.received.length === 4, 'all have left');
    node.decide = () => [toHold(2)];
    node.invalidate({}, 0);
    one.send(frame(A, B, 4));
    await until(bed, async () => (await heldAt(node, 2)) === 1, 'the next one waits');
    node.at.plane.recall(2, 60_000);
    await until(
      bed,
      async () => (await heldAt(node, 2)) === 4,
      'three came back; who is in the group hears elsewhere',
    );
    node.decide = () => [toPort(3)];
    node.invalidate({}, 0);
    await until(bed, () => three.received.length === 4, 'all four');
    t.strictSame(sequences(three), [1, 2, 3, 4]);
    t.equal(two.received.length, 4);
    node.decide = () => [toPort(2)];
    node.invalidate({}, 0);
    one.send(frame(A, B, 5));
    await until(bed, () => two.received.length === 5, 'it left again');
    await bed.pass(50);
    node.at.plane.recall(2, 0);
    node.at.plane.keepSent(2, false);
    one.send(frame(A, B, 6));
    await until(bed, () => two.received.length === 6, 'and the next');
    node.at.plane.recall(2, 60_000);
    await bed.pass(50);
    t.strictSame(sequences(two).slice(-2), [5, 6], 'what was read in time, or not kept, stays where it is');
    t.throws(() => node.at.plane.recall(2, -1), { code: 'VNET_ERR_INVALID' });
    t.throws(() => node.at.plane.recall(77, 1), { code: 'VNET_ERR_NOT_FOUND' });
    t.throws(() => node.at.plane.keepSent(77, true), { code: 'VNET_ERR_NOT_FOUND' });
  },

  'held frames follow their VM over an edge, or by ground': async (t, bed) => {
    const [a, b] = [new Node(bed, 'a'), new Node(bed, 'b')];
    const far = await b.port(2);
    const near = await a.port(1);
    await a.port(9);
    await join(a, b, EDGE);
    await join(a, b, GROUND_EDGE);
    b.decide = () => [toPort(2)];
    for (const [i, actions] of [[toEdge(EDGE)], [{ kind: 'ground' as const }]].entries()) {
      const destination = i === 0 ? B : C;
      a.install({ destination, actions: [toHold(9)] });
      a.install({ destination, ground: 1, actions: [toEdge(GROUND_EDGE)] });
      await a.settled();
      for (const n of count(3)) near.send(frame(A, destination, n));
      await until(bed, async () => (await heldAt(a, 9)) === 3 * (i + 1), 'three are held');
      a.install({ destination, actions });
      near.send(frame(A, destination, 4));
      await until(bed, () => far.received.length === 4 * (i + 1), 'four frames');
      t.strictSame(sequences(far).slice(-4), [1, 2, 3, 4]);
    }
    t.strictSame(
      [...new Set(b.misses.map(({ destination, ground, ingress }) => [destination, ground, ingress].join()))],
      [[B, 0, EDGE].join(), [C, 1, GROUND_EDGE].join()],
    );
  },

  'what came over an edge and is held goes back there by ground alone': async (t, bed) => {
    const [a, b] = [new Node(bed, 'a'), new Node(bed, 'b')];
    const near = await a.port(1);
    await b.port(9);
    await join(a, b, EDGE);
    a.decide = ({ ground }) => [ground === 1 ? toPort(1) : toEdge(EDGE)];
    b.install({ ingress: EDGE, actions: [toHold(9)] });
    b.install({ ingress: EDGE, destination: C, actions: [toHold(9)] });
    b.install({ ingress: EDGE, destination: C, ground: 1, actions: [toEdge(EDGE)] });
    await b.settled();
    near.send(frame(A, B, 1));
    near.send(frame(A, C, 2));
    await until(bed, async () => (await heldAt(b, 9)) === 2, 'both are held');
    b.install({ ingress: EDGE, actions: [toEdge(EDGE)] });
    await until(bed, async () => (await b.drops('loop')) === 1, 'a loop');
    b.install({ ingress: EDGE, destination: C, actions: [{ kind: 'ground' }] });
    await until(bed, () => near.received.length === 1, 'it turned round');
    t.strictSame(sequences(near), [2]);
  },

  'of a group frame a copy waits for the held port; the others have theirs at once': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two, three] = [await node.port(1), await node.port(2), await node.port(3)];
    const group = (actions: PlaneAction[], generation = 0) =>
      node.install({ destination: ALL, actions }, generation);
    group([toHold(2), toPort(3)]);
    await node.settled();
    for (const n of count(3)) one.send(frame(A, ALL, n));
    await until(bed, () => three.received.length === 3, 'three at the other port');
    t.equal(await heldAt(node, 2), 3);
    t.equal(two.received.length, 0);
    node.invalidate({}, 1);
    await node.settled();
    one.send(frame(A, ALL, 4));
    await until(bed, () => node.misses.length > 0, 'it asks');
    group([toHold(2), toPort(3)], 1);
    await until(bed, () => three.received.length === 4, 'the fourth too');
    t.equal(two.received.length, 0, 'still held');
    group([toPort(2), toPort(3)], 1);
    one.send(frame(A, ALL, 5));
    await until(bed, () => two.received.length === 5 && three.received.length === 5, 'all at both');
    t.strictSame([sequences(two), sequences(three)], [count(5), count(5)]);
    t.equal(await heldAt(node, 2), 4);

    group([toHold(2), toPort(3)], 1);
    await node.settled();
    one.send(frame(A, ALL, 6));
    await until(bed, () => three.received.length === 6, 'the sixth');
    group([toPort(3)], 1);
    await until(bed, async () => (await node.drops('holdLimit')) === 1, 'its copy has nowhere to go');
    one.send(frame(A, ALL, 7));
    await until(bed, () => three.received.length === 7, 'the seventh');
    t.strictSame([sequences(two), sequences(three)], [count(5), count(7)]);
    const { ports } = await node.snapshot();
    t.strictSame(ports.map(({ id, drops }) => [id, drops]).sort(), [
      [1, 0],
      [2, 1],
      [3, 0],
    ]);
  },

  'an announcement enters at the port, past the guard, and counts for no pair': async (t, bed) => {
    const [a, b] = [new Node(bed, 'a'), new Node(bed, 'b')];
    const [one, two] = [await a.port(1, { guarded: true }), await a.port(2)];
    const far = await b.port(3);
    await join(a, b, EDGE);
    a.decide = ({ destination }) => (destination === ALL ? [toPort(2), toEdge(EDGE)] : [toDrop('rule')]);
    b.decide = () => [toPort(3)];
    a.at.plane.announce(1, A);
    await until(bed, () => two.received.length + far.received.length === 2, 'everywhere');
    const wanted =
      'ffffffffffff020000000001803500010800060400030200000000010000000002000000000100000000'.padEnd(120, '0');
    for (const { received } of [two, far])
      t.equal(Buffer.from(received[0] ?? []).toString('hex'), wanted, 'a RARP request of 60 octets');
    t.equal(one.received.length, 0);
    t.strictSame([...(await a.snapshot()).pairs.inFrames].filter(Boolean), []);
    t.strictSame(sources(a.events), []);
    t.throws(() => a.at.plane.announce(1, ALL), { code: 'VNET_ERR_INVALID' });
    t.throws(() => a.at.plane.announce(77, A), { code: 'VNET_ERR_NOT_FOUND' });
  },

  'an announcement is told from other frames, and not lost among them': async (t, bed) => {
    const node = new Node(bed, 'a');
    const guarded = await node.port(1, { guarded: true });
    const seen = async (octets: Buffer, source: number) => {
      const before = node.events.length;
      guarded.send(octets);
      const told = () => sources(node.events.slice(before)).find(([mac]) => mac === source)?.[2];
      await until(bed, () => told() !== undefined, `${source} is told`);
      return told();
    };
    let next = C;
    const fresh = (make: (source: number) => Buffer) => seen(make(next), next++);
    t.equal(await fresh((source) => frame(source, B)), false);
    t.equal(await fresh((source) => arp(source, 0x0a000001, 0x0a000001)), true, 'gratuitous');
    t.equal(await fresh((source) => arp(source, 0x0a000001, 0x0a000002)), false, 'a question');
    t.equal(await fresh((source) => arp(source, 0, 0)), false, 'a probe');
    t.equal(await fresh((source) => advertisement(source, 0x20)), true, 'unsolicited');
    t.equal(await fresh((source) => advertisement(source, 0x60)), false, 'an answer');
    for (let i = 0; i < 300; i += 1) guarded.send(frame(0x02_00_00_01_00_00 + i, B));
    guarded.send(frame(A, B));
    const rarp = arp(A, 0, 0);
    Buffer.from('80350001080006040003', 'hex').copy(rarp, 12);
    guarded.send(rarp);
    const told = () => sources(node.events).some(([mac, , announced]) => mac === A && announced === true);
    await until(bed, told, 'through a flood of refused sources');
    t.ok(sources(node.events).every(([, admitted]) => admitted === false));
    t.equal(node.misses.filter(({ network }) => network === NETWORK).length, 0);
  },
};
