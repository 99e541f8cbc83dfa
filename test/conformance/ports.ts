/** Ports: the guard, learning, size, counters. */
import type { PlaneEvent } from '../../core/index.js';
import type { ConformanceCase } from './bed.js';
import { A, B, C, frame, MTU, NETWORK, Node, OTHER_NETWORK, sequences, toPort, until } from './stage.js';

const QUIET_MS = 40;
const TAG_TYPE = 0x8100;

function sources(events: PlaneEvent[]): [number, number, boolean][] {
  return events.flatMap((event) =>
    event.kind === 'source' ? [[event.port, event.source, event.admitted]] : [],
  ) as [number, number, boolean][];
}

export const portTests: Record<string, ConformanceCase> = {
  'the guard admits the registered addresses alone, and says whom it refused': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1, { guarded: true, macs: [A] }), await node.port(2)];
    node.decide = () => [toPort(2)];
    one.send(frame(C, B, 1));
    await until(bed, async () => (await node.drops('guard')) === 1, 'refused');
    await until(bed, () => sources(node.events).length > 0, 'an event');
    t.strictSame(sources(node.events), [[1, C, false]]);
    t.equal((await node.snapshot()).pairs.rows, 0, 'a refused frame counts for no pair');
    one.send(frame(A, B, 2));
    node.at.plane.setPortMacs(1, [A, C]);
    await node.settled();
    one.send(frame(C, B, 3));
    await until(bed, () => two.received.length >= 2, 'both pass');
    node.at.plane.setPortMacs(1, [A]);
    await node.settled();
    one.send(frame(C, B, 4));
    await until(bed, async () => (await node.drops('guard')) === 2, 'refused again');
    t.strictSame(sequences(two), [2, 3]);
  },

  'a learning port reports new sources once, and those that moved': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    node.decide = ({ ingress }) => [toPort(ingress === 1 ? 2 : 1)];
    const send = async (from: typeof one, to: typeof one) => {
      const before = to.received.length;
      from.send(frame(A, B));
      await until(bed, () => to.received.length > before, 'the frame');
      await bed.pass(QUIET_MS);
    };
    await send(one, two);
    await send(one, two);
    t.strictSame(sources(node.events), [[1, A, true]]);
    await send(two, one);
    await send(one, two);
    t.strictSame(sources(node.events), [
      [1, A, true],
      [2, A, true],
      [1, A, true],
    ]);
  },

  'the longest frame passes, and a tag does not count against it': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    node.decide = () => [toPort(2)];
    const tagged = frame(A, B, 2, MTU + 18);
    tagged.writeUInt16BE(TAG_TYPE, 12);
    one.send(frame(A, B, 1, MTU + 14));
    one.send(tagged);
    await until(bed, () => two.received.length === 2, 'both');
    t.strictSame(
      two.received.map(({ length }) => length),
      [MTU + 14, MTU + 18],
    );
  },

  'networks of one plane never mix': async (t, bed) => {
    const node = new Node(bed, 'a');
    node.network({ network: OTHER_NETWORK });
    const [one, two] = [await node.port(1), await node.port(2)];
    const [three, four] = [
      await node.port(3, { network: OTHER_NETWORK }),
      await node.port(4, { network: OTHER_NETWORK }),
    ];
    node.decide = ({ network }) => [toPort(network === NETWORK ? 2 : 4)];
    one.send(frame(A, B, 1));
    three.send(frame(A, B, 2));
    await until(bed, () => two.received.length + four.received.length === 2, 'both');
    t.strictSame([sequences(two), sequences(four)], [[1], [2]]);
    node.at.plane.removeNetwork(OTHER_NETWORK);
    await node.settled();
    three.send(frame(A, B, 3));
    await until(bed, async () => (await node.drops('unknownNetwork')) === 1, 'its network is gone');
    one.send(frame(A, B, 4));
    await until(bed, () => two.received.length === 2, 'the other network lives on');
  },

  'a port that was closed takes and gives nothing; its number may be used again': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two] = [await node.port(1), await node.port(2)];
    node.decide = () => [toPort(2)];
    one.send(frame(A, B, 1));
    await until(bed, () => two.received.length === 1, 'a frame');
    node.at.plane.closePort(2);
    await node.settled();
    one.send(frame(A, B, 2));
    await until(bed, async () => (await node.drops('portClosed')) === 1, 'dropped');
    const again = await bed.openPort(
      node.at,
      { port: 2, network: NETWORK, guarded: false, macs: [] },
      'again',
    );
    one.send(frame(A, B, 3));
    await until(bed, () => again.received.length === 1, 'a frame at the new port');
    t.strictSame(sequences(again), [3]);
  },

  'a pair is counted once where it enters, and where it is delivered': async (t, bed) => {
    const node = new Node(bed, 'a');
    const [one, two, three] = [await node.port(1), await node.port(2), await node.port(3)];
    node.decide = () => [toPort(2), toPort(3)];
    for (let i = 0; i < 4; i += 1) one.send(frame(A, B, i, 100));
    await until(bed, () => two.received.length + three.received.length === 8, 'all copies');
    const { pairs, ports } = await node.snapshot();
    const columns = [
      pairs.network,
      pairs.source,
      pairs.destination,
      pairs.inFrames,
      pairs.inBytes,
      pairs.outFrames,
      pairs.outBytes,
    ];
    t.equal(pairs.rows, 1);
    t.strictSame(
      columns.map((column) => column[0]),
      [NETWORK, A, B, 4, 400, 8, 800],
    );
    const counts = ports.map(({ id, inFrames, inBytes, outFrames, outBytes }) => [
      id,
      inFrames,
      inBytes,
      outFrames,
      outBytes,
    ]);
    t.strictSame(
      counts.sort(([a = 0], [b = 0]) => a - b),
      [
        [1, 4, 400, 0, 0],
        [2, 0, 0, 4, 400],
        [3, 0, 0, 4, 400],
      ],
    );
  },
};
