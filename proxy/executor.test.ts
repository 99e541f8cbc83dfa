import t from 'tap';
import { isEmptyChange, VnetError } from '../core/index.js';
import { FakeHost, type Mishap } from './fake-fleet.js';
import { base, changed, Fleet, LAB, mac, NAMES } from './fake-overlay.js';
import { walk } from './fake-walk.js';

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
