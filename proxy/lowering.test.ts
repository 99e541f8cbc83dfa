import fc from 'fast-check';
import t from 'tap';
import {
  BROADCAST,
  emptyTopology,
  type HostConfig,
  macFromNumber,
  networkId,
  type Shape,
  type Topology,
  type Vm,
} from '../core/index.js';
import { ForwardingTable } from '../vnetd/index.js';
import { walk } from './fake-walk.js';
import { lower, type Lowered, type Place } from './lowering/index.js';

const LAB = networkId({ name: 'lab' });
let counter = 0;
const secret = (octets: number) => new Uint8Array(octets).map(() => (counter += 7) & 255);
const GROUP_MAC = macFromNumber(0x01005e000001);
const mac = (index: number) => macFromNumber(0x020000000000 + index);

function star(hosts: number, vmsEach: number): Topology {
  const names = Array.from({ length: hosts }, (_, i) => `h${i}`);
  return {
    ...emptyTopology(),
    networks: [{ name: 'lab' }],
    hosts: [
      { name: 'home', proxy: true, endpoint: { address: '10.0.0.1', port: 7700 } },
      ...names.map((name, i) =>
        i === 0 ? { name } : { name, endpoint: { address: `10.0.1.${i}`, port: 7700 } },
      ),
    ],
    vms: names.flatMap((host, i) =>
      Array.from(
        { length: vmsEach },
        (_, j): Vm => ({ name: `${host}v${j}`, network: 'lab', host, macs: [mac(i * 16 + j + 1)] }),
      ),
    ),
  };
}

function places(topology: Topology, moved: Record<string, string> = {}): Place[] {
  return topology.vms.map(({ name, network, host, macs, port }) => ({
    name,
    network,
    host: moved[name] ?? host,
    macs,
    port: port ?? `tap:${name}`,
    learnt: false,
  }));
}

function lowered(topology: Topology, more: Partial<Parameters<typeof lower>[0]> = {}): Lowered {
  const rest = { epochs: new Map(), identities: new Map(), unusable: new Set<string>(), secret };
  return lower({ topology, places: places(topology), ...rest, ...more });
}

function text(config: HostConfig | undefined, origin?: string): string[] {
  const matcher = (m: { kind: string; mac?: string }) => (m.kind === 'exact' ? m.mac : m.kind);
  return (config?.rules ?? [])
    .filter((rule) => origin === undefined || rule.origin === origin)
    .map(({ source, destination, actions }) => {
      const goes = actions.map((a) =>
        a.kind === 'edge' ? `>${a.peer}` : a.kind === 'port' ? `#${a.port}` : a.kind,
      );
      return `${matcher(source)} ${matcher(destination)} ${goes.join(' ')}`;
    });
}

/** Every VM reaches every other once, and a broadcast every port but its own once. */
function assertWhole(
  test: Tap,
  topology: Topology,
  { configs }: Lowered,
  dead: ReadonlySet<string> = new Set(),
): void {
  const tables = new Map(
    [...configs].map(([host, { rules }]) => {
      const table = new ForwardingTable();
      table.replaceAll(rules);
      return [host, table] as const;
    }),
  );
  const walker = {
    tableOf: (host: string) => tables.get(host),
    isLive: (a: string, b: string) =>
      !dead.has(`${a} ${b}`) &&
      !dead.has(`${b} ${a}`) &&
      (configs.get(a)?.links.some(({ peer }) => peer === b) ?? false),
  };
  const ports = [...configs]
    .flatMap(([host, config]) => config.ports.map(({ port }) => `${host} ${port}`))
    .sort();
  for (const from of topology.vms) {
    const frame = { network: LAB, source: from.macs[0] ?? BROADCAST, epoch: 0 };
    const port = `tap:${from.name}`;
    for (const to of topology.vms) {
      if (from === to) continue;
      const { delivered } = walk(walker, { ...frame, destination: to.macs[0] ?? BROADCAST }, from.host, port);
      if (delivered.join() !== `${to.host} tap:${to.name}`)
        test.fail(`${from.name} to ${to.name}: ${delivered}`);
    }
    const { delivered } = walk(walker, { ...frame, destination: BROADCAST }, from.host, port);
    const others = ports.filter((other) => other !== `${from.host} ${port}`);
    if (delivered.sort().join() !== others.join()) test.fail(`broadcast of ${from.name}: ${delivered}`);
  }
}
type Tap = { fail(message: string): unknown };

t.test('a star of four with two VMs each', async (t) => {
  const topology = star(4, 2);
  const result = lowered(topology);
  t.same(text(result.configs.get('h1')).sort(), [
    'any 02:00:00:00:00:11 #tap:h1v0',
    'any 02:00:00:00:00:12 #tap:h1v1',
    'any group #tap:h1v0 #tap:h1v1 >home',
    'any none >home',
  ]);
  const home = text(result.configs.get('home'));
  t.ok(home.includes('any 02:00:00:00:00:11 >h1'));
  t.ok(home.includes('any group >h0 >h1 >h2 >h3'));
  t.notOk(
    home.some((rule) => rule.startsWith('any none')),
    'no LAN, nowhere for the unknown',
  );
  assertWhole(t, topology, result);

  const [link] = result.configs.get('h1')?.links ?? [];
  const far = result.configs.get('home')?.links.find(({ peer }) => peer === 'h1');
  t.match(link, { type: 'tcp', owner: 'auto', peer: 'home', dial: { address: '10.0.0.1', port: 7700 } });
  t.equal(link?.id, far?.id);
  t.equal(link?.secret, far?.secret);
  t.match(link?.id, /^[0-9a-f]{16}$/);
  t.match(link?.secret, /^[0-9a-f]{32}$/);
  t.equal(result.configs.get('home')?.links.find(({ peer }) => peer === 'h0')?.dial, undefined, 'behind NAT');
  t.same(lowered(topology, { identities: result.identities }), result, 'stable');
  t.end();
});

t.test('the types of the star, and who dials', async (t) => {
  const topology = star(2, 1);
  topology.shapes.push({ kind: 'star', type: 'udp', network: 'lab', hosts: [] });
  topology.links.push(
    { type: 'udp', a: 'h0', b: 'h1', madeBy: 'h1' },
    { type: 'tcp', a: 'home', b: 'h1', madeBy: 'home' },
  );
  const { configs } = lowered(topology);
  const links = (host: string) =>
    (configs.get(host)?.links ?? [])
      .map((l) => `${l.type} ${l.peer} ${l.owner} ${l.preference} ${l.dial?.address ?? '-'}`)
      .sort();
  t.same(links('h0'), ['tcp home auto 10 10.0.0.1', 'udp h1 user 0 10.0.1.1', 'udp home user 0 10.0.0.1']);
  t.same(links('h1'), ['tcp home auto 10 10.0.0.1', 'udp h0 user 0 -', 'udp home user 0 10.0.0.1']);
  t.same(text(configs.get('h0'), 'shape'), [], 'the ground has no paths of its own');
});

t.test('LAN ports: the unknown goes to the LAN of the Proxy, the learnt are reached', async (t) => {
  const topology = star(2, 1);
  topology.ports.push({ network: 'lab', host: 'home', port: 'bridge:br0', role: 'lan' });
  topology.ports.push({ network: 'lab', host: 'h1', port: 'packet:eth1', role: 'lan' });
  const learnt: Place = {
    name: mac(200),
    network: 'lab',
    host: 'h1',
    port: 'packet:eth1',
    macs: [mac(200)],
    learnt: true,
  };
  const { configs } = lowered(topology, { places: [...places(topology), learnt] });
  const home = text(configs.get('home'));
  t.ok(home.includes('any none #bridge:br0'));
  t.ok(home.includes(`any ${mac(200)} >h1`));
  t.ok(text(configs.get('h1')).includes(`any ${mac(200)} #packet:eth1`));
  t.match(
    configs.get('h1')?.ports.find(({ port }) => port === 'packet:eth1'),
    { role: 'lan', macs: [] },
  );
});

t.test('shapes: shortest paths, whole', async (t) => {
  const shapes: [number, Partial<Shape>, number][] = [
    [5, { kind: 'ring' }, 4],
    [16, { kind: 'torus', dimensions: [4, 4] }, 15],
    [8, { kind: 'hypercube', dimensions: [3] }, 7],
    [6, { kind: 'mesh' }, 5],
    [7, { kind: 'tree' }, 6],
    [4, { kind: 'line' }, 3],
  ];
  for (const [hosts, shape, rules] of shapes) {
    const topology = star(hosts, 1);
    topology.shapes.push({ type: 'udp', network: 'lab', hosts: [], kind: 'ring', ...shape });
    const result = lowered(topology);
    t.equal(text(result.configs.get('h0'), 'shape').length, rules, `${shape.kind}: one rule a VM elsewhere`);
    assertWhole(t, topology, result);
  }
  const ring = star(5, 1);
  ring.shapes.push({ kind: 'ring', type: 'udp', network: 'lab', hosts: [] });
  t.ok(text(lowered(ring).configs.get('h0'), 'shape').includes(`any ${mac(33)} >h1`));
  const around = lowered(ring, { unusable: new Set(['h1']) });
  t.ok(text(around.configs.get('h0'), 'shape').includes(`any ${mac(33)} >h4`), 'around a pending host');
  assertWhole(t, ring, around);
});

t.test('routes: both ways, and when they are suspended', async (t) => {
  const topology = star(3, 1);
  topology.links.push({ type: 'udp', a: 'h0', b: 'h1' }, { type: 'udp', a: 'h1', b: 'h2' });
  topology.routes.push({ network: 'lab', from: 'h0v0', to: 'h2v0', both: true, via: ['h0', 'h1', 'h2'] });
  const { configs, suspended } = lowered(topology);
  t.same(suspended, []);
  t.same(text(configs.get('h0'), 'route'), [`${mac(1)} ${mac(33)} >h1`]);
  t.same(text(configs.get('h1'), 'route').sort(), [`${mac(1)} ${mac(33)} >h2`, `${mac(33)} ${mac(1)} >h0`]);
  t.same(text(configs.get('h2'), 'route'), [`${mac(33)} ${mac(1)} >h1`]);
  const why = (more: Parameters<typeof lowered>[1]) => {
    const result = lowered(topology, more);
    t.same(
      [...result.configs.values()].flatMap((config) => text(config, 'route')),
      [],
    );
    return result.suspended[0]?.reason;
  };
  t.equal(why({ places: places(topology, { h0v0: 'h1' }) }), 'h0v0 is on h1, and the route begins at h0');
  t.equal(why({ places: places(topology, { h2v0: 'h1' }) }), 'h2v0 is on h1, and the route ends at h2');
  t.equal(why({ unusable: new Set(['h1']) }), 'host h1 is pending');
  topology.links.pop();
  t.equal(why({}), 'no link joins h1 and h2');
});

t.test('what cannot stand together is refused', async (t) => {
  const topology = star(3, 1);
  const group = { network: 'lab', source: { kind: 'any' }, destination: { kind: 'group' } } as const;
  const cycle = structuredClone(topology);
  cycle.links.push({ type: 'udp', a: 'h0', b: 'h1' });
  cycle.rules.push({ ...group, host: 'h0', actions: [{ kind: 'edge', peer: 'h1' }] });
  t.throws(() => lowered(cycle), { code: 'VNET_ERR_INVALID', message: /cycle/ });

  const ownTree = structuredClone(cycle);
  ownTree.rules = [];
  ownTree.links.push({ type: 'udp', a: 'h1', b: 'h2' });
  for (const [host, ...peers] of [
    ['h0', 'h1'],
    ['h1', 'h0', 'h2'],
    ['h2', 'h1'],
  ] as [string, ...string[]][]) {
    ownTree.rules.push({ ...group, host, actions: peers.map((peer) => ({ kind: 'edge', peer })) });
  }
  assertWhole(t, ownTree, lowered(ownTree));
  t.notOk(text(lowered(ownTree).configs.get('h0'), 'auto').includes('any group #tap:h0v0 >home'));

  const exactly = { ...group, destination: { kind: 'exact', mac: GROUP_MAC } } as const;
  ownTree.rules.push(
    { ...exactly, host: 'h0', actions: [{ kind: 'edge', peer: 'h1' }] },
    {
      ...exactly,
      host: 'h2',
      actions: [
        { kind: 'edge', peer: 'h1' },
        { kind: 'port', port: 'tap:h2v0' },
      ],
    },
  );
  const fallen = lowered(ownTree, { fallen: new Set(['lab']) });
  assertWhole(t, ownTree, fallen, new Set(['h0 h1']));
  t.ok(text(fallen.configs.get('h0'), 'auto').includes('any group #tap:h0v0 >home'));
  t.same(text(fallen.configs.get('h0'), 'route'), [], 'edges of all its group rules are left out');
  t.same(text(fallen.configs.get('h2'), 'route'), [`any ${GROUP_MAC} #tap:h2v0`], 'ports stay');
  t.same(
    lowered(ownTree, { fallen: new Set(['other']) }).configs.get('h0')?.rules,
    lowered(ownTree).configs.get('h0')?.rules,
  );

  const clash = structuredClone(topology);
  clash.routes.push({ network: 'lab', from: 'h0v0', to: 'h1v0', both: false, via: ['h0', 'home', 'h1'] });
  clash.rules.push({
    network: 'lab',
    host: 'h0',
    source: { kind: 'exact', mac: mac(1) },
    destination: { kind: 'exact', mac: mac(17) },
    actions: [{ kind: 'drop' }],
  });
  t.throws(() => lowered(clash), { code: 'VNET_ERR_EXISTS', message: /h0 gets two rules/ });
});

t.test('any topology: everybody reaches everybody, nothing loops, broadcasts come once', async () => {
  const shapeOf = fc.record({
    kind: fc.constantFrom('mesh', 'ring', 'line', 'tree', 'star'),
    type: fc.constantFrom('udp', 'tcp'),
    hosts: fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 2 }),
  });
  const model = fc.record({
    hosts: fc.integer({ min: 2, max: 6 }),
    shapes: fc.array(shapeOf, { maxLength: 3 }),
    links: fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 8 }),
    routes: fc.array(fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 2 }), { maxLength: 4 }),
    away: fc.array(fc.nat(5), { maxLength: 2 }),
    dead: fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(model, ({ hosts, shapes, links, routes, away, dead }) => {
      const topology = star(hosts, 2);
      const there = (list: number[]) => list.filter((i) => i < hosts).map((i) => `h${i}`);
      for (const { kind, type, hosts: members } of shapes) {
        const named = there(members);
        if (named.length > 1) topology.shapes.push({ kind, type, network: 'lab', hosts: named } as Shape);
      }
      for (const [i, j] of links)
        if (i !== j && i < hosts && j < hosts) topology.links.push({ type: 'udp', a: `h${i}`, b: `h${j}` });
      for (const route of routes) {
        const via = there(route);
        const [from, to] = [`${via[0]}v0`, `${via.at(-1)}v0`];
        const taken = topology.routes.some(
          (r) => [r.from, r.to].includes(from) && [r.from, r.to].includes(to),
        );
        if (via.length > 1 && !taken) topology.routes.push({ network: 'lab', from, to, both: true, via });
      }
      const result = lowered(topology, { unusable: new Set(there(away)) });
      const fail = (message: string) => {
        throw new Error(message);
      };
      assertWhole({ fail }, topology, result);
      assertWhole({ fail }, topology, result, new Set(dead.map(([i, j]) => `h${i} h${j}`)));
    }),
    { numRuns: 150, seed: 20 },
  );
});
