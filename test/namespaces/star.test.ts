/** Real daemons, real frames: the star, ARP and IPv6, a direct link and its death, the deaths of daemons, the LAN. */
import t from 'tap';
import { emptyChange } from '../../core/index.js';
import { ensurePrivilege, parseLab } from '../../lab/index.js';
import { OverlayLab } from '../../lab/index.js';
import { labName } from './index.js';

const privilege = ensurePrivilege();
const skip = privilege.means === 'direct' ? false : `needs network namespaces: ${privilege.reason}`;

const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
pair home a rate 200M delay 5ms
pair home b rate 200M delay 5ms
vm a1 on a mac 02:00:00:00:0a:01 ip 10.9.0.11/24
vm a2 on a mac 02:00:00:00:0a:02 ip 10.9.0.12/24
vm b1 on b mac 02:00:00:00:0b:01 ip 10.9.0.21/24
`;

async function pings(
  overlay: OverlayLab,
  from: string,
  address: string,
  count = 3,
): Promise<{ received: number; rttMs: number }> {
  const { stdout } = await overlay.lab
    .vm(from)
    .run([
      'ping',
      '-c',
      String(count),
      '-i',
      '0.1',
      '-W',
      '1',
      ...(address.includes(':') ? ['-6'] : []),
      address,
    ]);
  return {
    received: Number(/(\d+) received/.exec(stdout)?.[1] ?? 0),
    rttMs: Number(/= ([\d.]+)\//.exec(stdout)?.[1] ?? Number.NaN),
  };
}

t.test('a star of real daemons', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('t') });
  t.teardown(() => overlay.close());
  const client = overlay.client();
  await client.apply({ kind: 'target', topology: overlay.topology() });
  await overlay.whole();

  await t.test('VMs reach each other by ARP, across the Proxy and on one host', async (t) => {
    const across = await pings(overlay, 'a1', '10.9.0.21');
    t.equal(across.received, 3);
    t.ok(across.rttMs > 19, `four times 5 ms: ${across.rttMs}`);
    const local = await pings(overlay, 'a1', '10.9.0.12');
    t.equal(local.received, 3);
    t.ok(local.rttMs < 5, `does not leave the host: ${local.rttMs}`);
  });

  await t.test('IPv6 neighbour discovery', async (t) => {
    const { stdout } = await overlay.lab.vm('b1').run(['ip', '-6', '-o', 'addr', 'show', 'scope', 'link']);
    const address = /inet6 (fe80::[0-9a-f:]+)/.exec(stdout)?.[1] ?? '';
    const device = /^\d+: (\S+)/.exec(stdout)?.[1] ?? '';
    t.equal((await pings(overlay, 'a1', `${address}%${device}`)).received, 3);
  });

  await t.test('a broadcast arrives everywhere once', async (t) => {
    const count = async () => {
      const { ports } = await client.hostView('b');
      return ports.find((port) => port.port === 'packet:b10')?.outFrames ?? 0;
    };
    const before = await count();
    await overlay.lab.vm('a1').run(['ping', '-b', '-c', '5', '-i', '0.1', '-W', '1', '10.9.0.255']);
    const after = await count();
    t.ok(after - before >= 5 && after - before <= 7, `5 and perhaps an ARP: ${after - before}`);
  });

  await t.test('full-size frames cross an underlay of the same MTU', async (t) => {
    const { stdout } = await overlay.lab
      .vm('a1')
      .run(['ping', '-M', 'do', '-s', '1472', '-c', '3', '-i', '0.1', '-W', '1', '10.9.0.21']);
    t.match(stdout, /3 received/);
  });

  await t.test('a direct link is used, falls back, and returns', async (t) => {
    const change = emptyChange();
    change.add.links.push({ type: 'udp', a: 'a', b: 'b' });
    change.add.routes.push({ network: 'lab', from: 'a1', to: 'b1', both: true, via: ['a', 'b'] });
    await client.apply({ kind: 'change', change });
    const direct = async (up: boolean) => {
      const { links } = await client.hostView('a');
      return links.some((link) => link.peer === 'b' && link.up === up);
    };
    await overlay.until('the direct link', () => direct(true));
    const near = await pings(overlay, 'a1', '10.9.0.21');
    t.equal(near.received, 3);
    t.ok(near.rttMs < 10, `not across the Proxy: ${near.rttMs}`);

    await overlay.lab.setPath('a', 'b', { up: false });
    await overlay.until('the link is down', () => direct(false));
    const far = await pings(overlay, 'a1', '10.9.0.21');
    t.equal(far.received, 3, 'by the star');
    t.ok(far.rttMs > 19);

    await overlay.lab.setPath('a', 'b', { up: true });
    await overlay.until('the link is back', () => direct(true));
    t.ok((await pings(overlay, 'a1', '10.9.0.21')).rttMs < 10);
  });

  await t.test('the Proxy is killed and comes back', async (t) => {
    await overlay.stop('home', 'SIGKILL');
    t.equal((await pings(overlay, 'a1', '10.9.0.21')).received, 3, 'the direct link goes on without it');
    await overlay.start('home');
    await overlay.whole();
    await overlay.until(
      'a2 reaches b1 again',
      async () => (await pings(overlay, 'a2', '10.9.0.21', 1)).received === 1,
    );
    t.equal((await overlay.client().overview()).topology.links.length, 1, 'the intent outlived it');
  });

  await t.test('a host is killed and comes back', async () => {
    await overlay.stop('b', 'SIGKILL');
    await overlay.start('b');
    await overlay.whole();
    await overlay.until(
      'b1 answers again',
      async () => (await pings(overlay, 'a1', '10.9.0.21', 1)).received === 1,
    );
  });

  await t.test('a spoofed source goes nowhere', async (t) => {
    const vm = overlay.lab.vm('a2');
    const { stdout } = await vm.run(['ip', '-o', 'link', 'show', 'type', 'veth']);
    const device = /^\d+: ([^:@]+)/.exec(stdout)?.[1] ?? 'eth0';
    await vm.run(['ip', 'link', 'set', device, 'address', '02:00:00:00:ee:ee']);
    t.equal((await pings(overlay, 'a2', '10.9.0.21')).received, 0);
    const { ports, drops } = await overlay.client('a').local();
    t.ok((drops['guard'] ?? 0) > 0);
    t.same(ports.find((port) => port.port === 'packet:a20')?.refused, ['02:00:00:00:ee:ee']);
    await vm.run(['ip', 'link', 'set', device, 'address', '02:00:00:00:0a:02']);
  });
});
