/** Links and edges: handshake, failover, ground, hop limit, what crosses. */
import type { LinkType } from '../../core/index.js';
import type { ConformanceCase } from './bed.js';
import {
  A,
  ALL,
  B,
  couple,
  DIRECT,
  EDGE,
  frame,
  Joint,
  MTU,
  NETWORK,
  Node,
  OTHER_NETWORK,
  STAR_A,
  STAR_B,
  sequences,
  toEdge,
  toPort,
  triangle,
  until,
} from './stage.js';

const QUIET_MS = 150;

const crosses =
  (type: LinkType): ConformanceCase =>
  async (t, bed) => {
    const { a, b, near, far } = await couple(bed, type);
    const longest = MTU + 14;
    near.send(frame(A, B, 1));
    near.send(frame(A, B, 2, longest));
    for (let i = 3; i <= 50; i += 1) near.send(frame(A, B, i));
    await until(bed, () => far.received.length === 50, 'fifty frames');
    t.strictSame(
      sequences(far),
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    t.strictSame(Buffer.from(far.received[1] ?? []), frame(A, B, 2, longest));
    t.strictSame(b.misses, [
      { network: NETWORK, ground: 0, ingress: EDGE, source: A, destination: B, epoch: 0 },
    ]);
    const [here, there] = [await a.snapshot(), await b.snapshot()];
    const bytes = 49 * 60 + longest;
    t.strictSame([here.pairs.inFrames[0], here.pairs.inBytes[0], here.pairs.outFrames[0]], [50, bytes, 0]);
    t.strictSame(
      [there.pairs.inFrames[0], there.pairs.outFrames[0], there.pairs.outBytes[0]],
      [0, 50, bytes],
    );
    t.match(here.links, [{ id: EDGE, up: true, outFrames: 50, inFrames: 0, drops: 0 }]);
    t.match(there.links, [{ id: EDGE, up: true, inFrames: 50, outFrames: 0, drops: 0 }]);
  };

export const linkTests: Record<string, ConformanceCase> = {
  'frames cross a UDP link, in order, whole': crosses('udp'),
  'frames cross a TCP link, in order, whole': crosses('tcp'),

  'a link that goes down is told, and comes back by itself': async (t, bed) => {
    const { a, near, far, joint } = await couple(bed);
    joint.cut();
    await until(bed, () => !a.linkIsUp(EDGE), 'down');
    const down = a.events.findLast((event) => event.kind === 'link');
    t.ok(down?.kind === 'link' && down.reason.length > 0, 'with a reason');
    joint.restore();
    await until(bed, () => joint.up, 'up again');
    near.send(frame(A, B, 1));
    await until(bed, () => far.received.length === 1, 'a frame');
    t.match((await a.snapshot()).links, [{ up: true }]);
  },

  'an edge uses its first live link, without asking anyone': async (t, bed) => {
    const [a, b] = [new Node(bed, 'a'), new Node(bed, 'b')];
    const [near, far] = [await a.port(1), await b.port(2)];
    const [udp, tcp] = [new Joint(a, b, 1, EDGE, 'udp'), new Joint(a, b, 2, EDGE, 'tcp')];
    for (const { at } of [a, b]) at.plane.setEdge(EDGE, [1, 2]);
    await until(bed, () => udp.up && tcp.up, 'both up');
    a.decide = () => [toEdge(EDGE)];
    b.decide = () => [toPort(2)];
    const sentBy = async () => {
      const { links } = await a.snapshot();
      return [1, 2].map((id) => links.find((link) => link.id === id)?.outFrames ?? 0);
    };
    near.send(frame(A, B, 1));
    await until(bed, () => far.received.length === 1, 'over UDP');
    t.strictSame(await sentBy(), [1, 0]);
    a.at.plane.setEdge(EDGE, [2, 1]);
    await a.settled();
    near.send(frame(A, B, 2));
    await until(bed, () => far.received.length === 2, 'over TCP');
    t.strictSame(await sentBy(), [1, 1]);
    a.at.plane.closeLink(2);
    await a.settled();
    near.send(frame(A, B, 3));
    await until(bed, () => far.received.length === 3, 'over UDP again');
    t.strictSame([a.misses.length, b.misses.length], [1, 1], 'an ingress is an edge, not a link');
  },

  'ground: a frame whose edge is dead takes the star, and the edge again when it is back': async (t, bed) => {
    const { a, b, proxy, near, far, direct } = await triangle(bed);
    near.send(frame(A, B, 1));
    await until(bed, () => far.received.length === 1, 'direct');
    direct.cut();
    await until(bed, () => !a.linkIsUp(DIRECT), 'the direct link is down');
    near.send(frame(A, B, 2));
    await until(bed, () => far.received.length === 2, 'over the star');
    t.match(proxy.misses, [{ ground: 1, ingress: STAR_A, source: A, destination: B }]);
    t.match(b.misses, [
      { ground: 0, ingress: DIRECT },
      { ground: 1, ingress: STAR_B },
    ]);
    t.strictSame(
      a.misses.map(({ ground }) => ground),
      [0, 1],
      'same ingress, looked up with the ground bit',
    );
    direct.restore();
    await until(bed, () => direct.up, 'direct again');
    near.send(frame(A, B, 3));
    await until(bed, () => far.received.length === 3, 'direct again');
    t.strictSame([sequences(far), proxy.misses.length, b.misses.length], [[1, 2, 3], 1, 2]);
  },

  'ground: a group frame over a dead edge drops, and so does what is on the ground': async (t, bed) => {
    const { a, near, direct, starA } = await triangle(bed);
    direct.cut();
    await until(bed, () => !a.linkIsUp(DIRECT), 'down');
    near.send(frame(A, ALL, 1));
    await until(bed, async () => (await a.drops('groupEdgeDead')) === 1, 'a group frame is dropped');
    starA.cut();
    await until(bed, () => !a.linkIsUp(STAR_A), 'the star is down');
    near.send(frame(A, B, 2));
    await until(bed, async () => (await a.drops('groundDead')) === 1, 'on the ground it is dropped');
    t.match((await a.snapshot()).ports, [{ id: 1, drops: 2 }]);
  },

  'ground: the action sends there too, and there a frame may turn round': async (t, bed) => {
    const { a, b, near, far } = await couple(bed);
    a.decide = ({ ground, ingress }) =>
      ground === 0 ? [{ kind: 'ground' }] : [ingress === 1 ? toEdge(EDGE) : toPort(1)];
    b.decide = ({ destination }) => (destination === B ? [toEdge(EDGE)] : [toPort(2)]);
    near.send(frame(A, B, 1));
    await until(bed, () => near.received.length === 1, 'back from b');
    t.match(b.misses, [{ ground: 1, ingress: EDGE }]);
    t.equal(far.received.length, 0);
  },

  'a loop made on purpose ends by the hop limit': async (t, bed) => {
    const { a, b, near } = await couple(bed);
    a.decide = ({ ground }) => [ground === 0 ? { kind: 'ground' } : toEdge(EDGE)];
    b.decide = () => [toEdge(EDGE)];
    near.send(frame(A, B, 1));
    const ended = async () => (await a.drops('hopLimit')) + (await b.drops('hopLimit'));
    await until(bed, async () => (await ended()) === 1, 'the frame is dropped');
    const sent = (await a.snapshot()).links[0]?.outFrames ?? 0;
    t.ok(sent > 1 && sent < 256, `it went ${sent} times from a to b`);
    await bed.pass(QUIET_MS);
    t.equal((await a.snapshot()).links[0]?.outFrames, sent, 'and is gone');
  },

  'epochs: the neighbouring one is known, others go to ground, with the present one': async (t, bed) => {
    const { a, b, near, far } = await couple(bed);
    b.network({ epoch: 2, oldestEpoch: 1 });
    const arrives = async (epoch: number) => {
      a.network({ epoch, oldestEpoch: 0 });
      b.invalidate({});
      await Promise.all([a.settled(), b.settled()]);
      b.misses.length = 0;
      const before = far.received.length;
      near.send(frame(A, B, epoch));
      await until(bed, () => far.received.length > before, `a frame of epoch ${epoch}`);
      return b.misses.map(({ ground, epoch }) => [ground, epoch]);
    };
    t.strictSame(await arrives(0), [[1, 2]]);
    t.strictSame(await arrives(1), [[0, 1]]);
    t.strictSame(await arrives(2), [[0, 2]]);
    t.strictSame(await arrives(3), [[0, 3]]);
    t.strictSame(await arrives(4), [[1, 2]]);
  },

  'networks on one link never mix, and an unknown one is dropped': async (t, bed) => {
    const { a, b, near, far } = await couple(bed);
    a.network({ network: OTHER_NETWORK });
    const other = await a.port(3, { network: OTHER_NETWORK });
    other.send(frame(A, B, 1));
    await until(bed, async () => (await b.drops('unknownNetwork')) === 1, 'b does not know it');
    b.network({ network: OTHER_NETWORK });
    await b.settled();
    const otherFar = await b.port(4, { network: OTHER_NETWORK });
    b.decide = ({ network }) => [toPort(network === NETWORK ? 2 : 4)];
    other.send(frame(A, B, 2));
    near.send(frame(A, B, 3));
    await until(bed, () => far.received.length + otherFar.received.length === 2, 'both');
    t.strictSame([sequences(far), sequences(otherFar)], [[3], [2]]);
    t.equal((await b.snapshot()).pairs.rows, 2);
  },

  'a group frame from an edge is not sent back there': async (t, bed) => {
    const { a, b, near, far } = await couple(bed);
    b.decide = () => [toPort(2), toEdge(EDGE)];
    near.send(frame(A, ALL, 1));
    await until(bed, () => far.received.length === 1, 'the frame');
    await bed.pass(QUIET_MS);
    t.equal((await b.snapshot()).links[0]?.outFrames, 0);
    t.equal((await a.snapshot()).links[0]?.inFrames, 0);
  },

  'a wrong secret makes no link': async (t, bed) => {
    const [a, b] = [new Node(bed, 'a'), new Node(bed, 'b')];
    const joint = new Joint(a, b, 1, EDGE, 'udp', [1, 2]);
    const refused = async () => (await a.drops('handshake')) + (await b.drops('handshake'));
    await until(bed, async () => (await refused()) > 0, 'the handshake is refused');
    await bed.pass(QUIET_MS);
    t.notOk(a.linkIsUp(joint.link) || b.linkIsUp(joint.link));
  },

  'strangers are counted, and change nothing': async (t, bed) => {
    const { b, near, far } = await couple(bed);
    for (let length = 0; length < 200; length += 7) bed.noise(b.at, new Uint8Array(length).fill(length));
    const counted = async () => (await b.drops('malformed')) + (await b.drops('unknownPeer'));
    await until(bed, async () => (await counted()) >= 28, 'counted');
    near.send(frame(A, B, 1));
    await until(bed, () => far.received.length === 1, 'a frame');
    t.strictSame(sequences(far), [1]);
  },
};
