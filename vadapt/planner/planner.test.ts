/** Plans for snapshots: of a simulated overlay, and of anything at all. */
import fc from 'fast-check';
import { test } from 'tap';
import {
  type AdaptAction,
  type Adapted,
  type AdaptSettings,
  DEFAULT_ADAPT,
  type Estimate,
  IDENTITY,
  ManualClock,
  NOTHING_ADAPTED,
  type PathEstimate,
  seededRandom,
  VnetError,
} from '../../core/index.js';
import {
  FluidNetwork,
  type SimulatedVm,
  Simulation,
  type SimulationOptions,
  solveBy,
  TICK_MS,
} from '../simulation/index.js';
import type { Solver } from '../model/solver.js';
import { SOLVERS } from '../solvers/index.js';
import { draft } from './draft.js';
import { planChange, type Planned, type PlanRequest, type Solve } from './planner.js';
import type { Snapshot, SnapshotVm } from './snapshot.js';

const MBIT = 1e6;
const greedy = SOLVERS.find(({ name }) => name === 'greedy') as Solver;
const solve: Solve = solveBy(greedy, seededRandom(7));

/** Hosts a, b, c with 100 Mbit/s each among them, and a Proxy whose line has 10. */
const HOSTS = ['proxy', 'a', 'b', 'c'];
const NETWORK = new FluidNetwork(
  [
    ...HOSTS.map((host) => ({ name: `up ${host}`, bitsPerSecond: (host === 'proxy' ? 10 : 100) * MBIT })),
    ...HOSTS.map((host) => ({ name: `down ${host}`, bitsPerSecond: (host === 'proxy' ? 10 : 100) * MBIT })),
  ],
  (from, to) => [`up ${from}`, `down ${to}`],
  () => 1000,
);

function world(options: Partial<SimulationOptions> & { vms: SimulatedVm[] }): Simulation {
  const clock = new ManualClock();
  const simulation = new Simulation({
    clock,
    random: seededRandom(1),
    hosts: HOSTS.map((name) => ({ name, cpus: 4 })),
    network: NETWORK,
    applications: [],
    ...options,
  });
  for (let tick = 0; tick < 8; tick++) {
    clock.advance(TICK_MS);
    simulation.tick();
  }
  return simulation;
}

/** x on a and y on b, as fast as they can. */
const PAIR = {
  vms: [
    { name: 'x', host: 'a' },
    { name: 'y', host: 'b' },
  ],
  applications: [{ flows: [{ from: 'x', to: 'y', wants: Infinity }] }],
};

const snapshotOf = (simulation: Simulation, change: Partial<Snapshot> = {}): Snapshot => ({
  ...(simulation.snapshot('sim') as Snapshot),
  ...change,
});

function plan(
  snapshot: Snapshot,
  settings: Partial<AdaptSettings> = {},
  more: Partial<PlanRequest> = {},
): Promise<Planned> {
  const request = { snapshot, settings: { ...DEFAULT_ADAPT, ...settings }, ...more };
  return planChange(request, solve, () => 0);
}

const actionsOf = ({ plan: { actions } }: Planned): AdaptAction[] => actions.map(({ action }) => action);
const kindsOf = (planned: Planned): string[] => actionsOf(planned).map(({ kind }) => kind);
const TOPOLOGY: Partial<AdaptSettings> = { mechanisms: ['topology'] };
const MIGRATION: Partial<AdaptSettings> = { mechanisms: ['migration'] };

test('a direct link for two that talk over a narrow star', async (t) => {
  const planned = await plan(snapshotOf(world(PAIR)), TOPOLOGY);
  t.same(actionsOf(planned), [
    { kind: 'link', sign: '+', link: { type: 'udp', a: 'a', b: 'b' } },
    { kind: 'route', sign: '+', route: { network: 'sim', from: 'x', to: 'y', both: true, via: ['a', 'b'] } },
  ]);
  const { plan: found } = planned;
  t.ok(found.worthIt && found.gain > 5 && found.gain < 10, `${found.gain}`);
  t.match(found.flows[0], { from: 'x', to: 'y', pathNow: ['a', 'proxy', 'b'], pathThen: ['a', 'b'] });
  t.ok((found.flows[0]?.fairThen ?? 0) > 8 * (found.flows[0]?.fairNow ?? Infinity));
  t.match(found.verdict, /^worth it: the flows' rates grow by \d+%, and the threshold is 10%$/);
  for (const { why, evidence } of found.actions) {
    t.match(why, /Mbit\/s/);
    t.ok(evidence.some(({ text }) => /x sends y 10 Mbit\/s/.test(text)));
    t.ok(evidence.some(({ text }) => /a to proxy has .* to spare \(traffic\)/.test(text)));
  }
});

test("an edge's bandwidth is what is left and what the overlay puts there", (t) => {
  const { edges } = draft(snapshotOf(world(PAIR)), DEFAULT_ADAPT);
  t.ok(
    Math.abs((edges.get('a proxy')?.bitsPerSecond ?? 0) - 10 * MBIT) < 1,
    'the running flow does not count twice',
  );
  t.equal(edges.get('a b')?.bitsPerSecond, 90 * MBIT, 'what others of ours use there is used');
  t.equal(edges.get('a proxy')?.latencyUs, 1000);
  const half = { ...PAIR, applications: [{ flows: [{ from: 'x', to: 'y', wants: 4 * MBIT }] }] };
  const partly = draft(snapshotOf(world(half)), DEFAULT_ADAPT).edges.get('proxy b');
  t.ok(Math.abs((partly?.bitsPerSecond ?? 0) - 10 * MBIT) < 1, 'and what runs at half counts whole');
  t.end();
});

test('other traffic on a link is load, not ours', (t) => {
  const simulation = world(PAIR);
  const snapshot = snapshotOf(simulation);
  const paths = snapshot.underlay.paths.map(
    (path): PathEstimate =>
      path.link && path.from === 'c'
        ? { ...path, link: { ...path.link, throughputBitsPerSecond: estimate(5 * MBIT) } }
        : path,
  );
  const { edges } = draft({ ...snapshot, underlay: { ...snapshot.underlay, paths } }, DEFAULT_ADAPT);
  t.equal(edges.get('c proxy')?.own, 0);
  t.end();
});

const estimate = (value: number, change: Partial<Estimate> = {}): Estimate => ({
  value,
  ageMs: 500,
  method: 'probe',
  confidence: 0.9,
  ...change,
});

/** The path between two hosts, a and b, as given, all others as they are. */
function withPath(
  snapshot: Snapshot,
  change: (path: PathEstimate) => PathEstimate | undefined,
  ends = 'a,b',
): Snapshot {
  const paths = snapshot.underlay.paths.flatMap((path) =>
    [path.from, path.to].sort().join() === ends ? (change(path) ?? []) : path,
  );
  return { ...snapshot, underlay: { ...snapshot.underlay, paths } };
}

test('estimates that are missing, old, unsure or absurd are named, and counted with care', (t) => {
  const snapshot = snapshotOf(world(PAIR));
  const edge = (change: Partial<Estimate> | undefined) => {
    const drawn = draft(
      withPath(snapshot, (path) =>
        change ? { ...path, availableBitsPerSecond: { ...estimate(80 * MBIT), ...change } } : undefined,
      ),
      DEFAULT_ADAPT,
    );
    return { bits: drawn.edges.get('a b')?.bitsPerSecond, notes: drawn.notes.list().join('; ') };
  };
  t.equal(edge({}).bits, 80 * MBIT);
  t.same(edge({ confidence: 0.01 }).bits, 40 * MBIT);
  t.match(edge({ ageMs: 1_500_000 }), { bits: 40 * MBIT, notes: /old or uncertain.* a to b/ });
  const half = 5 * MBIT;
  for (const value of [Number.NaN, -1, 1e15, Infinity]) {
    t.match(edge({ value }).notes, /cannot be is not believed: .*a to b/);
    t.equal(edge({ value }).bits, half, 'half of what the way through the Proxy carries');
  }
  t.equal(edge({ ageMs: 1e9 }).bits, half);
  t.equal(edge({ value: 1000, atLeast: true }).bits, half, 'a bound of an idle link says little');
  t.equal(edge({ atLeast: true }).bits, 80 * MBIT);
  t.match(edge(undefined), { bits: half, notes: /not known, and taken to be small: .*a to b/ });
  for (const value of [1000, 400 * MBIT]) {
    const bound = (path: PathEstimate) => ({
      ...path,
      availableBitsPerSecond: estimate(value, { atLeast: true }),
    });
    const star = draft(withPath(snapshot, bound, 'a,proxy'), DEFAULT_ADAPT).edges.get('a proxy');
    t.equal(
      star?.bitsPerSecond,
      10 * MBIT,
      "of a link to the Proxy both ends' access says more than a bound",
    );
  }
  t.end();
});

test('edges that cannot exist are none', (t) => {
  const simulation = world(PAIR);
  const snapshot = snapshotOf(simulation);
  const edges = (one: Snapshot) => draft(one, DEFAULT_ADAPT).edges;
  t.notOk(edges(withPath(snapshot, (path) => ({ ...path, reachable: false }))).has('a b'));
  t.ok(
    edges(withPath(snapshot, (path) => (path.from === 'a' ? { ...path, reachable: false } : path))).has(
      'a b',
    ),
    'b can dial',
  );
  const hosts = snapshot.topology.hosts.map(({ endpoint, ...host }) =>
    host.name === 'c' && endpoint ? { ...host, endpoint } : host,
  );
  const behindNat = edges({ ...snapshot, topology: { ...snapshot.topology, hosts } });
  t.notOk(behindNat.has('a b'), 'nobody can dial');
  t.ok(behindNat.has('a c') && behindNat.has('a proxy'));
  t.notOk(edges({ ...snapshot, ready: ['proxy', 'a', 'b'] }).has('a c'));
  t.end();
});

test('what shares a bottleneck shares a capacity', (t) => {
  const snapshot = snapshotOf(world(PAIR));
  const bottlenecks = [
    { where: 'leaving a', members: ['a proxy', 'a b'], confidence: 0.9 },
    { where: 'leaving b', members: ['b proxy', 'b a'], confidence: 0.1 },
    { where: 'leaving c', members: ['c nobody', 'c a'], confidence: 0.9 },
  ];
  const { problem, notes } = draft(
    { ...snapshot, underlay: { ...snapshot.underlay, bottlenecks } },
    DEFAULT_ADAPT,
  );
  t.match(problem.shared, [
    {
      name: /leaving a/,
      edges: [
        ['a', 'proxy'],
        ['a', 'b'],
      ],
    },
  ]);
  const [known, ...likewise] = problem.shared ?? [];
  t.same(
    likewise.map(({ name }) => name).sort(),
    ['leaving b, as others', 'leaving c, as others'],
    'hosts whose edges are as wide as that; the Proxy has a narrower line',
  );
  t.ok(likewise.every(({ bitsPerSecond }) => bitsPerSecond <= (known?.bitsPerSecond ?? 0)));
  t.match(notes.list().join(), /not sure is left out: leaving b/);
  t.end();
});

/** A host's access of 24 Mbit/s is all there is; the direct link of x and y is nearly full, with others of theirs beside it. */
function fullAccess(change: (path: PathEstimate) => PathEstimate = (path) => path): Snapshot {
  const vms = [
    { name: 'x', host: 'a' },
    { name: 'y', host: 'b' },
    { name: 'z', host: 'c' },
  ];
  const flows = ['y', 'z'].map((to) => ({ from: 'x', to, wants: 12 * MBIT }));
  const simulation = world({ vms, applications: [{ flows }] });
  for (const [a, b] of [
    ['a', 'b'],
    ['a', 'c'],
    ['b', 'c'],
  ] as const)
    simulation.topology.links.push({ type: 'udp', a, b });
  const shape = { kind: 'mesh', type: 'udp', network: 'sim', hosts: ['a', 'b', 'c'] } as const;
  simulation.topology.shapes.push({ ...shape, hosts: [...shape.hosts] });
  const snapshot = snapshotOf(simulation);
  const used: Record<string, number> = { 'a b': 12 * MBIT, 'a c': 12 * MBIT };
  const paths = ['proxy', 'a', 'b', 'c'].flatMap((from) =>
    ['proxy', 'a', 'b', 'c'].flatMap((to): PathEstimate[] => {
      if (from === to) return [];
      const own = used[`${from} ${to}`] ?? 0;
      const availableBitsPerSecond = estimate((own > 0 ? 1 : 20) * MBIT);
      const throughputBitsPerSecond = estimate(own * 1.1);
      const link = { link: '', from, to, type: 'udp' as const, throughputBitsPerSecond };
      return [change({ from, to, reachable: true, availableBitsPerSecond, rttUs: estimate(1000), link })];
    }),
  );
  const rate = (from: string, to: string) =>
    snapshot.matrix.pairs.find((one) => one.from === from && one.to === to);
  const pairs = ['y', 'z'].map((to) => ({
    ...(rate('x', to) as NonNullable<ReturnType<typeof rate>>),
    bitsPerSecond: 12 * MBIT,
  }));
  return {
    ...snapshot,
    matrix: { ...snapshot.matrix, pairs },
    underlay: { ...snapshot.underlay, paths, bottlenecks: [] },
  };
}

const throughProxy = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  underlay: {
    ...snapshot.underlay,
    bottlenecks: [{ where: 'leaving a', members: ['a b', 'a c'], confidence: 0.9 }],
  },
});

test("a way around that shares the host's access is none", async (t) => {
  const grouped = throughProxy(fullAccess());
  const { problem } = draft(grouped, DEFAULT_ADAPT);
  t.match(problem.shared?.[0], { name: /leaving a/ });
  t.equal(problem.shared?.[0]?.edges.length, 3, 'the idle edge to the Proxy is in the group as well');
  const carried = problem.shared?.[0]?.bitsPerSecond ?? 0;
  t.ok(carried > 24 * MBIT && carried < 29 * MBIT, `${carried}`);
  t.same(actionsOf(await plan(grouped, TOPOLOGY)), []);
  const apart = fullAccess((path) =>
    path.from === 'a' && path.to === 'proxy'
      ? { ...path, availableBitsPerSecond: estimate(80 * MBIT) }
      : path,
  );
  t.equal(
    draft(throughProxy(apart), DEFAULT_ADAPT).problem.shared?.[0]?.edges.length,
    2,
    'unless it was seen to carry more than they all',
  );
});

test('the capacity of a bottleneck whose members do not agree is the largest they claim', (t) => {
  const claims: Record<string, number> = { 'a b': 9 * MBIT, 'a c': 24.5 * MBIT };
  const snapshot = throughProxy(
    fullAccess((path) => {
      const claim = claims[`${path.from} ${path.to}`];
      const { link, availableBitsPerSecond: _, ...rest } = path;
      return link && claim ? { ...rest, link: { ...link, capacityBitsPerSecond: estimate(claim) } } : path;
    }),
  );
  const [shared] = draft(snapshot, DEFAULT_ADAPT).problem.shared ?? [];
  t.ok(Math.abs((shared?.bitsPerSecond ?? 0) - 26.4 * MBIT) < 1, 'or what the overlay itself puts there');
  t.end();
});

test('over more hosts than needed only where that clearly pays, on good measurements', async (t) => {
  const relayed = (snapshot: Snapshot) =>
    plan(snapshot, TOPOLOGY).then(({ after }) => after.routes.filter(({ via }) => via.length > 2).length);
  t.equal(await relayed(fullAccess()), 1, 'measured, and half as fast again');
  const proxy = (change: Partial<Estimate>) =>
    fullAccess((path) =>
      path.from === 'proxy' || path.to === 'proxy'
        ? { ...path, availableBitsPerSecond: estimate(20 * MBIT, change) }
        : path,
    );
  for (const change of [{ atLeast: true }, { confidence: 0.2 }, { ageMs: 1_500_000 }, { value: 16 * MBIT }])
    t.equal(
      (await plan(proxy(change), TOPOLOGY)).after.routes.filter(({ via }) => via.includes('proxy')).length,
      0,
      JSON.stringify(change),
    );
});

test('acknowledgements ask for no more than their share', async (t) => {
  const flows = [
    { from: 'x', to: 'y', wants: Infinity },
    { from: 'y', to: 'x', wants: 0.25 * MBIT },
  ];
  const planned = await plan(snapshotOf(world({ vms: PAIR.vms, applications: [{ flows }] })), TOPOLOGY);
  const [data, acks] = planned.plan.flows;
  t.match(acks, { from: 'y', to: 'x' });
  for (const [of, by] of [
    [data?.fairNow, acks?.fairNow],
    [data?.fairThen, acks?.fairThen],
  ] as const)
    t.ok(Math.abs((of as number) / 40 / (by as number) - 1) < 0.05, `${of} ${by}`);
  t.ok(planned.plan.gain > 5, 'and do not hold up what gains');
});

test('waiting for the machine below the hosts is no reason to move', async (t) => {
  const vms = [
    { name: 'x', host: 'a', cpus: 1 },
    { name: 'y', host: 'b', cpus: 1 },
  ];
  const flows = [{ from: 'x', to: 'y', wants: 0.1 * MBIT }];
  const snapshot = snapshotOf(world({ vms, applications: [{ computeSeconds: 1, flows }] }));
  const loaded = (a: number, b: number, waits: Record<string, number>): Snapshot => {
    const load = (busy: number, vmCpus: Record<string, number>) => ({
      ageMs: 500,
      load: { cpus: 0.4, busyCpus: busy, vmCpus, vmWaits: waits },
    });
    const loads = new Map([
      ['a', load(a, { x: 0.2 })],
      ['b', load(b, { y: 0.2 })],
      ['c', load(0, {})],
    ]);
    return { ...snapshot, loads };
  };
  const demands = (one: Snapshot) =>
    draft(one, DEFAULT_ADAPT).problem.vms.map(({ cpus }) => Number((cpus ?? 0).toFixed(2)));
  t.same(demands(loaded(0.2, 0.2, { x: 0.5, y: 0.5 })), [0.2, 0.2], 'no host is full');
  t.same(actionsOf(await plan(loaded(0.2, 0.2, { x: 0.5, y: 0.5 }), MIGRATION)), []);
  t.same(
    demands(loaded(0.4, 0.2, { x: 0.75, y: 0.5 })),
    [0.4, 0.2],
    'what one waits more than the other is its host',
  );
  t.same(demands(loaded(0.4, 0.4, { x: 0.5, y: 0.5 })), [0.4, 0.4], 'all hosts are full');
});

test('each move pays', async (t) => {
  // Two on a loaded host, and others that compute little beside each other.
  const vms = ['a', 'a', 'b', 'b', 'c'].map((host, i) => ({ name: `p${i}`, host, cpus: 1 }));
  const hosts = [...HOSTS, 'd', 'e'].map((one) => ({
    name: one,
    cpus: 2,
    outsideCpus: one === 'a' ? 1.2 : 0,
  }));
  const names = vms.map(({ name: one }) => one);
  const flows = names.flatMap((from) =>
    names.filter((to) => to !== from).map((to) => ({ from, to, wants: 0.5 * MBIT })),
  );
  const pipes = hosts.flatMap(({ name: one }) =>
    ['up', 'down'].map((way) => ({ name: `${way} ${one}`, bitsPerSecond: 100 * MBIT })),
  );
  const network = new FluidNetwork(pipes, (from, to) => [`up ${from}`, `down ${to}`]);
  const planned = await plan(
    snapshotOf(world({ vms, hosts, network, applications: [{ computeSeconds: 1, flows }] })),
  );
  const moved = actionsOf(planned).flatMap((action) => (action.kind === 'move' ? action.vm : []));
  t.same(moved.sort(), ['p0', 'p1'], 'those on the loaded host alone');
});

test("the user's routes are law", async (t) => {
  const simulation = world(PAIR);
  const route = { network: 'sim', from: 'x', to: 'y', both: true, via: ['a', 'proxy', 'b'] };
  simulation.topology.routes.push(route);
  const planned = await plan(snapshotOf(simulation));
  t.same(actionsOf(planned), []);
  t.match(planned.plan.notes.join(), /user's route leads x to y; it stays/);
  const { problem } = draft(snapshotOf(simulation), DEFAULT_ADAPT);
  t.same(problem.flows, []);
  t.ok(
    problem.vms.every(({ pinned }) => pinned !== undefined),
    'their ends stay too',
  );
});

test('paths as they are: shapes, routes of ours, links that are down', (t) => {
  const simulation = world(PAIR);
  const path = (change: Partial<Snapshot> = {}) => {
    const snapshot = { ...snapshotOf(simulation), ...change };
    const { present, problem } = draft(snapshot, DEFAULT_ADAPT);
    return Array.from(present.paths[0] as Int32Array, (host) => problem.hosts[host]?.name).join(' ');
  };
  const links = (up: boolean) => [{ type: 'udp' as const, a: 'a', b: 'b', up }];
  const adapted: Adapted = {
    ...NOTHING_ADAPTED,
    links: [{ type: 'udp', a: 'a', b: 'b' }],
    routes: [{ network: 'sim', from: 'x', to: 'y', both: true, via: ['a', 'b'] }],
  };
  t.equal(path(), 'a proxy b');
  t.equal(path({ adapted, links: links(true) }), 'a b');
  t.equal(path({ adapted, links: links(false) }), 'a proxy b');
  t.equal(
    path({
      adapted: {
        ...adapted,
        routes: [{ ...(adapted.routes[0] as never as object), via: ['c', 'b'] } as never],
      },
      links: links(true),
    }),
    'a proxy b',
    'x is not on c',
  );
  simulation.topology.shapes.push({ kind: 'line', type: 'udp', network: 'sim', hosts: ['a', 'c', 'b'] });
  const line = [
    { type: 'udp' as const, a: 'a', b: 'c', up: true },
    { type: 'udp' as const, a: 'c', b: 'b', up: true },
  ];
  t.equal(path({ links: line }), 'a c b');
  t.equal(path({ links: line.slice(0, 1) }), 'a c proxy b', 'by ground from there on');
  t.end();
});

test('mechanisms that are off are not used', async (t) => {
  const snapshot = snapshotOf(world(PAIR));
  t.ok(kindsOf(await plan(snapshot, TOPOLOGY)).every((kind) => kind === 'link' || kind === 'route'));
  t.same(kindsOf(await plan(snapshot, MIGRATION)), ['move']);
  t.same(kindsOf(await plan(snapshot, { mechanisms: [] })), []);
});

test('constraints: kept, and mended where they are broken', async (t) => {
  const simulation = world(PAIR);
  simulation.topology.constraints.push({ kind: 'apart', vms: ['x', 'y'] });
  const kept = await plan(snapshotOf(simulation));
  t.same(kindsOf(kept), ['link', 'route'], 'not on one host');
  simulation.moveByHand('y', 'a');
  const mended = await plan(snapshotOf(simulation));
  t.ok(mended.plan.worthIt);
  t.match(mended.plan.verdict, /not apart/);
  t.equal(kindsOf(mended).filter((kind) => kind === 'move').length, 1);
});

test('a latency bound is the flows’ bound', (t) => {
  const simulation = world(PAIR);
  simulation.topology.constraints.push({ kind: 'within', vms: ['y', 'x'], maxLatencyUs: 1500 });
  t.equal(draft(snapshotOf(simulation), DEFAULT_ADAPT).problem.flows[0]?.maxLatencyUs, 1500);
  t.end();
});

test('links a host at most: the busiest get them, the others go another way', async (t) => {
  const vms = [
    { name: 'x', host: 'a' },
    { name: 'y', host: 'b' },
    { name: 'z', host: 'c' },
  ];
  const flows = [
    { from: 'x', to: 'y', wants: 6 * MBIT },
    { from: 'x', to: 'z', wants: Infinity },
  ];
  const snapshot = snapshotOf(world({ vms, applications: [{ flows }] }));
  for (const linksPerHost of [0, 1, 2]) {
    const { after } = await plan(snapshot, { ...TOPOLOGY, linksPerHost });
    const count = (host: string) => after.links.filter(({ a, b }) => a === host || b === host).length;
    t.ok(
      HOSTS.every((host) => count(host) <= linksPerHost),
      `${linksPerHost}`,
    );
    const made = new Set(after.links.flatMap(({ a, b }) => [`${a} ${b}`, `${b} ${a}`]));
    for (const { via } of after.routes)
      for (let i = 1; i < via.length; i++)
        t.ok(
          via.slice(i - 1, i + 1).includes('proxy') || made.has(`${via[i - 1]} ${via[i]}`),
          'its links are there',
        );
    if (linksPerHost > 0) t.not(after.links.length, 0);
  }
});

test('a VM that lacks CPU is moved to where there is some', async (t) => {
  const vms = [
    { name: 'x', host: 'a', cpus: 2 },
    { name: 'y', host: 'b', cpus: 1 },
  ];
  const hosts = HOSTS.map((name) => ({ name, cpus: 4, outsideCpus: name === 'a' ? 3.5 : 0 }));
  const flows = [
    { from: 'x', to: 'y', wants: 0.1 * MBIT },
    { from: 'y', to: 'x', wants: 0.1 * MBIT },
  ];
  const simulation = world({ vms, hosts, applications: [{ computeSeconds: 1, flows }] });
  const planned = await plan(snapshotOf(simulation));
  t.match(actionsOf(planned)[0], { kind: 'move', vm: 'x', from: 'a' });
  t.ok(planned.plan.gain > 2 && planned.plan.gain < 3.5, `about 4 times as fast: ${planned.plan.gain}`);
  t.match(planned.plan.actions[0]?.why, /lacks CPU on a/);
  t.match(planned.plan.actions[0]?.evidence.at(-1)?.text, /x uses 0.5 CPUs on a and waits 75% of its time/);
});

test('reservations: for links that are made, and for VMs that wait', async (t) => {
  const settings: Partial<AdaptSettings> = { mechanisms: ['topology', 'reservation', 'cpu'] };
  const hosts = HOSTS.map((name) => ({ name, cpus: 4, outsideCpus: name === 'a' ? 3.5 : 0 }));
  const vms = [
    { name: 'x', host: 'a', cpus: 1 },
    { name: 'y', host: 'b' },
  ];
  const planned = await plan(snapshotOf(world({ ...PAIR, vms, hosts })), settings);
  const kinds = kindsOf(planned);
  t.same(kinds, ['reserve-link', 'reserve-cpu', 'link', 'route'], 'what is reserved comes first');
  t.match(planned.after.linkReservations, [{ type: 'udp', from: 'a', to: 'b' }]);
  const [reserved] = planned.after.linkReservations;
  const rate = planned.plan.flows[0]?.measured ?? 0;
  t.ok((reserved?.bitsPerSecond ?? 0) > rate && (reserved?.bitsPerSecond ?? 0) <= 90 * MBIT);
  t.match(planned.after.cpuReservations, [{ vm: 'x', periodUs: 100_000, sliceUs: 50_000 }]);
});

test('a plan does no more than its gain comes from', async (t) => {
  // Three that talk little stand beside two that are held back.
  const vms = [...PAIR.vms, { name: 'u', host: 'a' }, { name: 'v', host: 'b' }, { name: 'w', host: 'c' }];
  const flows = [
    ['u', 'v'],
    ['v', 'w'],
    ['w', 'u'],
  ].map(([from, to]) => ({ from: from as string, to: to as string, wants: 0.2 * MBIT }));
  const planned = await plan(snapshotOf(world({ vms, applications: [...PAIR.applications, { flows }] })));
  const moved = actionsOf(planned).flatMap((action) => (action.kind === 'move' ? action.vm : []));
  t.ok(
    moved.every((vm) => vm === 'x' || vm === 'y'),
    moved.join(),
  );
  t.ok(moved.length <= 1);
});

test('moves at most', async (t) => {
  const vms = ['m', 'n', 'o', 'p'].map((name, i) => ({ name, host: ['a', 'b', 'c', 'a'][i] as string }));
  const flows = vms.flatMap(({ name: from }) =>
    vms.filter(({ name }) => name !== from).map(({ name: to }) => ({ from, to, wants: Infinity })),
  );
  const snapshot = snapshotOf(world({ vms, applications: [{ flows }] }));
  for (const movesMax of [0, 1, 2]) {
    const planned = await plan(snapshot, { ...MIGRATION, movesMax });
    t.ok(kindsOf(planned).filter((kind) => kind === 'move').length <= movesMax);
  }
});

test('a kept plan stays unless another is clearly better', async (t) => {
  const snapshot = snapshotOf(world(PAIR));
  const first = await plan(snapshot, TOPOLOGY);
  const again = await plan(snapshot, TOPOLOGY, { keep: first.arrangement, search: false });
  t.same(actionsOf(again), actionsOf(first));
  t.ok(Math.abs(again.plan.gain - first.plan.gain) < 1e-9);
  const other = await plan(snapshot, DEFAULT_ADAPT, { keep: first.arrangement });
  t.ok(other.plan.gain >= first.plan.gain);
});

test('what was ruled out is not planned', async (t) => {
  const snapshot = snapshotOf(world(PAIR));
  const avoided = { vms: new Set(['x', 'y']), moves: new Set<string>(), links: new Set(['a b']) };
  const { after, plan: found } = await plan(snapshot, {}, { avoided });
  t.notOk(found.actions.some(({ action }) => action.kind === 'move'));
  t.notOk(after.links.some(({ a, b }) => `${a} ${b}` === 'a b'));
});

test('a solver that fails makes no plan, and says so', async (t) => {
  const request = { snapshot: snapshotOf(world(PAIR)), settings: DEFAULT_ADAPT };
  const failing: Solve = async () => {
    throw new VnetError('VNET_ERR_TIMEOUT', 'it hangs');
  };
  const planned = await planChange(request, failing, () => 0);
  t.same(planned.plan.actions, []);
  t.match(planned.plan, { worthIt: false, verdict: 'no plan: the solver gave no answer' });
  t.match(planned.failures, ['the solver auto gave no answer: it hangs', /./]);
});

/** Numbers as a broken host may send them. */
const odd = fc.oneof(
  fc.double({ min: 0, max: 1e9, noNaN: true }),
  fc.constantFrom(Number.NaN, -1, 0, 1e15, Infinity, -Infinity, null as never as number),
);
const oddEstimate = fc.record({
  value: odd,
  ageMs: odd,
  confidence: odd,
  method: fc.constant('traffic' as const),
});
const name = fc.constantFrom('proxy', 'a', 'b', 'c', 'nobody');
const vmName = fc.constantFrom('x', 'y', 'z', '02:00:00:00:00:09');

const oddSnapshot = fc
  .record({
    pairs: fc.array(fc.record({ from: vmName, to: vmName, bitsPerSecond: odd, packetsPerSecond: odd }), {
      maxLength: 8,
    }),
    paths: fc.array(
      fc.record(
        {
          from: name,
          to: name,
          availableBitsPerSecond: oddEstimate,
          rttUs: oddEstimate,
          reachable: fc.boolean(),
          throughput: oddEstimate,
        },
        { requiredKeys: ['from', 'to'] },
      ),
      { maxLength: 12 },
    ),
    members: fc.array(fc.tuple(name, name), { maxLength: 4 }),
    ready: fc.subarray(['a', 'b', 'c']),
    loads: fc.array(
      fc.tuple(name, fc.record({ cpus: odd, busyCpus: odd, used: odd, waits: odd, ageMs: odd })),
      { maxLength: 4 },
    ),
    vms: fc.array(
      fc.record({
        host: fc.constantFrom('a', 'b', 'c', 'gone'),
        pinned: fc.boolean(),
        learnt: fc.boolean(),
        driver: fc.boolean(),
        refused: fc.subarray(['a', 'b', 'c']),
        among: fc.subarray(['a', 'b', 'c']),
      }),
      { minLength: 3, maxLength: 3 },
    ),
    links: fc.uniqueArray(fc.tuple(name, name), {
      maxLength: 3,
      selector: (pair) => pair.toSorted().join(),
    }),
    via: fc.array(name, { minLength: 2, maxLength: 4 }),
    apart: fc.boolean(),
  })
  .map((odds): Snapshot => {
    const base = snapshotOf(world(PAIR));
    const [x, y] = base.vms as [SnapshotVm, SnapshotVm];
    const vms = [x, y, { ...x, vm: 'z' }].map((vm, i): SnapshotVm => {
      const { host, pinned, learnt, driver, refused } = odds.vms[i] as (typeof odds.vms)[number];
      const { driver: _, ...rest } = vm;
      const refusedBy = Object.fromEntries(refused.map((one) => [one, 'no']));
      return { ...rest, host, pinned, learnt, refusedBy, ...(driver && { driver: 'qemu' as const }) };
    });
    const route = { network: 'sim', from: 'x', to: 'y', both: true, via: odds.via };
    return {
      ...base,
      matrix: {
        ...base.matrix,
        pairs: odds.pairs.map((pair) => ({
          ...pair,
          source: pair.from as never,
          destination: pair.to as never,
          bytes: 0,
          packets: 0,
        })),
      },
      topology: {
        ...base.topology,
        vms: vms.map(({ vm, host }, i) => ({
          name: vm,
          network: 'sim',
          host,
          macs: [],
          among: odds.vms[i]?.among ?? [],
        })),
        constraints: odds.apart ? [{ kind: 'apart', vms: ['x', 'y', 'nobody'] }] : [],
      },
      underlay: {
        ...base.underlay,
        paths: odds.paths.map(({ throughput, ...path }) => ({
          ...path,
          ...(throughput && {
            link: {
              link: '',
              from: path.from,
              to: path.to,
              type: 'udp',
              throughputBitsPerSecond: throughput,
            },
          }),
        })) as PathEstimate[],
        bottlenecks: [
          { where: 'shared', members: odds.members.map((pair) => pair.join(' ')), confidence: 0.9 },
        ],
      },
      ready: ['proxy', ...odds.ready],
      loads: new Map(
        odds.loads.map(([host, { cpus, busyCpus, used, waits, ageMs }]) => [
          host,
          { ageMs, load: { cpus, busyCpus, vmCpus: { x: used }, vmWaits: { x: waits } } },
        ]),
      ),
      vms,
      adapted: {
        ...NOTHING_ADAPTED,
        links: odds.links.filter(([a, b]) => a !== b).map(([a, b]) => ({ type: 'udp', a, b })),
        routes: [route],
      },
      links: odds.links.map(([a, b]) => ({ type: 'udp', a, b, up: a < b })),
    };
  });

/** What stands after the steps, as whoever carries them out keeps it. */
function carriedOut(before: Adapted, actions: readonly AdaptAction[]): Adapted {
  const lists = {
    links: new Map(),
    routes: new Map(),
    linkReservations: new Map(),
    cpuReservations: new Map(),
  };
  for (const list of Object.keys(lists) as (keyof Adapted)[])
    for (const item of before[list]) lists[list].set(IDENTITY[list](item as never), item);
  const put = (list: keyof Adapted, sign: '+' | '-', item: never) => {
    if (sign === '+') lists[list].set(IDENTITY[list](item), item);
    else lists[list].delete(IDENTITY[list](item));
  };
  for (const action of actions) {
    if (action.kind === 'link') put('links', action.sign, action.link as never);
    if (action.kind === 'route') put('routes', action.sign, action.route as never);
    if (action.kind === 'reserve-link') put('linkReservations', action.sign, action.reservation as never);
    if (action.kind === 'reserve-cpu') put('cpuReservations', action.sign, action.reservation as never);
  }
  return Object.fromEntries(
    Object.entries(lists).map(([list, items]) => [list, [...items.values()]]),
  ) as never;
}

const sorted = ({ links, routes, linkReservations, cpuReservations }: Adapted): string[] =>
  [...links, ...routes, ...linkReservations, ...cpuReservations].map((item) => JSON.stringify(item)).sort();

const mechanisms = fc.subarray(['migration', 'topology', 'reservation', 'cpu'] as const);

test('any snapshot: a plan that can be carried out, or none; nobody is moved who must not be', async (t) => {
  await fc.assert(
    fc.asyncProperty(oddSnapshot, mechanisms, fc.nat(3), async (snapshot, allowed, linksPerHost) => {
      const planned = await plan(snapshot, { mechanisms: [...allowed], linksPerHost });
      const { plan: found, after } = planned;
      const actions = actionsOf(planned);
      for (const value of [found.valueNow, found.valueThen, found.bound, found.cost, found.gain])
        if (!Number.isFinite(value)) return false;
      for (const action of actions) {
        if (action.kind !== 'move') continue;
        const vm = snapshot.vms.find((one) => one.vm === action.vm);
        const among = snapshot.topology.vms.find((one) => one.name === action.vm)?.among ?? [];
        if (!vm || vm.pinned || vm.learnt || vm.driver === undefined || vm.host !== action.from) return false;
        if (action.to in vm.refusedBy || !among.includes(action.to) || !snapshot.ready.includes(action.to))
          return false;
        if (!allowed.includes('migration')) return false;
      }
      if (!allowed.includes('topology') && actions.some((one) => one.kind === 'link' && one.sign === '+'))
        return false;
      return sorted(carriedOut(snapshot.adapted, actions)).join() === sorted(after).join();
    }),
    { numRuns: 300, seed: 5 },
  );
  t.pass();
});
