/**
 * Ports on real devices: TAP, bridge, packet. Runs itself again in a network namespace of its own (and, for an
 * ordinary user, a user namespace), where it makes the devices; they go with the namespace.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { A, B, folder, frame, Stage, until } from './native-stage.js';

const INSIDE = 'VNET_TEST_INSIDE_NAMESPACE';
const UNSHARE = ['--user', '--map-root-user', '--net'];

const ip = (...words: string[]) =>
  execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
// Not /sys/class/net: that is mounted for the namespace outside.
const devices = () => Array.from(ip('-o', 'link').matchAll(/^\d+: ([^:@]+)/gm), ([, name]) => name ?? '');

function whyNot(): string | false {
  const probe = spawnSync('unshare', [
    ...UNSHARE,
    'ip',
    'link',
    'add',
    'p0',
    'type',
    'veth',
    'peer',
    'name',
    'p1',
  ]);
  if (probe.status === 0) return false;
  return `no network namespaces here: ${probe.error?.message ?? probe.stderr.toString().trim()}`;
}

function outside(): void {
  const skip = whyNot();
  t.test('ports on devices, in a namespace', { skip }, async (t) => {
    const child = spawn('unshare', [...UNSHARE, process.execPath, fileURLToPath(import.meta.url)], {
      env: { ...process.env, [INSIDE]: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    if (code !== 0) t.comment(output);
    t.equal(code, 0);
    for (const [line] of output.matchAll(/# SKIP.*/g)) t.comment(line);
  });
}

function inside(): void {
  // Nothing but our own frames: no neighbour discovery from the kernel.
  const quiet = (name: string) =>
    execFileSync('sh', ['-c', `echo 1 > /proc/sys/net/ipv6/conf/${name}/disable_ipv6`]);
  const noTun = existsSync('/dev/net/tun') ? false : '/dev/net/tun is missing';

  t.test('packet: frames pass both ways; a deleted device is told, and found again', async (t) => {
    const files = folder();
    const [a, b] = [new Stage(), new Stage()];
    t.teardown(() => {
      a.plane.close();
      b.plane.close();
      files.remove();
    });
    const make = () => {
      ip('link', 'add', 'x0', 'type', 'veth', 'peer', 'name', 'x1');
      for (const name of ['x0', 'x1']) {
        quiet(name);
        ip('link', 'set', name, 'up');
      }
    };
    make();
    const cross = ({ ingress }: { ingress: number }) => [
      { kind: 'port' as const, port: ingress === 1 ? 2 : 1 },
    ];
    a.decide = cross;
    b.decide = cross;
    const [near, far] = [await a.unixPort(files.path('a')), await b.unixPort(files.path('b'))];
    a.openPort('packet:x0', { port: 2 });
    b.openPort('packet:x1', { port: 2 });
    await until(() => a.portIsUp(2) && b.portIsUp(2), 'up');
    near.send(frame(A, B, 1514));
    far.send(frame(B, A, 60));
    await until(() => far.received.length === 1 && near.received.length === 1, 'both frames');
    t.ok(far.received[0]?.equals(frame(A, B, 1514)) && near.received[0]?.equals(frame(B, A, 60)));
    t.throws(() => a.openPort('packet:x0', { port: 3 }), { code: 'VNET_ERR_EXISTS' });
    t.throws(() => a.openPort('bridge:x1', { port: 3 }), { code: 'VNET_ERR_INVALID' });

    ip('link', 'del', 'x0');
    await until(() => !a.portIsUp(2) && !b.portIsUp(2), 'both told');
    t.match(
      a.events.findLast((event) => event.kind === 'port'),
      { reason: /x0/ },
    );
    make();
    await until(() => a.portIsUp(2) && b.portIsUp(2), 'opened again');
    near.send(frame(A, B, 100));
    await until(() => far.received.length === 2, 'a frame over the new device');
    near.socket.destroy();
    far.socket.destroy();
  });

  t.test(
    'tap and bridge: a frame goes through a kernel bridge; the bridge port goes on close',
    { skip: noTun },
    async (t) => {
      const files = folder();
      const [a, b] = [new Stage(), new Stage()];
      t.teardown(() => {
        a.plane.close();
        b.plane.close();
        files.remove();
      });
      ip('link', 'add', 'br0', 'type', 'bridge');
      quiet('br0');
      ip('link', 'set', 'br0', 'up');
      const cross = ({ ingress }: { ingress: number }) => [
        { kind: 'port' as const, port: ingress === 1 ? 2 : 1 },
      ];
      a.decide = cross;
      b.decide = cross;
      const [near, far] = [await a.unixPort(files.path('a')), await b.unixPort(files.path('b'))];
      a.openPort('tap:tap0', { port: 2 });
      quiet('tap0');
      ip('link', 'set', 'tap0', 'master', 'br0');
      b.openPort('bridge:br0', { port: 2 });
      t.equal(devices().filter((name) => /^vn[0-9a-f]{8}$/.test(name)).length, 1, 'the TAP in the bridge');
      const forwarding = () => ip('-d', 'link', 'show', 'master', 'br0').match(/state forwarding/g)?.length;
      await until(() => forwarding() === 2, 'both ports of the bridge forward');
      near.send(frame(A, B, 1514));
      await until(() => far.received.length === 1, 'through the bridge');
      far.send(frame(B, A, 200));
      await until(() => near.received.length === 1, 'and back');
      t.throws(
        () => b.openPort('tap:tap0', { port: 3 }),
        { code: 'VNET_ERR_EXISTS' },
        'a TAP that another holds',
      );
      b.plane.closePort(2);
      t.notOk(
        devices().some((name) => /^vn[0-9a-f]{8}$/.test(name)),
        'nothing left of the bridge port',
      );
      a.plane.closePort(2);
      t.ok(devices().includes('tap0'), 'a TAP outlives its port');
      a.openPort('tap:tap0', { port: 2 });
      ip('link', 'del', 'tap0');
      await until(() => !a.portIsUp(2), 'told that it was deleted');
      near.socket.destroy();
      far.socket.destroy();
    },
  );
}

if (process.env[INSIDE]) inside();
else outside();
