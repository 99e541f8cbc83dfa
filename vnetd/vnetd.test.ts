/** The daemon's parts that the overlay test does not reach: undo, disk, token, addresses. */
import fs, { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import {
  type DataPlane,
  type FlowDelta,
  type HostConfig,
  type MacAddress,
  type PortConfig,
  type Rule,
  seededRandom,
  systemClock,
  VnetError,
} from '../core/index.js';
import { diffHostConfig, mergeHostDelta } from './config-delta.js';
import { Engine } from './engine.js';
import { FileStore } from './file-store.js';
import { Flows } from './flows.js';
import { ForwardingTable } from './forwarding/index.js';
import { DEFAULT_LINK_TIMERS } from './links.js';
import { createMemoryPlane, MemoryFabric } from './memory-plane/index.js';
import { PlaneIds } from './plane-ids.js';
import { isPrivateAddress } from './private-address.js';
import { readToken } from './token.js';

const NETWORK = { id: 1, name: 'lab', mtu: 1500, epoch: 1, oldestEpoch: 1 };
const MAC = '02:00:00:00:00:01' as MacAddress;

function makeEngine(
  fabric = new MemoryFabric({ clock: systemClock, random: seededRandom(1) }),
  change: (plane: DataPlane) => void = () => {},
): Engine {
  return new Engine({
    host: 'a',
    insecure: false,
    timers: DEFAULT_LINK_TIMERS,
    createPlane(handlers) {
      const plane = createMemoryPlane(handlers, fabric, { clock: systemClock, random: seededRandom(2) });
      change(plane);
      return plane;
    },
    listen: { address: '127.0.0.1', port: 7700 },
    onEvent: () => {},
  });
}

const port = (name: string): PortConfig => ({
  port: name,
  network: 1,
  role: 'vm',
  owner: 'user',
  macs: [MAC],
});
const rule = (id: string, to: string): Rule => ({
  id,
  network: 1,
  source: { kind: 'any' },
  destination: { kind: 'exact', mac: MAC },
  actions: [{ kind: 'port', port: to }],
  owner: 'user',
  origin: 'route',
  fromEpoch: 0,
});

t.test('a delta is applied whole or not at all', (t) => {
  const engine = makeEngine();
  t.teardown(() => engine.close());
  engine.apply({
    revision: 1,
    networks: [NETWORK],
    ports: [port('memory:web')],
    rules: [rule('r1', 'memory:web')],
  });
  const before = JSON.stringify(engine.config);

  t.throws(
    () => engine.apply({ revision: 2, ports: [port('memory:db'), port('nonsense')] }),
    VnetError,
    'a port that cannot be opened',
  );
  t.equal(JSON.stringify(engine.config), before);

  t.throws(
    () => engine.apply({ revision: 2, ports: [port('memory:db')], rules: [rule('r2', 'memory:db')] }),
    { code: 'VNET_ERR_EXISTS' },
    'two equal rules of one origin',
  );
  t.equal(JSON.stringify(engine.config), before);
  // The port that was opened for the refused change is closed again, so it can be opened now.
  engine.apply({ revision: 2, ports: [port('memory:db')] });
  t.same(
    engine.config.ports.map((each) => each.port),
    ['memory:web', 'memory:db'],
  );
  t.end();
});

t.test('a whole configuration keeps what it can, and a port without its device is tried again', (t) => {
  const engine = makeEngine();
  t.teardown(() => engine.close());
  const config: HostConfig = {
    host: 'a',
    revision: 3,
    networks: [NETWORK],
    links: [],
    ports: [port('nonsense')],
    rules: [],
  };
  engine.configure(config);
  t.same(engine.config, config);
  t.end();
});

t.test('merging the difference of two configurations gives the second', (t) => {
  const rules = fc.uniqueArray(
    fc.record({ id: fc.constantFrom('r1', 'r2', 'r3'), to: fc.constantFrom('p', 'q') }),
    {
      selector: (each) => each.id,
    },
  );
  const cpu = fc.uniqueArray(
    fc.record({
      vm: fc.constantFrom('v', 'w'),
      periodUs: fc.constant(10_000),
      sliceUs: fc.constantFrom(1000, 2000),
    }),
    { selector: ({ vm }) => vm },
  );
  const configs = fc
    .record({ revision: fc.nat(), rules, ports: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')), cpu })
    .map(
      (parts): HostConfig => ({
        host: 'a',
        revision: parts.revision,
        networks: [NETWORK],
        links: [],
        ports: parts.ports.map(port),
        rules: parts.rules.map((each) => rule(each.id, each.to)),
        ...(parts.cpu.length > 0 ? { cpu: parts.cpu } : {}),
      }),
    );
  const sorted = (config: HostConfig) => ({
    ...config,
    rules: [...config.rules].sort((a, b) => a.id.localeCompare(b.id)),
    ports: [...config.ports].sort((a, b) => a.port.localeCompare(b.port)),
    cpu: [...(config.cpu ?? [])].sort((a, b) => a.vm.localeCompare(b.vm)),
  });
  fc.assert(
    fc.property(configs, configs, (from, to) => {
      t.same(sorted(mergeHostDelta(from, diffHostConfig(from, to))), sorted(to));
    }),
    { numRuns: 50, seed: 4 },
  );
  t.end();
});

t.test('state on disk', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vnet-store-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const slot = (n: number) => join(directory, `config.${n}.json`);
  const reopened = async (check: (store: FileStore) => Promise<unknown>) => {
    const store = await FileStore.open(directory);
    await check(store).finally(() => store.close());
  };
  await reopened(async (store) => {
    t.equal(await store.read('config'), undefined);
    await Promise.all([1, 2, 3].map((n) => store.write('config', { n })));
    t.same(await store.read('config'), { n: 3 }, 'in the order asked for');
  });
  t.equal(statSync(slot(0)).mode & 0o777, 0o600);
  await reopened(async (store) => t.same(await store.read('config'), { n: 3 }, 'after a restart'));

  // The newest write is torn at every octet: what is read is that write whole, or the one before.
  const newest = readFileSync(slot(0), 'utf8').includes('"sequence":3') ? 0 : 1;
  const whole = readFileSync(slot(newest));
  for (let length = 0; length < whole.length && length < 200; length += 7) {
    writeFileSync(slot(newest), whole.subarray(0, length));
    await reopened(async (store) => {
      const { n } = (await store.read('config')) as { n: number };
      t.ok(n === 2 || n === 3, `cut at ${length}: ${n}`);
    });
  }
  await reopened(async (store) => {
    await store.write('config', { long: 'x'.repeat(10_000) });
    await store.write('config', { n: 4 });
  });
  await reopened(async (store) => {
    t.same(await store.read('config'), { n: 4 }, 'a short value over a long one');
    await store.remove('config');
  });
  await reopened(async (store) => t.equal(await store.read('config'), undefined, 'removed'));

  // Appended to, begun anew, appended to; then torn at every octet: what is read are the whole ones from the first.
  await reopened(async (store) => {
    for (let n = 0; n < 40; n++) await store.append('config', { n });
    t.equal((await store.readAll('config')).length, 40);
    await store.write('config', { n: 100 });
    await Promise.all([101, 102].map((n) => store.append('config', { n, text: 'é\n'.repeat(n) })));
  });
  await reopened(async (store) => {
    t.same(await store.read('config'), { n: 100 });
    await store.append('config', { n: 103 });
    const all = (await store.readAll('config')) as { n: number }[];
    t.same(
      all.map(({ n }) => n),
      [100, 101, 102, 103],
      'after a restart it goes on where it was',
    );
  });
  const slots = [0, 1].map((n) => readFileSync(slot(n)));
  const log = slots.findIndex((octets) => octets.includes('"n":103'));
  const octets = slots[log] as Buffer;
  const end = octets.indexOf('{"n":103}') + '{"n":103}'.length;
  const counts = new Set<number>();
  for (let length = 0; length <= end; length += 3) {
    const torn = Buffer.concat([octets.subarray(0, length), Buffer.alloc(octets.length - length, '#')]);
    writeFileSync(slot(log), torn);
    await reopened(async (store) => {
      const found = (await store.readAll('config')).map((value) => (value as { n: number }).n);
      counts.add(found.length);
      const isBefore = found.length === 40 && found[0] === 0;
      t.ok(isBefore || found.every((n, i) => n === 100 + i), `cut at ${length}: ${found}`);
      await store.append('config', { n: isBefore ? 40 : 100 + found.length });
    });
    await reopened(async (store) =>
      t.match((await store.readAll('config')).at(-1), { n: Number }, 'what is appended after that counts'),
    );
    for (const n of [0, 1]) writeFileSync(slot(n), slots[n] as Buffer);
  }
  t.same([...counts].sort(), [1, 2, 3, 40]);

  // A slot that had many records is begun anew: what is left of them behind the new ones does not count.
  await reopened(async (store) => {
    await store.remove('config');
    for (let n = 0; n < 3; n++) {
      await store.write('config', { n: 0 });
      for (let more = 1; more < 9; more++) await store.append('config', { n: more });
    }
    await store.write('config', { n: 9 });
    await store.append('config', { n: 9 });
  });
  await reopened(async (store) => t.same(await store.readAll('config'), [{ n: 9 }, { n: 9 }]));

  // An error that comes after the octets have arrived: what is answered later counts all the same.
  await reopened(async (store) => {
    const { writeSync } = fs;
    fs.writeSync = (...args: unknown[]): never => {
      Reflect.apply(writeSync, fs, args);
      throw new Error('an I/O error');
    };
    syncBuiltinESMExports();
    await t.rejects(store.append('config', { n: 10 }), { code: 'VNET_ERR_PRIVILEGE' });
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
    await store.write('config', { n: 11 });
  });
  await reopened(async (store) => t.same(await store.readAll('config'), [{ n: 11 }]));

  for (const n of [0, 1]) writeFileSync(slot(n), '{"half');
  await reopened((store) => t.rejects(store.read('config'), { code: 'VNET_ERR_INVALID' }));
});

t.test('the token', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vnet-token-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'token');
  await t.rejects(readToken(path, false), { code: 'VNET_ERR_NOT_FOUND' });
  const made = await readToken(path, true);
  t.equal(made.length, 64);
  t.equal(await readToken(path, false), made);
  t.equal(readFileSync(path, 'utf8').trim(), made);
  chmodSync(path, 0o644);
  await t.rejects(readToken(path, true), { code: 'VNET_ERR_REFUSED' });
  chmodSync(path, 0o600);
  writeFileSync(path, 'short');
  await t.rejects(readToken(path, true), { code: 'VNET_ERR_INVALID' });
});

t.test('private addresses', (t) => {
  const cases: [string, boolean][] = [
    ['10.1.2.3', true],
    ['172.15.0.1', false],
    ['172.16.0.1', true],
    ['192.168.1.1', true],
    ['192.169.1.1', false],
    ['100.64.0.1', true],
    ['8.8.8.8', false],
    ['::1', true],
    ['fd00::1', true],
    ['fe80::1', true],
    ['2001:db8::1', false],
    ['::ffff:10.0.0.1', true],
    ['::ffff:8.8.8.8', false],
  ];
  for (const [address, expected] of cases) t.equal(isPrivateAddress(address), expected, address);
  t.end();
});

t.test('a held port: frames wait whatever happens to it, and leave in order', async (t) => {
  const fabric = new MemoryFabric({ clock: systemClock, random: seededRandom(1) });
  const engine = makeEngine(fabric);
  t.teardown(() => engine.close());
  const [FAR, GROUP] = ['02:00:00:00:00:02' as MacAddress, 'ff:ff:ff:ff:ff:ff'];
  const far: PortConfig = { ...port('memory:far'), macs: [FAR] };
  const toAll: Rule = {
    ...rule('all', 'memory:web'),
    destination: { kind: 'group' },
    actions: ['memory:web', 'memory:third'].map((to) => ({ kind: 'port', port: to })),
  };
  engine.configure({
    host: 'a',
    revision: 1,
    networks: [NETWORK],
    links: [],
    ports: [port('memory:web'), far, { ...port('memory:third'), macs: [] }],
    rules: [rule('r1', 'memory:web'), toAll],
  });
  const [web, other, third] = ['web', 'far', 'third'].map((name) => fabric.port(engine.plane, name));
  let sent = 0;
  const send = (to: string) => {
    const octets = Buffer.alloc(60);
    Buffer.from(`${to}${FAR}`.replaceAll(':', ''), 'hex').copy(octets);
    octets[14] = sent += 1;
    other?.send(octets);
  };
  const numbers = (at: typeof web) => at?.received.map((octets) => octets[14]);
  const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
  const held = async () => {
    const { ports } = await engine.snapshot();
    return ports.reduce((sum, row) => sum + row.held, 0);
  };

  send(MAC);
  await settle();
  engine.holdPort('memory:web', true);
  send(MAC);
  send(GROUP);
  await settle();
  t.strictSame([numbers(web), numbers(third)], [[1], [3]], 'the others have theirs');
  t.equal(await held(), 2);

  engine.apply({ revision: 2, removePorts: ['memory:web'] });
  send(MAC);
  await settle();
  engine.apply({ revision: 3, ports: [port('memory:web')] });
  send(MAC);
  await settle();
  t.strictSame(numbers(web), [1], 'closed and opened again, it is held still');
  engine.holdPort('memory:web', false);
  send(MAC);
  await settle();
  t.strictSame(numbers(web), [1, 2, 4, 5, 6], 'a copy of a group frame does not outlive its port');

  engine.holdPort('memory:web', true);
  send(MAC);
  await settle();
  engine.apply({ revision: 4, rules: [rule('r1', 'memory:third')] });
  await settle();
  t.strictSame(numbers(third)?.slice(-1), [7], 'what was held follows the rules');

  t.ok(engine.announcePort('memory:far'));
  await settle();
  t.equal(third?.received.at(-1)?.[13], 0x35, 'a RARP request');
  t.notOk(engine.announcePort('memory:none'));
});

t.test('a port whose device has just come is open at once', async (t) => {
  const fabric = new MemoryFabric({ clock: systemClock, random: seededRandom(1) });
  let there = false;
  const engine = makeEngine(fabric, (plane) => {
    const open = plane.openPort.bind(plane);
    plane.openPort = (config) => {
      if (!there) throw new VnetError('VNET_ERR_NOT_FOUND', 'there is no interface web0');
      open(config);
    };
  });
  t.teardown(() => engine.close());
  const config = { host: 'a', revision: 1, links: [], rules: [] };
  engine.configure({ ...config, networks: [NETWORK], ports: [port('memory:web')] });
  t.equal(engine.portNumber(1, 'memory:web'), undefined);
  engine.reopenPort('memory:web');
  engine.reopenPort('memory:none');
  t.equal(engine.portNumber(1, 'memory:web'), undefined, 'not yet');
  there = true;
  engine.reopenPort('memory:web');
  t.type(engine.portNumber(1, 'memory:web'), 'number');
});

t.test('a frame that waited until the paths of its epoch were gone goes on by the ground', async (t) => {
  const deltas: FlowDelta[] = [];
  const plane = { applyFlows: (delta: FlowDelta) => void deltas.push(delta) } as unknown as DataPlane;
  const flows = new Flows(new ForwardingTable(), plane, new PlaneIds(), () => 2);
  const key = { network: 1, ground: 0 as const, ingress: 1, source: 2, destination: 4 };
  flows.resolve([
    { ...key, epoch: 1 },
    { ...key, epoch: 2 },
  ]);
  const install = deltas.flatMap((delta) => delta.install);
  t.strictSame(install[0], { ...key, fromEpoch: 0, toEpoch: 2, actions: [{ kind: 'ground' }] });
  t.match(install.at(-1)?.actions, [{ kind: 'drop' }], 'one of today has its rules or none');
});
