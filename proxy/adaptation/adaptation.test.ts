/** Adaptation's hands on a Proxy with fake hosts: what it makes stands beside the user's, whole or not at all. */
import t from 'tap';
import {
  type AdaptAction,
  type Adapted,
  DEFAULT_ADAPT,
  emptyChange,
  type HostConfig,
  type LinkType,
  MemoryStore,
  NOTHING_ADAPTED,
  type Route,
  type Store,
  type Topology,
  type VnetError,
} from '../../core/index.js';
import type { ControllerMemory } from '../../vadapt/index.js';
import { CrashStore } from '../crash-store.js';
import { FakeHost } from '../fake-fleet.js';
import { base, FASTER, Fleet, NAMES } from '../fake-overlay.js';
import { FakeVmWorld } from '../fake-vms.js';
import { type Controller, type ControllerParts, PLANS_AT_ONCE_MAX, RETURN_MS } from './adaptation.js';
import { LINK_UP_MS } from './carry-out.js';
import { ADAPTED_LISTS, applied } from './delta.js';
import { overrule } from './overrule.js';
import { UndoLog } from './undo-log.js';

const MIB = 2 ** 20;
const MBPS = 1e6;

/** Four hosts, a VM on each, the star alone. */
function lab(): Topology {
  const topology = base();
  const machine = { driver: 'exec' as const, command: '/bin/vm' };
  topology.shapes = [];
  topology.vms = topology.vms.map((vm) => ({ ...vm, machine, memoryBytes: 512 * MIB }));
  return topology;
}

const route = (from: string, to: string, ...via: string[]): Route => ({
  network: 'lab',
  from,
  to,
  both: true,
  via,
});
const link = (a: string, b: string, type: LinkType = 'udp') => ({ type, a, b });
const plus = {
  link: (a: string, b: string): AdaptAction => ({ kind: 'link', sign: '+', link: link(a, b) }),
  route: (made: Route): AdaptAction => ({ kind: 'route', sign: '+', route: made }),
  rate: (from: string, to: string, bitsPerSecond = MBPS): AdaptAction => ({
    kind: 'reserve-link',
    sign: '+',
    reservation: { type: 'udp', from, to, bitsPerSecond },
  }),
  cpu: (vm: string): AdaptAction => ({
    kind: 'reserve-cpu',
    sign: '+',
    reservation: { vm, periodUs: 10_000, sliceUs: 5000 },
  }),
};
const minus = {
  link: (a: string, b: string): AdaptAction => ({ kind: 'link', sign: '-', link: link(a, b) }),
  route: (gone: Route): AdaptAction => ({ kind: 'route', sign: '-', route: gone }),
};
const move = (vm: string, from: string, to: string): AdaptAction => ({ kind: 'move', vm, from, to });

interface BedOptions {
  store?: Store;
  hosts?: FakeHost[];
  vms?: FakeVmWorld;
  topology?: Topology;
}

/** A Proxy whose controller does nothing by itself: the test has its world in hand. */
async function bed({
  store = new MemoryStore(),
  vms = new FakeVmWorld(),
  hosts,
  topology = lab(),
}: BedOptions = {}) {
  const loaded: ControllerParts[] = [];
  const loadController = async (parts: ControllerParts): Promise<Controller> => {
    loaded.push(parts);
    return {
      clearAdaptation: async () => undefined,
      start() {},
      topologyDeclared() {},
      close: async () => {},
    } as unknown as Controller;
  };
  const machines = hosts ?? NAMES.map((name) => new FakeHost(name, undefined, vms));
  const fleet = await Fleet.start(store, machines, undefined, { loadController });
  await fleet.proxy.clearAdaptation();
  const { world, memory } = loaded[0] as ControllerParts;
  if (!hosts) {
    await fleet.target(topology);
    await Promise.all(topology.vms.map(({ name }) => fleet.proxy.startVm(name)));
    await fleet.settle();
  }
  const adapted = () => world.snapshot('lab')?.adapted as Adapted;
  const carryOut = (...actions: AdaptAction[]) => world.carryOut('lab', actions, NOTHING_ADAPTED);
  const placeOf = async (vm: string) => (await fleet.proxy.vms()).find((one) => one.vm === vm)?.host;
  return {
    fleet,
    proxy: fleet.proxy,
    store,
    vms,
    world,
    memory,
    adapted,
    carryOut,
    placeOf,
    hosts: machines,
  };
}

const paths = ({ rules }: HostConfig) =>
  rules.flatMap(({ origin, actions: [action] }) =>
    origin === 'adapt' && action?.kind === 'edge' ? [action.peer] : [],
  );
const madeLinks = ({ links }: HostConfig) =>
  links.filter(({ owner }) => owner === 'adapt').map(({ type, peer }) => `${type} ${peer}`);

/** What hosts run, whatever epoch that came with. */
const gists = (fleet: Fleet) =>
  JSON.stringify(fleet.gists())
    .replaceAll(/poch.{2,3}\d+/g, '')
    .split('\\n');

t.test('links, reservations, a move and paths, beside what the user owns', async (t) => {
  const { fleet, proxy, world, carryOut, adapted, placeOf } = await bed();
  t.teardown(() => proxy.close());
  const before = await proxy.overview();
  const done: string[] = [];
  const actions = [
    plus.rate('a', 'b', 3 * MBPS),
    plus.cpu('vm-c'),
    plus.link('a', 'b'),
    move('vm-c', 'c', 'b'),
    plus.route(route('vm-a', 'vm-c', 'a', 'b')),
  ];
  const { stayed } = await world.carryOut('lab', actions, NOTHING_ADAPTED, ({ step, total }) => {
    t.equal(total, 5);
    if (done.at(-1) !== step) done.push(step);
  });
  t.same(stayed, []);
  t.same(done, ['reserve', 'link', 'move', 'route', 'done']);
  await fleet.settle();
  const config = (host: string) => fleet.host(host).config;
  t.same([madeLinks(config('a')), madeLinks(config('b'))], [['udp b'], ['udp a']]);
  t.same([paths(config('a')), paths(config('b'))], [['b'], ['a']]);
  const rate = (host: string) =>
    config(host).links.find(({ owner }) => owner === 'adapt')?.reservedBitsPerSecond;
  t.same([rate('a'), rate('b')], [3 * MBPS, undefined], 'where it is sent');
  t.same(
    NAMES.map((name) => (config(name).cpu ?? []).length),
    [0, 0, 1, 0, 0],
    'CPU where the VM is now',
  );
  t.equal(await placeOf('vm-c'), 'b');
  const after = await proxy.overview();
  t.same([after.revision, after.topology], [before.revision, before.topology], "the user's is as it was");
  t.same((await proxy.plan({ kind: 'target', topology: after.topology })).steps, []);
  t.same(adapted().links, [link('a', 'b')]);

  await carryOut(minus.route(route('vm-a', 'vm-c', 'a', 'b')), minus.link('a', 'b'));
  await fleet.settle();
  t.same([madeLinks(config('a')), paths(config('a')), paths(config('b'))], [[], [], []]);
});

t.test('whatever step fails, everything is as it was', async (t) => {
  const actions = [
    plus.link('a', 'b'),
    move('vm-c', 'c', 'b'),
    plus.route(route('vm-a', 'vm-c', 'a', 'b')),
    minus.link('a', 'd'),
  ];
  let failed = 0;
  for (let refused = 1; refused < 20; refused++) {
    const { fleet, proxy, carryOut, adapted, placeOf } = await bed();
    await carryOut(plus.link('a', 'd'), plus.route(route('vm-a', 'vm-d', 'a', 'd')));
    await fleet.settle();
    const [before, owned] = [gists(fleet), adapted()];
    const host = fleet.host('a');
    host.mishaps = [...Array.from({ length: refused - 1 }, () => 'ok' as const), 'refuse'];
    const outcome = await carryOut(...actions).then(
      () => 'done',
      (thrown: VnetError) => thrown.message,
    );
    const wasRefused = host.mishaps.length === 0;
    await fleet.settle();
    if (outcome === 'done') {
      await proxy.close();
      if (!wasRefused) break;
      continue; // What only goes is dropped, not obeyed.
    }
    failed += 1;
    t.match(outcome, /host a: tap0 cannot be opened/);
    t.same(adapted(), owned, `refused at step ${refused}`);
    t.equal(await placeOf('vm-c'), 'c');
    t.same(gists(fleet), before);
    await proxy.close();
  }
  t.ok(failed >= 2, `${failed} steps`);
});

t.test('a link that never comes up is not built on', async (t) => {
  const { fleet, proxy, carryOut, adapted, placeOf } = await bed();
  t.teardown(() => proxy.close());
  const before = gists(fleet);
  fleet.host('b').onLinks = undefined;
  const startedMs = performance.now();
  await t.rejects(carryOut(plus.link('a', 'b'), move('vm-c', 'c', 'b')), {
    message: /udp b a did not come up/,
  });
  t.ok(performance.now() - startedMs >= LINK_UP_MS / FASTER / 2);
  await fleet.settle();
  t.same([gists(fleet), adapted().links, await placeOf('vm-c')], [before, [], 'c']);
});

t.test('a VM that stays: reported, remembered, its paths are for where it is', async (t) => {
  const { fleet, proxy, vms, world, carryOut, adapted } = await bed();
  t.teardown(() => proxy.close());
  vms.of('b').obstacles = [{ kind: 'image', message: 'no image of vm-c', blocking: true }];
  const { stayed } = await carryOut(
    plus.link('a', 'b'),
    plus.link('a', 'c'),
    move('vm-c', 'c', 'b'),
    plus.route(route('vm-a', 'vm-c', 'a', 'b')),
    plus.route(route('vm-d', 'vm-c', 'd', 'b')),
  );
  t.same(stayed, [{ vm: 'vm-c', host: 'c', reason: 'no image of vm-c' }]);
  t.match(
    adapted().routes,
    [route('vm-a', 'vm-c', 'a', 'c')],
    'over the link there is; the other by the ground',
  );
  await fleet.settle();
  t.same(paths(fleet.host('a').config), ['c']);
  t.same(paths(fleet.host('d').config), [], 'the other by the ground');
  const seen = world.snapshot('lab')?.vms.find(({ vm }) => vm === 'vm-c');
  t.same(seen?.refusedBy, { b: 'no image of vm-c' });
});

t.test("a person's change wins, before, meanwhile and after", async (t) => {
  const { fleet, proxy, world, carryOut, adapted } = await bed();
  t.teardown(() => proxy.close());
  const user = (sign: 'add' | 'remove', lists: Partial<Topology>) => {
    const change = emptyChange();
    Object.assign(change[sign], lists);
    return { kind: 'change' as const, change };
  };
  // Meanwhile: it takes the pair's path and the link into its own hands while a VM moves.
  const owned = { links: [link('a', 'b')], routes: [route('vm-a', 'vm-b', 'a', 'home', 'b')] };
  let asked: Promise<unknown> | undefined;
  const actions = [
    plus.link('a', 'b'),
    plus.link('a', 'd'),
    move('vm-c', 'c', 'b'),
    plus.route(route('vm-a', 'vm-b', 'a', 'b')),
    plus.route(route('vm-a', 'vm-d', 'a', 'd')),
  ];
  await world.carryOut('lab', actions, NOTHING_ADAPTED, ({ step }) => {
    if (step === 'move') asked ??= proxy.apply(user('add', owned));
  });
  await asked;
  t.match(adapted(), { links: [link('a', 'd')], routes: [route('vm-a', 'vm-d', 'a', 'd')] });
  await fleet.settle();
  t.equal(fleet.host('a').config.links.find(({ peer }) => peer === 'b')?.owner, 'user');
  // Before: what the user owns is not touched.
  await carryOut(plus.link('a', 'b'), minus.link('a', 'b'), plus.route(route('vm-b', 'vm-a', 'b', 'a')));
  await fleet.settle();
  t.same([adapted().links.length, adapted().routes.length], [1, 1]);
  t.equal(fleet.host('a').config.links.find(({ peer }) => peer === 'b')?.owner, 'user');
  // After: what a person removes is gone, whoever made it; the plan says so.
  const plan = await proxy.plan(user('remove', { links: [link('d', 'a')] }));
  t.match(plan.steps, [{ sign: '-', kind: 'link' }]);
  const { steps, revision } = await proxy.apply(user('remove', { links: [link('d', 'a')] }));
  t.equal(steps.length, 1);
  t.equal(revision, (await proxy.overview()).revision);
  t.same(adapted().links, []);
  await proxy
    .apply(user('remove', { vms: [{ ...lab().vms[3] } as Topology['vms'][number]] }))
    .catch(() => {});
  await proxy.stopVm('vm-d');
  await proxy.apply(user('remove', { vms: [{ ...lab().vms[3] } as Topology['vms'][number]] }));
  t.same(adapted().routes, [], 'of a VM that is gone');
});

t.test('a change of adaptation over a crash at any moment', async (t) => {
  const store = new CrashStore();
  const { fleet, proxy, carryOut, adapted } = await bed({ store });
  store.hosts = () => fleet.hosts.values();
  const rates = plus.rate('a', 'b');
  await fleet.settle();
  const old = [fleet.rules(), adapted()] as const;
  store.states.length = 0;
  await carryOut(
    rates,
    plus.link('a', 'b'),
    plus.link('b', 'd'),
    plus.route(route('vm-a', 'vm-d', 'a', 'b', 'd')),
  );
  store.remember();
  await fleet.settle();
  const wanted = [fleet.rules(), adapted()] as const;
  await proxy.close();
  const outcomes = new Set<number>();
  for (const [i, { found, hosts }] of store.states.entries()) {
    const revived = await bed({ store: found, hosts });
    await revived.fleet.settle();
    const { routes, links } = revived.adapted();
    outcomes.add(links.length + routes.length);
    const isDone = routes.length > 0;
    t.same(revived.fleet.rules(), isDone ? wanted[0] : old[0], `moment ${i}`);
    if (isDone) t.same(revived.adapted(), wanted[1]);
    await revived.proxy.close();
  }
  t.same([...outcomes].sort(), [0, 2, 3], 'nothing, the links, all');
});

t.test('the Proxy stops in the middle: nothing is undone, the next start finds it begun', async (t) => {
  const vms = new FakeVmWorld();
  const first = await bed({ vms });
  vms.holdAt = 'copying';
  const begun = { network: 'lab' } as ControllerMemory['begun'];
  const memory = { settings: { mode: 'auto' }, history: [], avoid: [], begun } as unknown as ControllerMemory;
  await first.world.save(memory);
  const actions = [plus.link('a', 'b'), move('vm-c', 'c', 'b'), plus.route(route('vm-a', 'vm-c', 'a', 'b'))];
  const change = first.carryOut(...actions);
  change.catch(() => {});
  while (!(await first.proxy.vms()).some(({ move: moves }) => moves?.phase === 'copying'))
    await new Promise((resolve) => setTimeout(resolve, 2));
  await first.proxy.close();
  await t.rejects(change, { code: 'VNET_ERR_CLOSED' });
  await t.rejects(first.world.save({ ...memory }), { code: 'VNET_ERR_CLOSED' });
  vms.holdAt = undefined;
  const second = await bed({ store: first.store, vms, hosts: first.hosts });
  t.teardown(() => second.proxy.close());
  t.match(second.memory, memory);
  t.match(second.adapted().links, [link('a', 'b')]);
  const { stayed } = await second.carryOut(...actions);
  t.same([stayed, await second.placeOf('vm-c')], [[], 'b']);
  await second.fleet.settle();
  t.same(paths(first.hosts[1]?.config as HostConfig), ['b']);
});

t.test("what a person's change leaves, list by list", async (t) => {
  const adapted: Adapted = {
    links: [link('a', 'b'), link('c', 'd')],
    routes: [route('vm-a', 'vm-b', 'a', 'b'), route('vm-c', 'vm-d', 'c', 'd')],
    linkReservations: [
      { type: 'udp', from: 'a', to: 'b', bitsPerSecond: MBPS },
      { type: 'udp', from: 'd', to: 'c', bitsPerSecond: MBPS },
    ],
    cpuReservations: [{ vm: 'vm-a', periodUs: 10_000, sliceUs: 5000 }],
  };
  const after = (sign: 'add' | 'remove', lists: Partial<Topology>, topology = lab()) => {
    const change = emptyChange();
    Object.assign(change[sign], lists);
    const left = overrule(adapted, { kind: 'change', change }, change, topology);
    const counts = [
      left.adapted.links,
      left.adapted.routes,
      left.adapted.linkReservations,
      left.adapted.cpuReservations,
    ];
    return { ...left, counts: counts.map(({ length }) => length).join(' ') };
  };
  const same = after('add', { ports: [{ network: 'lab', host: 'a', port: 'tap:x', role: 'vm' }] });
  t.equal(same.adapted, adapted, 'the same object: nothing to store');
  const stated = { ...lab(), links: [link('b', 'a')] };
  t.equal(after('add', { links: stated.links }, stated).counts, '1 2 2 1', 'a link of theirs');
  const shaped = { ...lab(), shapes: base().shapes };
  t.equal(after('add', { shapes: shaped.shapes }, shaped).counts, '0 2 2 1', 'links of a shape');
  const oneWay = { ...route('vm-b', 'vm-a', 'b', 'home', 'a'), both: false };
  const half = after('add', { routes: [oneWay] });
  t.match(half.adapted.routes[0], { from: 'vm-a', to: 'vm-b', both: false }, 'the other direction stays');
  t.equal(after('add', { routes: [route('vm-b', 'vm-a', 'b', 'a')] }).counts, '2 1 2 1');
  const [rate] = adapted.linkReservations as [Adapted['linkReservations'][number]];
  t.equal(after('add', { linkReservations: [{ ...rate, bitsPerSecond: 1 }] }).counts, '2 2 1 1');
  t.equal(after('add', { cpuReservations: adapted.cpuReservations }).counts, '2 2 2 0');
  const removed = after('remove', {
    links: [link('d', 'c')],
    routes: [oneWay],
    cpuReservations: adapted.cpuReservations,
  });
  t.equal(removed.counts, '1 1 1 0', 'a reservation goes with its link');
  t.match(
    removed.steps.map(({ sign, kind }) => `${sign} ${kind}`),
    ['- link', '- route', '- reservation', '- reservation'],
  );
  const without = (host: string, vm: string) => ({
    ...lab(),
    hosts: lab().hosts.filter(({ name }) => name !== host),
    vms: lab().vms.filter(({ name }) => name !== vm),
  });
  const gone = { hosts: lab().hosts.filter(({ name }) => name === 'd') };
  t.equal(after('remove', gone, without('d', 'vm-d')).counts, '1 1 1 1', 'of a host that is gone');
  const target = overrule(adapted, { kind: 'target', topology: lab() }, emptyChange(), lab());
  t.equal(target.adapted, adapted, "a target leaves alone what is not the user's");
});

t.test('the way back: what somebody else removed meanwhile stays away', async (t) => {
  const before: Adapted = {
    ...NOTHING_ADAPTED,
    links: [link('a', 'b')],
    routes: [route('vm-a', 'vm-b', 'a', 'b')],
  };
  const after: Adapted = {
    ...NOTHING_ADAPTED,
    links: [link('a', 'c'), link('b', 'c')],
    routes: [route('vm-a', 'vm-b', 'a', 'c', 'b')],
  };
  const log = new UndoLog();
  const between = { ...before, links: [...before.links, ...after.links] };
  log.note(before, between);
  log.note(between, { ...between, routes: after.routes });
  log.note({ ...between, routes: after.routes }, after);
  const back = (now: Adapted) => applied(now, log.delta(now, ADAPTED_LISTS), ADAPTED_LISTS);
  t.same(back(after), before);
  t.same(back({ ...after, links: after.links.slice(1) }), before, 'ours that is gone already');
  t.same(back({ ...after, routes: [] }).routes, [], 'the route that took the place of the old one');
  const others = { ...after, links: [...after.links, link('c', 'd')] };
  t.same(back(others).links.length, 2, 'what came by others stays');
});

t.test(
  'the controller is loaded when it is needed, and begins when hosts had time to come back',
  async (t) => {
    const store = new MemoryStore();
    const calls: string[] = [];
    const start = async () => {
      calls.length = 0;
      const loadController = async () => {
        calls.push('load');
        const note = (name: string) => async () => void calls.push(name);
        return {
          start: note('start'),
          close: note('close'),
          adaptation: note('look'),
        } as unknown as Controller;
      };
      return (await Fleet.start(store, undefined, undefined, { loadController })).proxy;
    };
    const idle = () => new Promise((resolve) => setTimeout(resolve, (2 * RETURN_MS) / FASTER));
    const first = await start();
    await idle();
    t.same(calls, [], 'nobody asked');
    await first.adaptation();
    t.same(calls, ['load', 'start', 'look']);
    await first.close();
    t.equal(calls.at(-1), 'close');

    const settings = { ...DEFAULT_ADAPT, mode: 'auto' as const };
    await store.write('adaptation', { settings, history: [], avoid: [] } satisfies ControllerMemory);
    const second = await start();
    await second.adaptation();
    t.same(calls, ['load', 'look'], 'a person is answered at once');
    await idle();
    t.same(calls, ['load', 'look', 'start']);
    await second.close();
  },
);

t.test('plans are made a few at a time, whoever asks for how many', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const loadController = async () =>
    ({ start() {}, close: async () => {}, planAdaptation: () => released }) as unknown as Controller;
  const { proxy } = await Fleet.start(new MemoryStore(), undefined, undefined, { loadController });
  const plans = Array.from({ length: PLANS_AT_ONCE_MAX }, () => proxy.planAdaptation());
  await t.rejects(proxy.planAdaptation(), { code: 'VNET_ERR_LIMIT' });
  release();
  await Promise.all(plans);
  await proxy.planAdaptation();
  await proxy.close();
  const idle = (await Fleet.start(new MemoryStore(), undefined, undefined, { loadController })).proxy;
  await idle.close();
  await t.rejects(idle.planAdaptation(), { code: 'VNET_ERR_CLOSED' }, 'nothing is loaded any more');
});
