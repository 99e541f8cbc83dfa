/** Misuse throws, and changes nothing; close is for ever. */
import { VnetError } from '../../core/index.js';
import type { ConformanceCase } from './bed.js';
import { frame, A, ALL, B, EDGE, join, MTU, NETWORK, Node, toPort, until } from './stage.js';

export const configurationTests: Record<string, ConformanceCase> = {
  'bad configuration is refused and changes nothing': async (t, bed) => {
    const [a, b] = [new Node(bed, 'a'), new Node(bed, 'b')];
    const [one, two] = [await a.port(1), await a.port(2)];
    await join(a, b, EDGE);
    a.decide = () => [toPort(2)];
    const { plane } = a.at;
    const link = {
      link: 9,
      edge: 51,
      type: 'udp' as const,
      id: new Uint8Array(8).fill(9),
      secret: new Uint8Array(16),
      initiator: false,
      keepAliveMs: 40,
      deadAfterMs: 160,
      backoffCapMs: 200,
    };
    const port = { port: 3, network: NETWORK, spec: bed.spec('p3'), guarded: false, macs: [] };
    const train = { link: EDGE, train: 1, sizes: [100, 100], gapsNs: [1000] };
    const echo = { echo: 1, port: 1, source: A, destination: B, bytes: 60 };
    const wrong: [string, () => void][] = [
      ['a port number in use', () => plane.openPort({ ...port, port: 1 })],
      ['a port in use', () => plane.openPort({ ...port, spec: bed.spec('p1') })],
      ['an unknown kind of port', () => plane.openPort({ ...port, spec: 'nonsense' })],
      ['a short link id', () => plane.openLink({ ...link, id: new Uint8Array(7) })],
      ['a short secret', () => plane.openLink({ ...link, secret: new Uint8Array(3) })],
      ['a link number in use', () => plane.openLink({ ...link, link: EDGE })],
      [
        'a network without room',
        () => plane.setNetwork({ network: NETWORK, mtu: 0, epoch: 0, oldestEpoch: 0 }),
      ],
      ['addresses of a port that is not there', () => plane.setPortMacs(77, [A])],
      ['records of a link that is not there', () => plane.setRecording(77, 1)],
      ['too many records', () => plane.setRecording(EDGE, 20_001)],
      ['a rate that is none', () => plane.setRecording(EDGE, Number.NaN)],
      ['a train on a link that is not there', () => plane.sendTrain({ ...train, link: 77 })],
      ['a train without a number', () => plane.sendTrain({ ...train, train: 0 })],
      ['a train without packets', () => plane.sendTrain({ ...train, sizes: [], gapsNs: [] })],
      ['a train with a gap too many', () => plane.sendTrain({ ...train, gapsNs: [1, 1] })],
      ['a train with a packet too small', () => plane.sendTrain({ ...train, sizes: [63, 100] })],
      ['a train with a packet too large', () => plane.sendTrain({ ...train, sizes: [70_000, 100] })],
      ['a train that goes back in time', () => plane.sendTrain({ ...train, gapsNs: [-1] })],
      ['a train without end', () => plane.sendTrain({ ...train, gapsNs: [1e12] })],
      ['a note too long', () => plane.sendNote(EDGE, new Uint8Array(513))],
      ['a note on a link that is not there', () => plane.sendNote(77, new Uint8Array())],
      ['an echo from a port that is not there', () => plane.sendEcho({ ...echo, port: 77 })],
      ['an echo without a number', () => plane.sendEcho({ ...echo, echo: 0 })],
      ['an echo too short', () => plane.sendEcho({ ...echo, bytes: 59 })],
      ['an echo too long', () => plane.sendEcho({ ...echo, bytes: MTU + 15 })],
      ['an echo to all', () => plane.sendEcho({ ...echo, destination: ALL })],
      ['an echo from a group', () => plane.sendEcho({ ...echo, source: ALL })],
    ];
    for (const [what, call] of wrong) {
      try {
        call();
        t.fail(`${what} is taken`);
      } catch (error) {
        t.ok(error instanceof VnetError, `${what}: ${String(error)}`);
      }
    }
    one.send(frame(A, B, 1, MTU + 14));
    await until(bed, () => two.received.length === 1, 'a frame passes as before');
    const { links, ports } = await a.snapshot();
    t.strictSame(
      links.map(({ id, up }) => [id, up]),
      [[EDGE, true]],
    );
    t.strictSame(ports.map(({ id }) => id).sort(), [1, 2]);
  },

  'close is idempotent, and use after it throws': async (t, bed) => {
    const node = new Node(bed, 'a');
    const one = await node.port(1);
    one.send(frame(A, B));
    await until(bed, () => node.misses.length === 1, 'a miss');
    const { plane } = node.at;
    plane.close();
    plane.close();
    const closed = { code: 'VNET_ERR_CLOSED' };
    t.throws(() => plane.listen('127.0.0.1', 0), closed);
    t.throws(() => plane.setNetwork({ network: NETWORK, mtu: MTU, epoch: 0, oldestEpoch: 0 }), closed);
    t.throws(() => plane.removeNetwork(NETWORK), closed);
    t.throws(
      () => plane.openPort({ port: 5, network: NETWORK, spec: bed.spec('p5'), guarded: false, macs: [] }),
      closed,
    );
    t.throws(() => plane.setPortMacs(1, []), closed);
    t.throws(() => plane.closePort(1), closed);
    t.throws(() => plane.closeLink(1), closed);
    t.throws(() => plane.setEdge(EDGE, []), closed);
    t.throws(() => plane.removeEdge(EDGE), closed);
    t.throws(() => plane.setRecording(EDGE, 1), closed);
    t.throws(() => plane.sendTrain({ link: EDGE, train: 1, sizes: [100], gapsNs: [] }), closed);
    t.throws(() => plane.sendNote(EDGE, new Uint8Array()), closed);
    t.throws(() => plane.sendEcho({ echo: 1, port: 1, source: A, destination: B, bytes: 60 }), closed);
    t.throws(() => plane.applyFlows({ generation: 9, invalidate: [], install: [] }), closed);
    await t.rejects(async () => plane.snapshot(), closed);
    const seen = node.events.length + node.misses.length;
    await bed.pass(100);
    t.equal(node.events.length + node.misses.length, seen, 'nothing is handed over any more');
  },
};
