import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  BROADCAST,
  emptyChange,
  emptyTopology,
  macFromNumber,
  type MacAddress,
  ManualClock,
  MemoryStore,
  type OverlayEvent,
  systemClock,
  type Topology,
} from '../core/index.js';
import { FakeHost } from './fake-fleet.js';
import { FileStore } from '../vnetd/index.js';
import { createProxy, type Proxy } from './index.js';

const mac = (index: number) => macFromNumber(0x020000000000 + index);
const at = '2020-01-01T00:00:00.000Z';

function lab(): Topology {
  return {
    ...emptyTopology(),
    networks: [{ name: 'lab' }],
    hosts: [
      { name: 'home', proxy: true, endpoint: { address: '10.0.0.1', port: 7700 } },
      { name: 'a' },
      { name: 'b' },
    ],
    vms: [
      { name: 'web', network: 'lab', host: 'a', macs: [mac(1)] },
      { name: 'db', network: 'lab', host: 'b', macs: [mac(2)], pinned: true },
    ],
    ports: [
      { network: 'lab', host: 'home', port: 'bridge:br0', role: 'lan' },
      { network: 'lab', host: 'b', port: 'packet:eth1', role: 'lan' },
    ],
  };
}

async function attach(proxy: Proxy, ...names: string[]): Promise<FakeHost[]> {
  const hosts = names.map((name) => new FakeHost(name));
  await Promise.all(hosts.map((host) => proxy.attach(host, host.report())));
  return hosts;
}

function link(proxy: Proxy, a: string, b: string, up: boolean): void {
  for (const [host, peer] of [
    [a, b],
    [b, a],
  ] as const) {
    proxy.reportEvent(host, { at, kind: 'link', host, peer, type: 'tcp', up, reason: 'test' });
  }
}

const source = (host: string, port: string, address: MacAddress, admitted = true): OverlayEvent => ({
  at,
  kind: 'source',
  host,
  port,
  mac: address,
  admitted,
});

const jobs = async (proxy: Proxy) => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  await proxy.overview();
};

t.test('a daemon may join before a script names it', async (t) => {
  const proxy = await createProxy({
    name: 'home',
    store: new MemoryStore(),
    clock: systemClock,
    endpoint: { address: '10.9.9.9', port: 7700 },
  });
  const [home, x] = (await attach(proxy, 'home', 'x')) as [FakeHost, FakeHost];
  t.match(x.config.links, [{ peer: 'home', type: 'tcp', dial: { address: '10.9.9.9', port: 7700 } }]);
  t.match(home.config.links, [{ peer: 'x', id: x.config.links[0]?.id, secret: x.config.links[0]?.secret }]);
  const change = emptyChange();
  change.add.vms.push({ name: 'web', network: 'default', host: 'x', macs: [mac(1)] });
  const result = await proxy.apply({ kind: 'change', change });
  t.match(result.steps, [{ sign: '+', kind: 'vm', text: /vm web/ }]);
  t.ok(x.config.rules.some(({ actions }) => actions.some((action) => action.kind === 'port')));
  const view = await proxy.overview();
  t.same(view.topology.hosts, [], 'the user owns no host');
  t.same(
    view.hosts.map(({ name, phase }) => `${name} ${phase}`),
    ['home ready', 'x ready'],
  );
  await t.rejects(proxy.attach(new FakeHost('y'), { ...new FakeHost('y').report(), host: 'z' }), {
    code: 'VNET_ERR_REFUSED',
  });
  await proxy.close();
  await proxy.close();
});

t.test('learnt addresses: paths, age, limit, and none for a VM', async (t) => {
  const clock = new ManualClock();
  const proxy = await createProxy({ name: 'home', store: new MemoryStore(), clock, learntPerPort: 2 });
  const [home, , b] = (await attach(proxy, 'home', 'a', 'b')) as [FakeHost, FakeHost, FakeHost];
  await proxy.apply({ kind: 'target', topology: lab() });
  const edges = () =>
    home.config.rules.flatMap(({ destination, actions }) =>
      destination.kind === 'exact'
        ? actions.map((x) => `${destination.mac} ${x.kind === 'edge' ? x.peer : x.kind}`)
        : [],
    );
  for (const address of [mac(50), mac(51), mac(52), mac(1), BROADCAST])
    proxy.reportEvent('b', source('b', 'packet:eth1', address));
  clock.advance(30);
  await jobs(proxy);
  t.same(edges().sort(), [`${mac(1)} a`, `${mac(2)} b`, `${mac(50)} b`, `${mac(51)} b`]);
  t.ok(b.config.rules.some(({ destination }) => destination.kind === 'exact' && destination.mac === mac(51)));
  t.equal((await proxy.overview()).vms.filter(({ learnt }) => learnt).length, 2);
  clock.advance(200_000);
  proxy.reportEvent('b', source('b', 'packet:eth1', mac(50)));
  clock.advance(150_000);
  await jobs(proxy);
  clock.advance(30);
  await jobs(proxy);
  t.same(edges().sort(), [`${mac(1)} a`, `${mac(2)} b`, `${mac(50)} b`], 'the silent one is forgotten');

  proxy.reportEvent('a', source('a', 'tap:web', mac(70), false));
  t.match(proxy.refused(), [{ host: 'a', port: 'tap:web', mac: mac(70) }]);
  await proxy.close();
});

t.test('the route is what frames do now', async (t) => {
  const proxy = await createProxy({ name: 'home', store: new MemoryStore(), clock: systemClock });
  await attach(proxy, 'home', 'a', 'b');
  const topology = lab();
  topology.links.push({ type: 'udp', a: 'a', b: 'b' });
  topology.routes.push({ network: 'lab', from: 'web', to: 'db', both: true, via: ['a', 'b'] });
  await proxy.apply({ kind: 'target', topology });
  link(proxy, 'home', 'a', true);
  link(proxy, 'home', 'b', true);
  const walk = async (to = 'db') => {
    const { hops, delivered } = await proxy.route('web', to);
    return [
      ...hops.map(
        ({ host, verdict, to: next, ground }) => `${host} ${verdict} ${next}${ground ? ' (ground)' : ''}`,
      ),
      delivered,
    ];
  };
  const fallen = [
    'a ground b',
    'a edge home (ground)',
    'home edge b (ground)',
    'b port tap:db (ground)',
    true,
  ];
  t.same(await walk(), fallen, 'the direct link is not up yet');
  link(proxy, 'a', 'b', true);
  t.same(await walk(), ['a edge b', 'b port tap:db', true]);
  t.same(await walk(mac(2)), ['a edge b', 'b port tap:db', true], 'names and addresses are one');
  const [hop] = (await proxy.route('web', 'db')).hops;
  t.match(hop, { rule: { origin: 'route' }, others: [{ origin: 'auto' }], why: /destination|source/ });
  t.same(await walk(mac(99)), ['a edge home', 'home port bridge:br0', true], 'the unknown is the LAN');
  t.same((await walk(BROADCAST)).filter((hop) => String(hop).includes('port')).sort(), [
    'b port packet:eth1',
    'b port tap:db',
    'home port bridge:br0',
  ]);
  await t.rejects(proxy.route('nobody', 'db'), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(proxy.route('web', 'nobody'), { code: 'VNET_ERR_NOT_FOUND' });
  await proxy.close();
});

t.test('where VMs are outlives a restart, the statement rules again when it changes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'vnet-proxy-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const store = await FileStore.open(join(directory, 'state'));
  t.teardown(() => store.close());
  const first = await createProxy({ name: 'home', store, clock: systemClock });
  await attach(first, 'home', 'a', 'b', 'x');
  await first.apply({ kind: 'target', topology: lab() });
  const moves: string[] = [];
  first.onEvent((event) => event.kind === 'vm' && moves.push(`${event.name} ${event.change} ${event.host}`));
  await first.placeVm('web', 'b');
  t.same(moves, ['web moved b']);
  await t.rejects(first.placeVm('db', 'a'), { code: 'VNET_ERR_REFUSED', message: /pinned/ });
  await first.setConfigurationTime(250);
  await first.close();
  const modes = await Promise.all(
    (await readdir(join(directory, 'state'))).map((file) => stat(join(directory, 'state', file))),
  );
  t.ok(modes.every(({ mode }) => (mode & 0o777) === 0o600));

  const second = await createProxy({ name: 'home', store, clock: systemClock });
  const place = async () => (await second.overview()).vms.find(({ name }) => name === 'web')?.host;
  t.equal(await place(), 'b');
  t.equal((await second.overview()).configurationTime.boundMs, 250);
  t.ok((await second.overview()).hosts.some(({ name }) => name === 'x'));
  const topology = lab();
  topology.vms = topology.vms.map((vm) => (vm.name === 'web' ? { ...vm, host: 'home' } : vm));
  await second.apply({ kind: 'target', topology });
  t.equal(await place(), 'home');
  await second.close();
});

t.test('speed: primitives and a large transaction', async (t) => {
  const proxy = await createProxy({ name: 'home', store: new MemoryStore(), clock: systemClock });
  const names = Array.from({ length: 7 }, (_, i) => `h${i}`);
  await attach(proxy, 'home', ...names);
  const topology = emptyTopology();
  topology.networks.push({ name: 'lab' });
  topology.hosts.push(
    { name: 'home', proxy: true },
    ...names.map((name) => ({ name, endpoint: { address: '10.0.0.2', port: 7700 } })),
  );
  for (let i = 0; i < 28; i++)
    topology.vms.push({ name: `v${i}`, network: 'lab', host: `h${i % 7}`, macs: [mac(i + 1)] });
  topology.shapes.push({ kind: 'mesh', type: 'udp', network: 'lab', hosts: names });
  for (let i = 0; i < 28; i++) {
    for (let j = i + 1; j < 28; j++) {
      if (i % 7 === j % 7) continue;
      topology.routes.push({
        network: 'lab',
        from: `v${i}`,
        to: `v${j}`,
        both: true,
        via: [`h${i % 7}`, `h${j % 7}`],
      });
    }
  }
  const whole = await proxy.apply({ kind: 'target', topology });
  t.comment(`all-to-all among 28 VMs: ${whole.tookMs.toFixed(1)} ms`);
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const change = emptyChange();
    const rule = {
      network: 'lab',
      host: 'h0',
      source: { kind: 'any' },
      destination: { kind: 'exact', mac: mac(90) },
      actions: [{ kind: 'drop' }],
    } as const;
    change[i % 2 === 0 ? 'add' : 'remove'].rules.push({ ...rule, actions: [...rule.actions] });
    times.push((await proxy.apply({ kind: 'change', change })).tookMs);
  }
  times.sort((a, b) => a - b);
  t.comment(`a rule added or deleted: median ${times[10]?.toFixed(2)} ms`);
  t.ok(whole.tookMs < 2000, 'far from the 20.5 s of the paper');
  await proxy.close();
});
