/** Whether this machine can run vnet well: one line each, pure. What only a daemon needs is told apart from the rest. */
import { octets } from '../format.js';
import type { MachineFacts } from '../system/index.js';
import type { Check } from './check.js';

const NODE_MAJOR_MIN = 20;
/** capability.h. */
const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;
const CAP_SYS_ADMIN = 21n;
/** UDP_SEGMENT came with 4.18, UDP_GRO with 5.0 (udp(7)); USO for TAPs with 6.2. */
const GSO_KERNEL = [4, 18] as const;
const GRO_KERNEL = [5, 0] as const;
const USO_KERNEL = [6, 2] as const;
/** What the data plane asks for each socket. */
const SOCKET_BUFFER_BYTES = 4 << 20;
const UNDERLAY_MTU_MIN = 1280;

export function machineChecks(facts: MachineFacts): Check[] {
  return [
    system(facts),
    node(facts),
    addon(facts),
    privileges(facts),
    tun(facts),
    packetSockets(facts),
    offloads(facts),
    namespaces(facts),
    emulation(facts),
    buffers(facts),
    congestion(facts),
    clock(facts),
    load(facts),
    bridges(facts),
    filters(facts),
    interfaces(facts),
  ].filter((check) => check !== undefined);
}

const ok = (what: string, text: string): Check => ({ what, state: 'ok', text });
const warn = (what: string, text: string, next: string): Check => ({ what, state: 'warn', text, next });
const fail = (what: string, text: string, next: string): Check => ({ what, state: 'fail', text, next });

function system({ platform, kernel }: MachineFacts): Check {
  if (platform === 'linux') return ok('system', `Linux ${kernel}`);
  return fail(
    'system',
    `${platform}: daemons run on Linux only`,
    'run `vnet` here against a daemon elsewhere',
  );
}

function node({ node: version }: MachineFacts): Check {
  if (Number.parseInt(version, 10) >= NODE_MAJOR_MIN) return ok('Node', version);
  return fail('Node', `${version} is too old`, `install Node ${NODE_MAJOR_MIN} or newer`);
}

function addon({ addonBuilt }: MachineFacts): Check {
  if (addonBuilt) return ok('data plane', 'the addon is built');
  return fail('data plane', 'the addon is not built', 'npm run build');
}

const holds = (capabilities: bigint, bit: bigint): boolean => ((capabilities >> bit) & 1n) === 1n;

function privileges({ root, capabilities }: MachineFacts): Check {
  const missing =
    capabilities === undefined
      ? []
      : (
          [
            [CAP_NET_ADMIN, 'NET_ADMIN'],
            [CAP_NET_RAW, 'NET_RAW'],
          ] as const
        ).flatMap(([bit, name]) => (holds(capabilities, bit) ? [] : [`CAP_${name}`]));
  if (capabilities === undefined ? root : missing.length === 0) {
    const lab = capabilities !== undefined && !holds(capabilities, CAP_SYS_ADMIN);
    return ok(
      'privileges',
      `${root ? 'root' : 'an ordinary user'} with what ports need${lab ? '; labs need CAP_SYS_ADMIN too' : ''}`,
    );
  }
  const lacks = missing.length > 0 ? missing.join(' and ') : 'the privileges of root';
  return warn(
    'privileges',
    `this user lacks ${lacks}: a daemon started here opens no TAP or packet port`,
    'start vnetd as root, or give it AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW in its unit',
  );
}

function tun({ tun: state, root }: MachineFacts): Check {
  if (state === 'open') return ok('TAP', '/dev/net/tun opens');
  if (state === 'absent')
    return fail('TAP', '/dev/net/tun is missing: no tap: or bridge: port', 'modprobe tun');
  return root
    ? fail(
        'TAP',
        '/dev/net/tun does not open',
        'allow it in the container: --device /dev/net/tun --cap-add NET_ADMIN',
      )
    : warn('TAP', '/dev/net/tun is closed to this user', 'start vnetd as root, or chmod 0666 /dev/net/tun');
}

function packetSockets({ protocols }: MachineFacts): Check | undefined {
  if (protocols === undefined) return undefined;
  if (protocols.includes('PACKET')) return ok('packet sockets', 'AF_PACKET is there');
  return fail('packet sockets', 'the kernel knows no AF_PACKET: no packet: port', 'modprobe af_packet');
}

/** `6.1.0-18-amd64` at least this. */
function atLeast(kernel: string, [major, minor]: readonly [number, number]): boolean {
  const [, one = '0', two = '0'] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  return Number(one) > major || (Number(one) === major && Number(two) >= minor);
}

function offloads({ kernel, platform }: MachineFacts): Check | undefined {
  if (platform !== 'linux') return undefined;
  if (!atLeast(kernel, GSO_KERNEL))
    return warn(
      'offloads',
      'no UDP GSO before Linux 4.18: UDP links cost several times the CPU',
      'use a newer kernel, or tcp links',
    );
  if (!atLeast(kernel, GRO_KERNEL))
    return warn(
      'offloads',
      'no UDP GRO before Linux 5.0: UDP links receive a datagram a call',
      'use a newer kernel, or tcp links',
    );
  return ok('offloads', `UDP GSO and GRO${atLeast(kernel, USO_KERNEL) ? ', USO for TAPs' : ''}`);
}

function namespaces({ userNamespacesMax, userNamespacesAllowed, root }: MachineFacts): Check | undefined {
  if (userNamespacesMax === undefined) return undefined;
  if (root) return ok('namespaces', 'labs run as root');
  if (userNamespacesMax > 0 && userNamespacesAllowed !== false)
    return ok('namespaces', 'labs run without root');
  return warn(
    'namespaces',
    'user namespaces are off: labs and the demo need root',
    'sysctl kernel.unprivileged_userns_clone=1',
  );
}

function emulation({ netem }: MachineFacts): Check | undefined {
  if (netem === undefined) return undefined;
  return ok('emulation', netem ? 'netem is there' : 'no netem: labs bring an emulator of their own');
}

function buffers({ receiveBufferMax, sendBufferMax, capabilities, root }: MachineFacts): Check | undefined {
  if (receiveBufferMax === undefined || sendBufferMax === undefined) return undefined;
  const least = Math.min(receiveBufferMax, sendBufferMax);
  const forced = capabilities === undefined ? root : holds(capabilities, CAP_NET_ADMIN);
  if (least >= SOCKET_BUFFER_BYTES) return ok('buffers', `sockets may have ${octets(least)}`);
  if (forced)
    return ok(
      'buffers',
      `sockets may have ${octets(least)}; with CAP_NET_ADMIN the daemon takes what it needs`,
    );
  return warn(
    'buffers',
    `sockets may have ${octets(least)}, links want ${octets(SOCKET_BUFFER_BYTES)}: bursts will be lost`,
    `sysctl net.core.rmem_max=${SOCKET_BUFFER_BYTES} net.core.wmem_max=${SOCKET_BUFFER_BYTES}`,
  );
}

/** The daemon asks for cubic itself; the default matters to what else runs here. */
function congestion({ congestionControl, congestionControls = [] }: MachineFacts): Check | undefined {
  if (congestionControl === undefined) return undefined;
  if (congestionControl === 'cubic' || congestionControls.includes('cubic'))
    return ok(
      'congestion control',
      congestionControl === 'cubic' ? 'cubic' : `cubic for links (the default is ${congestionControl})`,
    );
  return warn('congestion control', `no cubic, tcp links take ${congestionControl}`, 'modprobe tcp_cubic');
}

function clock({ clockSource }: MachineFacts): Check | undefined {
  if (clockSource === undefined) return undefined;
  if (/^(tsc|kvm-clock|hyperv|arch_sys_counter|xen)/.test(clockSource))
    return ok('clock', `${clockSource}, cheap to read`);
  return warn(
    'clock',
    `the clock source ${clockSource} is slow to read: every frame pays for its time stamp`,
    'cat /sys/devices/system/clocksource/clocksource0/available_clocksource',
  );
}

function load({ load: runnable, cpus }: MachineFacts): Check {
  const text = `load ${runnable.toFixed(1)} on ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}`;
  return runnable <= cpus ? ok('load', text) : warn('load', `${text}: more wants to run than can`, 'top');
}

function bridges({ bridgeFiltered, bridges: names = [] }: MachineFacts): Check | undefined {
  if (!bridgeFiltered || names.length === 0) return undefined;
  return warn(
    'bridges',
    `frames across ${names.join(', ')} meet this host's packet filter: bridge: ports may lose VMs' traffic`,
    'sysctl net.bridge.bridge-nf-call-iptables=0',
  );
}

function filters({ filterTables }: MachineFacts): Check | undefined {
  if (!filterTables?.includes('filter')) return undefined;
  return ok('packet filter', 'iptables is in use: links need 7700 (UDP and TCP), the Proxy 7701 (TCP) too');
}

function interfaces({ interfaces: all }: MachineFacts): Check | undefined {
  const usable = all.filter((each) => each.up && each.name !== 'lo' && each.addresses.length > 0);
  if (usable.length === 0)
    return fail('interfaces', 'no interface but lo is up with an address', 'ip -brief address');
  const narrow = usable.filter((each) => each.mtu < UNDERLAY_MTU_MIN);
  const text = usable.map(({ name, mtu }) => `${name} ${mtu}`).join(', ');
  if (narrow.length > 0)
    return warn(
      'interfaces',
      `MTU ${text}: below ${UNDERLAY_MTU_MIN} frames are split in many pieces`,
      `ip link set ${narrow[0]?.name} mtu 1500`,
    );
  return ok('interfaces', `MTU ${text}`);
}
