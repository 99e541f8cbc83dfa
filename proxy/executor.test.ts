import t from 'tap';
import { BROADCAST, isEmptyChange, systemClock, VnetError } from '../core/index.js';
import { FakeHost, type Mishap } from './fake-fleet.js';
import { base, changed, FASTER, Fleet, LAB, mac, NAMES, withTree } from './fake-overlay.js';
import { walk } from './fake-walk.js';
import { TREE_DEAD_MS, TREE_SETTLE_MS } from './tree-watch.js';

t.test('hosts get their part, and nothing is done twice', async (t) => {
  const fleet = await Fleet.start();
  const events: string[] = [];
  fleet.proxy.onEvent((event) => events.push(event.kind));
  const result = await fleet.target(base());
  t.equal(result.revision, 1);
  t.same(result.pending, []);
  t.equal(result.steps.length, 11);
  t.ok(events.includes('vm') && events.includes('change'));
  t.ok(fleet.host('a').config.ports.some(({ port }) => port === 'tap:vm-a'));
  const steps = [...fleet.hosts.values()].map((host) => host.steps);
  const again = await fleet.target(base());
  t.same([again.revision, again.steps], [1, []]);
  t.same(
    [...fleet.hosts.values()].map((host) => host.steps),
    steps,
    'no host was asked',
  );
  await t.rejects(fleet.proxy.apply({ kind: 'target', topology: changed(), revision: 7 }), {
    code: 'VNET_ERR_CONFLICT',
  });
  const view = await fleet.proxy.overview();
  t.ok(view.hosts.every(({ phase }) => phase === 'ready'));
  t.ok(isEmptyChange((await fleet.proxy.plan({ kind: 'target', topology: view.topology })).change));
  const plan = await fleet.proxy.plan({ kind: 'target', topology: changed() });
  t.ok(
    plan.steps.some(({ sign, kind, before }) => sign === '~' && kind === 'vm' && before?.includes('vm-d')),
  );
  t.match(
    plan.effects.find(({ host }) => host === 'a'),
    { addLinks: 2, removeLinks: 1, pending: false },
  );
  await fleet.proxy.close();
  await t.rejects(fleet.target(changed()), { code: 'VNET_ERR_CLOSED' });
});

t.test('bad requests touch nothing', async (t) => {
  const fleet = await Fleet.start();
  await fleet.target(base());
  const before = fleet.gists();
  const bad = base();
  bad.vms.push({ name: 'lost', network: 'lab', host: 'nowhere', macs: [mac(99)] });
  await t.rejects(fleet.target(bad), { code: 'VNET_ERR_INVALID', message: /nowhere/ });
  const twice = base();
  twice.vms.push({ name: 'twin', network: 'lab', host: 'a', macs: [mac(1)] });
  await t.rejects(fleet.target(twice), VnetError);
  const rival = base();
  rival.hosts = rival.hosts.map(({ proxy: _, ...host }) =>
    host.name === 'a' ? { ...host, proxy: true } : host,
  );
  await t.rejects(fleet.target(rival), { message: /a is the Proxy, but it is home/ });
  await t.rejects(fleet.proxy.setConfigurationTime(-1), { code: 'VNET_ERR_INVALID' });
  await t.rejects(fleet.proxy.hostView('nowhere'), { code: 'VNET_ERR_NOT_FOUND' });
  t.same(fleet.gists(), before);
  await fleet.proxy.close();
});

t.test('a mishap at any step of any host', async (t) => {
  const clean = await Fleet.start();
  await clean.target(base());
  await clean.target(changed());
  await clean.settle();
  const wanted = clean.rules();
  await clean.proxy.close();
  for (const name of NAMES) {
    for (let step = 0; step < 2; step++) {
      for (const mishap of ['refuse', 'hang', 'vanish', 'late-vanish'] as Mishap[]) {
        const label = `${mishap} at step ${step} of ${name}`;
        const fleet = await Fleet.start();
        await fleet.target(base());
        const before = fleet.gists();
        const host = fleet.host(name);
        host.mishaps = [...Array.from({ length: step }, (): Mishap => 'ok'), mishap];
        if (mishap === 'refuse') {
          await t.rejects(
            fleet.target(changed()),
            { message: new RegExp(`host ${name}: tap0 cannot`) },
            label,
          );
          await fleet.settle();
          t.same(fleet.gists(), before, `${label}: everything is as it was`);
          t.equal((await fleet.proxy.overview()).revision, 1);
          await fleet.target(changed());
        } else {
          const { pending } = await fleet.target(changed());
          await fleet.settle();
          t.same(pending, [name], label);
          t.ok(host.closed, 'its session is given up');
          const others = [...fleet.hosts.values()].filter((other) => other !== host && other.host !== 'home');
          const through = others.flatMap(({ config }) =>
            config.rules.filter(
              (rule) =>
                rule.origin === 'shape' && rule.actions.some((x) => x.kind === 'edge' && x.peer === name),
            ),
          );
          t.same(through, [], `${label}: no path leads through it`);
          await fleet.join(host);
        }
        await fleet.settle();
        t.same(fleet.rules(), wanted, `${label}: in the end all is as it should be`);
        t.ok((await fleet.proxy.overview()).hosts.every(({ phase }) => phase === 'ready'));
        await fleet.proxy.close();
      }
    }
  }
});

t.test('a host that is away is pending, and gets its part when it is back', async (t) => {
  const fleet = await Fleet.start();
  await fleet.target(base());
  fleet.proxy.detach('b');
  const phase = async (name: string) =>
    (await fleet.proxy.overview()).hosts.find((host) => host.name === name)?.phase;
  t.equal(await phase('b'), 'away');
  const held = fleet.rules();
  await fleet.settle();
  t.same(fleet.rules(), held, 'paths through a host that only lost its channel stay');
  const more = base();
  more.routes.push({ network: 'lab', from: 'vm-a', to: 'vm-c', both: true, via: ['a', 'b', 'c'] });
  t.same((await fleet.target(more)).pending, ['b']);
  t.equal(await phase('b'), 'pending');
  t.match((await fleet.proxy.overview()).suspended, [
    { from: 'vm-a', to: 'vm-c', reason: 'host b is pending' },
  ]);
  await fleet.join(fleet.host('b'));
  t.same((await fleet.proxy.overview()).suspended, []);
  t.ok(fleet.host('b').config.rules.some(({ origin }) => origin === 'route'));
  t.ok(fleet.host('a').config.rules.some(({ origin }) => origin === 'route'));
  await fleet.proxy.placeVm('vm-a', 'd');
  t.match((await fleet.proxy.overview()).suspended, [{ reason: /vm-a is on d/ }]);
  await fleet.proxy.close();
});

t.test('while paths change every frame follows the old ones or the new, whole', async (t) => {
  const fleet = await Fleet.start();
  await fleet.target(base());
  await fleet.settle();
  type State = Map<string, FakeHost>;
  const states: State[] = [];
  const remember = () =>
    states.push(
      new Map(
        [...fleet.hosts].map(([name, { config }]) => [name, new FakeHost(name, structuredClone(config))]),
      ),
    );
  remember();
  let answered = false;
  for (const host of fleet.hosts.values()) host.onStep = () => !answered && remember();
  const next = changed();
  next.vms = base().vms; // A VM does not move within a frame's flight.
  await fleet.target(next);
  answered = true;
  remember();
  const path = (enter: State, later: State, hop: number, from: string, to: string) => {
    const epoch = enter.get(from)?.config.networks[0]?.epoch ?? 0;
    let asked = 0;
    const frame = {
      network: LAB,
      source: mac(NAMES.indexOf(from)),
      destination: mac(NAMES.indexOf(to)),
      epoch,
    };
    const tableOf = (host: string) => (asked++ < hop ? enter : later).get(host)?.table;
    const { delivered, edges } = walk({ tableOf, isLive: () => true }, frame, from, `tap:vm-${from}`);
    return `${edges.join(' ')} to ${delivered}`;
  };
  const [first, last] = [states[0] as State, states.at(-1) as State];
  let mixtures = 0;
  for (const from of ['a', 'b', 'c', 'd']) {
    for (const to of ['a', 'b', 'c', 'd']) {
      if (from === to) continue;
      const allowed = new Set([path(first, first, 9, from, to), path(last, last, 9, from, to)]);
      for (const [i, enter] of states.entries()) {
        for (const later of states.slice(i)) {
          for (const hop of [1, 2, 3]) {
            mixtures += 1;
            const taken = path(enter, later, hop, from, to);
            if (!allowed.has(taken)) t.fail(`${from} to ${to}: ${taken}, not ${[...allowed].join(' or ')}`);
          }
        }
      }
    }
  }
  t.ok(mixtures > 500);
  t.equal(last.get('a')?.config.networks[0]?.epoch, (first.get('a')?.config.networks[0]?.epoch ?? 0) + 1);
  await fleet.settle();
  const left = [...fleet.hosts.values()].flatMap(({ config }) =>
    config.rules.filter(({ toEpoch }) => toEpoch !== undefined),
  );
  t.same(left, [], 'cleaned up');
  t.ok(
    [...fleet.hosts.values()].every(({ config }) => config.networks.every((n) => n.oldestEpoch === n.epoch)),
  );
  await fleet.proxy.close();
});

t.test('a tree of group frames falls and returns whole: no moment with two of them', async (t) => {
  const fleet = await Fleet.start();
  const events: string[] = [];
  fleet.proxy.onEvent((event) => event.kind === 'tree' && events.push(`${event.network} ${event.fallen}`));
  const topology = withTree();
  const line = ['a', 'b', 'c', 'd'];
  await fleet.target(topology);
  await fleet.settle();
  const ofTree = fleet.rules();
  type State = Map<string, FakeHost>;
  const states: State[] = [];
  const remember = () =>
    states.push(
      new Map(
        [...fleet.hosts].map(([name, { config }]) => [name, new FakeHost(name, structuredClone(config))]),
      ),
    );
  for (const host of fleet.hosts.values()) host.onStep = remember;
  const cut = (up: boolean) => {
    fleet.link('b', 'c', up);
    fleet.link('c', 'b', up);
  };
  /** Where a broadcast of `from` arrives that entered in one state and met another from the hop on. */
  const arrivals = (
    enter: State,
    later: State,
    hop: number,
    from: string,
    isLive: (a: string, b: string) => boolean,
  ) => {
    let asked = 0;
    const epoch = enter.get(from)?.config.networks[0]?.epoch ?? 0;
    const frame = { network: LAB, source: mac(NAMES.indexOf(from)), destination: BROADCAST, epoch };
    const tableOf = (host: string) => (asked++ < hop ? enter : later).get(host)?.table;
    return walk({ tableOf, isLive }, frame, from, `tap:vm-${from}`).delivered.sort();
  };
  const others = (from: string) =>
    line.filter((host) => host !== from).map((host) => `${host} tap:vm-${host}`);
  const noneTwice = (isLive: (a: string, b: string) => boolean) => {
    for (const from of line) {
      for (const [i, enter] of states.entries()) {
        for (const later of states.slice(i)) {
          for (const hop of [0, 1, 2, 3]) {
            const found = arrivals(enter, later, hop, from, isLive);
            if (new Set(found).size < found.length) t.fail(`twice: ${found} from ${from}`);
          }
        }
      }
      const last = states.at(-1) as State;
      t.same(arrivals(last, last, 9, from, isLive), others(from), `everybody else once, from ${from}`);
    }
  };
  const isCut = (a: string, b: string) => !['b c', 'c b'].includes(`${a} ${b}`);

  remember();
  cut(false);
  t.ok(await fleet.untilFallen(true));
  t.ok(states.length > 5);
  noneTwice(isCut);
  t.same(events, ['lab true']);
  const before = states.length;
  cut(true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  cut(false);
  await new Promise((resolve) => setTimeout(resolve, (2 * TREE_SETTLE_MS) / FASTER));
  t.equal(states.length, before, 'a link that flaps moves nothing');

  states.length = 0;
  remember();
  cut(true);
  t.ok(await fleet.untilFallen(false));
  noneTwice(() => true);
  t.same(events, ['lab true', 'lab false']);
  t.same(fleet.rules(), ofTree);

  cut(false);
  await new Promise((resolve) => setTimeout(resolve, 2));
  cut(true);
  await new Promise((resolve) => setTimeout(resolve, (3 * TREE_DEAD_MS) / FASTER));
  t.notOk(await fleet.isFallen(), 'a link that is re-made at once changes nothing');
  topology.rules = [];
  cut(false);
  t.ok(await fleet.untilFallen(true));
  await fleet.target(topology);
  t.notOk(await fleet.isFallen(), 'without a tree nothing is fallen');
  await fleet.proxy.close();
});

t.test('a switch of paths waits for its new links, but not for ever', async (t) => {
  // In real time: the limit is long against what is waited for.
  const fleet = await Fleet.start(undefined, undefined, systemClock);
  const topology = base();
  topology.shapes = [];
  topology.routes = [{ network: 'lab', from: 'vm-a', to: 'vm-c', both: true, via: ['a', 'home', 'c'] }];
  await fleet.target(topology);
  await fleet.settle();
  const next = structuredClone(topology);
  next.links.push(
    { type: 'udp', a: 'a', b: 'b' },
    { type: 'udp', a: 'b', b: 'c' },
    { type: 'udp', a: 'a', b: 'd' },
  );
  next.routes = [{ network: 'lab', from: 'vm-a', to: 'vm-c', both: true, via: ['a', 'b', 'c'] }];
  for (const host of fleet.hosts.values()) host.onLinks = undefined;
  const epoch = () => fleet.host('a').config.networks[0]?.epoch ?? 0;
  const atFirst = epoch();
  let isDone = false;
  const waiting = fleet.target(next).then(() => (isDone = true));
  await new Promise((resolve) => setTimeout(resolve, 15));
  t.same([epoch(), isDone], [atFirst, false], 'prepared, not switched');
  for (const [a, b] of [
    ['a', 'b'],
    ['b', 'a'],
    ['b', 'c'],
    ['c', 'b'],
  ] as const)
    fleet.link(a, b, true);
  await waiting;
  t.equal(epoch(), atFirst + 1, 'the link that no path uses is not waited for');
  await fleet.settle();

  const back = structuredClone(topology);
  await fleet.target(back);
  await fleet.settle();
  const again = epoch();
  const held = fleet.target(next);
  await new Promise((resolve) => setTimeout(resolve, 15));
  t.equal(epoch(), again, 'what was said of the links that were there before holds no more');
  await held;
  t.equal(epoch(), again + 1, 'links that stay down do not hold it up: the ground carries');
  await fleet.settle();

  const only = structuredClone(next);
  only.links.push({ type: 'udp', a: 'c', b: 'd' });
  const askedAt = performance.now();
  await fleet.target(only);
  t.ok(performance.now() - askedAt < 900, 'a link alone is not waited for');
  await fleet.proxy.close();
});
