/** The Proxy's side of sight: who is told what, what is asked again, links for a while, names. Time is by hand. */
import t from 'tap';
import {
  DEFAULT_SIGHT,
  emptyTopology,
  encodeTrafficUpdate,
  type LinkEstimate,
  macFromNumber,
  macToNumber,
  ManualClock,
  MemoryStore,
  networkId,
  type OverlayEvent,
  type PairCounters,
  type Topology,
  TrafficReporter,
} from '../../core/index.js';
import { FakeHost } from '../fake-fleet.js';
import { createProxy, type Proxy } from '../index.js';

const NAMES = ['home', 'a', 'b', 'c'];
const mac = (index: number) => macFromNumber(0x020000000000 + index);
const LAB = networkId({ name: 'lab' });

function lab(): Topology {
  return {
    ...emptyTopology(),
    networks: [{ name: 'lab' }],
    hosts: NAMES.map((name, i) => ({
      name,
      endpoint: { address: `10.0.0.${i + 1}`, port: 7700 },
      ...(i === 0 ? { proxy: true } : {}),
    })),
    vms: ['a', 'b', 'c'].map((host, i) => ({
      name: `vm-${host}`,
      network: 'lab',
      host,
      macs: [mac(i + 1)],
      port: `tap:vm-${host}`,
    })),
  };
}

const breath = () => new Promise((resolve) => setImmediate(resolve));

/** Lets pass what timers set off. */
async function pass(clock: ManualClock, ms: number, stepMs = 50): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs);
    for (let turn = 0; turn < 6; turn++) await breath();
  }
}

async function start(store = new MemoryStore()) {
  const clock = new ManualClock();
  const proxy = await createProxy({ name: 'home', store, clock });
  const hosts = new Map(NAMES.map((name) => [name, new FakeHost(name)]));
  const attach = (host: FakeHost) => proxy.attach(host, host.report());
  await Promise.all([...hosts.values()].map(attach));
  await proxy.apply({ kind: 'target', topology: lab() });
  const host = (name: string) => hosts.get(name) as FakeHost;
  return { proxy, clock, host, attach };
}

/** What a data plane would have counted. */
function counters(rows: [from: number, to: number, bytes: number][]): PairCounters {
  const column = (value: (row: [number, number, number]) => number) => Float64Array.from(rows, value);
  const none = new Float64Array(rows.length);
  return {
    rows: rows.length,
    network: column(() => LAB),
    source: column(([from]) => macToNumber(mac(from))),
    destination: column(([, to]) => macToNumber(mac(to))),
    inFrames: column(([, , bytes]) => bytes / 100),
    inBytes: column(([, , bytes]) => bytes),
    outFrames: none,
    outBytes: none,
  };
}

class Daemon {
  readonly reporter = new TrafficReporter({ boot: 7 });
  #bytes = 0;

  constructor(
    readonly proxy: Proxy,
    readonly clock: ManualClock,
    readonly host: string,
    readonly pair: [from: number, to: number],
  ) {}

  report(): void {
    this.#bytes += 100_000;
    const update = this.reporter.update(counters([[...this.pair, this.#bytes]]), this.clock.now());
    this.proxy.reports.traffic(this.host, encodeTrafficUpdate(update));
  }
}

t.test('every daemon is told on connecting and on every change; bad parameters change nothing', async (t) => {
  const store = new MemoryStore();
  const { proxy, host, attach } = await start(store);
  t.same(host('a').parameters.at(-1), DEFAULT_SIGHT);
  await proxy.setSight({ updateMs: 100, smoothingMs: 500 });
  t.match(host('b').parameters.at(-1), { updateMs: 100, smoothingMs: 500 });
  const told = host('b').parameters.length;
  await t.rejects(proxy.setSight({ updateMs: 5 }), { code: 'VNET_ERR_INVALID' });
  await t.rejects(proxy.setSight({ probeShare: 0.9 }), { code: 'VNET_ERR_INVALID' });
  t.equal(host('b').parameters.length, told);
  await proxy.setSight({ nonsense: true } as object);
  t.notOk('nonsense' in (await proxy.sight()), 'what is no parameter is not kept');
  proxy.detach('c');
  await attach(host('c'));
  t.match(host('c').parameters.at(-1), { updateMs: 100 });

  await proxy.setSight({ derived: true });
  await proxy.setConfigurationTime(700);
  t.match(await proxy.sight(), { derived: true, updateMs: 100, smoothingMs: 500 }, '700 ms / 7');
  await proxy.setConfigurationTime(1400);
  t.match(await proxy.sight(), { updateMs: 200, smoothingMs: 1000 });
  await proxy.close();
  const again = await createProxy({ name: 'home', store, clock: new ManualClock() });
  t.match(await again.sight(), { derived: true, updateMs: 200 }, 'kept');
  await again.close();
});

t.test('traffic becomes a topology, with an event, under the names that VMs have now', async (t) => {
  const { proxy, clock } = await start();
  const events: OverlayEvent[] = [];
  proxy.onEvent((event) => events.push(event));
  const daemons = [
    new Daemon(proxy, clock, 'a', [1, 2]),
    new Daemon(proxy, clock, 'b', [2, 3]),
    new Daemon(proxy, clock, 'c', [3, 1]),
  ];
  const run = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 200) {
      for (const daemon of daemons) daemon.report();
      await pass(clock, 200);
    }
  };
  await run(3000);
  const view = await proxy.inferredTopology('lab');
  t.equal(view.state, 'settled');
  t.same(view.applications[0]?.vms, ['vm-a', 'vm-b', 'vm-c']);
  t.ok(
    events.some((event) => event.kind === 'topology' && event.state === 'settled'),
    'declared',
  );
  t.equal((await proxy.matrix()).pairsTotal, 3);
  t.match(await proxy.matrix('lab', 2), { pairs: { length: 2 }, pairsTotal: 3 });
  await t.rejects(proxy.matrix('lab', 0), { code: 'VNET_ERR_INVALID' });
  t.ok((await proxy.history(0)).steps.length > 0);

  const topology = lab();
  topology.vms = topology.vms.map((vm) => (vm.name === 'vm-a' ? { ...vm, name: 'web' } : vm));
  await proxy.apply({ kind: 'target', topology });
  await run(1000);
  t.ok(
    (await proxy.matrix()).pairs.some(({ from }) => from === 'web'),
    'the new name',
  );
  await t.rejects(proxy.matrix('nowhere'), { code: 'VNET_ERR_NOT_FOUND' });
  await proxy.close();
});

t.test(
  'a daemon whose updates do not follow is asked for a whole one, not more than once a second',
  async (t) => {
    const { proxy, clock, host } = await start();
    const daemon = new Daemon(proxy, clock, 'a', [1, 2]);
    daemon.report();
    const asked = host('a').parameters.length;
    for (let lost = 0; lost < 5; lost++) {
      clock.advance(50);
      daemon.reporter.update(counters([[1, 2, 1e6 * (lost + 1)]]), clock.now()); // made, and never sent
      daemon.report();
    }
    t.equal(host('a').parameters.length, asked + 1);
    clock.advance(1000);
    daemon.reporter.update(counters([[1, 2, 1e7]]), clock.now());
    daemon.report();
    t.equal(host('a').parameters.length, asked + 2);
    proxy.reports.traffic('a', Uint8Array.from([1, 2, 3]));
    t.ok(
      (await proxy.underlay()).notes.some((note) => note.includes('a')),
      'and people are told',
    );
    await proxy.close();
  },
);

t.test('hosts without a link: one for a while, that carries no path; what it told stays', async (t) => {
  const { proxy, clock, host } = await start();
  const estimate = (from: string, to: string): LinkEstimate => {
    const sure = { ageMs: 0, method: 'probe' as const, confidence: 0.9 };
    const throughput = { value: 0, ...sure };
    const available = { value: 5e7, ...sure };
    return {
      link: 'x',
      from,
      to,
      type: 'udp',
      throughputBitsPerSecond: throughput,
      availableBitsPerSecond: available,
    };
  };
  const peersOf = (name: string) => host(name).config.links.map(({ peer }) => peer);
  await pass(clock, 2500);
  t.notOk(peersOf('a').includes('b'), 'not while the overlay is being changed');
  await pass(clock, 2500);
  t.ok(peersOf('a').includes('b'), 'a and b first');
  t.same(
    host('a').config.links.find(({ peer }) => peer === 'b')?.owner,
    'auto',
    'nobody asked for it by a statement',
  );
  t.same((await proxy.overview()).topology.links, []);
  const { hops } = await proxy.route('vm-a', 'vm-b');
  t.equal(hops[0]?.to, 'home', 'by the star as before');

  proxy.reports.underlay('b', { links: [estimate('a', 'b')], queues: [], notes: [] });
  proxy.reports.underlay('a', { links: [estimate('b', 'a')], queues: [], notes: [] });
  await pass(clock, 1500);
  t.notOk(peersOf('a').includes('b'), 'both ways are known: it is gone');
  proxy.reports.underlay('b', { links: [], queues: [], notes: [] });
  proxy.reports.underlay('a', { links: [], queues: [], notes: [] });
  const path = (await proxy.underlay()).paths.find(({ from, to }) => from === 'a' && to === 'b');
  t.equal(path?.availableBitsPerSecond?.value, 5e7);
  t.notOk(path?.link);

  await pass(clock, 13_000);
  t.ok(peersOf('a').includes('c') || peersOf('b').includes('c'), 'the next pair');
  await proxy.setSight({ probeShare: 0 });
  await pass(clock, 3000);
  t.same(
    [...peersOf('a'), ...peersOf('b'), ...peersOf('c')],
    ['home', 'home', 'home'],
    'none while nothing is to be sent',
  );
  await proxy.close();
});

t.test('notes of a report name the daemon that says them', async (t) => {
  const { proxy } = await start();
  proxy.reports.underlay('a', { links: [], queues: [], notes: ['time stamps of b stand still'] });
  proxy.reports.underlay('b', { links: [], queues: [], notes: [] });
  t.same((await proxy.underlay()).notes, ['a: time stamps of b stand still']);
  await proxy.close();
});

t.test('echoes: by name or address, from a host that is there', async (t) => {
  const { proxy } = await start();
  const options = { count: 2, bytes: 98, intervalMs: 10, timeoutMs: 100 };
  t.same((await proxy.echo('vm-a', 'vm-b', options)).rttUs, [100, 100]);
  t.same((await proxy.echo(mac(1).toUpperCase(), mac(2).replaceAll(':', '-'), options)).hops, 1);
  await t.rejects(proxy.echo('vm-a', 'nobody', options), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(proxy.echo('vm-a', 'vm-b', { ...options, bytes: 59 }), { code: 'VNET_ERR_INVALID' });
  await t.rejects(proxy.echo('vm-a', 'vm-b', { ...options, bytes: 1515 }), { code: 'VNET_ERR_INVALID' });
  proxy.detach('a');
  await t.rejects(proxy.echo('vm-a', 'vm-b', options), { code: 'VNET_ERR_UNREACHABLE' });
  await proxy.close();
});
