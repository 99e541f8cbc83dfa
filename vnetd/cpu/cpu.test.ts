import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type CpuConfig, ManualClock, type RunningVm, VM_CPU_GROUP, VnetError } from '../../core/index.js';
import { findCpuHierarchy, groupOf } from '../cgroup/index.js';
import { hasTool, runTool } from '../tool.js';
import { CgroupMeans } from './cgroup-means.js';
import { chooseCpuMeans, CpuReservations } from './index.js';
import { HOLD_MAX_MS, MISSES_MAX, SWEEP_MS } from './cpu-reservations.js';
import { DeadlineMeans } from './deadline-means.js';
import type { CpuHolder, CpuMeans } from './means.js';

const config = (vm: string, sliceUs: number, periodUs = 100_000): CpuConfig => ({ vm, periodUs, sliceUs });

/** Says what it was told; `fails` names a VM that it cannot do. */
class FakeMeans implements CpuMeans {
  readonly name = 'fake';
  readonly byThread = false;
  readonly said: string[] = [];
  fails = '';

  async hold({ vm, sliceUs }: CpuConfig, { processes }: CpuHolder): Promise<void> {
    if (vm === this.fails) throw new VnetError('VNET_ERR_UNSUPPORTED', `not ${vm}`, { hint: 'do not' });
    this.said.push(`${vm} ${sliceUs / 1000} ${processes.join('+')}`);
  }

  async release(vm: string): Promise<void> {
    this.said.push(`-${vm}`);
  }

  async clear(): Promise<void> {}

  groupOf(): undefined {
    return undefined;
  }
}

function bed(cpus = 1) {
  const means = new FakeMeans();
  const clock = new ManualClock();
  const problems: string[] = [];
  const processes = new Map<string, number[] | undefined>();
  const handleOf = (name: string) => {
    const own = processes.get(name);
    const cpuThreads = () => Promise.reject(new Error('asked for nothing'));
    const handle = own === undefined ? {} : { processes: async () => own, cpuThreads };
    return handle as unknown as RunningVm;
  };
  const reservations = new CpuReservations({
    clock,
    means,
    cpus: () => cpus,
    handles: () => new Map([...processes.keys()].map((name) => [name, handleOf(name)])),
    onProblem: ({ message }) => problems.push(message),
  });
  const told = () => means.said.splice(0);
  const states = () => reservations.views().map(({ of, state }) => `${of} ${state}`);
  const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
  return { means, clock, problems, processes, reservations, told, states, settled };
}

t.test('a VM has its CPU while it runs here', async (t) => {
  const { clock, problems, processes, reservations, told, states, settled } = bed();
  t.notOk(reservations.concern());
  await reservations.set([config('x', 20_000)], false);
  t.same([told(), states()], [[], ['x waiting']]);
  processes.set('x', [7]);
  for (let times = 0; times < 3; times++) reservations.vmsChanged();
  await settled();
  t.same([told(), states()], [['x 20 7'], ['x held']], 'looked at once');
  processes.set('x', [7, 8]);
  clock.advance(SWEEP_MS);
  await settled();
  t.same(told(), ['x 20 7+8'], 'what it started since is taken in');
  await reservations.set([config('x', 30_000)], false);
  t.same(told(), ['x 30 7+8']);
  processes.delete('x');
  reservations.vmsChanged();
  await settled();
  t.same([told(), states()], [['-x'], ['x waiting']]);
  processes.set('x', [9]);
  clock.advance(SWEEP_MS);
  await settled();
  await reservations.set([], false);
  t.same([told(), states()], [['x 30 9', '-x'], []]);
  clock.advance(SWEEP_MS);
  await reservations.set([config('x', 10_000)], false);
  await reservations.close();
  await reservations.close();
  t.same([told(), problems], [['x 10 9', '-x'], []]);
});

t.test('what cannot be given is refused, or told', async (t) => {
  const { means, problems, processes, reservations, told, states } = bed(1);
  for (const vm of ['x', 'y', 'z']) processes.set(vm, [1]);
  await reservations.set([config('x', 60_000)], false);
  await t.rejects(reservations.set([config('x', 60_000), config('y', 50_000)], false), {
    code: 'VNET_ERR_LIMIT',
    message:
      '50000 us in every 100000 us for VM y is more than this host has: 0.4 of 1 CPUs are not reserved',
  });
  t.same(states(), ['x held']);
  means.fails = 'z';
  await t.rejects(reservations.set([config('x', 60_000), config('z', 10_000)], false), { message: 'not z' });
  t.same(problems, [], 'whoever asked was told');
  await reservations.set([config('x', 60_000), config('z', 10_000)], true);
  t.match(reservations.views(), [
    { state: 'held', text: 'fake' },
    { state: 'failed', text: 'not z: do not' },
  ]);
  reservations.vmsChanged();
  await reservations.set([config('x', 60_000), config('z', 10_000)], true);
  t.same(problems, ['not z'], 'once');
  processes.set('u', undefined);
  await t.rejects(
    reservations.set([config('u', 10_000)], false),
    /its driver does not say which processes it has/,
  );
  t.ok(told().length > 0);
});

t.test('a slice that stands outlives what passes', async (t) => {
  const { means, clock, problems, processes, reservations, told, states, settled } = bed();
  processes.set('x', [1]);
  await reservations.set([config('x', 20_000)], false);
  const look = async (): Promise<string[]> => {
    clock.advance(SWEEP_MS);
    await settled();
    return [...told(), ...states()];
  };
  t.same(await look(), ['x 20 1', 'x 20 1', 'x held']);
  means.fails = 'x';
  for (let miss = 1; miss < MISSES_MAX; miss++) t.same(await look(), ['x held'], `miss ${miss}`);
  means.fails = '';
  t.same(await look(), ['x 20 1', 'x held'], 'seen to again, it counts anew');
  means.fails = 'x';
  for (let miss = 1; miss < MISSES_MAX; miss++) t.same(await look(), ['x held'], `miss ${miss}`);
  t.same(problems, []);
  t.same(await look(), ['-x', 'x failed'], 'what lasts is told');
  t.same(problems, ['not x']);
  means.fails = '';
  t.same(await look(), ['x 20 1', 'x held'], 'and it is tried again');
  means.fails = 'x';
  await t.rejects(reservations.set([config('x', 30_000)], false), { message: 'not x' }, 'a new slice is not');
});

t.test('what does not answer is not waited for', async (t) => {
  const { clock, processes, reservations, states, settled } = bed();
  processes.set('x', []);
  processes.set('slow', new Promise<number[]>(() => {}) as unknown as number[]);
  const set = reservations.set([config('slow', 20_000), config('x', 20_000)], false);
  const refused = t.rejects(set, { code: 'VNET_ERR_TIMEOUT', message: /VM slow/ });
  await settled();
  clock.advance(HOLD_MAX_MS);
  await settled();
  clock.advance(HOLD_MAX_MS);
  await refused;
  t.same(states(), [], 'nothing was changed');
});

t.test('what is missing is said', async (t) => {
  const place = { hierarchy: undefined, host: 'h' };
  await t.rejects(chooseCpuMeans('none', place).hold(config('x', 1), { vm: 'x', processes: [] }), {
    message: 'no CPU can be reserved for VM x here: it was started with --cpu none',
  });
  t.throws(() => chooseCpuMeans('cgroup', place), { code: 'VNET_ERR_UNSUPPORTED' });
});

t.test('groups of version 2', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vnet-cpu-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const own = join(folder, 'daemon');
  mkdirSync(own);
  writeFileSync(join(own, 'cgroup.subtree_control'), '');
  const means = new CgroupMeans({ version: 2, top: folder, own, name: '/daemon' }, 'h');
  await means.hold(config('x', 20_000), { vm: 'x', processes: [] });
  const group = means.groupOf('x') ?? '';
  t.equal(group, `${own}/vnet-vm.h:x`);
  const read = (name: string) => readFileSync(join(group, name), 'utf8');
  t.same([read('cpu.max'), read('cpu.weight'), read('cgroup.type')], ['20000 100000', '1000', 'threaded']);
  t.equal(readFileSync(join(own, 'cgroup.subtree_control'), 'utf8'), '+cpu');
  await means.hold(config('x', 250, 5000), { vm: 'x', processes: [] });
  t.equal(read('cpu.max'), '1000 20000', 'several periods where the slice is short');
  await t.rejects(means.hold(config('x', 100, 1_000_000), { vm: 'x', processes: [] }), {
    code: 'VNET_ERR_LIMIT',
  });
  t.equal(read('cpu.max'), '1000 20000', 'as before');
});

const endless = (test: { teardown(act: () => void): void }): ChildProcess => {
  const child = spawn('sleep', ['60']);
  test.teardown(() => child.kill('SIGKILL'));
  return child;
};

const hierarchy = findCpuHierarchy();
const means = chooseCpuMeans(undefined, { hierarchy, host: 'vnet-test' });
const noGroups =
  hierarchy !== undefined && means instanceof CgroupMeans ? false : 'no CPU cgroups to write to';

t.test('groups of this machine', { skip: noGroups }, async (t) => {
  if (hierarchy === undefined) return;
  t.teardown(() => means.clear());
  const child = endless(t);
  const [pid = 0, vm] = [child.pid, `x${process.pid}`];
  t.equal(groupOf(hierarchy, pid), hierarchy.name);
  await means.hold(config(vm, 20_000), { vm, processes: [pid, 2 ** 22] });
  const group = means.groupOf(vm) ?? '';
  t.match(groupOf(hierarchy, pid), new RegExp(`/vnet-vm.vnet-test:${vm}$`));
  const quota = (): string =>
    hierarchy.version === 2
      ? readFileSync(`${group}/cpu.max`, 'utf8').trim()
      : ['cpu.cfs_quota_us', 'cpu.cfs_period_us']
          .map((name) => readFileSync(`${group}/${name}`, 'utf8').trim())
          .join(' ');
  t.equal(quota(), '20000 100000');
  await means.hold(config(vm, 5000, 10_000), { vm, processes: [pid] });
  t.equal(quota(), '5000 10000');
  await means.release(vm);
  t.equal(groupOf(hierarchy, pid), hierarchy.name, 'back in the group that it came from');
  t.notOk(existsSync(group));
  await means.release(vm);
  // Another process of the daemon, after one that was killed.
  await means.hold(config(vm, 5000, 10_000), { vm, processes: [pid] });
  await new CgroupMeans(hierarchy, 'vnet-tes').clear();
  t.ok(existsSync(group), "of another host's daemon");
  await new CgroupMeans(hierarchy, 'vnet-test').clear();
  t.notOk(existsSync(group));
  t.equal(groupOf(hierarchy, pid), hierarchy.name);
});

const noDeadline = hasTool('chrt') && process.getuid?.() === 0 ? false : "needs root and the program 'chrt'";

t.test('the deadline scheduler', { skip: noDeadline }, async (t) => {
  const child = endless(t);
  const thread = child.pid ?? 0;
  const deadline = new DeadlineMeans();
  const policy = (): Promise<string> => runTool('chrt', ['-p', String(thread)]);
  const admitted = await deadline
    .hold(config('x', 10_000), { vm: 'x', processes: [], threads: [thread] })
    .then(
      () => true,
      (thrown: VnetError) => thrown.message,
    );
  if (admitted !== true) return t.plan(0, `this kernel: ${admitted}`);
  t.match(await policy(), /SCHED_DEADLINE[^]*10000000\/100000000\/100000000/);
  await t.rejects(deadline.hold(config('x', 10_000), { vm: 'x', processes: [thread] }), {
    code: 'VNET_ERR_UNSUPPORTED',
  });
  await deadline.hold(config('x', 30_000), { vm: 'x', processes: [], threads: [thread] });
  t.match(await policy(), /30000000\/100000000/);
  await deadline.release('x');
  t.match(await policy(), /SCHED_OTHER/);
});

t.test('a daemon that reserves in another way now removes the groups of before', async (t) => {
  const own = mkdtempSync(join(tmpdir(), 'vnet-cpu-'));
  t.teardown(() => rmSync(own, { recursive: true, force: true }));
  const [left, others] = [`${own}/${VM_CPU_GROUP}h:x`, `${own}/${VM_CPU_GROUP}other:x`];
  for (const folder of [left, others]) mkdirSync(folder);
  const hierarchy = { version: 2 as const, top: own, own, name: '/' };
  await chooseCpuMeans('none', { hierarchy, host: 'h' }).clear();
  t.same([left, others].map(existsSync), [false, true]);
});
