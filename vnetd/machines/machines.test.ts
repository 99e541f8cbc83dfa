/** A host's VMs under a driver that does as it is told, right or wrong: what is reported is so, and ports wait exactly while nothing executes. */
import fc from 'fast-check';
import t from 'tap';
import { ManualClock, MemoryStore, type VmReport, type VmSpec, type VmTicket } from '../../core/index.js';
import { FakeDriver, FakePorts, FakeWorld, settle } from '../fake-driver.js';
import { VM_REPORTS_PER_SECOND_MAX, VmIntake } from './intake.js';
import { Machines } from './machines.js';
import { soundMachine, soundVmReport } from './sound-report.js';
import { DRIVER_TIMEOUTS_MS, PORT_WAIT_MS, RECEIVE_SLACK_MS, TURN_WAIT_MS } from './time-outs.js';

const TICKET: VmTicket = { driver: 'exec', key: 'k' };
const spec = (name = 'web', part: Partial<VmSpec> = {}): VmSpec => ({
  name,
  network: 'lab',
  mtu: 1500,
  macs: ['02:00:00:00:00:01' as VmSpec['macs'][number]],
  memoryBytes: 2 ** 29,
  cpus: 1,
  machine: { driver: 'exec', command: '/bin/vm' },
  ...part,
});
const WEB = 'memory:web';

/** One daemon's machines; `again` is the daemon after a restart. */
async function makeHost(before?: { world: FakeWorld; store: MemoryStore }) {
  const clock = new ManualClock();
  const world = before?.world ?? new FakeWorld();
  const store = before?.store ?? new MemoryStore();
  const driver = new FakeDriver(world);
  const ports = new FakePorts();
  ports.configured.add(WEB);
  const reports: VmReport[] = [];
  let loads = 0;
  const machines = new Machines({
    clock,
    store,
    ports,
    loadDrivers: async () => {
      loads++;
      return [driver];
    },
    onReport: (report) => reports.push(report),
    log: { warn: () => {} },
  });
  const host = {
    clock,
    world,
    store,
    driver,
    ports,
    reports,
    machines,
    loads: () => loads,
    web: () => machines.allReports().find(({ vm }) => vm === 'web'),
    states: () => reports.map(({ state }) => state),
    again: async () => {
      await machines.close();
      return makeHost({ world, store });
    },
  };
  await machines.load();
  await machines.find();
  return host;
}

const never = () => new Promise<never>(() => {});

t.test('started, stopped; asked twice it is the same', async (t) => {
  const { machines, ports, world, web, states, loads, reports } = await makeHost();
  t.equal(loads(), 0, 'a host without VMs loads no driver');
  const [first, second] = await Promise.all([machines.start(spec()), machines.start(spec())]);
  t.match(first, { vm: 'web', state: 'running', port: WEB, console: '/run/web.console' });
  t.same(second, first);
  t.same(world.calls, ['start web']);
  t.same([ports.held.size, ports.announced], [0, [WEB]]);
  t.same([...new Set(states())], ['starting', 'running']);
  await Promise.all([machines.stop('web', { graceMs: 10 }), machines.stop('web', { graceMs: 10 })]);
  t.match(web(), { state: 'stopped', port: undefined });
  t.same([ports.held.size, world.doing.size], [0, 0]);
  await machines.stop('nobody', { graceMs: 0 });
  t.equal((await machines.start(spec())).state, 'running');
  t.equal(reports.at(-1)?.state, 'running');
  const facts = await machines.machine();
  t.ok(facts.memoryBytes >= facts.freeMemoryBytes && facts.freeMemoryBytes > 0 && facts.cpus > 0);
  t.same(facts.drivers, { exec: true });
});

t.test('a VM waits for its port, held before it opens', async (t) => {
  const { machines, ports, world, clock, web } = await makeHost();
  ports.configured.clear();
  const started = machines.start(spec());
  await settle();
  t.same([world.calls, [...ports.held], web()?.state], [[], [WEB], 'starting']);
  ports.configured.add(WEB);
  machines.portsChanged();
  t.equal((await started).state, 'running');
  await machines.stop('web', { graceMs: 0 });

  ports.configured.clear();
  const refused = machines.start(spec());
  await settle();
  clock.advance(PORT_WAIT_MS);
  await t.rejects(refused, { code: 'VNET_ERR_TIMEOUT', message: /memory:web of VM web/ });
  t.match(web(), { state: 'failed', reason: /not configured/ });
  t.equal(ports.held.size, 0);
});

t.test('a move, at both ends', async (t) => {
  const a = await makeHost();
  const b = await makeHost();
  await a.machines.start(spec());
  b.ports.configured.clear();
  const { ticket, port } = await b.machines.receive('m1', spec(), {});
  t.same([ticket, port, [...b.ports.held]], [TICKET, WEB, [WEB]]);
  t.same(await b.machines.receive('m1', spec(), {}), { ticket, port }, 'asked again');
  await t.rejects(b.machines.start(spec()), { code: 'VNET_ERR_REFUSED' });
  await t.rejects(b.machines.stop('web', { graceMs: 0 }), { code: 'VNET_ERR_REFUSED' });
  await a.machines.send('m1', 'web', ticket, {});
  await a.machines.send('m1', 'web', ticket, {});
  await t.rejects(a.machines.start(spec()), { code: 'VNET_ERR_REFUSED' });
  await t.rejects(a.machines.stop('web', { graceMs: 0 }), { code: 'VNET_ERR_REFUSED' });
  await t.rejects(a.machines.send('m2', 'web', ticket, {}), { code: 'VNET_ERR_REFUSED' });

  a.reports.length = 0;
  const transfer = {
    transferredBytes: 1,
    remainingBytes: 2,
    totalBytes: 3,
    bitsPerSecond: 4,
    dirtyBytesPerSecond: 5,
    rounds: 1,
    postCopy: false,
  };
  for (let n = 0; n < 100; n++) {
    a.driver.moves.get('web')?.progress?.({ ...transfer, rounds: n });
    a.clock.advance(10);
  }
  t.ok(a.reports.length >= 4 && a.reports.length <= 6, `${a.reports.length} reports in a second`);
  a.driver.moves.get('web')?.progress?.({ rounds: 'many' } as never);
  t.equal(a.reports.at(-1)?.progress?.postCopy, false);

  a.ports.counts = { held: 7, lost: 2 };
  a.reports.length = 0;
  t.same([...a.ports.kept], [WEB], 'what leaves for it is kept while it may stop at any time');
  a.driver.heardMs = 12;
  await a.driver.leave('web', true);
  await settle();
  t.same(a.ports.recalled, [{ port: WEB, agoMs: 12 }], 'and what left too late waits again');
  t.equal(a.ports.kept.size, 0);
  t.match(a.reports[0], { state: 'paused', move: 'm1', port: WEB });
  t.match(a.web(), { state: 'stopped', move: 'm1', heldFrames: 7, lostFrames: 2 });
  t.same([...a.ports.held], [WEB], 'its frames wait until the port is closed');
  a.ports.configured.clear();
  a.machines.portsChanged();
  t.equal(a.ports.held.size, 0);

  b.ports.configured.add(WEB);
  b.ports.counts = { held: 3, lost: 0 };
  await b.driver.arrive('web', true);
  await settle();
  t.match(b.web(), {
    state: 'running',
    move: 'm1',
    heldFrames: 3,
    lostFrames: 0,
    console: '/run/web.console',
  });
  t.same([b.ports.held.size, b.ports.announced], [0, [WEB]]);
  await t.rejects(b.machines.discard('m1'), { code: 'VNET_ERR_REFUSED' });
  t.equal(b.web()?.state, 'running');
  await b.machines.stop('web', { graceMs: 0 });
  t.equal(b.web()?.move, undefined);
});

t.test('a move that fails, is cancelled, is discarded, takes too long', async (t) => {
  const a = await makeHost();
  await a.machines.start(spec());
  await a.machines.send('m1', 'web', TICKET, {});
  await a.driver.leave('web', false);
  await settle();
  t.match(a.web(), { state: 'running', move: 'm1', reason: 'the destination is gone' });
  t.equal(a.ports.held.size, 0);
  await a.machines.send('m2', 'web', TICKET, {});
  await a.machines.cancel('m2');
  await settle();
  t.match(a.web(), { state: 'running', move: 'm2', reason: /gone/ });
  await a.machines.cancel('m2');
  await a.machines.cancel('never heard of');
  await a.machines.send('m3', 'web', TICKET, { timeoutMs: 1000 });
  a.clock.advance(1000);
  await settle(12);
  t.ok(a.world.calls.filter((call) => call === 'cancel web').length === 2, 'given up by itself');
  t.match(a.web(), { state: 'running', move: 'm3' });

  const b = await makeHost();
  await b.machines.receive('m1', spec(), {});
  await b.machines.discard('m1');
  await b.machines.discard('m1');
  await b.machines.discard('never heard of');
  t.match(b.web(), { state: 'stopped', move: 'm1' });
  t.same([b.ports.held.size, b.world.doing.size], [0, 0]);
  await b.machines.receive('m2', spec(), {});
  await b.driver.arrive('web', false);
  await settle();
  t.match(b.web(), { state: 'stopped', move: 'm2', reason: 'the source is gone' });
  await b.machines.receive('m3', spec(), { timeoutMs: 1000 });
  b.clock.advance(1000 + RECEIVE_SLACK_MS);
  await settle(12);
  t.match(b.web(), { state: 'stopped', move: 'm3', reason: /given up|discarded/ });
  t.equal(b.world.doing.size, 0);
});

t.test('a driver that hangs is named, and what it does in the end is reported', async (t) => {
  const { machines, driver, clock, web, ports, world } = await makeHost();
  let go = () => {};
  driver.instead.set('start', () => new Promise((resolve) => (go = resolve as () => void)));
  const started = machines.start(spec());
  await settle();
  clock.advance(DRIVER_TIMEOUTS_MS.start);
  await t.rejects(started, {
    code: 'VNET_ERR_TIMEOUT',
    message: /exec driver did not finish "start" of VM web in 120 s/,
  });
  t.match(web(), { state: 'starting', reason: /did not finish/ }, 'it may still come');
  const stopped = machines.stop('web', { graceMs: 0 });
  await settle();
  clock.advance(TURN_WAIT_MS);
  await t.rejects(stopped, { code: 'VNET_ERR_TIMEOUT', message: /"start" of VM web is still under way/ });
  go();
  await settle();
  t.match(web(), { state: 'running' });
  t.equal(ports.held.size, 0);

  driver.instead.set('stop', never);
  const hanging = machines.stop('web', { graceMs: 1000 });
  await settle();
  clock.advance(DRIVER_TIMEOUTS_MS.stop + 1000);
  await t.rejects(hanging, { code: 'VNET_ERR_TIMEOUT', message: /"stop" of VM web in 16 s/ });
  t.equal(web()?.state, 'running');
  t.equal(world.doing.get('web'), 'running');

  const other = await makeHost();
  other.driver.instead.set('receive', () => new Promise((resolve) => (go = resolve as () => void)));
  const received = other.machines.receive('m1', spec(), {});
  await settle();
  other.clock.advance(DRIVER_TIMEOUTS_MS.receive);
  await t.rejects(received, { code: 'VNET_ERR_TIMEOUT' });
  t.equal(other.web()?.state, 'receiving');
  go();
  await settle();
  t.match(other.web(), { state: 'stopped', move: 'm1' }, 'what came too late is thrown away');
  t.equal(other.world.doing.size, 0);
});

t.test('a driver that throws nonsense', async (t) => {
  const { machines, driver, web, ports } = await makeHost();
  driver.instead.set('start', () => Promise.reject('no'));
  await t.rejects(machines.start(spec()), {
    code: 'VNET_ERR_INTERNAL',
    message: 'the exec driver failed at "start" of VM web: no',
  });
  t.match(web(), { state: 'failed', reason: /: no$/ });
  t.equal(ports.held.size, 0);
  driver.instead.clear();
  driver.port = 7;
  await t.rejects(machines.start(spec()), { code: 'VNET_ERR_INTERNAL', message: /names no port/ });
  driver.port = undefined;
  driver.ticket = { driver: 'qemu' };
  await t.rejects(machines.receive('m1', spec(), {}), { code: 'VNET_ERR_INTERNAL', message: /no ticket/ });
  t.equal(web()?.state, 'stopped');
  await t.rejects(machines.start(spec('web', { machine: { driver: 'netns', namespace: 'x' } })), {
    code: 'VNET_ERR_UNSUPPORTED',
  });
  for (const wrong of [
    undefined,
    {},
    spec('a b'),
    spec('web', { memoryBytes: 0 }),
    spec('web', { port: 'x' }),
    spec('web', { macs: [] }),
  ])
    await t.rejects(machines.start(wrong as VmSpec), { code: 'VNET_ERR_INVALID' });
  await t.rejects(machines.stop('web', { graceMs: -1 }), { code: 'VNET_ERR_INVALID' });
  await t.rejects(machines.stop('web', undefined as never), { code: 'VNET_ERR_INVALID' });
  await t.rejects(machines.receive('', spec(), {}), { code: 'VNET_ERR_INVALID' });
  await t.rejects(machines.send('m', 'web', TICKET, { timeoutMs: Number.NaN }), { code: 'VNET_ERR_INVALID' });
  await t.rejects(machines.send('m', 'nobody', TICKET, {}), { code: 'VNET_ERR_NOT_FOUND' });
});

t.test('a restart of the daemon finds what runs, and says what is gone', async (t) => {
  let host = await makeHost();
  await host.machines.start(spec());
  host = await host.again();
  t.match(host.web(), { state: 'running', port: WEB });
  t.equal(host.ports.held.size, 0);
  host.world.doing.set('web', 'paused');
  host = await host.again();
  t.equal(host.web()?.state, 'paused');
  t.same([...host.ports.held], [WEB]);
  host.world.doing.set('web', 'running');
  host.driver.events.get('web')?.running();
  t.equal(host.web()?.state, 'running');
  await host.machines.stop('web', { graceMs: 0 });
  host = await host.again();
  t.equal(host.web(), undefined, 'what was stopped is forgotten');

  await host.machines.start(spec());
  await host.machines.send('m0', 'web', TICKET, {});
  host = await host.again();
  t.match(host.web(), { state: 'running', move: 'm0', reason: /started again/ }, 'its move is over');
  await host.machines.send('m1', 'web', TICKET, {});
  host.world.doing.delete('web');
  host = await host.again();
  t.match(host.web(), { state: 'stopped', move: 'm1', reason: /not here any more/ });
  await host.machines.receive('m2', spec(), {});
  host = await host.again();
  t.match(host.web(), { state: 'stopped', move: 'm2' });
  await host.machines.start(spec());
  host.world.doing.delete('web');
  host = await host.again();
  t.match(host.web(), { state: 'failed' });

  await host.machines.start(spec());
  await host.machines.close();
  const blind = new Machines({
    clock: host.clock,
    store: host.store,
    ports: host.ports,
    loadDrivers: async () => [],
    onReport: () => {},
    log: { warn: () => {} },
  });
  await blind.load();
  await blind.find();
  t.match(
    blind.allReports(),
    [{ state: 'running', reason: /no driver/ }],
    'who cannot look does not say that it is gone',
  );
  await t.rejects(blind.stop('web', { graceMs: 0 }), { code: 'VNET_ERR_REFUSED' });
  await t.rejects(blind.start(spec()), { code: 'VNET_ERR_REFUSED' });
});

const COMMANDS = [
  'start',
  'stop',
  'receive',
  'send',
  'cancel',
  'discard',
  'arrive',
  'lose',
  'leave',
  'stay',
  'crash',
  'halt',
  'go',
  'wait',
  'restart',
] as const;

t.test('whatever happens in whatever order, reports are true', async (t) => {
  const commands = fc.array(
    fc.record({
      what: fc.constantFrom(...COMMANDS),
      move: fc.constantFrom('m1', 'm2', 'm3'),
      turns: fc.nat(4),
    }),
    { minLength: 5, maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(commands, async (list) => {
      let host = await makeHost();
      const asked: Promise<unknown>[] = [];
      const ask = (call: Promise<unknown>) => asked.push(call.catch(() => {}));
      const isTrue = () => {
        const doing = host.world.doing.get('web');
        const state = host.web()?.state ?? 'stopped';
        const isAlive = state !== 'stopped' && state !== 'failed';
        // Stopped after a move: frames go on from here, until the Proxy closes the port.
        const mayHold = state === 'stopped' && host.web()?.move !== undefined;
        return (
          host.world.doubles.length === 0 &&
          (doing === undefined ? !isAlive : state === doing) &&
          (mayHold || host.ports.held.has(WEB) === (isAlive && state !== 'running'))
        );
      };
      const does: Record<(typeof COMMANDS)[number], (move: string) => unknown> = {
        start: () => ask(host.machines.start(spec())),
        stop: () => ask(host.machines.stop('web', { graceMs: 0 })),
        receive: (move) => ask(host.machines.receive(move, spec(), {})),
        send: (move) => ask(host.machines.send(move, 'web', TICKET, {})),
        cancel: (move) => ask(host.machines.cancel(move)),
        discard: (move) => ask(host.machines.discard(move)),
        arrive: () => ask(host.driver.arrive('web', true)),
        lose: () => ask(host.driver.arrive('web', false)),
        leave: () => ask(host.driver.leave('web', true)),
        stay: () => ask(host.driver.leave('web', false)),
        crash: () => host.driver.crash('web'),
        halt: () => host.driver.halt('web', true),
        go: () => host.driver.halt('web', false),
        wait: () => settle(10),
        restart: async () => {
          // What was asked is over first: a process that is killed in the middle answers nobody.
          await Promise.all(asked);
          host = await host.again();
        },
      };
      for (const { what, move, turns } of list) {
        await does[what](move);
        await settle(turns);
        const { doing, doubles } = host.world;
        const state = host.web()?.state ?? 'stopped';
        // Also in the middle of things: what executes is never said to be stopped.
        if (doubles.length > 0) throw new Error('two at once');
        if (doing.get('web') === 'running' && state === 'stopped' && what !== 'stop')
          throw new Error(`said to be stopped, and executes, after ${what}`);
      }
      await Promise.all(asked);
      await settle(12);
      if (!isTrue())
        throw new Error(
          `${JSON.stringify(host.web())}, does ${host.world.doing.get('web')}, held ${[...host.ports.held]}`,
        );
    }),
    { numRuns: 150, seed: 6 },
  );
  t.pass('150 lives');
});

t.test('what a host says is looked at', async (t) => {
  const whole = { vm: 'web', state: 'running', port: WEB, move: 'm', reason: 'r', heldFrames: 3 };
  t.same(soundVmReport({ ...whole, more: 1 }), whole);
  for (const wrong of [
    null,
    [],
    'web',
    {},
    { ...whole, vm: 7 },
    { ...whole, vm: 'a b' },
    { ...whole, state: 'unknown' },
    { ...whole, reason: 'x'.repeat(501) },
    { ...whole, heldFrames: -1 },
    { ...whole, progress: { rounds: 1 } },
  ])
    t.equal(soundVmReport(wrong), undefined, JSON.stringify(wrong)?.slice(0, 60));
  const machine = {
    memoryBytes: 1,
    freeMemoryBytes: 1,
    cpus: 2,
    cpuModel: 'x',
    drivers: { qemu: true, exec: 'no' },
  };
  t.same(soundMachine({ ...machine, drivers: { ...machine.drivers, magic: true } }), machine);
  t.equal(soundMachine({ ...machine, cpus: Number.NaN }), undefined);
  t.equal(soundMachine({ ...machine, drivers: { qemu: 1 } }), undefined);
  fc.assert(
    fc.property(fc.anything(), (body) => {
      soundVmReport(body);
      soundMachine(body);
    }),
    { numRuns: 200, seed: 1 },
  );

  const clock = new ManualClock();
  const [taken, refused]: [VmReport[], string[]] = [[], []];
  const intake = new VmIntake({
    clock,
    report: (report) => taken.push(report),
    refused: (what, { code }) => refused.push(`${what} ${code}`),
  });
  for (let n = 0; n < VM_REPORTS_PER_SECOND_MAX + 5; n++) intake.report(whole);
  t.same([taken.length, refused.length], [VM_REPORTS_PER_SECOND_MAX, 5]);
  clock.advance(1000);
  intake.report('nonsense');
  t.equal(refused.at(-1), 'report of a VM VNET_ERR_INVALID');
  const hello = { host: 'a', version: '1', revision: 1, dataPort: 7700 };
  t.match(intake.greeting(hello as never), { machine: { memoryBytes: 0 }, vms: [] }, 'an older daemon');
  t.equal(refused.length, 6);
  const told = intake.greeting({ ...hello, machine: 5, vms: [whole, { vm: 1 }] } as never);
  t.match(told, { machine: { drivers: {} }, vms: [whole] });
  t.equal(refused.length, 8);
});

t.test('a specification that leads out of its folder', async (t) => {
  const { machines, world } = await makeHost();
  await t.rejects(machines.start(spec('web', { network: '../../etc' })), { code: 'VNET_ERR_INVALID' });
  const mac = '02:00:00:00:00:01,romfile=/etc/shadow' as VmSpec['macs'][number];
  await t.rejects(machines.start(spec('web', { macs: [mac] })), { code: 'VNET_ERR_INVALID' });
  t.same(world.calls, []);
});
