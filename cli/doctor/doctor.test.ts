import fc from 'fast-check';
import t from 'tap';
import type { LinkView, PortView, RouteView, VmView } from '../../core/index.js';
import { echoStats } from '../echoes.js';
import { DB, STRANGER, WEB } from '../fake-overlay.js';
import { estimate, linkEstimate } from '../fake-sight.js';
import type { MachineFacts } from '../system/index.js';
import {
  type DaemonFacts,
  daemonChecks,
  diagnose,
  type End,
  type Hop,
  machineChecks,
  type PairObservation,
  piecesOf,
  type TroubleKind,
} from './index.js';

const vm = (name: string, host: string, port: string): VmView => ({
  name,
  network: 'lab',
  host,
  port,
  macs: [name === 'web' ? WEB : DB],
  owner: 'user',
  pinned: false,
  learnt: false,
});

const port = (name: string): PortView => ({
  port: name,
  network: 'lab',
  role: 'vm',
  owner: 'user',
  up: true,
  state: 'up',
  macs: [],
  refused: [],
  inFrames: 500,
  inBytes: 64_000,
  outFrames: 480,
  outBytes: 60_000,
  drops: 0,
});

const link = (peer: string): LinkView => ({
  id: '4',
  peer,
  type: 'udp',
  owner: 'user',
  up: true,
  state: 'up',
  preference: 1,
  arrived: 1000,
  lost: 0,
  late: 0,
  rttUs: 800,
  datagramBytes: 1572,
  inFrames: 1,
  inBytes: 1,
  outFrames: 1,
  outBytes: 1,
  drops: 0,
});

const hop = (from: string, to: string, way: Hop['way']): Hop => ({
  from,
  to,
  way,
  ground: false,
  link: link(to),
  estimate: linkEstimate(from, to, {
    availableBitsPerSecond: estimate(90e6),
    capacityBitsPerSecond: estimate(100e6),
    rttUs: estimate(900),
    minRttUs: estimate(800),
    lossRatio: estimate(0),
  }),
  linkDrops: 0,
  rivals: [],
});

const route = (hosts: string[], delivered = true): RouteView => ({
  network: 'lab',
  source: WEB,
  destination: DB,
  delivered,
  hops: hosts.map((host, at) => {
    const last = at === hosts.length - 1;
    return {
      host,
      verdict: !last ? 'edge' : delivered ? 'port' : 'drop',
      to: !last ? (hosts[at + 1] ?? '') : delivered ? 'packet:vnet7' : 'noMatch',
      ground: false,
      why: last && !delivered ? 'no rule matches' : 'the only match',
      others: [],
    };
  }),
});

const answered = (count: number, lost = 0) =>
  echoStats(Array.from({ length: count }, (_, at) => (at < lost ? null : 800 + at)));

/** Everything well: web on a, db on b, a direct link. */
function healthy(): PairObservation {
  return {
    from: {
      text: 'web',
      vm: vm('web', 'a', 'tap:web0'),
      refusedAt: [],
      phase: 'ready',
      port: port('tap:web0'),
      sentFrames: 20,
      portDrops: 0,
    },
    to: {
      text: 'db',
      vm: vm('db', 'b', 'packet:vnet7'),
      refusedAt: [],
      phase: 'ready',
      port: port('packet:vnet7'),
      sentFrames: 20,
      portDrops: 0,
    },
    network: 'lab',
    mtu: 1500,
    there: route(['a', 'b']),
    back: route(['b', 'a']),
    hops: [hop('a', 'b', 'there'), hop('b', 'a', 'back')],
    deadEdges: [],
    hosts: [
      { host: 'a', answered: true, phase: 'ready', drops: [], cpuShare: 0.05 },
      { host: 'b', answered: true, phase: 'ready', drops: [], cpuShare: 0.05 },
    ],
    rate: { there: 12e6, back: 1e6 },
    echoes: { small: answered(20), full: answered(20) },
    overMs: 1000,
    unseen: [],
  };
}

type Estimates = NonNullable<Hop['estimate']>;
const measured = (seen: PairObservation, part: Partial<Estimates>): void => {
  Object.assign(seen.hops[0]?.estimate ?? {}, part);
};

/** One kind of trouble each: how it looks, what must be said of it. */
const TROUBLES: [
  what: string,
  kind: TroubleKind,
  spoil: (seen: PairObservation) => void,
  where: string,
  next: string,
][] = [
  [
    'a name that nobody registered',
    'unknown-vm',
    (seen) => {
      const { vm: _vm, port: _port, phase: _phase, ...rest } = seen.from as Required<End>;
      seen.from = { ...rest, text: 'wbe', near: 'web' };
    },
    'wbe',
    'vnet vms | grep web',
  ],
  [
    'an address that a guarded port refuses',
    'refused-source',
    (seen) => seen.from.refusedAt.push({ host: 'a', port: 'tap:web0', mac: STRANGER }),
    'web',
    `vnet vm add web on a mac ${STRANGER} port tap:web0`,
  ],
  ['a host that is away', 'host-away', (seen) => (seen.to.phase = 'away'), 'b', 'ssh b vnet doctor'],
  [
    'a VM without a port',
    'port-missing',
    (seen) => delete seen.to.vm?.port,
    'db',
    `vnet vm add db on b mac ${DB} port tap:NAME`,
  ],
  [
    'a port that is down',
    'port-down',
    (seen) => Object.assign(seen.to.port ?? {}, { up: false, state: 'no such device' }),
    'db',
    'vnet ports --host b',
  ],
  [
    'a link of the star that is dead',
    'ground',
    (seen) => {
      seen.there = route(['a', 'home'], false);
      seen.deadEdges.push({
        from: 'home',
        to: 'b',
        way: 'there',
        star: true,
        back: false,
        states: ['tcp: refused'],
      });
    },
    'home -> b',
    'vnet links --host home',
  ],
  [
    'a VM that sends from another address only',
    'guard-drops',
    (seen) => {
      Object.assign(seen.from, { portDrops: 10, sentFrames: 0 });
      seen.from.port?.refused.push(STRANGER);
    },
    'web',
    `vnet vm add web on a mac ${STRANGER} port tap:web0`,
  ],
  [
    'a link that comes and goes',
    'ground',
    (seen) =>
      seen.deadEdges.push({ from: 'a', to: 'b', way: 'there', star: false, back: true, states: ['udp: up'] }),
    'a -> b',
    'vnet events --kind link',
  ],
  [
    'a way that the tables drop',
    'not-delivered',
    (seen) => {
      seen.there = route(['a', 'home'], false);
      seen.echoes = { small: answered(20, 20), full: answered(20, 20) };
    },
    'home',
    'vnet route web db',
  ],
  [
    'no answer although the tables deliver',
    'no-answer',
    (seen) => (seen.echoes = { small: answered(20, 20), full: answered(20, 20) }),
    'web -> db',
    'vnet status --host b',
  ],
  [
    'a direct link that is dead, traffic on the star',
    'ground',
    (seen) =>
      seen.deadEdges.push({
        from: 'a',
        to: 'b',
        way: 'there',
        star: false,
        back: false,
        states: ['udp: no keep-alive for 1 s'],
      }),
    'a -> b',
    'vnet links --host a',
  ],
  [
    'an edge without any link',
    'ground',
    (seen) => seen.deadEdges.push({ from: 'a', to: 'b', way: 'there', star: false, back: false, states: [] }),
    'a -> b',
    'vnet link add udp a b',
  ],
  [
    'full size that does not pass',
    'mtu',
    (seen) => {
      seen.echoes = { small: answered(20), full: answered(20, 20) };
      measured(seen, { pathMtuBytes: estimate(1280) });
    },
    'a -> b',
    'vnet perf web db',
  ],
  [
    'terrible loss on a link',
    'loss',
    (seen) => measured(seen, { lossRatio: estimate(0.08) }),
    'a -> b',
    'vnet link add tcp a b',
  ],
  [
    'a little loss on a link',
    'loss',
    (seen) => measured(seen, { lossRatio: estimate(0.004) }),
    'a -> b',
    'vnet net --links',
  ],
  [
    'loss that has no estimate yet',
    'loss',
    (seen) => {
      delete seen.hops[1]?.estimate;
      Object.assign(seen.hops[1] ?? {}, { arrivals: { arrived: 180, lost: 20 } });
    },
    'b -> a',
    'vnet link add tcp b a',
  ],
  [
    'loss that no link admits',
    'loss',
    (seen) => (seen.echoes = { small: answered(20, 4), full: answered(20, 4) }),
    'web -> db',
    'vnet perf web db --for 30s',
  ],
  [
    'a daemon without CPU',
    'busy-cpu',
    (seen) => Object.assign(seen.hosts[1] ?? {}, { cpuShare: 0.98 }),
    'b',
    'ssh b top -H -p $(pidof vnetd)',
  ],
  [
    'a daemon that others keep waiting',
    'busy-cpu',
    (seen) => Object.assign(seen.hosts[1] ?? {}, { eventLoopDelayP99Ms: 900 }),
    'b',
    'ssh b top',
  ],
  [
    'a link that other pairs fill',
    'saturated',
    (seen) => {
      measured(seen, { throughputBitsPerSecond: estimate(96e6), availableBitsPerSecond: estimate(3e6) });
      seen.hops[0]?.rivals.push({ from: 'cache', to: 'db', bitsPerSecond: 80e6 });
    },
    'a -> b',
    'vnet matrix --pairs',
  ],
  [
    'strangers behind the port of a VM',
    'guard-drops',
    (seen) => {
      seen.from.portDrops = 40;
      seen.from.port?.refused.push(STRANGER);
    },
    'web',
    `vnet vm add web-2 on a mac ${STRANGER} port tap:web0`,
  ],
  [
    'a link that drops',
    'queue-drops',
    (seen) => Object.assign(seen.hops[0] ?? {}, { linkDrops: 17 }),
    'a -> b',
    'vnet links --host a',
  ],
  [
    'queues that overflow',
    'queue-drops',
    (seen) => seen.hosts[0]?.drops.push(['missQueue', 9]),
    'a',
    'vnet status --host a',
  ],
  [
    'a VM that never spoke',
    'silent-vm',
    (seen) => {
      seen.to.sentFrames = 0;
      Object.assign(seen.to.port ?? {}, { inFrames: 0 });
    },
    'db',
    'ssh b tcpdump -eni vnet7',
  ],
  [
    'a full buffer that others fill',
    'queueing',
    (seen) => {
      for (const each of seen.hops)
        Object.assign(each.estimate ?? {}, { throughputBitsPerSecond: estimate(20_000) });
      measured(seen, { rttUs: estimate(90_000) });
    },
    'a - b',
    'vnet net --links',
  ],
  [
    'a full buffer that we fill, whatever the capacity is taken for',
    'saturated',
    (seen) => {
      for (const each of seen.hops) Object.assign(each.estimate ?? {}, { rttUs: estimate(90_000) });
      measured(seen, {
        throughputBitsPerSecond: estimate(19e6),
        capacityBitsPerSecond: estimate(928e6),
        availableBitsPerSecond: estimate(393e6),
      });
    },
    'a -> b',
    'vnet net --links',
  ],
  [
    'one hop much narrower than the others',
    'throttled',
    (seen) => {
      seen.hops.push(hop('b', 'c', 'there'));
      measured(seen, {
        capacityBitsPerSecond: estimate(10e6),
        availableBitsPerSecond: estimate(8e6),
        throughputBitsPerSecond: estimate(2e6),
      });
    },
    'a -> b',
    'vnet net --links',
  ],
  [
    'a host in the middle that does not answer',
    'host-silent',
    (seen) => seen.hosts.push({ host: 'home', answered: false, phase: 'pending', drops: [] }),
    'home',
    'ssh home vnet doctor',
  ],
];

t.test('each kind of trouble is named, located, and followed by a command', (t) => {
  for (const [what, kind, spoil, where, next] of TROUBLES) {
    const seen = healthy();
    spoil(seen);
    const { trouble, bottleneck, findings } = diagnose(seen);
    t.match({ trouble, ...bottleneck }, { trouble: true, kind, where, next }, what);
    t.equal(findings.filter((each) => each === bottleneck).length, 1, `${what}: it is one of the findings`);
  }
  t.end();
});

t.test('the cause stands above its effects, in whatever order they are found', (t) => {
  const choice = fc.subarray(TROUBLES, { minLength: 1 });
  fc.assert(
    fc.property(choice, (some) => {
      const seen = healthy();
      for (const [, , spoil] of some) spoil(seen);
      const { trouble, bottleneck, findings } = diagnose(seen);
      const weights = findings.map((finding) => finding.weight);
      const keys = findings.map(({ kind, where }) => `${kind} ${where}`);
      return (
        trouble &&
        bottleneck === findings[0] &&
        weights.every((weight, at) => at === 0 || weight <= (weights[at - 1] ?? 0)) &&
        new Set(keys).size === keys.length &&
        findings.every((finding) => finding.next !== '' && finding.text !== '')
      );
    }),
    { numRuns: 300 },
  );
  const full = healthy();
  for (const [what, , spoil] of TROUBLES) if (what.startsWith('a full buffer that we fill')) spoil(full);
  t.strictSame(
    diagnose(full).findings.map(({ kind, where }) => `${kind} ${where}`),
    ['saturated a -> b'],
    'the queue is not told of twice, nor the way back accused',
  );
  const seen = healthy();
  for (const [, kind, spoil] of TROUBLES) if (['ground', 'loss', 'saturated'].includes(kind)) spoil(seen);
  t.equal(diagnose(seen).bottleneck.kind, 'ground', 'the star is full because the direct link is dead');
  t.end();
});

t.test('without trouble the narrowest hop is named, and remarks stay remarks', (t) => {
  const well = diagnose(healthy());
  t.strictSame([well.trouble, well.findings], [false, []]);
  t.match(well.bottleneck, {
    where: 'a -> b',
    text: 'the narrowest hop is a to b: 90.0 Mbit/s free',
    next: 'vnet perf web db',
  });
  const relayed = { ...healthy(), there: route(['a', 'home', 'b']) };
  relayed.hops[0] = { ...hop('a', 'home', 'there'), link: { ...link('home'), datagramBytes: 1472 } };
  const remarks = diagnose(relayed);
  t.equal(remarks.trouble, false);
  t.strictSame(
    remarks.findings.map(({ kind, next }) => [kind, next]),
    [
      ['relayed', 'vnet link add udp a b'],
      ['fragmented', 'vnet links --host a'],
    ],
  );
  const local = { ...healthy(), hops: [], hosts: healthy().hosts.slice(0, 1) };
  t.match(diagnose(local).bottleneck.text, 'both are on a');
  const blind = healthy();
  for (const each of blind.hops) delete each.estimate;
  t.match(diagnose(blind).bottleneck, { text: /no hop has an estimate yet/, next: 'vnet net' });
  t.end();
});

t.test('what is old, unsure or only a bound accuses nobody', (t) => {
  const part = {
    availableBitsPerSecond: estimate(1e6, { atLeast: true }),
    throughputBitsPerSecond: estimate(50e6),
  };
  const bound = healthy();
  measured(bound, part);
  delete bound.hops[0]?.estimate?.capacityBitsPerSecond;
  t.equal(diagnose(bound).trouble, false, 'at least 1 Mbit/s may be a hundred');
  for (const doubt of [{ ageMs: 120_000 }, { confidence: 0.2 }]) {
    const seen = healthy();
    measured(seen, { lossRatio: estimate(0.2, doubt) });
    t.equal(diagnose(seen).trouble, false, JSON.stringify(doubt));
  }
  t.end();
});

t.test('a hiccup, and a delayed acknowledgement, are no trouble', (t) => {
  const seen = healthy();
  for (const each of seen.hops)
    Object.assign(each.estimate ?? {}, {
      throughputBitsPerSecond: estimate(1000),
      rttUs: estimate(42_000, { method: 'tcp-info' }),
      minRttUs: estimate(10_000),
    });
  seen.hosts[0]?.drops.push(['linkQueue', 2]);
  Object.assign(seen.hops[0] ?? {}, { linkDrops: 2 });
  t.strictSame(diagnose(seen).findings, []);
  t.end();
});

t.test('pieces of a frame of full size', (t) => {
  t.equal(piecesOf(0, 1500), 1, 'TCP links do not split');
  t.equal(piecesOf(1542, 1500), 1, '28 of header, 14 of Ethernet, 1500');
  t.equal(piecesOf(1541, 1500), 2);
  t.equal(piecesOf(1472, 1500), 2);
  t.equal(piecesOf(548, 1500), 4, '1502 octets, 500 a piece');
  t.end();
});

const MACHINE: MachineFacts = {
  platform: 'linux',
  kernel: '6.1.0-18-amd64',
  node: '20.20.2',
  root: true,
  capabilities: (1n << 41n) - 1n,
  tun: 'open',
  protocols: ['PACKET', 'UDP', 'TCP'],
  userNamespacesMax: 1000,
  netem: true,
  addonBuilt: true,
  congestionControl: 'cubic',
  congestionControls: ['reno', 'cubic'],
  receiveBufferMax: 8 << 20,
  sendBufferMax: 8 << 20,
  clockSource: 'tsc',
  bridgeFiltered: false,
  bridges: ['br0'],
  filterTables: [],
  cpus: 4,
  load: 0.3,
  interfaces: [{ name: 'eth0', mtu: 1500, up: true, addresses: ['10.0.1.1'] }],
};

t.test('checks of this machine', (t) => {
  t.ok(machineChecks(MACHINE).every((check) => check.state === 'ok'));
  const rows: [part: Partial<MachineFacts>, what: string, state: string, next: RegExp][] = [
    [{ platform: 'darwin' }, 'system', 'fail', /elsewhere/],
    [{ node: '18.19.0' }, 'Node', 'fail', /Node 20/],
    [{ addonBuilt: false }, 'data plane', 'fail', /npm run build/],
    [{ root: false, capabilities: 0n }, 'privileges', 'warn', /CAP_NET_ADMIN/],
    [{ root: false, capabilities: 1n << 12n }, 'privileges', 'warn', /as root/],
    [{ tun: 'absent' }, 'TAP', 'fail', /modprobe tun/],
    [{ tun: 'closed' }, 'TAP', 'fail', /--device/],
    [{ tun: 'closed', root: false }, 'TAP', 'warn', /chmod/],
    [{ protocols: ['UDP'] }, 'packet sockets', 'fail', /af_packet/],
    [{ kernel: '4.9.0' }, 'offloads', 'warn', /newer kernel/],
    [{ kernel: '4.19.0-26' }, 'offloads', 'warn', /newer kernel/],
    [{ root: false, userNamespacesMax: 0 }, 'namespaces', 'warn', /sysctl/],
    [{ root: false, capabilities: 0n, receiveBufferMax: 212_992 }, 'buffers', 'warn', /rmem_max=4194304/],
    [{ congestionControl: 'bbr', congestionControls: ['bbr'] }, 'congestion control', 'warn', /tcp_cubic/],
    [{ clockSource: 'acpi_pm' }, 'clock', 'warn', /available_clocksource/],
    [{ load: 9 }, 'load', 'warn', /top/],
    [{ bridgeFiltered: true }, 'bridges', 'warn', /bridge-nf-call/],
    [{ interfaces: [] }, 'interfaces', 'fail', /ip -brief/],
    [
      { interfaces: [{ name: 'eth0', mtu: 900, up: true, addresses: ['10.0.0.1'] }] },
      'interfaces',
      'warn',
      /mtu 1500/,
    ],
  ];
  for (const [part, what, state, next] of rows) {
    const found = machineChecks({ ...MACHINE, ...part }).find((check) => check.what === what);
    t.match(
      found,
      { state, next },
      `${what} ${JSON.stringify(part, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`,
    );
  }
  const bare = machineChecks({
    platform: 'linux',
    kernel: '6.1',
    node: '20.1.0',
    root: true,
    tun: 'open',
    addonBuilt: true,
    cpus: 1,
    load: 0,
    interfaces: MACHINE.interfaces,
  });
  t.ok(
    bare.every((check) => check.state === 'ok'),
    'what could not be read is left out',
  );
  t.end();
});

const DAEMON: DaemonFacts = {
  host: 'a',
  role: 'host',
  uptimeMs: 5000,
  proxy: { name: 'home', connected: true, state: 'connected' },
  sealed: true,
  mtu: 1400,
  linksUp: 2,
  linksDown: [],
  portsDown: [],
  starTypes: ['tcp'],
  ownAddresses: ['10.0.1.1/24'],
  seenAs: ['10.0.1.1:41000'],
  clockAheadMs: 20,
};

t.test('checks of its daemon', (t) => {
  t.ok(daemonChecks(DAEMON, MACHINE).every((check) => check.state === 'ok'));
  const behind = { seenAs: ['203.0.113.5:41000'] };
  const rows: [part: Partial<DaemonFacts>, what: string, state: string, text: RegExp][] = [
    [{ error: 'no daemon answers on /run/x' }, 'daemon', 'fail', /no daemon answers/],
    [{ proxy: { name: 'home', connected: false, state: 'refused' } }, 'Proxy', 'fail', /home: refused/],
    [{ sealed: false }, 'sealing', 'warn', /not sealed/],
    [
      { linksDown: [{ peer: 'b', type: 'udp', state: 'no answer' }] },
      'links',
      'warn',
      /1 of 3 down; udp to b: no answer/,
    ],
    [
      { linksDown: [{ peer: 'b', type: 'udp', state: 'no answer' }] },
      'firewall',
      'warn',
      /UDP to b does not/,
    ],
    [{ portsDown: [{ port: 'tap:x', state: 'no privilege' }] }, 'ports', 'warn', /tap:x: no privilege/],
    [behind, 'NAT', 'warn', /behind NAT: the Proxy sees 203\.0\.113\.5/],
    [{ ...behind, declared: '203.0.113.5:7700' }, 'NAT', 'ok', /must be forwarded/],
    [{ seenAs: ['[::ffff:10.0.1.1]:5'] }, 'NAT', 'ok', /none: the Proxy sees 10\.0\.1\.1/],
    [{ seenAs: ['[2001:db8::1]:5'], ownAddresses: ['2001:db8::1/64'] }, 'NAT', 'ok', /none/],
    [{ mtu: 1500 }, 'MTU', 'ok', /in pieces/],
    [{ clockAheadMs: -90_000 }, 'time', 'warn', /1 m 30 s behind/],
  ];
  for (const [part, what, state, text] of rows) {
    const found = daemonChecks({ ...DAEMON, ...part }, MACHINE).find((check) => check.what === what);
    t.match(found, { state, text }, `${what} ${JSON.stringify(part)}`);
    if (state !== 'ok') t.type(found?.next, 'string', `${what}: says what to do`);
  }
  t.end();
});
