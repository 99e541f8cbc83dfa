/** Both ends of a real control channel on loopback: bulk beside notices, and what a reader that stands still costs. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import {
  BULK_KINDS,
  BULK_MAX_BYTES,
  BULK_QUEUE_MAX_BYTES,
  CALL_UNTIL_CLOSED,
  ChannelPeer,
  type PeerHandlers,
} from './index.js';

const ANSWERS: PeerHandlers = {
  onCall: async (name) => `${name} answered`,
  onNotice: () => {},
};

/** Two joined ends and their sockets. */
async function join(t: { teardown(done: () => void): unknown }, far: Partial<PeerHandlers>) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const arrived = new Promise<WebSocket>((resolve) => server.once('connection', resolve));
  await new Promise((resolve) => server.once('listening', resolve));
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const opened = new Promise((resolve) => socket.once('open', resolve));
  const farSocket = await arrived;
  await opened;
  const peers = {
    near: new ChannelPeer(socket, ANSWERS),
    far: new ChannelPeer(farSocket, { ...ANSWERS, ...far }),
  };
  t.teardown(() => {
    peers.near.close();
    peers.far.close();
    server.close();
  });
  return { ...peers, nearSocket: socket, farSocket };
}

t.test('bulk arrives octet for octet, in order with notices', async (t) => {
  const heard: unknown[] = [];
  const { near, far } = await join(t, {
    onBulk: (kind, bytes) => heard.push([kind, ...bytes]),
    onNotice: (name, body) => heard.push([name, body]),
  });
  t.equal(near.sendBulk(BULK_KINDS.traffic, Uint8Array.of(1, 2, 255)), true);
  near.notify('event', 1);
  t.equal(near.sendBulk(BULK_KINDS.traffic, new Uint8Array()), true);
  t.equal(near.sendBulk(100, Uint8Array.of(0)), true, 'kinds of a later version too');
  t.equal(await near.call('view', []), 'view answered');
  t.same(heard, [[1, 1, 2, 255], ['event', 1], [1], [100, 0]]);
  t.equal(await far.call('view', []), 'view answered', 'an end without a bulk handler goes on');
  t.equal(far.sendBulk(BULK_KINDS.traffic, Uint8Array.of(1)), true);
  t.equal(await far.call('view', []), 'view answered');
});

t.test('a large message goes in pieces: others pass it, and it arrives whole', async (t) => {
  const heard: string[] = [];
  let whole: Uint8Array = new Uint8Array();
  const { near, nearSocket } = await join(t, {
    onBulk(kind, bytes, length) {
      heard.push(`bulk ${kind} ${length}`);
      whole = bytes;
    },
    onNotice: (name) => heard.push(name),
  });
  const large = randomBytes(5_000_001);
  t.equal(near.sendBulk(BULK_KINDS.traffic, large), true);
  t.equal(near.congested, true);
  t.equal(near.sendBulk(BULK_KINDS.traffic, Uint8Array.of(1)), false, 'one at a time');
  near.notify('event', 1);
  t.equal(await near.call('view', []), 'view answered');
  t.same(heard, ['event'], 'the notice and the call overtook it');
  while (near.congested) await new Promise((resolve) => setImmediate(resolve));
  await near.call('view', []);
  t.same(heard, ['event', 'bulk 1 5000001']);
  t.ok(large.equals(whole));

  t.equal(near.sendBulk(BULK_KINDS.traffic, new Uint8Array(BULK_MAX_BYTES + 1)), false);
  // One that does not keep to it: nothing is kept, and what comes later is read.
  const piece = Buffer.alloc(1 + BULK_MAX_BYTES / 2, 0x81);
  for (let n = 0; n < 3; n++) nearSocket.send(piece);
  nearSocket.send(Buffer.of(1, 7));
  nearSocket.send(Buffer.of(1, 8));
  await near.call('view', []);
  t.same(heard.slice(2), [`bulk 1 ${(BULK_MAX_BYTES / 2) * 3 + 1}`, 'bulk 1 1']);
  t.same([...whole], [8]);
});

t.test(
  'a reader that stands still: bulk is left out, the queue stays short, calls come through',
  async (t) => {
    let bulk = 0;
    const { near, farSocket } = await join(t, { onBulk: () => bulk++ });
    const piece = new Uint8Array(32 * 1024);
    farSocket.pause();
    let sent = 0;
    let refused = 0;
    for (let n = 0; n < 4000; n++) {
      if (near.sendBulk(BULK_KINDS.traffic, piece)) sent++;
      else refused++;
      if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    t.ok(refused > 0, `${refused} left out`);
    t.equal(near.congested, true);
    const call = near.call('view', []);
    farSocket.resume();
    t.equal(await call, 'view answered');
    t.equal(near.congested, false);
    t.equal(bulk, sent, 'what was taken arrived');
    t.ok(sent < 4000);
    t.ok(BULK_QUEUE_MAX_BYTES >= piece.length);
  },
);

t.test('a closed channel takes nothing, and an empty message ends it', async (t) => {
  const { near, far, farSocket } = await join(t, {});
  const ended = new Promise<string>((resolve) => {
    near.onClose = resolve;
  });
  farSocket.send(Buffer.alloc(0));
  t.equal(await ended, 'an empty message');
  t.equal(near.congested, true);
  t.equal(near.sendBulk(BULK_KINDS.traffic, Uint8Array.of(1)), false);
  far.close();
});

t.test('a message that cannot be taken ends its channel, and not the process', async (t) => {
  const { near, far } = await join(t, {
    onNotice: () => {
      throw new Error('é'.repeat(200));
    },
  });
  const ended = new Promise<string>((resolve) => {
    far.onClose = resolve;
  });
  near.notify('event', null);
  t.match(await ended, /^a message that cannot be taken: é{200}$/);
});

t.test('a call says how long it may take; one that may take for ever ends with the channel', async (t) => {
  const told: unknown[] = [];
  const { near, far } = await join(t, {
    onCall: async (_name, _args, progress) => {
      progress(1);
      return new Promise(() => {});
    },
  });
  await t.rejects(
    near.call('vm.start', [], (body) => told.push(body), 50),
    { code: 'VNET_ERR_TIMEOUT', message: 'no answer to "vm.start" in 0.05 s' },
  );
  t.same(told, [1]);
  const lasting = near.call('moveVms', [], undefined, CALL_UNTIL_CLOSED);
  far.close('the Proxy stops');
  await t.rejects(lasting, { code: 'VNET_ERR_UNREACHABLE' });
});
