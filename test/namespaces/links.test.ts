/** Links of both types over an IPv6 underlay, a host that nobody can dial, and every kind of port. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Change, emptyChange, type MacAddress, type VnetError } from '../../core/index.js';
import { OverlayLab, parseLab } from '../../lab/index.js';
import { arpReplyFrom, arpRequest, StreamPeer } from './stream-peer.js';
import { directly, labName, needNamespaces, pings, reaches } from './index.js';

const skip = needNamespaces();
const STREAM_MAC = '02:00:00:00:0a:51' as MacAddress;
const TAP_MAC = '02:00:00:00:0a:52' as MacAddress;
/** One way between a host and the Proxy: a round trip across it takes four. */
const DELAY_MS = 5;
const ACROSS_MS = 4 * DELAY_MS - 1;

const LAB = `
underlay fd77::/64
host home
host a
host b
host n
pair home a delay ${DELAY_MS}ms
pair home b delay ${DELAY_MS}ms
pair home n delay ${DELAY_MS}ms
vm a1 on a mac 02:00:00:00:0a:01 ip 10.9.0.11/24
vm b1 on b mac 02:00:00:00:0b:01 ip 10.9.0.21/24
vm n1 on n mac 02:00:00:00:0c:01 ip 10.9.0.31/24
`;

/** Lets nothing in that was not asked for, as a NAT does. */
const FIREWALL = `table inet nat {
  chain in {
    type filter hook input priority 0;
    meta l4proto { tcp, udp } iifname "u0" ct state new drop
  }
}`;

t.test('links and ports over IPv6', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('k') });
  t.teardown(() => overlay.close());
  const client = overlay.client();
  const firewall = await overlay.lab
    .host('n')
    .run(['nft', '-f', '-'], { input: FIREWALL })
    .catch(() => undefined);
  if (firewall?.code !== 0) t.comment('no nft here: n is without endpoint, but not behind a firewall');

  const whole = overlay.topology();
  const hosts = whole.hosts.map(({ endpoint, ...host }) =>
    host.name === 'n' || !endpoint ? host : { ...host, endpoint },
  );
  await client.apply({ kind: 'target', topology: { ...whole, hosts } });
  await overlay.whole();

  const change = (edit: (change: Change) => void) => {
    const made = emptyChange();
    edit(made);
    return client.apply({ kind: 'change', change: made });
  };
  const linkOf = async (host: string, peer: string, type: 'udp' | 'tcp') =>
    (await overlay.client(host).local()).links.find((link) => link.peer === peer && link.type === type);

  await t.test('the star over IPv6, a host without endpoint in it', async (t) => {
    for (const [from, address] of [
      ['a1', '10.9.0.21'],
      ['b1', '10.9.0.31'],
      ['n1', '10.9.0.11'],
    ] as const) {
      const { received, rttMs } = await pings(overlay, from, address);
      t.equal(received, 3, `${from} to ${address}`);
      t.ok(rttMs > ACROSS_MS, `across the Proxy: ${rttMs}`);
    }
    t.match((await linkOf('n', 'home', 'tcp'))?.remote, /fd77::/);
  });

  await t.test('a UDP link, replaced by a TCP link in one change', async (t) => {
    await change(({ add }) => {
      add.links.push({ type: 'udp', a: 'a', b: 'b' });
      add.routes.push({ network: 'lab', from: 'a1', to: 'b1', both: true, via: ['a', 'b'] });
    });
    await directly(overlay, 'a', 'b', 'udp');
    await directly(overlay, 'b', 'a', 'udp');
    const byUdp = await pings(overlay, 'a1', '10.9.0.21');
    t.equal(byUdp.received, 3);
    t.ok(byUdp.rttMs < ACROSS_MS, `directly: ${byUdp.rttMs}`);
    t.ok(((await linkOf('a', 'b', 'udp'))?.datagramBytes ?? 0) >= 1200, 'the path size is known');

    await change(({ add, remove }) => {
      remove.links.push({ type: 'udp', a: 'b', b: 'a' });
      add.links.push({ type: 'tcp', a: 'a', b: 'b' });
    });
    t.equal(await linkOf('a', 'b', 'udp'), undefined);
    await directly(overlay, 'a', 'b', 'tcp');
    await directly(overlay, 'b', 'a', 'tcp');
    const byTcp = await pings(overlay, 'a1', '10.9.0.21');
    t.equal(byTcp.received, 3);
    t.ok(byTcp.rttMs < ACROSS_MS, `directly: ${byTcp.rttMs}`);
    t.ok(((await linkOf('a', 'b', 'tcp'))?.outFrames ?? 0) >= 3);
    await change(({ remove }) => {
      remove.links.push({ type: 'tcp', a: 'a', b: 'b' });
      remove.routes.push({ network: 'lab', from: 'a1', to: 'b1', both: true, via: ['a', 'b'] });
    });
  });

  await t.test('a host that cannot be dialled dials, for a direct link too', async (t) => {
    for (const type of ['udp', 'tcp'] as const) {
      await change(({ add }) => {
        add.links.push({ type, a: 'a', b: 'n' });
        add.routes.push({ network: 'lab', from: 'a1', to: 'n1', both: true, via: ['a', 'n'] });
      });
      await directly(overlay, 'a', 'n', type);
      await directly(overlay, 'n', 'a', type);
      const { received, rttMs } = await pings(overlay, 'a1', '10.9.0.31');
      t.equal(received, 3);
      t.ok(rttMs < ACROSS_MS, `directly by ${type}: ${rttMs}`);
      const route = { network: 'lab', from: 'a1', to: 'n1', both: true, via: ['a', 'n'] };
      await t.rejects(
        change(({ remove }) => void remove.links.push({ type, a: 'a', b: 'n' })),
        {
          message: /no link joins "a" and "n"/,
        },
      );
      await change(({ remove }) => {
        remove.links.push({ type, a: 'a', b: 'n' });
        remove.routes.push(route);
      });
      const around = await pings(overlay, 'a1', '10.9.0.31');
      t.equal(around.received, 3, 'the star again');
      t.ok(around.rttMs > ACROSS_MS);
    }
  });

  await t.test('a star of UDP over the ground, and back', async (t) => {
    const star = { kind: 'star', type: 'udp', network: 'lab', hosts: [] } as const;
    await change(({ add }) => void add.shapes.push({ ...star, hosts: [] }));
    for (const host of ['a', 'b', 'n']) {
      await directly(overlay, host, 'home', 'udp');
      await directly(overlay, 'home', host, 'udp');
    }
    const before = await linkOf('n', 'home', 'tcp');
    t.ok(before?.up, 'the ground stays');
    t.equal((await pings(overlay, 'n1', '10.9.0.21')).received, 3);
    t.equal((await linkOf('n', 'home', 'tcp'))?.outFrames, before?.outFrames, 'and carries nothing');
    t.ok(((await linkOf('n', 'home', 'udp'))?.outFrames ?? 0) >= 3);
    await change(({ remove }) => void remove.shapes.push({ ...star, hosts: [] }));
    t.equal(await linkOf('n', 'home', 'udp'), undefined);
    t.equal((await pings(overlay, 'n1', '10.9.0.21')).received, 3);
  });

  await t.test('a frame larger than the network allows is dropped and counted', async (t) => {
    await overlay.lab.host('a').run(['ip', 'link', 'set', 'a10', 'mtu', '2000']);
    await overlay.lab.vm('a1').run(['ip', 'link', 'set', 'eth0', 'mtu', '2000']);
    const dropped = async () => (await overlay.client('a').local()).drops['oversize'] ?? 0;
    const before = await dropped();
    const { stdout } = await overlay.lab
      .vm('a1')
      .run(['ping', '-M', 'do', '-s', '1800', '-c', '3', '-i', '0.1', '-W', '1', '10.9.0.21']);
    t.match(stdout, / 0 received/);
    t.equal((await dropped()) - before, 3);
    await overlay.lab.vm('a1').run(['ip', 'link', 'set', 'eth0', 'mtu', '1500']);
    await overlay.lab.host('a').run(['ip', 'link', 'set', 'a10', 'mtu', '1500']);
    t.equal((await pings(overlay, 'a1', '10.9.0.21')).received, 3);
  });

  await t.test('unix: a VM of QEMU behind a socket', async (t) => {
    const path = join(overlay.directory, 'vm.sock');
    const vm = { name: 'q1', network: 'lab', host: 'a', macs: [STREAM_MAC], port: `unix:${path}` };
    await change(({ add }) => void add.vms.push(vm));
    const asks = async (peer: StreamPeer) => {
      peer.frames.length = 0;
      peer.send(arpRequest(STREAM_MAC, '10.9.0.51', '10.9.0.21'));
      return overlay.until('the answer of b1', async () => peer.frames.map(arpReplyFrom).find((mac) => mac));
    };
    const first = await StreamPeer.connect(path);
    t.equal(await asks(first), '02:00:00:00:0b:01');
    first.socket.destroy();

    const second = await StreamPeer.connect(path);
    t.equal(await asks(second), '02:00:00:00:0b:01', 'the peer may come back');
    second.socket.write(Buffer.from('ffffffff00', 'hex'));
    await overlay.until('a peer that breaks the framing put out', async () => second.closed);

    const third = await StreamPeer.connect(path);
    t.equal(await asks(third), '02:00:00:00:0b:01', 'and another taken in');
    await change(({ remove }) => void remove.vms.push(vm));
    await overlay.until('the port closed', async () => third.closed);
    await t.rejects(StreamPeer.connect(path), { code: 'ENOENT' }, 'its socket is gone');

    writeFileSync(path, 'somebody’s file');
    const refused = await change(({ add }) => void add.vms.push(vm)).then(
      () => undefined,
      (thrown: VnetError) => thrown,
    );
    t.equal(refused?.code, 'VNET_ERR_EXISTS');
    t.match(refused?.message, /host a: .*not a socket; nothing was changed/);
    t.match(refused?.hint, /another path/);
  });

  await t.test('tap: a device of ours is the end of the VM', async (t) => {
    const vm = { name: 't1', network: 'lab', host: 'a', macs: [TAP_MAC], port: 'tap:t10' };
    await change(({ add }) => void add.vms.push(vm));
    const host = overlay.lab.host('a');
    const pinged = async () => {
      const { stdout } = await host.run([
        'ping',
        '-I',
        't10',
        '-c',
        '3',
        '-i',
        '0.1',
        '-W',
        '1',
        '10.9.0.21',
      ]);
      return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
    };
    t.equal(
      (await host.run(['ip', 'link', 'set', 't10', 'address', TAP_MAC])).code,
      0,
      'the device is there',
    );
    await host.run(['ip', 'addr', 'add', '10.9.0.52/24', 'dev', 't10']);
    t.equal(await pinged(), 3);

    await overlay.stop('a', 'SIGKILL');
    t.equal((await host.run(['ip', 'link', 'show', 't10'])).code, 0, 'it outlives the daemon');
    await overlay.start('a');
    await overlay.whole();
    await overlay.until('t1 on the air again', async () => (await pinged()) > 0);
    await change(({ remove }) => void remove.vms.push(vm));
    await reaches(overlay, 'a1', '10.9.0.21');
  });

  await t.test('packet: a device that goes and comes back, as a VM that is started again', async (t) => {
    const portOfB1 = async () =>
      (await overlay.client('b').local()).ports.find(({ port }) => port === 'packet:b10');
    await overlay.lab.removeVm('b1');
    await overlay.until('the port down', async () => (await portOfB1())?.up === false);
    t.match((await portOfB1())?.state, /b10/, 'and it says why');
    await overlay.lab.addVm({ name: 'b1', host: 'b', mac: '02:00:00:00:0b:01', ips: ['10.9.0.21/24'] });
    await overlay.until('the port up', async () => (await portOfB1())?.up === true);
    await reaches(overlay, 'a1', '10.9.0.21');
    await reaches(overlay, 'b1', '10.9.0.31');
  });

  await t.test('a VM that moves keeps its address', async (t) => {
    const vm = whole.vms.find(({ name }) => name === 'b1');
    if (!vm) throw new Error('no b1');
    await overlay.lab.moveVm('b1', 'n');
    await change(({ add }) => void add.vms.push({ ...vm, host: 'n' }));
    await reaches(overlay, 'a1', '10.9.0.21');
    const { hops } = await client.route('a1', 'b1');
    t.same(
      hops.map(({ host }) => host),
      ['a', 'home', 'n'],
    );
    t.equal((await pings(overlay, 'n1', '10.9.0.21')).received, 3, 'on one host now');
    t.same((await overlay.client('b').local()).ports, [], 'its old port is gone');
  });
});
