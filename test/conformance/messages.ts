/** Notes from daemon to daemon, and echoes from port to port. */
import { DROP_REASONS, NOTE_BYTES_MAX, NOTES_PER_SECOND_MAX } from '../../core/index.js';
import type { ConformanceCase } from './bed.js';
import {
  A,
  B,
  C,
  couple,
  DIRECT,
  EDGE,
  frame,
  MTU,
  NETWORK,
  Node,
  STAR_A,
  STAR_B,
  toDrop,
  toPort,
  triangle,
  until,
} from './stage.js';

const QUIET_MS = 150;
const LEAST_ECHO = 60;

const notes = ({ events }: Node) =>
  events.flatMap((event) => (event.kind === 'note' ? [[event.link, ...event.note]] : []));
const echoes = ({ events }: Node) =>
  events.flatMap((event) => (event.kind === 'echo' ? [[event.echo, event.hops]] : []));
const echo = (more: Partial<Parameters<Node['at']['plane']['sendEcho']>[0]> = {}) => ({
  echo: 1,
  port: 1,
  source: A,
  destination: B,
  bytes: LEAST_ECHO,
  ...more,
});

const noteCrosses =
  (type: 'udp' | 'tcp'): ConformanceCase =>
  async (t, bed) => {
    const { a, b, joint } = await couple(bed, type);
    const longest = new Uint8Array(NOTE_BYTES_MAX).fill(7);
    a.at.plane.sendNote(EDGE, Uint8Array.of(1, 2, 3));
    a.at.plane.sendNote(EDGE, new Uint8Array());
    a.at.plane.sendNote(EDGE, longest);
    b.at.plane.sendNote(EDGE, Uint8Array.of(9));
    await until(bed, () => notes(b).length === 3 && notes(a).length === 1, 'four notes');
    t.strictSame(notes(b), [[EDGE, 1, 2, 3], [EDGE], [EDGE, ...longest]]);
    t.strictSame(notes(a), [[EDGE, 9]]);
    joint.cut();
    await until(bed, () => !a.linkIsUp(EDGE), 'down');
    a.at.plane.sendNote(EDGE, Uint8Array.of(4));
    joint.restore();
    await until(bed, () => joint.up, 'up again');
    a.at.plane.sendNote(EDGE, Uint8Array.of(5));
    await until(bed, () => notes(b).length === 4, 'a note');
    t.strictSame(notes(b)[3], [EDGE, 5], 'one for a link that is down is nobody’s');
  };

export const messageTests: Record<string, ConformanceCase> = {
  'notes cross a UDP link': noteCrosses('udp'),
  'notes cross a TCP link': noteCrosses('tcp'),

  'more notes than a link may send are dropped, and counted': async (t, bed) => {
    const { a, b } = await couple(bed);
    const all = 4 * NOTES_PER_SECOND_MAX;
    for (let i = 0; i < all; i += 1) a.at.plane.sendNote(EDGE, Uint8Array.of(i % 256));
    await until(bed, async () => notes(b).length + (await a.drops('noteRate')) === all, 'all accounted for');
    t.ok(notes(b).length >= NOTES_PER_SECOND_MAX && (await a.drops('noteRate')) > 0);
  },

  'an echo is answered where it would leave, and nobody sees it': async (t, bed) => {
    const { a, b, near, far } = await couple(bed);
    a.at.plane.closePort(1);
    const guarded = await bed.openPort(
      a.at,
      { port: 1, network: NETWORK, guarded: true, macs: [] },
      'guarded',
    );
    a.decide = ({ ingress }) => (ingress === 1 ? [{ kind: 'edge', edge: EDGE }] : [toPort(1)]);
    b.decide = ({ ingress }) => (ingress === EDGE ? [toPort(2)] : [{ kind: 'edge', edge: EDGE }]);
    a.at.plane.sendEcho(echo({ echo: 41 }));
    await until(bed, () => echoes(a).length === 1, 'an answer');
    t.strictSame(echoes(a), [[41, 1]]);
    t.strictSame(
      [a, b].map(({ misses }) =>
        misses.map(({ ingress, source, destination }) => [ingress, source, destination]),
      ),
      [
        [
          [1, A, B],
          [EDGE, B, A],
        ],
        [
          [EDGE, A, B],
          [2, B, A],
        ],
      ],
      'there and back by what the rules say',
    );
    a.at.plane.sendEcho(echo({ echo: 42, bytes: MTU + 14 }));
    await until(bed, () => echoes(a).length === 2, 'the longest, in pieces where it must');
    await bed.pass(QUIET_MS);
    for (const node of [a, b]) {
      const { pairs, ports } = await node.snapshot();
      t.equal(pairs.rows, 0, 'no pair counts it');
      t.match(ports, [{ inFrames: 0, outFrames: 0, drops: 0 }]);
      t.notOk(
        node.events.some(({ kind }) => kind === 'source'),
        'no port learns from it',
      );
    }
    t.strictSame(
      [near, guarded, far].map(({ received }) => received.length),
      [0, 0, 0],
    );
    t.strictSame(echoes(b), []);
  },

  'echoes count the links they cross: none, one, two': async (t, bed) => {
    const { a, b, proxy, direct } = await triangle(bed);
    await a.port(3);
    a.decide = ({ ground, ingress, destination }) => {
      if (destination === A) return [toPort(1)];
      if (destination === C) return [toPort(3)];
      return [{ kind: 'edge', edge: ground === 1 && ingress === 1 ? STAR_A : DIRECT }];
    };
    b.decide = ({ destination, ground }) =>
      destination === B ? [toPort(2)] : [{ kind: 'edge', edge: ground === 1 ? STAR_B : DIRECT }];
    proxy.decide = ({ destination }) => [{ kind: 'edge', edge: destination === B ? STAR_B : STAR_A }];
    a.at.plane.sendEcho(echo({ echo: 1, destination: C }));
    await until(bed, () => echoes(a).length === 1, 'an answer from the same host');
    a.at.plane.sendEcho(echo({ echo: 2 }));
    await until(bed, () => echoes(a).length === 2, 'an answer over the direct link');
    direct.cut();
    await until(bed, () => !a.linkIsUp(DIRECT), 'the direct link is down');
    a.at.plane.sendEcho(echo({ echo: 3 }));
    await until(bed, () => echoes(a).length === 3, 'an answer over the star');
    t.strictSame(echoes(a), [
      [1, 0],
      [2, 1],
      [3, 2],
    ]);
    t.ok(proxy.misses.every(({ ground }) => ground === 1));
  },

  'an echo that goes nowhere is dropped with the reason of a frame': async (t, bed) => {
    const { a, b } = await couple(bed);
    b.decide = () => [toDrop('rule')];
    a.at.plane.sendEcho(echo());
    await until(bed, async () => (await b.drops('rule')) === 1, 'a rule');
    b.decide = () => [toPort(9)];
    a.at.plane.sendEcho(echo({ source: C }));
    await until(bed, async () => (await b.drops('portClosed')) === 1, 'no such port');
    t.strictSame(echoes(a), []);
  },

  'an echo in a loop ends by the hop limit': async (t, bed) => {
    const { a, b } = await couple(bed);
    a.decide = ({ ground }) => [ground === 0 ? { kind: 'ground' } : { kind: 'edge', edge: EDGE }];
    b.decide = () => [{ kind: 'edge', edge: EDGE }];
    a.at.plane.sendEcho(echo());
    const ended = async () => (await a.drops('hopLimit')) + (await b.drops('hopLimit'));
    await until(bed, async () => (await ended()) === 1, 'it is dropped');
    t.strictSame(echoes(a), []);
  },

  'an echo is of its epoch': async (t, bed) => {
    const { a, b } = await couple(bed);
    b.network({ epoch: 2, oldestEpoch: 1 });
    b.decide = ({ destination }) => (destination === B ? [toPort(2)] : [{ kind: 'edge', edge: EDGE }]);
    a.decide = ({ ingress }) => (ingress === 1 ? [{ kind: 'edge', edge: EDGE }] : [toPort(1)]);
    a.at.plane.sendEcho(echo());
    await until(bed, () => echoes(a).length === 1, 'an answer');
    t.match(b.misses[0], { epoch: 2, ground: 1 }, 'one too old goes to ground, with the epoch of there');
    t.match(a.misses[1], { epoch: 0, ground: 1 }, 'and so does one too new');
  },

  'a VM cannot make an echo, nor answer one': async (t, bed) => {
    const { a, b, near, far } = await couple(bed);
    for (const kind of [1, 2]) {
      const forged = frame(A, B, 0);
      forged[14] = kind;
      near.send(forged);
    }
    await until(bed, () => far.received.length === 2, 'both are delivered');
    await bed.pass(QUIET_MS);
    t.strictSame([echoes(a), echoes(b), near.received.length], [[], [], 0]);
    t.equal((await b.snapshot()).pairs.outFrames[0], 2);
  },

  'answers are rationed': async (t, bed) => {
    const node = new Node(bed, 'a');
    await Promise.all([node.port(1), node.port(2)]);
    node.decide = ({ destination }) => [toPort(destination === B ? 2 : 1)];
    node.at.plane.sendEcho(echo());
    await until(bed, () => echoes(node).length === 1, 'an answer');
    for (let i = 2; i <= 400; i += 1) node.at.plane.sendEcho(echo({ echo: i }));
    await until(
      bed,
      async () => echoes(node).length + (await node.drops('noteRate')) === 400,
      'answered or dropped',
    );
    t.ok((await node.snapshot()).drops[DROP_REASONS.noteRate] !== 0);
  },
};
