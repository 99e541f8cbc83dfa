/** The controller in a simulated overlay: what it does, what it leaves, what it takes back, and what people do meanwhile. */
import { test } from 'tap';
import type { AdaptRecord, AdaptSettings } from '../../core/index.js';
import { DEFAULT_ADAPT, NOTHING_ADAPTED, VnetError } from '../../core/index.js';
import type { Solver } from '../model/solver.js';
import { SOLVERS } from '../solvers/index.js';
import { mergeSettings } from './settings.js';
import { Drive, type DriveOptions, FluidNetwork, type SimulatedApplication } from '../simulation/index.js';

const MBIT = 1e6;
const solverNamed = (name: string) => SOLVERS.find((solver) => solver.name === name) as Solver;
const annealing = solverNamed('annealing');
/** For long runs. */
const greedy = solverNamed('greedy');
/** Simulated seconds; steps of the controller are two a second. */
const LONG = 1000;
const MINUTE = 60;

/** Two sites of four and three hosts, and the Proxy at a third; every site has 10 Mbit/s to the others. */
const HOSTS = ['home', 'a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'b3'];
const site = (host: string): string => host[0] as string;

function sites(wanMbit = 10): FluidNetwork {
  const pipe = (name: string, mbit: number) => ({ name, bitsPerSecond: mbit * MBIT });
  const ends = HOSTS.flatMap((host) => [pipe(`up ${host}`, 100), pipe(`down ${host}`, 100)]);
  const wans = ['h', 'a', 'b'].flatMap((one) => [pipe(`out ${one}`, wanMbit), pipe(`in ${one}`, wanMbit)]);
  return new FluidNetwork(
    [...ends, ...wans],
    (from, to) => [
      `up ${from}`,
      ...(site(from) === site(to) ? [] : [`out ${site(from)}`, `in ${site(to)}`]),
      `down ${to}`,
    ],
    (from, to) => (site(from) === site(to) ? 200 : 20_000),
  );
}

const VMS = ['v1', 'v2', 'v3', 'v4'];
const ALL_TO_ALL = VMS.flatMap((from) => VMS.filter((to) => to !== from).map((to) => ({ from, to })));
/** As `patterns` runs: 0.2 s of computing, then 200 kbit from each to each. */
const BSP: SimulatedApplication = {
  computeSeconds: 0.2,
  flows: ALL_TO_ALL.map((flow) => ({ ...flow, wants: 0.2 * MBIT })),
};
const elastic = (...pairs: [string, string][]): SimulatedApplication => ({
  flows: pairs.map(([from, to]) => ({ from, to, wants: Infinity })),
});
const ACROSS = elastic(['v1', 'v3'], ['v2', 'v4']);
const ALONG = elastic(['v1', 'v2'], ['v3', 'v4']);

function drive(options: Partial<DriveOptions> & { at?: string[] } = {}): Drive {
  const { at = ['a1', 'a2', 'b1', 'b2'], ...rest } = options;
  return new Drive({
    hosts: HOSTS.map((name) => ({ name, cpus: 4 })),
    network: sites(),
    vms: VMS.map((name, i) => ({ name, host: at[i] as string, cpus: 1 })),
    applications: [BSP],
    solver: annealing,
    ...rest,
  });
}

async function historyOf({ controller }: Drive): Promise<AdaptRecord[]> {
  return (await controller.adaptation(1000)).history;
}

async function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => (error instanceof VnetError ? error.code : String(error)),
  );
}

const movesOf = (record: AdaptRecord | undefined) =>
  (record?.actions ?? []).flatMap((action) => (action.kind === 'move' ? [action] : []));

test('it closes the loop: a slow application is fast within 5 s, as predicted', async (t) => {
  const run = drive();
  await run.start();
  await run.run(1);
  const before = run.world.total();
  await run.run(4);
  t.ok(run.world.total() > 1.8 * before, `from ${before} to ${run.world.total()}`);
  await run.run(MINUTE);
  const [record, ...others] = await historyOf(run);
  t.same(others, [], 'one change, and then quiet');
  t.match(record, { outcome: 'kept', by: 'auto', network: 'sim' });
  const { predictedGain, measuredGain = 0 } = record as AdaptRecord;
  t.ok(
    Math.abs(measuredGain - predictedGain) < 0.25 * (1 + predictedGain),
    `${predictedGain} ${measuredGain}`,
  );
  await run.controller.close();
});

test('each mechanism alone, and none', async (t) => {
  for (const mechanisms of [['migration'], ['topology'], []] as AdaptSettings['mechanisms'][]) {
    const run = drive({ settings: { mechanisms } });
    await run.start();
    await run.run(MINUTE);
    const actions = run.world.changes.flatMap((change) => change.actions);
    const kinds = new Set(actions.map(({ kind }) => kind));
    t.equal(kinds.has('move'), mechanisms.includes('migration'), `${mechanisms.join()}: moves`);
    t.equal(kinds.has('link'), mechanisms.includes('topology'), `${mechanisms.join()}: links`);
    t.equal(kinds.has('route'), mechanisms.includes('topology'), `${mechanisms.join()}: routes`);
    await run.controller.close();
  }
});

test('where nothing can be gained nothing is moved, whatever the noise', async (t) => {
  const modest: SimulatedApplication = {
    flows: ALL_TO_ALL.map((flow) => ({ ...flow, wants: 0.02 * MBIT })),
  };
  for (const seed of [1, 2]) {
    const run = drive({ applications: [modest], noise: 0.2, seed, solver: greedy });
    await run.start();
    await run.run(LONG);
    t.same(run.world.changes, [], `seed ${seed}`);
    t.same(await historyOf(run), []);
    await run.controller.close();
  }
});

test('20% of noise over thousands of steps: what is better is done once', async (t) => {
  for (const seed of [1, 2]) {
    const run = drive({ noise: 0.2, seed, solver: greedy });
    await run.start();
    await run.run(LONG);
    t.ok(
      run.world.changes.length >= 1 && run.world.changes.length <= 2,
      `${run.world.changes.length} changes`,
    );
    await run.controller.close();
  }
});

test('noise on an elastic application that has many ways as good', async (t) => {
  const settings: Partial<AdaptSettings> = { mechanisms: ['topology'] };
  const run = drive({ applications: [elastic(['v1', 'v2'])], noise: 0.2, solver: greedy, settings });
  await run.start();
  await run.run(LONG);
  t.ok(run.world.changes.length <= 3, `${run.world.changes.length} changes`);
  await run.controller.close();
});

const phase = (atMs: number, periodSeconds: number): SimulatedApplication =>
  Math.floor(atMs / 1000 / periodSeconds) % 2 === 0 ? ACROSS : ALONG;

/** VTTIF calls settled what is not: the worst case. */
async function alternating(periodSeconds: number, seconds: number, adapts = true): Promise<Drive> {
  const run = drive({
    applications: [ACROSS],
    noise: 0.2,
    seed: periodSeconds,
    driver: 'qemu',
    solver: greedy,
    // Two VMs on a host, so that no place is good for both phases.
    hosts: HOSTS.map((name) => ({ name, cpus: 2 })),
  });
  if (adapts) await run.start();
  await run.run(seconds, (atMs) => {
    run.world.applications = [phase(atMs, periodSeconds)];
  });
  await run.controller.close();
  return run;
}

test('traffic that alternates faster than it can follow', async (t) => {
  const { settleMs } = DEFAULT_ADAPT;
  for (const period of [1, 3, 7]) {
    const { world } = await alternating(period, 600);
    t.ok(world.changes.length <= 12, `every ${period} s: ${world.changes.length} changes in 10 min`);
    const times = world.changes.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((at, i) => at - (times[i] as number));
    t.ok(
      gaps.every((gap) => gap >= settleMs),
      'never faster than one in the settle time',
    );
  }
});

test('traffic that alternates slowly is followed', async (t) => {
  const period = 150;
  const { world } = await alternating(period, 6 * period);
  t.ok(world.changes.length >= 4 && world.changes.length <= 8, `${world.changes.length} changes`);
  const still = await alternating(period, 6 * period, false);
  t.same(still.world.changes, []);
  t.ok(world.deliveredBits > 5 * still.world.deliveredBits, 'and it pays');
});

test('what has not settled is not acted on', async (t) => {
  const run = drive();
  run.world.settled = false;
  await run.start();
  await run.run(MINUTE);
  t.same(run.world.changes, []);
  t.match((await run.controller.adaptation()).state, /to settle/);
  run.world.settled = true;
  await run.run(5);
  t.equal(run.world.changes.length, 1);
  await run.controller.close();
});

/** Direct edges look wide, and are not. */
class Trap extends FluidNetwork {
  override available(from: string, to: string, used: ReadonlyMap<string, number>): number {
    return from === 'home' || to === 'home' ? super.available(from, to, used) : 90 * MBIT;
  }
}

function trap(): Drive {
  const network = new Trap(
    [
      { name: 'star', bitsPerSecond: 40 * MBIT },
      { name: 'direct', bitsPerSecond: 2 * MBIT },
    ],
    (from, to) => [from === 'home' || to === 'home' ? 'star' : 'direct'],
  );
  const settings: Partial<AdaptSettings> = { mechanisms: ['topology'] };
  return drive({ network, applications: [elastic(['v1', 'v3'])], settings });
}

test('a change that made it worse is taken back and remembered', async (t) => {
  const run = trap();
  await run.start();
  await run.run(1);
  const before = run.world.total();
  await run.run(10);
  const record = (await historyOf(run)).at(-1);
  t.match(record, { outcome: 'taken-back', by: 'auto' });
  t.ok((record?.measuredGain ?? 0) < -0.5, `${record?.measuredGain}`);
  t.match(record?.reason, /got .* less: .* it was taken back/);
  t.equal(run.world.total(), before, 'all is as it was');
  t.same(run.world.adapted, NOTHING_ADAPTED);
  const made = record?.actions.find((action) => action.kind === 'link');
  await run.run(300);
  const again = run.world.changes.filter(({ actions }) =>
    actions.some((action) => action.kind === 'link' && action.sign === '+' && same(action, made)),
  );
  t.equal(again.length, 1, 'the same link is not made again');
  t.ok(run.world.changes.length <= 8, `others like it are tried less and less: ${run.world.changes.length}`);
  t.equal(run.world.total(), before);
  const why = await run.controller.whyAdapted('v1');
  t.match(why, { owner: 'user', text: /as its statement says/ });
  await run.controller.close();
});

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

test('an application that ends is no reason to take a change back', async (t) => {
  const run = drive();
  await run.start();
  await run.run(3);
  t.equal(run.world.changes.length, 1);
  run.world.applications = [];
  await run.run(30);
  t.equal(run.world.changes.length, 1, 'nothing is moved back');
  const [record] = await historyOf(run);
  t.match(record, { outcome: 'kept', reason: /something else/ });
  await run.controller.close();
});

test('a person who moves a VM that adaptation moved has the last word', async (t) => {
  const run = drive({ settings: { mechanisms: ['migration'] } });
  await run.start();
  await run.run(20);
  const [kept] = await historyOf(run);
  const [move] = movesOf(kept);
  t.ok(move);
  const { vm, from } = move as { vm: string; from: string };
  run.world.moveByHand(vm, from);
  await run.run(300);
  t.equal(run.world.places.get(vm), from, 'it is left there');
  const overruled = (await historyOf(run)).find(({ outcome }) => outcome === 'overruled');
  t.match(overruled, { by: 'user', reason: /by hand/ });
  await run.controller.close();
});

test('a person who moves a VM while a change is measured: nothing of theirs is taken back', async (t) => {
  const run = drive({ settings: { mechanisms: ['migration'] } });
  await run.start();
  await run.run(3);
  t.equal(run.world.changes.length, 1);
  const [vm] = movesOf((await historyOf(run))[0]).map((move) => move.vm);
  run.world.moveByHand(vm as string, 'b3');
  await run.run(60);
  t.equal(run.world.places.get(vm as string), 'b3');
  await run.controller.close();
});

test("a user's link and route take the place of adaptation's", async (t) => {
  const run = drive({ settings: { mechanisms: ['topology'] } });
  await run.start();
  await run.run(20);
  const [link] = run.world.adapted.links;
  const [route] = run.world.adapted.routes;
  t.ok(link && route);
  if (!link || !route) return;
  run.world.topology.links.push({ ...link });
  run.world.topology.routes.push({ ...route });
  run.world.revision++;
  await run.run(60);
  t.notOk(
    run.world.adapted.links.some((one) => same(one, link)),
    'the link is theirs',
  );
  t.notOk(
    run.world.adapted.routes.some((one) => same(one, route)),
    'and the route',
  );
  const history = await historyOf(run);
  t.ok(history.some(({ outcome }) => outcome === 'overruled'));
  t.match(await run.controller.whyAdapted(`${link.a} ${link.b}`), { owner: 'user' });
  t.same(run.world.topology.routes.length, 1, 'nothing of theirs was touched');
  await run.controller.close();
});

test('a link that goes down is planned around', async (t) => {
  const settings: Partial<AdaptSettings> = { mechanisms: ['topology'] };
  const run = drive({ applications: [elastic(['v1', 'v2'])], settings });
  await run.start();
  await run.run(20);
  t.match(run.world.adapted.links, [{ a: 'a1', b: 'a2' }]);
  const fast = run.world.total();
  run.world.down.add('a1 a2');
  await run.run(1);
  t.ok(run.world.total() < fast / 2, 'the star carries it meanwhile');
  await run.run(MINUTE);
  t.notOk(run.world.adapted.links.some(({ a, b }) => a === 'a1' && b === 'a2'));
  t.ok(run.world.total() > 0.9 * fast, 'by another host of the site');
  await run.controller.close();
});

test('pinned VMs stay', async (t) => {
  const vms = VMS.map((name, i) => ({ name, host: ['a1', 'a2', 'b1', 'b2'][i] as string, pinned: i > 1 }));
  const run = drive({ vms });
  await run.start();
  await run.run(MINUTE);
  t.same([run.world.places.get('v3'), run.world.places.get('v4')], ['b1', 'b2']);
  t.match(await run.controller.whyAdapted('v3'), { owner: 'user', text: /pinned/ });
  await run.controller.close();
});

test('a change of the intent while a plan is being made drops the plan', async (t) => {
  const run = drive();
  const { solve } = run;
  run.solve = async (...request) => {
    run.world.revision++;
    return solve(...request);
  };
  await run.start();
  await run.run(20);
  t.same(run.world.changes, []);
  t.match((await run.controller.adaptation()).state, /dropped|something better|worth it/);
  run.solve = solve;
  await run.run(10);
  t.equal(run.world.changes.length, 1);
  await run.controller.close();
});

test('plan and apply: exactly that plan, while what it stands on is there', async (t) => {
  const run = drive({ settings: { mode: 'advise' } });
  await run.start();
  await run.run(2);
  const { controller, world } = run;
  const plan = await controller.planAdaptation();
  t.ok(plan.worthIt && plan.actions.length > 0);
  t.ok(plan.bound >= plan.valueThen && plan.valueThen > plan.valueNow);
  t.ok(plan.actions.every(({ why, evidence }) => why !== '' && evidence.every(({ ageMs }) => ageMs >= 0)));
  t.equal(await code(controller.applyAdaptation('nonsense')), 'VNET_ERR_NOT_FOUND');
  t.equal(await code(controller.planAdaptation({ network: 'other' })), 'VNET_ERR_NOT_FOUND');
  t.equal(await code(controller.planAdaptation({ settings: { budgetMs: 1 } })), 'VNET_ERR_INVALID');
  world.revision++;
  t.equal(await code(controller.applyAdaptation(plan.id)), 'VNET_ERR_CONFLICT');
  const moved = await controller.planAdaptation();
  const [move] = moved.actions.flatMap(({ action }) => (action.kind === 'move' ? [action] : []));
  if (move) {
    world.moveByHand(move.vm, 'b3');
    t.equal(await code(controller.applyAdaptation(moved.id)), 'VNET_ERR_CONFLICT');
    world.moveByHand(move.vm, move.from);
  }
  const good = await controller.planAdaptation();
  const applied = controller.applyAdaptation(good.id);
  await run.run(1);
  const record = await applied;
  t.match(record, { by: 'user', outcome: 'applied' });
  t.same(
    record.actions,
    good.actions.map(({ action }) => action),
  );
  t.same(world.changes[0]?.actions, record.actions);
  t.equal(await code(controller.applyAdaptation(good.id)), 'VNET_ERR_CONFLICT', 'once');
  await run.run(20);
  t.match((await historyOf(run))[0], { id: record.id, outcome: 'kept' });
  const why = await controller.whyAdapted(movesOf(record)[0]?.vm ?? '');
  t.match(why, { owner: 'adapt', record: { id: record.id } });
  t.ok(why.evidence.length > 0 && why.evidence.every(({ ageMs }) => ageMs >= 20_000), 'ages go on');
  t.equal(await code(controller.whyAdapted('nobody')), 'VNET_ERR_NOT_FOUND');
  await controller.close();
});

test('clear removes what adaptation made, and leaves VMs', async (t) => {
  const run = drive({ settings: { mechanisms: ['topology'] } });
  await run.start();
  await run.run(10);
  const places = new Map(run.world.places);
  t.not(run.world.adapted.links.length, 0);
  await run.controller.setAdaptation({ mode: 'off' });
  t.match(await run.controller.clearAdaptation(), { by: 'user', outcome: 'applied' });
  t.same(run.world.adapted, NOTHING_ADAPTED);
  t.same(run.world.places, places);
  t.equal(await run.controller.clearAdaptation(), undefined);
  await run.controller.close();
});

test("another network's change is not taken for what people did", async (t) => {
  const run = drive({ settings: { mechanisms: ['topology'] } });
  const { world } = run;
  const [snapshot, carryOut] = [world.snapshot.bind(world), world.carryOut.bind(world)];
  world.networks = () => ['sim', 'quiet'];
  world.snapshot = (network) => {
    const seen = snapshot('sim');
    return network === 'sim' ? seen : seen && { ...seen, network, vms: [], settled: false };
  };
  await run.start();
  await run.run(MINUTE);
  t.ok(world.adapted.routes.length > 0);
  let finish = () => {};
  world.carryOut = async (...change) => {
    world.carryOut = carryOut;
    world.adapted = NOTHING_ADAPTED;
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return carryOut(...change);
  };
  const known = (await historyOf(run)).length;
  const cleared = run.controller.clearAdaptation();
  await run.run(5);
  t.equal((await historyOf(run)).length, known, 'while it is half done');
  t.match((await run.controller.adaptation()).state, /quiet: waits for a change that is under way/);
  finish();
  await cleared;
  await run.run(5);
  t.same(
    (await historyOf(run)).filter(({ reason }) => /by hand/.test(reason)),
    [],
  );
  await run.controller.close();
});

test('a step that fails: recorded, not tried again at once, and it goes on', async (t) => {
  const run = drive();
  await run.start();
  run.world.failure = new VnetError('VNET_ERR_UNREACHABLE', 'b1 does not answer');
  await run.run(10);
  const history = await historyOf(run);
  t.match(history.at(-1), { outcome: 'failed', reason: /b1 does not answer/ });
  const failed = history.at(-1)?.actions;
  await run.run(60);
  t.notOk(
    run.world.changes.some(({ actions }) => same(actions, failed)),
    'another plan',
  );
  t.match((await historyOf(run))[0], { outcome: 'kept' });
  await run.controller.close();
});

test('a VM that stays is said, and not asked again at once', async (t) => {
  const run = drive({ settings: { mechanisms: ['migration'] } });
  for (const vm of VMS) run.world.stays.set(vm, 'no image there');
  await run.start();
  await run.run(MINUTE);
  const history = await historyOf(run);
  t.match(history.at(-1)?.reason, /stayed on .*: no image there/);
  const asked = history.flatMap(movesOf).map(({ vm, to }) => `${vm} ${to}`);
  t.equal(new Set(asked).size, asked.length, 'each once');
  await run.controller.close();
});

test('a solver that fails is recorded once, and asked again', async (t) => {
  const run = drive();
  const { solve } = run;
  run.solve = async () => {
    throw new VnetError('VNET_ERR_TIMEOUT', 'no answer within 20 s');
  };
  await run.start();
  await run.run(MINUTE);
  const history = await historyOf(run);
  t.equal(history.length, 1);
  t.match(history[0], { outcome: 'failed', reason: /no answer within 20 s/, actions: [] });
  const plan = await run.controller.planAdaptation();
  t.match(plan, { actions: [], worthIt: false, verdict: /no answer/ });
  run.solve = solve;
  await run.run(30);
  t.match((await historyOf(run))[0], { outcome: 'kept' });
  await run.controller.close();
});

/** Cut off in the middle of the first change, with what was done by then. */
async function cutOff(options: { arrived: boolean; away?: boolean }): Promise<Drive> {
  const run = drive();
  await run.start();
  // The answer never comes: the Proxy is gone by then.
  const { world } = run;
  const carryOut = world.carryOut.bind(world);
  let begun = false;
  world.carryOut = (_network, actions, adapted) => {
    begun = true;
    world.adapted = { ...adapted, routes: [] };
    for (const action of actions)
      if (action.kind === 'move' && options.arrived) world.places.set(action.vm, action.to);
    return new Promise(() => {});
  };
  await run.run(5);
  if (!begun) throw new Error('nothing was begun');
  world.carryOut = carryOut;
  if (options.away) world.away.add('a1');
  await run.restart();
  return run;
}

test('a restart in the middle of a change: completed where all VMs have arrived', async (t) => {
  const run = await cutOff({ arrived: true });
  t.ok(run.world.memory?.begun);
  const { begun } = run.world.memory ?? {};
  await run.run(10);
  const record = (await historyOf(run)).find(({ id }) => id === begun?.record.id);
  t.match(record, { outcome: 'applied', reason: /completed after a restart/ });
  t.same(run.world.adapted.routes, begun?.after.routes);
  t.equal(run.world.memory?.begun, undefined);
  await run.controller.close();
});

test('a restart in the middle of a change: undone otherwise', async (t) => {
  const run = await cutOff({ arrived: false });
  const { begun } = run.world.memory ?? {};
  await run.controller.setAdaptation({ mode: 'off' });
  await run.run(10);
  const [record] = await historyOf(run);
  t.match(record, { id: begun?.record.id, outcome: 'failed', reason: /undone after a restart/ });
  t.same(run.world.adapted, NOTHING_ADAPTED);
  t.same([...run.world.places.values()], ['a1', 'a2', 'b1', 'b2']);
  await run.controller.close();
});

test('what a restart cut off is mended before anything else is begun', async (t) => {
  const run = await cutOff({ arrived: true, away: true });
  run.world.adapted = { ...NOTHING_ADAPTED, links: [{ type: 'udp', a: 'a1', b: 'a2' }] };
  await t.rejects(run.controller.clearAdaptation(), { code: 'VNET_ERR_CONFLICT', message: /cut off/ });
  t.ok(run.world.memory?.begun, 'still known');
  run.world.away.clear();
  await run.run(10);
  t.equal(run.world.memory?.begun, undefined);
  await run.controller.clearAdaptation();
  t.same(run.world.adapted, NOTHING_ADAPTED);
  await run.controller.close();
});

test('after a restart, hosts that are not back yet are waited for', async (t) => {
  const run = await cutOff({ arrived: true, away: true });
  // However long ago the change began: a start gives them time of its own.
  const { begun } = run.world.memory ?? {};
  if (begun) begun.record.at = new Date(0).toISOString();
  await run.run(3);
  t.match((await run.controller.adaptation()).state, /waits for host a1|recovered/);
  run.world.away.clear();
  await run.run(3);
  t.equal(run.world.memory?.begun, undefined);
  await run.controller.close();
});

test('memory that cannot be kept: nothing is begun', async (t) => {
  const run = drive();
  await run.start();
  run.world.save = async () => {
    throw new Error('disk full');
  };
  await run.run(10);
  t.same(run.world.changes, []);
  t.match((await historyOf(run)).at(-1), { outcome: 'failed', reason: /kept on disk/ });
  await run.controller.close();
});

test('off and advise do nothing', async (t) => {
  for (const mode of ['off', 'advise'] as const) {
    const run = drive({ settings: { mode } });
    await run.start();
    await run.run(MINUTE);
    t.same(run.world.changes, []);
    const { plans, state } = await run.controller.adaptation();
    t.equal(plans.length, mode === 'off' ? 0 : 1);
    if (mode === 'advise') t.equal(plans[0]?.worthIt, true);
    t.match(state, mode === 'off' ? /off/ : /worth it/);
    await run.controller.close();
  }
});

test('settings', async (t) => {
  t.same(mergeSettings(DEFAULT_ADAPT, {}), DEFAULT_ADAPT);
  t.equal(mergeSettings(DEFAULT_ADAPT, { gainThreshold: 0.2 }).gainThreshold, 0.2);
  const wrong = [
    { budgetMs: 9 },
    { linksPerHost: 1.5 },
    { mode: 'on' },
    { objective: 'best' },
    { mechanisms: ['magic'] },
    { colour: 1 },
    { gainThreshold: Number.NaN },
    { solver: '' },
  ];
  for (const one of wrong)
    t.throws(
      () => mergeSettings(DEFAULT_ADAPT, one as never),
      { code: 'VNET_ERR_INVALID' },
      JSON.stringify(one),
    );
  const run = drive();
  t.equal(await code(run.controller.setAdaptation({ movesMax: -1 })), 'VNET_ERR_INVALID');
  t.same((await run.controller.adaptation()).settings, DEFAULT_ADAPT, 'nothing changed');
  t.equal(await code(run.controller.adaptation(-1)), 'VNET_ERR_INVALID');
  await run.controller.close();
});
