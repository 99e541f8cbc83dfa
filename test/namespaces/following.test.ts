/** A VM that somebody else moves from one bridge to another: the overlay follows it. */
import t from 'tap';
import type { MacAddress, OverlayEvent } from '../../core/index.js';
import { OverlayLab, parseLab } from '../../lab/index.js';
import { labName, needNamespaces, pings, reaches } from './index.js';

const skip = needNamespaces();
const MAC = '02:00:00:00:00:0a' as MacAddress;
const BRIDGE = 'bridge:br0';
const VM_DEVICE = 'w0';
/** A frame without an answer each so many seconds. */
const TRICKLE_SECONDS = '0.2';

/** Sends a RARP request (RFC 903) on a device of its namespace, as a hypervisor does: python3 DEVICE MAC. */
const ANNOUNCE = `
import socket, sys
mac = bytes.fromhex(sys.argv[2].replace(':', ''))
end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
end.bind((sys.argv[1], 0))
end.send((b'\\xff' * 6 + mac + bytes.fromhex('80350001080006040003') + (mac + bytes(4)) * 2).ljust(60, b'\\0'))
`;

t.test('a VM moved by others is followed', { skip }, async (t) => {
  const listening = new AbortController();
  const overlay = await OverlayLab.make(
    parseLab(`
underlay 10.77.0.0/24
host home
host a
host b
lan a br0
lan b br0
vm p on home mac 02:00:00:00:00:0b ip 10.9.0.11/24
vm w on a mac ${MAC} ip 10.9.0.10/24
`),
    { name: labName('f') },
  );
  t.teardown(async () => {
    listening.abort();
    await overlay.close();
  });
  const { lab } = overlay;
  const ports = ['a', 'b'].map((host) => ({ network: 'lab', host, port: BRIDGE, role: 'vms' as const }));
  // Nobody of ours runs them.
  const vms = overlay
    .topology()
    .vms.map(({ machine: _, ...vm }) => (vm.name === 'w' ? { ...vm, port: BRIDGE } : vm));
  await overlay.client().apply({ kind: 'target', topology: overlay.topology({ ports, vms }) });
  await overlay.whole();

  const conflicts: OverlayEvent[] = [];
  const heard = (async () => {
    for await (const event of overlay.client().events(listening.signal))
      if (event.kind === 'conflict') conflicts.push(event);
  })();
  heard.catch(() => {}); // It ends with the test.
  const hostOf = async () => (await overlay.client().overview()).vms.find(({ name }) => name === 'w')?.host;
  const isOn = (host: string) => overlay.until(`w on ${host}`, async () => (await hostOf()) === host);
  const onBridge = async (host: string) => {
    const { code, stderr } = await lab
      .host(host)
      .run(['ip', 'link', 'set', VM_DEVICE, 'master', 'br0', 'up']);
    t.equal(code, 0, stderr);
  };
  const move = async (host: string) => {
    await lab.moveVm('w', host);
    await onBridge(host);
  };
  await onBridge('a');
  await reaches(overlay, 'p', '10.9.0.10');

  await t.test('one that talks, after a second', async (t) => {
    const trickle = lab.vm('w').spawn(['ping', '-i', TRICKLE_SECONDS, '10.9.0.11'], { stdio: 'ignore' });
    t.teardown(() => trickle.kill('SIGKILL'));
    await move('b');
    await isOn('b');
    await reaches(overlay, 'p', '10.9.0.10');
    t.strictSame(conflicts, []);
  });

  await t.test('a silent one, by its announcement, at once', async (t) => {
    await move('a');
    t.equal((await pings(overlay, 'p', '10.9.0.10', 1)).received, 0, 'nobody knows where it is');
    const began = performance.now();
    const { code } = await lab.vm('w').run(['python3', '-c', ANNOUNCE, 'eth0', MAC]);
    t.equal(code, 0);
    await isOn('a');
    t.comment(`followed ${Math.round(performance.now() - began)} ms after the command began`);
    t.equal((await pings(overlay, 'p', '10.9.0.10')).received, 3);
  });

  await t.test('active at both: said once, and nothing moves', async (t) => {
    const trickle = lab.vm('w').spawn(['ping', '-i', TRICKLE_SECONDS, '10.9.0.11'], { stdio: 'ignore' });
    t.teardown(() => trickle.kill('SIGKILL'));
    const double = lab.host('b');
    const [inside, outside] = ['d1', 'd0'];
    for (const command of [
      ['link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'address', MAC],
      ['link', 'set', outside, 'master', 'br0', 'up'],
      ['link', 'set', inside, 'up'],
      ['addr', 'add', '10.9.0.66/24', 'dev', inside],
    ])
      await double.run(['ip', ...command]);
    const noise = double.spawn(['ping', '-I', inside, '-b', '-i', TRICKLE_SECONDS, '10.9.0.255'], {
      stdio: 'ignore',
    });
    t.teardown(() => noise.kill('SIGKILL'));
    await overlay.until('the conflict', async () => conflicts.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    t.match(conflicts, [{ kind: 'conflict', vm: 'w', mac: MAC, host: 'a', elsewhere: 'b' }]);
    t.equal(conflicts.length, 1);
    t.equal(await hostOf(), 'a');
    t.equal((await pings(overlay, 'p', '10.9.0.10')).received, 3);
    noise.kill('SIGKILL');
  });
});
