/** Plans that move no more than they must, and take hosts that others fill for what they are. */
import { test } from 'tap';
import { type AdaptSettings, DEFAULT_ADAPT, ManualClock, seededRandom } from '../../core/index.js';
import { FluidNetwork, Simulation, type SimulationOptions, solveBy, TICK_MS } from '../simulation/index.js';
import type { Solver } from '../model/solver.js';
import { SOLVERS } from '../solvers/index.js';
import { commonWait } from './cpu-lack.js';
import { contention } from './contention.js';
import { draft } from './draft.js';
import { planChange, type Solve } from './planner.js';
import type { Snapshot } from './snapshot.js';

const MBIT = 1e6;
const MEMORY = 1 << 20;
const FAST = ['f1', 'f2', 'f3', 'f4'];
const SLOW = ['s1', 's2', 's3', 's4'];

/** Fast hosts, with room for two VMs each, and slow ones behind a narrow line each. */
function clusters(): Snapshot {
  const hosts = ['proxy', ...FAST, ...SLOW];
  const rate = (host: string) => (SLOW.includes(host) ? 4 : host === 'proxy' ? 1000 : 200) * MBIT;
  const ways = ['up', 'down'];
  return snapshotOf({
    hosts: hosts.map((name) => ({ name, cpus: 4, memoryBytes: (FAST.includes(name) ? 2 : 1) * MEMORY })),
    network: new FluidNetwork(
      hosts.flatMap((host) => ways.map((way) => ({ name: `${way} ${host}`, bitsPerSecond: rate(host) }))),
      (from, to) => [`up ${from}`, `down ${to}`],
      () => 1000,
    ),
    vms: [...FAST, ...SLOW].map((host, i) => ({ name: `p${i}`, host, memoryBytes: MEMORY })),
    applications: [{ computeSeconds: 0.01, flows: allToAll(8) }],
  });
}

const allToAll = (count: number) =>
  Array.from({ length: count * count }, (_, i) => [Math.floor(i / count), i % count])
    .filter(([from, to]) => from !== to)
    .map(([from, to]) => ({ from: `p${from}`, to: `p${to}`, wants: 8 * MBIT }));

function snapshotOf(options: Omit<SimulationOptions, 'clock' | 'random'>): Snapshot {
  const clock = new ManualClock();
  const simulation = new Simulation({ clock, random: seededRandom(1), ...options });
  for (let tick = 0; tick < 8; tick++) {
    clock.advance(TICK_MS);
    simulation.tick();
  }
  return simulation.snapshot('sim') as Snapshot;
}

test('of answers that are alike, the one that moves fewest', async (t) => {
  const annealing = SOLVERS.find(({ name }) => name === 'annealing') as Solver;
  const permuted: Solve = async (instance, { start }) => {
    const hosts = ['f2', 'f3', 'f4', 'f1', 'f1', 'f2', 'f3', 'f4'];
    const mapping = Int32Array.from(hosts, (host) =>
      instance.problem.hosts.findIndex(({ name }) => name === host),
    );
    return { mapping, paths: start?.paths ?? [], solver: 'permuted', value: 0, bound: 0, gap: 0, tookMs: 0 };
  };
  for (const solve of [permuted, solveBy(annealing, seededRandom(1))]) {
    const settings: AdaptSettings = { ...DEFAULT_ADAPT, mechanisms: ['migration'] };
    const { plan } = await planChange({ snapshot: clusters(), settings }, solve, () => 0);
    const moves = plan.actions.flatMap(({ action }) => (action.kind === 'move' ? [action] : []));
    t.same(
      moves.map(({ vm }) => vm).sort(),
      ['p4', 'p5', 'p6', 'p7'],
      `those on slow hosts alone: ${plan.solver}`,
    );
    t.ok(moves.every(({ to }) => FAST.includes(to)));
  }
});

test('a host that others fill', async (t) => {
  const snapshot = clusters();
  const load = (busyCpus: number, vmCpus: Record<string, number>, vmWaits: Record<string, number>) => ({
    ageMs: 500,
    load: { cpus: 0.2, busyCpus, vmCpus, vmWaits },
  });
  const loads = new Map([
    ['f1', load(0.2, { p0: 0.01 }, { p0: 0.25 })],
    ['f2', load(0.05, { p1: 0.01 }, { p1: 0 })],
    ['f3', load(0.2, { p2: 0.19 }, { p2: 0.25 })],
    ['f4', load(0.2, {}, {})],
    ['s1', load(0.2, { p4: 0.01 }, { p4: 0 })],
  ]);
  const one = { ...snapshot, loads };
  const queues = contention(one, commonWait(one));
  t.same(
    [...queues].map(([host, queue]) => `${host} ${Math.round(queue)}`),
    ['f1 25', 'f4 20'],
    'as long as the VM there waits; not known; not where our own fill it, nor where ours do not wait',
  );
  const { problem } = draft(one, DEFAULT_ADAPT);
  const left = (host: string) => problem.hosts.find(({ name }) => name === host)?.cpus ?? -1;
  t.equal(left('f1'), 0, 'what a VM uses there others take when it leaves');
  t.ok(Math.abs(left('f3') - 0.19) < 1e-9);
});
