/** Two daemons and the channel between them, as to what is measured: frames in memory, a Proxy that only takes notes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import t from 'tap';
import {
  type Authority,
  type DataPlane,
  decodeTrafficUpdate,
  DEFAULT_SIGHT,
  connectControl,
  type HostConfig,
  type HostReport,
  type HostSession,
  type LinkConfig,
  type MacAddress,
  macToNumber,
  MemoryStore,
  type OverlayEvent,
  type Rule,
  seededRandom,
  systemClock,
  type TrafficUpdate,
  type UnderlayReport,
  type VmReport,
  type VmSpec,
} from '../core/index.js';
import { Daemon } from './daemon.js';
import { FakeDriver, FakeWorld } from './fake-driver.js';
import { createMemoryPlane, MemoryFabric } from './memory-plane/index.js';
import type { ProxyRole } from './proxy-role.js';

const TOKEN = 'a token of the test, long enough';
const WAIT_MS = 5000;
const [WEB, DB] = ['02:00:00:00:00:01', '02:00:00:00:00:02'] as MacAddress[] as [MacAddress, MacAddress];
const ADDRESS = { home: '127.0.0.2', a: '127.0.0.3' };
type HostName = keyof typeof ADDRESS;

async function until<T>(what: string, check: () => T | undefined | false): Promise<T> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const value = check();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`waited ${WAIT_MS} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Free on loopback now. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, ADDRESS.home, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** `web` at a, `db` at home, one UDP link between them. */
function configOf(host: HostName, homePort: number): HostConfig {
  const peer = host === 'a' ? 'home' : 'a';
  const [port, mac, other] =
    host === 'a' ? (['memory:web', WEB, DB] as const) : (['memory:db', DB, WEB] as const);
  const dial = host === 'a' ? { dial: { address: ADDRESS.home, port: homePort } } : {};
  const link: LinkConfig = {
    id: '01'.repeat(8),
    peer,
    type: 'udp',
    owner: 'auto',
    secret: '02'.repeat(16),
    preference: 3,
    ...dial,
  };
  const rule = (id: string, to: MacAddress, action: Rule['actions'][number]): Rule => ({
    id,
    network: 1,
    source: { kind: 'any' },
    destination: { kind: 'exact', mac: to },
    actions: [action],
    owner: 'auto',
    origin: 'auto',
    fromEpoch: 0,
  });
  return {
    host,
    revision: 1,
    networks: [{ id: 1, name: 'lab', mtu: 1500, epoch: 1, oldestEpoch: 1 }],
    links: [link],
    ports: [{ port, network: 1, role: 'vm', owner: 'user', macs: [mac] }],
    rules: [rule('here', mac, { kind: 'port', port }), rule('there', other, { kind: 'edge', peer })],
  };
}

/** A Proxy's role that configures who attaches and keeps what is reported. */
class NotingProxy {
  readonly sessions = new Map<string, HostSession>();
  readonly updates: [host: string, update: TrafficUpdate][] = [];
  readonly underlayReports: [host: string, report: UnderlayReport][] = [];
  readonly events: [host: string, event: OverlayEvent][] = [];
  readonly refusals: string[] = [];
  readonly calls: unknown[][] = [];
  readonly vmReports: [host: string, report: VmReport][] = [];
  readonly greetings: HostReport[] = [];
  homePort = 0;

  role(): ProxyRole {
    const own = {
      reports: {
        traffic: (host: string, update: Uint8Array) => this.updates.push([host, decodeTrafficUpdate(update)]),
        underlay: (host: string, report: UnderlayReport) => this.underlayReports.push([host, report]),
        refused: (host: string, what: string) => this.refusals.push(`${what} of ${host}`),
      },
      vmReport: (host: string, report: VmReport) => this.vmReports.push([host, report]),
      attach: async (session: HostSession, report: HostReport) => {
        this.greetings.push(report);
        await session.configure(configOf(session.host as HostName, this.homePort));
        await session.sight({ ...DEFAULT_SIGHT, updateMs: 20 });
        this.sessions.set(session.host, session);
      },
      detach: (host: string) => void this.sessions.delete(host),
      reportEvent: (host: string, event: OverlayEvent) => this.events.push([host, event]),
      onEvent: () => () => {},
      close: async () => {},
    };
    const call =
      (name: keyof Authority) =>
      async (...args: unknown[]) => {
        const progress = args.at(-1);
        if (typeof progress === 'function') progress({ vm: 'web', phase: 'copying' });
        this.calls.push([name, ...args.filter((each) => typeof each !== 'function')]);
        return { answered: name };
      };
    return new Proxy(own as unknown as ProxyRole, {
      get: (target, name) =>
        Reflect.get(target, name) ?? (name === 'then' ? undefined : call(name as keyof Authority)),
    });
  }

  lastUpdate(host: string, isIt: (update: TrafficUpdate) => boolean) {
    return this.updates.findLast(([from, update]) => from === host && isIt(update))?.[1];
  }
}

async function makeOverlay(t: { teardown(done: () => Promise<void>): unknown }) {
  const fabric = new MemoryFabric({ clock: systemClock, random: seededRandom(1) });
  const directory = mkdtempSync(join(tmpdir(), 'vnet-daemon-'));
  const proxy = new NotingProxy();
  proxy.homePort = (await freePort()) - 1;
  const planes = new Map<string, DataPlane>();
  const worlds = { home: new FakeWorld(), a: new FakeWorld() };
  const drivers = new Map<HostName, FakeDriver>();
  const stores = { home: new MemoryStore(), a: new MemoryStore() };
  const start = (host: HostName) =>
    Daemon.start({
      host,
      version: '0.0.0-test',
      listen: { address: ADDRESS[host], port: host === 'home' ? proxy.homePort : 7700 },
      socketPath: join(directory, `${host}.sock`),
      store: stores[host],
      token: TOKEN,
      insecure: false,
      ...(host === 'home'
        ? { role: proxy.role() }
        : { proxy: { address: ADDRESS.home, port: proxy.homePort } }),
      random: seededRandom(host.length),
      loadDrivers: async () => {
        const driver = new FakeDriver(worlds[host]);
        drivers.set(host, driver);
        return [driver];
      },
      logger: pino({ level: process.env['VNET_TEST_LOG'] ?? 'silent' }),
      createPlane(handlers) {
        const plane = createMemoryPlane(handlers, fabric, { clock: systemClock, random: seededRandom(3) });
        planes.set(host, plane);
        return plane;
      },
    });
  const daemons = { home: await start('home'), a: await start('a') };
  t.teardown(async () => {
    await daemons.a.close();
    await daemons.home.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const say = (host: HostName, to: MacAddress, from: MacAddress) => {
    const octets = [to, from].map((mac) => Buffer.from(mac.replaceAll(':', ''), 'hex'));
    const frame = Buffer.concat([...octets, Buffer.from('88b5', 'hex'), Buffer.alloc(46)]);
    fabric.port(planes.get(host) as DataPlane, host === 'a' ? 'web' : 'db').send(frame);
  };
  const restart = async () => {
    await daemons.a.close();
    daemons.a = await start('a');
  };
  await until('both are attached', () => proxy.sessions.size === 2);
  await until(
    'the link is up',
    () => daemons.a.engine.isLinkedTo('home') && daemons.home.engine.isLinkedTo('a'),
  );
  const heard = (host: HostName) =>
    fabric.port(planes.get(host) as DataPlane, host === 'a' ? 'web' : 'db').received.length;
  return { proxy, daemons, say, heard, restart, drivers, worlds, directory };
}

t.test('what the daemons measure comes to the Proxy, its own daemon included', async (t) => {
  const { proxy, daemons, say, restart } = await makeOverlay(t);
  const counts = (frames: number) => (update: TrafficUpdate) => update.counts.frames[0] === frames;
  for (let n = 0; n < 3; n++) say('a', DB, WEB);
  say('home', WEB, DB);
  const update = await until('the frames of web', () => proxy.lastUpdate('a', counts(3)));
  t.ok(update.sequence > 0);
  await until('the frames of db', () => proxy.lastUpdate('home', counts(1)));
  const pairs = await until('the pair', () => proxy.lastUpdate('a', (each) => each.pairs.rows === 1));
  const { network, source, destination } = pairs.pairs;
  t.same([network[0], source[0], destination[0]], [1, macToNumber(WEB), macToNumber(DB)]);

  const [, report] = await until('what the link does', () =>
    proxy.underlayReports.find(([host, { links }]) => host === 'a' && links.length > 0),
  );
  t.match(report.links[0], { link: '01'.repeat(8), from: 'home', to: 'a', type: 'udp' });
  await until('and at the other end', () => proxy.underlayReports.find(([host]) => host === 'home'));

  await until('that its link is up', () =>
    proxy.events.find(([host, event]) => host === 'a' && event.kind === 'link' && event.up),
  );
  t.same(proxy.refusals, [], 'all of it is believed');

  const view = await daemons.a.local();
  t.match(view.links, [{ preference: 3, lost: 0, late: 0 }]);
  t.ok((view.links[0]?.arrived ?? 0) > 0);
  t.equal(view.pairsReported, 1);
  t.ok(view.cpuShare > 0 && view.eventLoopDelayP99Ms >= 0 && view.updatesSkipped === 0);

  const boot = update.boot;
  await restart();
  await until('a is back', () => proxy.sessions.has('a') && daemons.a.engine.isLinkedTo('home'));
  const fresh = await until('its updates, as often as before', () => {
    const later = proxy.updates.filter(([host, each]) => host === 'a' && each.boot !== boot);
    return later.length >= 5 && later[0]?.[1];
  });
  t.equal(fresh.full, true);
});

t.test('the Proxy asks a daemon: echoes over the overlay, ICMP beside it', async (t) => {
  const { proxy } = await makeOverlay(t);
  const a = proxy.sessions.get('a') as HostSession;
  const home = proxy.sessions.get('home') as HostSession;
  const request = { network: 1, bytes: 60, count: 3, intervalMs: 5, timeoutMs: 2000 };
  const there = await a.echo({ ...request, port: 'memory:web', source: WEB, destination: DB });
  t.equal(there.hops, 1);
  t.ok(
    there.rttUs.every((rttUs) => rttUs !== null && rttUs > 0),
    `${there.rttUs}`,
  );
  const back = await home.echo({ ...request, port: 'memory:db', source: DB, destination: WEB, bytes: 1514 });
  t.equal(back.rttUs.filter((rttUs) => rttUs !== null).length, 3);
  const nobody = '02:00:00:00:00:99' as MacAddress;
  t.same(
    await a.echo({
      ...request,
      port: 'memory:web',
      source: WEB,
      destination: nobody,
      count: 1,
      timeoutMs: 50,
    }),
    { rttUs: [null] },
  );
  await t.rejects(a.echo({ ...request, port: 'memory:none', source: WEB, destination: DB }), {
    code: 'VNET_ERR_NOT_FOUND',
  });
  const [result] = await a.reach({ addresses: ['127.0.0.1'], timeoutMs: 500 });
  t.match(result, { address: '127.0.0.1', reachable: Boolean });
  await t.rejects(a.reach({ addresses: ['nowhere'], timeoutMs: 500 }), { code: 'VNET_ERR_INVALID' });
  await t.rejects(a.sight({} as never), { code: 'VNET_ERR_INVALID' });
});

t.test('VMs: driven over the channel, reported to the Proxy, found again after a restart', async (t) => {
  const { proxy, daemons, say, heard, restart, drivers, worlds, directory } = await makeOverlay(t);
  const session = () => proxy.sessions.get('a') as HostSession;
  const spec: VmSpec = {
    name: 'web',
    network: 'lab',
    mtu: 1500,
    macs: [WEB],
    port: 'memory:web',
    memoryBytes: 2 ** 29,
    cpus: 1,
    machine: { driver: 'exec', command: '/bin/vm' },
  };
  const reported = (host: string, state: VmReport['state']) =>
    until(`${state} at ${host}`, () =>
      proxy.vmReports.find(([from, report]) => from === host && report.state === state),
    );
  t.match(await session().vms.machine(), { drivers: { exec: true }, cpuModel: String });
  t.match(
    proxy.greetings.find(({ host }) => host === 'a'),
    { machine: { cpuModel: String }, vms: [] },
  );
  t.same(await session().vms.check(spec), []);
  t.match(await session().vms.start(spec), { vm: 'web', state: 'running', port: 'memory:web' });
  await reported('a', 'running');
  t.match(await session().vms.reports(), [{ vm: 'web', state: 'running' }]);
  await t.rejects(session().vms.receive('m1', spec, {}), { code: 'VNET_ERR_REFUSED' });
  await t.rejects(session().vms.start({} as VmSpec), { code: 'VNET_ERR_INVALID' });

  // Its frames wait while it does not execute, and none is lost.
  say('home', WEB, DB);
  await until('a frame', () => heard('a') === 1);
  drivers.get('a')?.halt('web', true);
  await reported('a', 'paused');
  for (let n = 0; n < 3; n++) say('home', WEB, DB);
  await session().vms.reports();
  t.equal(heard('a'), 1);
  drivers.get('a')?.halt('web', false);
  await until('those that waited', () => heard('a') === 4);

  await restart();
  await until('a is back', () => proxy.greetings.filter(({ host }) => host === 'a').length === 2);
  t.match(proxy.greetings.at(-1)?.vms, [{ vm: 'web', state: 'running' }], 'told as it connects');
  t.equal(worlds.a.doubles.length, 0);

  await until('a is attached', () => proxy.sessions.has('a'));
  await session().vms.send('m1', 'web', { driver: 'exec', key: 'k' }, {});
  proxy.vmReports.length = 0;
  await drivers.get('a')?.leave('web', true);
  await reported('a', 'paused');
  const [, gone] = await reported('a', 'stopped');
  t.equal(gone.move, 'm1');

  const home = proxy.sessions.get('home') as HostSession;
  const received = await home.vms.receive('m1', { ...spec, port: 'memory:db' }, {});
  t.same(received, { ticket: { driver: 'exec', key: 'k' }, port: 'memory:db' });
  await drivers.get('home')?.arrive('web', true);
  await reported('home', 'running');
  await t.rejects(home.vms.discard('m1'), { code: 'VNET_ERR_REFUSED' });
  await home.vms.stop('web', { graceMs: 0 });
  await reported('home', 'stopped');

  // From a host's own API, through its daemon, over the channel, to the Proxy and back.
  const client = connectControl(join(directory, 'a.sock'));
  const told: unknown[] = [];
  const request = { moves: [{ vm: 'web', host: 'home' }] };
  t.match(await client.moveVms(request, (move) => told.push(move)), { answered: 'moveVms' });
  t.same(told, [{ vm: 'web', phase: 'copying' }]);
  t.match(await client.drainHost('a', undefined, (move) => told.push(move)), { answered: 'drainHost' });
  t.match(await client.startVm('web', { fence: ['b'] }), { answered: 'startVm' });
  t.match(await client.stopVm('web'), { answered: 'stopVm' });
  t.match(await client.checkVm('web', 'home'), { answered: 'checkVm' });
  t.match(await client.vms(), { answered: 'vms' });
  await client.cancelMove('web');
  client.close();
  t.same(proxy.calls.slice(-7), [
    ['moveVms', request],
    ['drainHost', 'a', undefined],
    ['startVm', 'web', { fence: ['b'] }],
    ['stopVm', 'web', {}],
    ['checkVm', 'web', 'home'],
    ['vms'],
    ['cancelMove', 'web'],
  ]);
  t.ok(daemons.a.dataPort > 0);
});
