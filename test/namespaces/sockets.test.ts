/** VMs joined by a Unix socket beside one on an interface; and a Proxy whose only interface carries its links too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { MacAddress } from '../../core/index.js';
import {
  fetchGuestParts,
  GUEST_BOOT_MS,
  OverlayLab,
  parseLab,
  plainGuestCommand,
  UNDERLAY_INTERFACE,
} from '../../lab/index.js';
import { labName, needNamespaces, pings, reaches } from './index.js';

const skip = needNamespaces();
const parts = skip === false ? await fetchGuestParts() : skip;
const skipGuest = typeof parts === 'string' ? parts : false;

t.test('a VM at `unix:` and one at `packet:` reach each other', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vnet-sockets-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const overlay = await OverlayLab.make(
    parseLab(`
underlay 10.77.0.0/24
host home
host a
host b
vm q on a mac 02:00:00:00:00:0a ip 10.9.0.10/24 port unix:${join(directory, 'q.sock')}
vm p on b mac 02:00:00:00:00:0b ip 10.9.0.11/24
`),
    { name: labName('u') },
  );
  t.teardown(() => overlay.close());
  await overlay.client().apply({ kind: 'target', topology: overlay.topology() });
  await overlay.whole();

  await t.test('both ways, whole frames, nothing twice', async (t) => {
    await reaches(overlay, 'q', '10.9.0.11');
    t.equal((await pings(overlay, 'p', '10.9.0.10')).received, 3);
    const { stdout } = await overlay.lab
      .vm('q')
      .run(['ping', '-c', '200', '-i', '0.002', '-s', '1472', '-M', 'do', '-W', '1', '10.9.0.11']);
    t.match(stdout, / 200 received, 0% packet loss/, 'frames of 1500 octets');
    t.notMatch(stdout, 'duplicates');
  });

  await t.test('the VM finds its daemon again', async (t) => {
    await overlay.stop('a', 'SIGKILL');
    t.equal((await pings(overlay, 'q', '10.9.0.11', 1)).received, 0);
    await overlay.start('a');
    await reaches(overlay, 'q', '10.9.0.11');
  });

  await t.test('a QEMU guest at `unix:`', { skip: skipGuest }, async (t) => {
    const [mac, socket] = ['02:00:00:00:00:0c' as MacAddress, join(directory, 'guest.sock')];
    const guest = { name: 'guest', network: 'lab', host: 'home', macs: [mac], port: `unix:${socket}` };
    const { vms } = overlay.topology();
    await overlay.client().apply({ kind: 'target', topology: overlay.topology({ vms: [...vms, guest] }) });
    const command = plainGuestCommand(directory, { mac, ip: '10.9.0.12/24', socket });
    const machine = overlay.lab.host('home').spawn(command, { stdio: ['ignore', 'ignore', 'inherit'] });
    t.teardown(() => machine.kill('SIGKILL'));
    const answered = async () => (await pings(overlay, 'q', '10.9.0.12', 1)).received === 1;
    await overlay.until('the guest', answered, GUEST_BOOT_MS);
    t.equal((await pings(overlay, 'p', '10.9.0.12')).received, 3);
  });

  await t.test('a port on the interface of the links works, and is said to be there', async (t) => {
    const port = `packet:${UNDERLAY_INTERFACE}`;
    const ports = [{ network: 'lab', host: 'home', port, role: 'lan' as const }];
    await overlay.client().apply({ kind: 'target', topology: overlay.topology({ ports }) });
    const { ports: views, interfaces } = await overlay.client().local();
    const { address } = overlay.lab.host('home');
    t.match(views, [{ port, up: true, state: `up; this host's links use the interface too (${address})` }]);
    t.match(
      interfaces.filter(({ linksFrom }) => linksFrom !== undefined),
      [{ name: UNDERLAY_INTERFACE, linksFrom: address }],
    );
    await reaches(overlay, 'q', '10.9.0.11');
    const a = await overlay.client().hostView('a');
    t.match(
      a.ports.map(({ state }) => state),
      ['up'],
      'a port elsewhere is simply up',
    );
    t.equal(
      a.interfaces.find(({ name }) => name === UNDERLAY_INTERFACE)?.linksFrom,
      overlay.lab.host('a').address,
      'known without an address to listen at, too',
    );
  });
});
