/** The user's LAN: a VM anywhere gets its address from the LAN's own DHCP server and is reached from it. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ensurePrivilege, OverlayLab, parseLab } from '../../lab/index.js';
import { labName } from './index.js';

const privilege = ensurePrivilege();
const dnsmasq = ['/usr/sbin/dnsmasq', '/sbin/dnsmasq'].find((path) => existsSync(path));
const client = [
  '/usr/sbin/dhclient',
  '/sbin/dhclient',
  '/usr/sbin/udhcpc',
  '/sbin/udhcpc',
  '/usr/bin/busybox',
  '/bin/busybox',
].find((path) => existsSync(path));
const skip =
  privilege.means !== 'direct'
    ? `needs network namespaces: ${privilege.reason}`
    : dnsmasq === undefined
      ? 'needs dnsmasq (package dnsmasq-base)'
      : client === undefined
        ? 'needs a DHCP client (package busybox or isc-dhcp-client)'
        : false;

const LAB = `
underlay 10.77.0.0/24
host home
host a
vm v1 on a mac 02:00:00:00:0a:01
lan home br0 ip 192.168.50.1/24 client pc ip 192.168.50.10/24
`;

t.test('a VM on another host is on the LAN of the Proxy', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('n') });
  const directory = mkdtempSync(join(tmpdir(), 'vnet-dhcp-'));
  t.teardown(async () => {
    await overlay.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const ports = [{ network: 'lab', host: 'home', port: 'bridge:br0', role: 'lan' as const }];
  await overlay.client().apply({ kind: 'target', topology: overlay.topology({ ports }) });
  await overlay.whole();
  const { lab } = overlay;

  // The server is a machine of the LAN, not of the overlay.
  lab
    .host('home')
    .spawn(
      [
        ...[
          dnsmasq ?? '',
          '--keep-in-foreground',
          '--conf-file=/dev/null',
          '--port=0',
          '--user=root',
          '--interface=br0',
          '--bind-interfaces',
        ],
        ...['--dhcp-range=192.168.50.100,192.168.50.150,1h', '--dhcp-authoritative', '--no-ping'],
        ...[`--dhcp-leasefile=${join(directory, 'leases')}`, `--pid-file=${join(directory, 'dnsmasq.pid')}`],
      ],
      { stdio: 'ignore' },
    );

  const vm = lab.vm('v1');
  const script = join(directory, 'apply.sh');
  const { writeFileSync } = await import('node:fs');
  writeFileSync(script, '#!/bin/sh\n[ -n "$ip" ] && ip addr add "$ip/24" dev "$interface"\nexit 0\n', {
    mode: 0o755,
  });
  const device = 'eth0';
  const command = client?.endsWith('busybox')
    ? [client, 'udhcpc', '-i', device, '-s', script, '-n', '-q', '-t', '10', '-T', '1']
    : client?.endsWith('udhcpc')
      ? [client, '-i', device, '-s', script, '-n', '-q', '-t', '10', '-T', '1']
      : [
          client ?? '',
          '-1',
          '-v',
          '-lf',
          join(directory, 'lease'),
          '-pf',
          join(directory, 'dhclient.pid'),
          '-sf',
          '/bin/true',
          device,
        ];
  const asked = await vm.run(command);
  const leased = /(?:bound to|lease of) (192\.168\.50\.\d+)/.exec(`${asked.stdout}${asked.stderr}`)?.[1];
  t.ok(leased, `a lease: ${asked.stdout}${asked.stderr}`);
  if (client?.includes('dhclient')) await vm.run(['ip', 'addr', 'add', `${leased}/24`, 'dev', device]);

  const { stdout } = await lab.client('pc').run(['ping', '-c', '3', '-i', '0.1', '-W', '1', leased ?? '']);
  t.match(stdout, /3 received/, 'a plain machine of the LAN reaches the VM');

  const { vms } = await overlay.client().overview();
  const pc = vms.find((each) => each.learnt && each.host === 'home');
  t.ok(pc, 'the LAN machine is known as learnt');
});
