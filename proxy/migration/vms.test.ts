import t from 'tap';
import {
  type Clock,
  emptyChange,
  MemoryStore,
  type OverlayEvent,
  systemClock,
  type Topology,
  type VmReport,
  VnetError,
} from '../../core/index.js';
import { FakeHost } from '../fake-fleet.js';
import { base, Fleet, NAMES } from '../fake-overlay.js';
import { FakeVmWorld } from '../fake-vms.js';

const MIB = 2 ** 20;

/** Of the line a-b-c-d: `web` and `db` are ours to run, `pin` is pinned, the others are somebody else's. */
function lab(): Topology {
  const topology = base();
  const machine = { driver: 'exec' as const, command: '/bin/vm' };
  const ours = ['vm-a', 'vm-b', 'vm-c'];
  topology.vms = topology.vms.map((vm) =>
    ours.includes(vm.name)
      ? { ...vm, machine, memoryBytes: 512 * MIB, ...(vm.name === 'vm-c' ? { pinned: true } : {}) }
      : vm,
  );
  return topology;
}

async function bed(
  store = new MemoryStore(),
  world = new FakeVmWorld(),
  hosts = NAMES.map((name) => new FakeHost(name, undefined, world)),
  time?: Clock,
) {
  const fleet = await Fleet.start(store, hosts, time);
  const vms = (host: string) => world.of(host);
  const placeOf = async (name: string) => {
    const view = (await fleet.proxy.overview()).vms.find((vm) => vm.name === name);
    return `${view?.host} ${view?.port}`;
  };
  const status = async (name: string) => (await fleet.proxy.vms()).find(({ vm }) => vm === name);
  return { fleet, proxy: fleet.proxy, world, vms, placeOf, status, store };
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (
    const end = Date.now() + 3000;
    !(await holds());
    await new Promise((resolve) => setTimeout(resolve, 2))
  )
    if (Date.now() > end) throw new Error(`waited for: ${what}`);
}

const portsAt = (fleet: Fleet, host: string) => fleet.host(host).config.ports.map(({ port }) => port);

t.test('a VM starts, moves, stops', async (t) => {
  const { fleet, proxy, world, placeOf, status } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  t.match(await status('vm-a'), { state: 'stopped', mayRunOn: [], driver: 'exec' });
  t.match(await proxy.startVm('vm-a'), { state: 'running', host: 'a', mayRunOn: ['a'] });
  await until('the port of the driver', async () => (await placeOf('vm-a')) === 'a tap:vm-a-a');
  t.match(await proxy.startVm('vm-a'), { state: 'running' }, 'it runs already');
  await t.rejects(proxy.startVm('vm-a', { host: 'b' }), { code: 'VNET_ERR_CONFLICT', hint: /migrate/ });

  const events: OverlayEvent[] = [];
  proxy.onEvent((event) => events.push(event));
  const phases: string[] = [];
  world.holdAt = 'copying';
  const moved = proxy.moveVms({ moves: [{ vm: 'vm-a', host: 'd' }] }, ({ phase }) => phases.push(phase));
  await until('the copying', () => phases.includes('copying'));
  t.ok(portsAt(fleet, 'd').includes('tap:vm-a-d'), 'the port is open before the VM stops');
  t.notOk(JSON.stringify(fleet.host('d').config.rules).includes('tap:vm-a-d'), 'and no path leads there');
  t.match(await status('vm-a'), { mayRunOn: ['a', 'd'], move: { phase: 'copying' } });
  await t.rejects(proxy.stopVm('vm-a'), { code: 'VNET_ERR_CONFLICT' });
  world.holdAt = undefined;
  const [result] = await moved;
  t.match(result, { vm: 'vm-a', from: 'a', to: 'd', outcome: 'moved', switchMs: Number, downtimeMs: Number });
  t.equal(await placeOf('vm-a'), 'd tap:vm-a-d');
  await fleet.settle();
  t.notOk(portsAt(fleet, 'a').includes('tap:vm-a-a'), 'the old port is closed');
  t.same([...new Set(phases)], ['waiting', 'checking', 'preparing', 'copying', 'switching', 'cleaning']);
  t.ok(events.some((event) => event.kind === 'vm' && event.change === 'moved' && event.host === 'd'));
  t.ok(events.some((event) => event.kind === 'vm-state' && event.move?.phase === 'switching'));
  t.match(await proxy.stopVm('vm-a'), { state: 'stopped', mayRunOn: [] });
  t.same(world.whereRuns('vm-a'), []);
  t.same(world.doubles, []);
});

t.test('statements of what runs', async (t) => {
  const { fleet, proxy, placeOf, status } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  await proxy.startVm('vm-a');
  await until('its port', async () => (await placeOf('vm-a')) === 'a tap:vm-a-a');
  const change = emptyChange();
  change.remove.vms.push(lab().vms[0] as Topology['vms'][number]);
  await t.rejects(proxy.apply({ kind: 'change', change }), { code: 'VNET_ERR_CONFLICT', hint: /stop vm-a/ });
  const elsewhere = lab();
  elsewhere.vms = elsewhere.vms.map((vm) => (vm.name === 'vm-a' ? { ...vm, host: 'b', pinned: true } : vm));
  await fleet.target(elsewhere);
  t.equal(await placeOf('vm-a'), 'a tap:vm-a-a', 'a statement does not move what runs');
  t.match(await status('vm-a'), { host: 'a', reason: /pins it on b/ });
  t.match(await proxy.moveVms({ moves: [{ vm: 'vm-a', host: 'b' }] }), [{ outcome: 'moved' }]);
  await proxy.stopVm('vm-a');
  await proxy.apply({ kind: 'change', change });
  t.equal(await status('vm-a'), undefined);
});

t.test('what is refused, and why', async (t) => {
  const { fleet, proxy, vms } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  for (const vm of ['vm-a', 'vm-b', 'vm-c']) await proxy.startVm(vm);
  const why = async (vm: string, host: string) => {
    const [result] = await proxy.moveVms({ moves: [{ vm, host }] });
    t.equal(result?.outcome, 'stayed');
    return result?.reason;
  };
  await t.rejects(proxy.moveVms({ moves: [{ vm: 'nobody', host: 'a' }] }), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(proxy.moveVms({ moves: [{ vm: 'vm-a', host: 'x' }] }), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(proxy.cancelMove('vm-a'), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(proxy.startVm('vm-d'), { code: 'VNET_ERR_INVALID', hint: /run qemu/ });
  t.match(await why('vm-a', 'a'), /on a already/);
  t.match(await why('vm-c', 'a'), /pinned on c/);
  t.match(await why('vm-d', 'a'), /somebody else runs it/);
  vms('b').obstacles = [{ kind: 'cpu-model', message: 'b lacks avx2', blocking: true }];
  t.match(await why('vm-a', 'b'), /b lacks avx2/);
  t.match(await proxy.checkVm('vm-a', 'b'), { possible: false, obstacles: [{ kind: 'cpu-model' }] });
  t.match(await proxy.checkVm('vm-c', 'a'), { possible: false, obstacles: [{ kind: 'place' }] });
  t.match(await proxy.checkVm('vm-a', 'd'), { possible: true, obstacles: [] });
  const reserving = emptyChange();
  for (const vm of ['vm-a', 'vm-b'])
    reserving.add.cpuReservations.push({ vm, periodUs: 100_000, sliceUs: 60_000 });
  reserving.add.hosts.push({ name: 'b', cpus: 1 });
  await proxy.apply({ kind: 'change', change: reserving });
  t.match(
    (await proxy.checkVm('vm-a', 'b')).obstacles.find(({ message }) => /reserved/.test(message)),
    { message: /b has 0.4 of 1 CPUs that are not reserved, vm-a would run without its 0.6/, blocking: false },
    'it is told, and is no reason to stay',
  );
  await fleet.target(lab());
  vms('d').refuse = 'receive';
  t.match(await why('vm-a', 'd'), /d refuses to receive/);
  vms('a').refuse = 'send';
  t.match(await why('vm-a', 'd'), /a refuses to send/);
  t.equal(vms('d').incoming.size, 0, 'the destination threw it away');
  fleet.proxy.detach('d');
  t.match(await why('vm-a', 'd'), /d cannot be reached/);
  t.match(await proxy.checkVm('vm-a', 'd'), { possible: false, obstacles: [{ kind: 'reach' }] });
});

t.test('cancelled and failed moves leave the VM where it was', async (t) => {
  for (const stage of ['copying', 'paused'] as const) {
    const { fleet, proxy, world, vms, placeOf, status } = await bed();
    await fleet.target(lab());
    await proxy.startVm('vm-a');
    for (const how of ['cancel', 'destination dies'] as const) {
      world.holdAt = stage;
      const moved = proxy.moveVms({ moves: [{ vm: 'vm-a', host: 'd' }] });
      const wanted = stage === 'copying' ? 'copying' : 'switching';
      await until(stage, async () => (await status('vm-a'))?.move?.phase === wanted);
      if (how === 'cancel') await proxy.cancelMove('vm-a');
      else {
        vms('d').die();
        proxy.detach('d');
      }
      const [result] = await moved;
      t.match(result, { outcome: 'stayed', reason: String }, `${how} while ${stage}`);
      t.equal(await placeOf('vm-a'), 'a tap:vm-a-a');
      t.same(world.whereRuns('vm-a'), ['a']);
      await fleet.settle();
      if (how === 'cancel') t.notOk(portsAt(fleet, 'd').includes('tap:vm-a-d'));
      if (how === 'cancel') t.match(await status('vm-a'), { state: 'running', mayRunOn: ['a'] });
    }
    t.match(await status('vm-a'), { state: 'unknown', mayRunOn: ['a', 'd'] }, 'd might, until it is back');
    await fleet.join(fleet.host('d'));
    t.match(await status('vm-a'), { state: 'running', mayRunOn: ['a'] });
    t.same(world.doubles, []);
    await proxy.close();
  }
});

t.test('the source dies: unknown, started nowhere, unless a person vouches for it', async (t) => {
  const { fleet, proxy, world, vms, status } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  await proxy.startVm('vm-a');
  world.holdAt = 'copying';
  const moved = proxy.moveVms({ moves: [{ vm: 'vm-a', host: 'd' }] });
  await until('copying', async () => (await status('vm-a'))?.move?.phase === 'copying');
  vms('a').die();
  proxy.detach('a');
  t.match(await moved, [{ outcome: 'unknown', reason: /a cannot be asked/ }]);
  t.match(await status('vm-a'), { state: 'unknown', mayRunOn: ['a', 'd'] });
  vms('d').incoming.clear();
  proxy.vmReport('d', { vm: 'vm-a', state: 'stopped', reason: 'the source is gone' });
  t.match(await status('vm-a'), { state: 'unknown', mayRunOn: ['a'] });
  await fleet.join(fleet.host('a'));
  await until('the end of the move', async () => (await status('vm-a'))?.move === undefined);
  t.match(await status('vm-a'), { state: 'failed', mayRunOn: [], reason: 'the source is gone' });
  await proxy.startVm('vm-a');
  vms('a').die();
  proxy.detach('a');
  t.match(await status('vm-a'), { state: 'unknown', mayRunOn: ['a'] });
  await t.rejects(proxy.startVm('vm-a', { host: 'b' }), { code: 'VNET_ERR_UNREACHABLE', hint: /--fence a/ });
  t.match(await proxy.startVm('vm-a', { host: 'b', fence: ['a'] }), { state: 'running', host: 'b' });
});

t.test('the Proxy dies at any stage: both hosts go on, and it learns from them', async (t) => {
  for (const stage of ['copying', 'paused', 'handed over'] as const) {
    const first = await bed();
    const { fleet, world, store } = first;
    await fleet.target(lab());
    await fleet.proxy.startVm('vm-a');
    world.holdAt = stage;
    void fleet.proxy.moveVms({ moves: [{ vm: 'vm-a', host: 'd' }] });
    const reached = { copying: 'copying', paused: 'switching', 'handed over': 'cleaning' }[stage];
    await until(stage, async () => (await first.status('vm-a'))?.move?.phase === reached);
    for (const host of fleet.hosts.values()) host.vms.tell = undefined;
    await fleet.proxy.close();
    const goesOn = stage === 'copying' ? 'paused' : undefined;
    world.holdAt = goesOn;
    await new Promise((resolve) => setTimeout(resolve, 20));
    const second = await bed(store, world, [...fleet.hosts.values()]);
    world.holdAt = undefined;
    await until('the end', async () => (await second.status('vm-a'))?.move === undefined);
    t.same(world.whereRuns('vm-a'), ['d'], stage);
    await until('the place', async () => (await second.placeOf('vm-a')) === 'd tap:vm-a-d');
    t.match(await second.status('vm-a'), { state: 'running', host: 'd', mayRunOn: ['d'] });
    t.same(world.doubles, []);
    await second.proxy.close();
  }
});

t.test('hosts that are full change their VMs through a third', async (t) => {
  const { fleet, proxy, world, vms } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  for (const vm of ['vm-a', 'vm-b']) await proxy.startVm(vm);
  for (const host of ['a', 'b']) vms(host).memoryBytes = 600 * MIB;
  for (const host of ['a', 'b', 'c', 'd', 'home']) await fleet.join(fleet.host(host));
  const moves = [
    { vm: 'vm-a', host: 'b' },
    { vm: 'vm-b', host: 'a' },
  ];
  const results = await proxy.moveVms({ moves });
  t.match(results, [{ outcome: 'moved' }, { outcome: 'moved' }]);
  t.equal(results.filter(({ via }) => via !== undefined).length, 1);
  t.same([world.whereRuns('vm-a'), world.whereRuns('vm-b')], [['b'], ['a']]);
  const drained = await proxy.drainHost('b');
  t.match(
    drained,
    [
      { vm: 'vm-a', from: 'b', outcome: 'moved' },
      { vm: 'vm-d', outcome: 'stayed' },
    ].slice(0, drained.length),
  );
  t.same(world.doubles, []);
});

t.test('a host that comes back while another is asked keeps its VM', async (t) => {
  const { fleet, proxy, world, vms, status } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  await proxy.startVm('vm-a');
  await proxy.detach('a');
  let answer = () => {};
  const asked = new Promise<void>((resolve) => (answer = resolve));
  vms('b').check = () => asked.then(() => []);
  const started = proxy.startVm('vm-a', { host: 'b', fence: ['a'] });
  await until('the question', () => true);
  await proxy.attach(fleet.host('a'), fleet.host('a').report());
  answer();
  await t.rejects(started, { code: 'VNET_ERR_CONFLICT' });
  t.same(world.doubles, []);
  t.match(await status('vm-a'), { host: 'a', state: 'running', mayRunOn: ['a'] });
});

t.test('a start that fails after the VM executes leaves it there', async (t) => {
  const { fleet, proxy, world, vms, status } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  const start = vms('a').start.bind(vms('a'));
  vms('a').start = async (spec) => {
    await start(spec);
    throw new VnetError('VNET_ERR_INTERNAL', 'its last step failed');
  };
  await t.rejects(proxy.startVm('vm-a'), { code: 'VNET_ERR_INTERNAL' });
  t.match(await status('vm-a'), { mayRunOn: ['a'] });
  await proxy.startVm('vm-a', { host: 'b' }).catch(() => {});
  t.same(world.doubles, []);
});

t.test('of two that said they run it one stops: frames go to the other', async (t) => {
  const { fleet, proxy, vms, placeOf } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  await proxy.startVm('vm-a', { host: 'b' });
  await proxy.stopVm('vm-a');
  await proxy.startVm('vm-a');
  await until('its port', async () => (await placeOf('vm-a')) === 'a tap:vm-a-a');
  const report: VmReport = { vm: 'vm-a', state: 'running', port: 'tap:vm-a-b' };
  vms('b').reports = async () => [report];
  proxy.vmReport('b', report);
  proxy.vmReport('a', { vm: 'vm-a', state: 'stopped' });
  await until('its place', async () => (await placeOf('vm-a')).startsWith('b '));
});

t.test('a host that was never told of a VM is not believed about it', async (t) => {
  const { fleet, proxy, status, placeOf } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  await proxy.startVm('vm-a');
  await until('its port', async () => (await placeOf('vm-a')) === 'a tap:vm-a-a');
  proxy.vmReport('d', { vm: 'vm-a', state: 'running', port: 'tap:mine' });
  t.match(await status('vm-a'), { host: 'a', state: 'running', mayRunOn: ['a'] });
  await proxy.stopVm('vm-a');
  proxy.vmReport('d', { vm: 'vm-a', state: 'running', port: 'tap:mine' });
  t.match(await status('vm-a'), { mayRunOn: [] });
  t.notMatch(await placeOf('vm-a'), /^d /);
});

t.test('two requests at once do not overfill a host', async (t) => {
  const world = new FakeVmWorld();
  world.of('d').memoryBytes = 600 * MIB;
  const { fleet, proxy, vms } = await bed(new MemoryStore(), world);
  t.teardown(() => proxy.close());
  vms('d').check = () => new Promise((resolve) => setTimeout(() => resolve([]), 20));
  await fleet.target(lab());
  await proxy.startVm('vm-a');
  await proxy.startVm('vm-b');
  const asked = ['vm-a', 'vm-b'].map((vm) => proxy.moveVms({ moves: [{ vm, host: 'd' }] }));
  const results = (await Promise.all(asked)).flat();
  t.equal(results.filter(({ outcome }) => outcome === 'moved').length, 1);
});

t.test('a result waits for what both hosts counted', async (t) => {
  const { fleet, proxy } = await bed(undefined, undefined, undefined, systemClock);
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  await proxy.startVm('vm-a');
  const told = { at: 0 };
  const moved = proxy.moveVms({ moves: [{ vm: 'vm-a', host: 'b' }] }, ({ id, phase }) => {
    if (phase !== 'cleaning' || told.at > 0) return;
    told.at = Date.now();
    // As daemons do: a moment after the state.
    setTimeout(() => {
      const port = 'tap:vm-a-b';
      proxy.vmReport('b', { vm: 'vm-a', state: 'running', move: id, port, heldFrames: 5, lostFrames: 2 });
      proxy.vmReport('a', { vm: 'vm-a', state: 'stopped', move: id, heldFrames: 3, lostFrames: 1 });
    }, 30);
  });
  t.match(await moved, [{ outcome: 'moved', heldFrames: 5, lostFrames: 3 }]);
});

t.test('two hosts are heard by two channels: that it stopped may come after that it runs', async (t) => {
  const { fleet, proxy, world, status } = await bed();
  t.teardown(() => proxy.close());
  await fleet.target(lab());
  await proxy.startVm('vm-a');
  world.holdAt = 'copying';
  let move = '';
  const moved = proxy.moveVms({ moves: [{ vm: 'vm-a', host: 'b' }] }, ({ id, phase }) => {
    if (phase === 'copying') move = id;
  });
  await until('the copying', () => move !== '');
  proxy.vmReport('b', { vm: 'vm-a', state: 'running', move, port: 'tap:vm-a-b' });
  proxy.vmReport('a', { vm: 'vm-a', state: 'paused', move, port: 'tap:vm-a-a' });
  proxy.vmReport('a', { vm: 'vm-a', state: 'stopped', move });
  t.match(await moved, [{ outcome: 'moved' }]);
  t.match(await status('vm-a'), { state: 'running', host: 'b' });
  world.holdAt = undefined;
});
