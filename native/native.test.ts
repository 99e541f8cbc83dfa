/** What the conformance suite cannot see: sockets, reasons, reconnection, split and join, bad ports. */
import { spawn, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { DROP_REASONS, type DropReason, type LinkType } from '../core/index.js';
import { A, B, folder, frame, Peer, Stage, until } from './native-stage.js';

const HEADER_BYTES = 28;
const DATA = 1;
const LOOPBACKS = ['127.0.0.1', '::1'];

for (const type of ['udp', 'tcp'] as const) {
  for (const address of LOOPBACKS) {
    t.test(`${type} over ${address}: frames of a jumbo network cross, split where they must`, async (t) => {
      const files = folder();
      const [a, b] = [new Stage(20_000), new Stage(20_000)];
      t.teardown(() => {
        a.plane.close();
        b.plane.close();
        files.remove();
      });
      const { port } = b.plane.listen('', 0);
      const [near, far] = [await a.unixPort(files.path('a')), await b.unixPort(files.path('b'))];
      b.openLink({ type });
      a.openLink({ type, initiator: true, dial: { address, port } });
      await until(() => a.lastLink()?.up === true && b.lastLink()?.up === true, 'up');
      const sizes = [60, 1514, 2000, 9014, 14_000, 20_014];
      for (const size of sizes) near.send(frame(A, B, size));
      await until(() => far.received.length === sizes.length, 'all frames');
      t.ok(
        sizes.every((size, i) => far.received[i]?.equals(frame(A, B, size))),
        'octet for octet',
      );
      far.send(frame(B, A, 20_014));
      await until(() => near.received.length === 1, 'one back');
      const { links, pairs, drops } = await b.plane.snapshot();
      t.equal(links[0]?.datagramBytes, type === 'udp' ? 8972 : 0, 'what loopback carries was found out');
      t.ok((links[0]?.rttUs ?? 0) > 0);
      t.equal(links[0]?.inFrames, sizes.length);
      t.equal(Math.max(...pairs.outFrames), sizes.length);
      t.equal(
        drops.reduce((sum, count) => sum + count, 0),
        0,
      );
      near.socket.destroy();
      far.socket.destroy();
    });
  }
}

async function reconnects(t: Test, type: LinkType): Promise<void> {
  const [a, first] = [new Stage(), new Stage()];
  t.teardown(() => a.plane.close());
  const { port } = first.plane.listen('127.0.0.1', 0);
  first.openLink({ type });
  a.openLink({ type, initiator: true, dial: { address: '127.0.0.1', port } });
  await until(() => a.lastLink()?.up === true && first.lastLink()?.up === true, 'up');
  t.match(a.lastLink(), { remote: `127.0.0.1:${port}`, reason: 'connected' });
  first.plane.close();
  await until(() => a.lastLink()?.up === false, 'down');
  t.match(a.lastLink()?.reason, /closed the (link|connection)|refused/);
  await until(
    () => /no answer from|refused by/.test(a.lastLink()?.reason ?? ''),
    'the reason why it stays down',
  );
  const second = new Stage();
  t.teardown(() => second.plane.close());
  second.plane.listen('127.0.0.1', port);
  second.openLink({ type });
  await until(() => a.lastLink()?.up === true && second.lastLink()?.up === true, 'up again');
}

t.test('a UDP link comes back when its peer does', (t) => reconnects(t, 'udp'));
t.test('a TCP link comes back when its peer does', (t) => reconnects(t, 'tcp'));

for (const type of ['udp', 'tcp'] as const) {
  t.test(`${type}: both ends dial at once, and agree on one session`, async (t) => {
    const [a, b] = [new Stage(), new Stage()];
    const files = folder();
    t.teardown(() => {
      a.plane.close();
      b.plane.close();
      files.remove();
    });
    const ports = [a.plane.listen('', 0).port, b.plane.listen('', 0).port] as const;
    const [near, far] = [await a.unixPort(files.path('a')), await b.unixPort(files.path('b'))];
    a.openLink({ type, initiator: true, dial: { address: '127.0.0.1', port: ports[1] } });
    b.openLink({ type, dial: { address: '127.0.0.1', port: ports[0] } });
    await until(() => a.lastLink()?.up === true && b.lastLink()?.up === true, 'up');
    await sleep(300);
    for (let i = 0; i < 10; i += 1) {
      near.send(frame(A, B));
      far.send(frame(B, A));
    }
    await until(() => near.received.length === 10 && far.received.length === 10, 'both ways');
    const before = a.events.length;
    await sleep(400);
    t.equal(a.events.length, before, 'and it stays so');
    near.socket.destroy();
    far.socket.destroy();
  });
}

t.test('random octets, and a replayed handshake, leave the plane and its link alone', async (t) => {
  const files = folder();
  const [a, b] = [new Stage(), new Stage()];
  const stranger = dgram.createSocket('udp4');
  // Between a and b, so that it can record and repeat what they say.
  const middle = dgram.createSocket('udp4');
  t.teardown(() => {
    a.plane.close();
    b.plane.close();
    stranger.close();
    middle.close();
    files.remove();
  });
  const { port } = b.plane.listen('127.0.0.1', 0);
  const recorded: Buffer[] = [];
  let aPort = 0;
  await new Promise<void>((resolve) => middle.bind(0, '127.0.0.1', resolve));
  middle.on('message', (octets, from) => {
    if (from.port === port) return middle.send(octets, aPort, '127.0.0.1');
    aPort = from.port;
    recorded.push(octets);
    middle.send(octets, port, '127.0.0.1');
  });
  const [near, far] = [await a.unixPort(files.path('a')), await b.unixPort(files.path('b'))];
  b.openLink({});
  a.openLink({ initiator: true, dial: { address: '127.0.0.1', port: middle.address().port } });
  await until(() => b.lastLink()?.up === true, 'up');

  const connection = net.connect(port, '127.0.0.1');
  connection.on('error', () => undefined);
  let seed = 1;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed;
  };
  for (let i = 0; i < 2000; i += 1) {
    const octets = Buffer.from(Array.from({ length: random() % 200 }, () => (random() >> 8) & 255));
    const known = recorded[i % recorded.length];
    if (i % 2 === 0 && known) known.copy(octets, 0, 0, Math.min(known.length, HEADER_BYTES));
    stranger.send(octets, port, '127.0.0.1');
    if (i % 100 === 0) connection.write(octets);
    if (i % 200 === 0) await sleep(5);
  }
  for (const octets of recorded) stranger.send(octets, port, '127.0.0.1');
  await until(async () => (await b.drops(DROP_REASONS.malformed)) > 100, 'counted as malformed');
  await until(async () => (await b.drops(DROP_REASONS.unknownPeer)) > 0, 'counted as of an unknown peer');
  near.send(frame(A, B));
  await until(() => far.received.length === 1, 'a frame crosses');
  t.equal(b.events.filter((event) => event.kind === 'link').length, 1, 'the link saw nothing of it');
  connection.destroy();
  near.socket.destroy();
  far.socket.destroy();
});

t.test('what the path loses, holds up and repeats is counted once', async (t) => {
  const files = folder();
  const [a, b] = [new Stage(), new Stage()];
  const middle = dgram.createSocket('udp4');
  t.teardown(() => {
    a.plane.close();
    b.plane.close();
    middle.close();
    files.remove();
  });
  const { port } = b.plane.listen('127.0.0.1', 0);
  let [aPort, count] = [0, 0];
  let heldUp: Buffer | undefined;
  const on = (octets: Buffer) => middle.send(octets, port, '127.0.0.1');
  await new Promise<void>((resolve) => middle.bind(0, '127.0.0.1', resolve));
  middle.on('message', (octets, from) => {
    if (from.port === port) return middle.send(octets, aPort, '127.0.0.1');
    aPort = from.port;
    if (((octets[0] ?? 0) & 15) !== DATA) return on(octets);
    const turn = count++ % 10;
    if (turn === 3) return undefined;
    if (turn === 6) {
      heldUp = octets;
      return undefined;
    }
    on(octets);
    if (turn === 8) on(octets);
    if (heldUp) on(heldUp);
    heldUp = undefined;
    return undefined;
  });
  const [near, far] = [await a.unixPort(files.path('a')), await b.unixPort(files.path('b'))];
  const deadAfterMs = 5000;
  b.openLink({ deadAfterMs });
  a.openLink({ deadAfterMs, initiator: true, dial: { address: '127.0.0.1', port: middle.address().port } });
  await until(() => a.lastLink()?.up === true && b.lastLink()?.up === true, 'up');
  near.send(frame(A, B));
  await until(() => far.received.length === 1, 'the flow is known');
  for (let i = 1; i < 100; i += 1) near.send(frame(A, B));
  await until(() => far.received.length === 100, 'ninety, and ten of them twice');
  t.match((await b.plane.snapshot()).links[0], { lost: 10, late: 10 });
  t.match((await a.plane.snapshot()).links[0], { lost: 0, late: 0 });
  near.socket.destroy();
  far.socket.destroy();
});

for (const address of LOOPBACKS) {
  t.test(`a train over ${address}: sizes as the underlay carries them`, async (t) => {
    const rows: [number, number][] = [];
    const [a, b] = [new Stage(), new Stage(1500, (train, bytes) => rows.push([train, bytes]))];
    t.teardown(() => {
      a.plane.close();
      b.plane.close();
    });
    const { port } = b.plane.listen('', 0);
    b.openLink({});
    a.openLink({ initiator: true, dial: { address, port } });
    await until(() => a.lastLink()?.up === true && b.lastLink()?.up === true, 'up');
    b.plane.setRecording(5, 1000);
    await b.plane.snapshot();
    a.plane.sendTrain({ link: 5, train: 1, sizes: [64, 84, 1000], gapsNs: [0, 0] });
    await until(() => rows.filter(([train]) => train === 1).length === 3, 'three packets');
    const least = address === '::1' ? 84 : 64;
    t.strictSame(
      rows.flatMap(([train, bytes]) => (train === 1 ? [bytes] : [])),
      [least, 84, 1000],
    );
    t.throws(() => a.plane.sendTrain({ link: 5, train: 2, sizes: [9100], gapsNs: [] }), {
      code: 'VNET_ERR_INVALID',
      message: /carries packets of \d+ octets, not of 9100/,
    });
  });
}

t.test('a TCP link sends no trains', async (t) => {
  const stage = new Stage();
  t.teardown(() => stage.plane.close());
  stage.openLink({ type: 'tcp' });
  t.throws(() => stage.plane.sendTrain({ link: 5, train: 1, sizes: [100], gapsNs: [] }), {
    code: 'VNET_ERR_INVALID',
  });
});

t.test('a miss without an answer is asked again while its flow goes on', async (t) => {
  const files = folder();
  const stage = new Stage();
  t.teardown(() => {
    stage.plane.close();
    files.remove();
  });
  const near = await stage.unixPort(files.path('near'));
  const far = await stage.unixPort(files.path('far'), { port: 2 });
  stage.decide = () => [{ kind: 'port', port: 2 }];
  stage.silent = true;
  near.send(frame(A, B));
  await sleep(100);
  stage.silent = false;
  await until(async () => {
    near.send(frame(A, B));
    await sleep(50);
    return far.received.length > 0;
  }, 'the flow has an answer');
  near.socket.destroy();
  far.socket.destroy();
});

t.test('connections that prove nothing take no place from one that does', async (t) => {
  const [a, b] = [new Stage(), new Stage()];
  const strangers: net.Socket[] = [];
  t.teardown(() => {
    for (const stranger of strangers) stranger.destroy();
    a.plane.close();
    b.plane.close();
  });
  const { port } = b.plane.listen('127.0.0.1', 0);
  for (let i = 0; i < 300; i += 1) {
    const stranger = net.connect(port, '127.0.0.1').on('error', () => undefined);
    strangers.push(stranger);
    await new Promise((resolve) => stranger.once('connect', resolve));
  }
  await until(async () => (await b.drops(DROP_REASONS.handshake)) >= 300 - 256, 'the oldest are let go');
  b.openLink({ type: 'tcp' });
  const began = Date.now();
  a.openLink({ type: 'tcp', initiator: true, dial: { address: '127.0.0.1', port } });
  await until(() => a.lastLink()?.up === true && b.lastLink()?.up === true, 'up');
  t.ok(Date.now() - began < 1500, 'without waiting for them to be given up');
});

t.test('a link whose peer always hangs up is dialled less and less often', async (t) => {
  const [a, b] = [new Stage(), new Stage()];
  t.teardown(() => {
    a.plane.close();
    b.plane.close();
  });
  const { port } = b.plane.listen('127.0.0.1', 0);
  b.openLink({ type: 'tcp' });
  a.openLink({ type: 'tcp', initiator: true, dial: { address: '127.0.0.1', port }, backoffCapMs: 400 });
  const began = Date.now();
  let ups = 0;
  while (Date.now() - began < 1500) {
    if (b.lastLink()?.up === true) {
      ups += 1;
      b.plane.closeLink(5);
      b.events.length = 0;
      b.openLink({ type: 'tcp' });
    }
    await sleep(2);
  }
  t.ok(ups >= 3 && ups <= 12, `${ups} sessions in 1.5 s`);
});

t.test('ports that cannot be opened say why, and leave nothing behind', async (t) => {
  const files = folder();
  const stage = new Stage();
  t.teardown(() => {
    stage.plane.close();
    files.remove();
  });
  const bad: [string, string][] = [
    ['nonsense', 'VNET_ERR_INVALID'],
    ['pcap:eth0', 'VNET_ERR_INVALID'],
    ['tap:', 'VNET_ERR_INVALID'],
    ['tap:a-name-that-is-too-long', 'VNET_ERR_INVALID'],
    ['packet:no/such', 'VNET_ERR_INVALID'],
    ['packet:nosuchdevice', 'VNET_ERR_NOT_FOUND'],
    ['bridge:nosuchbridge', 'VNET_ERR_NOT_FOUND'],
    [`unix:${files.path('no/folder')}`, 'VNET_ERR_NOT_FOUND'],
    [`unix:${'x'.repeat(200)}`, 'VNET_ERR_INVALID'],
  ];
  for (const [spec, code] of bad) t.throws(() => stage.openPort(spec), { code, hint: /\w/ }, spec);
  writeFileSync(files.path('file'), 'not a socket');
  t.throws(() => stage.openPort(`unix:${files.path('file')}`), { code: 'VNET_ERR_EXISTS' });
  const server = net.createServer().listen(files.path('used'));
  await new Promise((resolve) => server.once('listening', resolve));
  t.throws(() => stage.openPort(`unix:${files.path('used')}`), { code: 'VNET_ERR_EXISTS' });
  server.close();
  t.strictSame((await stage.plane.snapshot()).ports, []);

  t.throws(
    () =>
      stage.plane.applyFlows({
        generation: 0,
        invalidate: [],
        install: [
          {
            network: 1,
            ground: 0,
            ingress: 1,
            source: A,
            destination: B,
            fromEpoch: 0,
            toEpoch: 1,
            actions: [{ kind: 'drop', reason: 99 as DropReason }],
          },
        ],
      }),
    { code: 'VNET_ERR_INVALID' },
    'a drop reason that has no counter',
  );

  const peer = await stage.unixPort(files.path('good'));
  t.throws(() => stage.openPort(`unix:${files.path('good')}`, { port: 2 }), { code: 'VNET_ERR_EXISTS' });
  peer.socket.destroy();
  await until(() => !stage.portIsUp(), 'the peer is gone');
  const again = new Peer(files.path('good'));
  await until(() => stage.portIsUp(), 'another one came');
  again.socket.destroy();
  stage.plane.closePort(1);
  const reopened = await stage.unixPort(files.path('good'));
  reopened.socket.destroy();

  const { port } = stage.plane.listen('127.0.0.1', 0);
  const other = new Stage();
  t.teardown(() => other.plane.close());
  t.throws(() => other.plane.listen('127.0.0.1', port), { code: 'VNET_ERR_EXISTS' });
  t.throws(() => other.plane.listen('not an address', 0), { code: 'VNET_ERR_INVALID' });
  t.throws(() => other.plane.listen('192.0.2.1', 0), { code: 'VNET_ERR_NOT_FOUND' });
  t.throws(() => other.openLink({ dial: { address: 'example', port: 1 } }), { code: 'VNET_ERR_INVALID' });
});

t.test('a dead listener leaves its socket file, which is replaced', async (t) => {
  const files = folder();
  const stage = new Stage();
  t.teardown(() => {
    stage.plane.close();
    files.remove();
  });
  // A killed process does not unlink.
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  const { signal } = spawnSync(process.execPath, ['-e', script, files.path('stale')]);
  t.equal(signal, 'SIGKILL');
  const peer = await stage.unixPort(files.path('stale'));
  peer.socket.destroy();
});

t.test('unix-connect: the listener comes later, goes, and comes again', async (t) => {
  const files = folder();
  const path = files.path('qemu.sock');
  const stage = new Stage();
  const peers: net.Socket[] = [];
  const received: Buffer[] = [];
  const listen = async () => {
    const server = net.createServer((socket) => {
      peers.push(socket);
      socket.on('data', (data) => received.push(data)).on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return server;
  };
  t.teardown(() => {
    stage.plane.close();
    for (const peer of peers) peer.destroy();
    files.remove();
  });
  t.throws(() => stage.openPort('unix-connect:'), { code: 'VNET_ERR_INVALID' });
  stage.openPort(`unix-connect:${path}`);
  const other = await stage.unixPort(files.path('other'), { port: 2 });
  stage.decide = ({ ingress }) => [{ kind: 'port', port: ingress === 1 ? 2 : 1 }];
  const reasons = () => stage.events.flatMap((event) => (event.kind === 'port' ? [event.reason] : []));
  await until(() => reasons().includes(`nobody listens at ${path} yet`), 'the reason');
  other.send(frame(B, A));
  await until(async () => (await stage.drops(DROP_REASONS.portQueue)) === 1, 'counted');

  for (const round of [1, 2]) {
    const server = await listen();
    await until(() => stage.portIsUp(), 'connected');
    other.send(frame(B, A, 60 + round));
    await until(() => received.length === round, 'a frame');
    t.equal(received.at(-1)?.length, 4 + 60 + round);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(70);
    peers.at(-1)?.write(Buffer.concat([length, frame(A, B, 70)]));
    await until(() => other.received.length === round, 'one back');
    peers.at(-1)?.destroy();
    server.close();
    await until(() => !stage.portIsUp(), 'gone');
  }
  t.equal(peers.length, 2, 'one connection each time');
  other.socket.destroy();
});

/** Of a QEMU that may still be starting. */
function announceSelf(monitor: string): void {
  const qmp = net.connect(monitor);
  qmp.on('error', () => qmp.destroy());
  qmp.write('{"execute":"qmp_capabilities"}{"execute":"announce-self","arguments":');
  qmp.write('{"initial":50,"max":550,"rounds":5,"step":50}}');
  setTimeout(() => qmp.destroy(), 200);
}

const qemu = ['/usr/bin', '/usr/local/bin']
  .map((directory) => `${directory}/qemu-system-x86_64`)
  .find((path) => existsSync(path));
t.test(
  'unix-connect: QEMU listens, starts again, and announces its VM',
  { skip: !qemu && 'needs QEMU' },
  async (t) => {
    const files = folder();
    const [path, monitor] = [files.path('vm.sock'), files.path('qmp.sock')];
    const stage = new Stage();
    t.teardown(() => {
      stage.plane.close();
      files.remove();
    });
    stage.openPort(`unix-connect:${path}`, { guarded: true });
    const announcements = () =>
      stage.events.filter((event) => event.kind === 'source' && event.announced && event.source === A).length;
    for (const round of [1, 2]) {
      const before = announcements();
      const vm = spawn(
        qemu ?? '',
        [
          ...['-nodefaults', '-display', 'none', '-accel', 'tcg', '-m', '32'],
          ...['-netdev', `stream,id=n,server=on,addr.type=unix,addr.path=${path}`],
          ...['-device', 'virtio-net-pci,netdev=n,romfile=,mac=02:00:00:00:00:01'],
          ...['-qmp', `unix:${monitor},server=on,wait=off`],
        ],
        { stdio: 'ignore' },
      );
      t.teardown(() => vm.kill('SIGKILL'));
      await until(() => stage.portIsUp(), `QEMU is there, ${round}`);
      const asking = setInterval(() => announceSelf(monitor), 250);
      await until(() => announcements() > before, `its announcement, ${round}`).finally(() =>
        clearInterval(asking),
      );
      vm.kill('SIGKILL');
      await until(() => !stage.portIsUp(), 'gone');
      for (const socket of [path, monitor]) rmSync(socket, { force: true });
    }
  },
);
