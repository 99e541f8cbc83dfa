/** Daemons that die in the middle of changes, and links that come and go: nothing is ever half of something. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  type ChangeRequest,
  connectControl,
  emptyChange,
  macFromNumber,
  type RuleStatement,
  sameTopology,
  type Topology,
} from '../../core/index.js';
import { OverlayLab, parseLab } from '../../lab/index.js';
import { directly, labName, needNamespaces, pings, reaches } from '../namespaces/index.js';

const skip = needNamespaces();
const FIRST_MANY_MAC = 0x02_00_00_01_00_00;
const HOSTS = ['home', 'a', 'b', 'c'];
/** Rules a host. */
const MANY = 100;
/** As many statements as one request may have, nearly: the Proxy's event loop is busy for longer than a link may be silent. */
const HUGE = 20_000;
const FLAPS = 2;

const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
host c
vm a1 on a mac 02:00:00:00:0a:01 ip 10.9.0.11/24
vm a2 on a mac 02:00:00:00:0a:02 ip 10.9.0.12/24
vm b1 on b mac 02:00:00:00:0b:01 ip 10.9.0.21/24
vm c1 on c mac 02:00:00:00:0c:01 ip 10.9.0.31/24
`;

function manyRules(perHost: number): RuleStatement[] {
  return HOSTS.flatMap((host) =>
    Array.from({ length: perHost }, (_, i) => ({
      network: 'lab',
      host,
      source: { kind: 'any' as const },
      destination: { kind: 'exact' as const, mac: macFromNumber(FIRST_MANY_MAC + i) },
      actions: [{ kind: 'drop' as const }],
    })),
  );
}

t.test('deaths and changes', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('f') });
  t.teardown(() => overlay.close());
  const base = overlay.topology();
  const target = (topology: Topology): ChangeRequest => ({ kind: 'target', topology });
  const withMany: Topology = { ...base, rules: manyRules(MANY) };
  await overlay.client().apply(target(base));
  await overlay.whole();

  const phaseOf = async (host: string) =>
    (await overlay.client().overview()).hosts.find(({ name }) => name === host)?.phase;
  const becomes = (host: string, phase: string) =>
    overlay.until(`${host} ${phase}`, async () => (await phaseOf(host)) === phase);
  /** How many of the many a host has rules for. */
  const manyAt = async (host: string): Promise<number> => {
    const { rules } = await overlay.client(host).local();
    return rules.filter(
      ({ destination }) => 'mac' in destination && destination.mac.startsWith('02:00:00:01'),
    ).length;
  };

  await t.test(
    'a host dies while a change is made: it is pending, the others have theirs whole',
    async (t) => {
      process.kill(overlay.pid('b'), 'SIGSTOP'); // It hears of the change and does nothing.
      let killed: Promise<void> | undefined;
      const result = await overlay.client().apply(target(withMany), () => {
        killed ??= overlay.stop('b', 'SIGKILL');
      });
      await killed;
      t.same(result.pending, ['b']);
      await overlay.until('b known to be away', async () => (await phaseOf('b')) !== 'ready');
      t.equal(await manyAt('a'), MANY);
      t.equal(await manyAt('home'), MANY);
      t.equal((await pings(overlay, 'a1', '10.9.0.31')).received, 3, 'the rest goes on');

      await overlay.start('b');
      await becomes('b', 'ready');
      t.equal(await manyAt('b'), MANY, 'it got its part');
      await reaches(overlay, 'b1', '10.9.0.11');
    },
  );

  await t.test('a host that was away for a change gets what is due, and loses what is not', async (t) => {
    await overlay.stop('c', 'SIGKILL');
    await overlay.until('c away', async () => (await phaseOf('c')) !== 'ready');
    const change = emptyChange();
    change.add.links.push({ type: 'udp', a: 'a', b: 'c' });
    change.add.routes.push({ network: 'lab', from: 'a1', to: 'c1', both: true, via: ['a', 'c'] });
    const { pending } = await overlay.client().apply({ kind: 'change', change });
    t.same(pending, ['c']);
    t.match(
      (await overlay.client().overview()).suspended,
      [{ from: 'a1', to: 'c1' }],
      'no route through it yet',
    );
    t.match(
      await overlay
        .client()
        .hostView('c')
        .catch((thrown) => thrown),
      { code: 'VNET_ERR_UNREACHABLE', hint: String },
    );
    await overlay.start('c');
    await becomes('c', 'ready');
    await directly(overlay, 'a', 'c', 'udp');
    await overlay.until('the route', async () => (await overlay.client().overview()).suspended.length === 0);
    t.equal((await pings(overlay, 'a1', '10.9.0.31')).received, 3);

    await overlay.stop('c', 'SIGKILL');
    await overlay.until('c away', async () => (await phaseOf('c')) !== 'ready');
    await overlay.client().apply(target(base));
    await overlay.start('c');
    await becomes('c', 'ready');
    const { links } = await overlay.client('c').local();
    t.same(
      links.map(({ peer, type }) => `${type} ${peer}`),
      ['tcp home'],
      'the link that went is gone',
    );
    t.equal(await manyAt('a'), 0);
  });

  await t.test('the Proxy dies during a change: it was made, or it was not', async (t) => {
    const old = target(base);
    for (const [round, fatal] of ['validate', 'prepare', 'clean'].entries()) {
      await overlay.client().apply(old);
      let killed: Promise<void> | undefined;
      const answered = await overlay
        .client()
        .apply(target(withMany), ({ phase, done }) => {
          if (phase === fatal && done >= Math.min(round + 1, 2)) killed ??= overlay.stop('home', 'SIGKILL');
        })
        .then(
          () => true,
          () => false,
        );
      if (!killed) killed = overlay.stop('home', 'SIGKILL');
      await killed;
      await overlay.start('home');
      await overlay.whole();
      for (const host of ['a', 'b', 'c']) await becomes(host, 'ready');
      await wholeOrNot(t, answered, fatal);
      await reaches(overlay, 'a1', '10.9.0.21');
    }
  });

  async function wholeOrNot(t: Test, answered: boolean, fatal: string): Promise<void> {
    const { topology } = await overlay.client().overview();
    const isNew = sameTopology(topology, withMany);
    t.ok(isNew || sameTopology(topology, base), `killed at ${fatal}: the intent is ${isNew ? 'new' : 'old'}`);
    if (answered) t.ok(isNew, 'what was answered stands');
    await overlay.until('the hosts agree with it', async () => {
      const found = await Promise.all(HOSTS.map(manyAt));
      return found.every((count) => count === (isNew ? MANY : 0));
    });
  }

  await t.test('the Proxy dies while paths are switched: every frame has one path, old or new', async (t) => {
    const links = [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c'],
    ].map(([x = '', y = '']) => ({ type: 'udp' as const, a: x, b: y }));
    const by = (via: string[]): Topology => ({
      ...base,
      links,
      routes: [{ network: 'lab', from: 'a1', to: 'b1', both: true, via }],
    });
    const [near, far] = [
      ['a', 'b'],
      ['a', 'c', 'b'],
    ];
    for (const fatal of ['prepare', 'switch']) {
      await overlay.client().apply(target(by(near)));
      await directly(overlay, 'a', 'b', 'udp');
      await directly(overlay, 'c', 'b', 'udp');
      let killed: Promise<void> | undefined;
      const request = target(by(far));
      await overlay
        .client()
        .apply(request, ({ phase }) => {
          if (phase === fatal) killed ??= overlay.stop('home', 'SIGKILL');
        })
        .catch(() => {});
      t.ok(killed, `killed at ${fatal}`);
      await killed;
      t.equal((await pings(overlay, 'a1', '10.9.0.21')).received, 3, 'frames arrive without it');
      await overlay.start('home');
      await overlay.whole();
      for (const host of ['a', 'b', 'c']) await becomes(host, 'ready');
      const { topology } = await overlay.client().overview();
      const via = topology.routes[0]?.via ?? [];
      t.ok(
        sameTopology(topology, by(near)) || sameTopology(topology, by(far)),
        `the intent goes by ${via.join(' ')}`,
      );
      await overlay.until('the hosts agree with it', async () => {
        const { hops } = await overlay.client().route('a1', 'b1');
        const views = await Promise.all(HOSTS.map((host) => overlay.client(host).local()));
        const epochs = new Set(views.map(({ networks }) => networks[0]?.epoch));
        return hops.map(({ host }) => host).join() === via.join() && epochs.size === 1;
      });
      t.equal((await pings(overlay, 'b1', '10.9.0.11')).received, 3);
    }
  });

  await t.test('a host starts again while the Proxy is away, and runs from its disk', async (t) => {
    const change = emptyChange();
    change.add.links.push({ type: 'udp', a: 'a', b: 'b' });
    change.add.routes.push({ network: 'lab', from: 'a1', to: 'b1', both: true, via: ['a', 'b'] });
    await overlay.client().apply(target(base));
    await overlay.client().apply({ kind: 'change', change });
    await directly(overlay, 'a', 'b', 'udp');
    // A daemon writes some 200 ms after a change; who dies before that has the Proxy, or the state of before.
    await overlay.until('a has written it down', async () => {
      const { links } = await overlay.client('a').local();
      const slots = ['config.0.json', 'config.1.json'].map((name) => join(overlay.directory, 'a', name));
      const written = slots.map((path) => readFileSync(path, 'utf8')).join();
      return links.every(({ id }) => written.includes(id)) && written.includes('"route"');
    });
    await overlay.stop('home', 'SIGKILL');
    await overlay.stop('a', 'SIGKILL');
    await overlay.start('a');
    await reaches(overlay, 'a1', '10.9.0.12');
    await directly(overlay, 'a', 'b', 'udp');
    await reaches(overlay, 'a1', '10.9.0.21');
    t.equal((await pings(overlay, 'b1', '10.9.0.11')).received, 3);
    const refused = await overlay
      .client('a')
      .overview()
      .catch((thrown) => thrown);
    t.match(refused, { code: 'VNET_ERR_UNREACHABLE', message: /Proxy is away/, hint: String });
    await overlay.start('home');
    await overlay.whole();
    await reaches(overlay, 'a2', '10.9.0.31');
  });

  await t.test('a link that comes and goes: frames arrive by it or by the star', async (t) => {
    await reaches(overlay, 'a1', '10.9.0.21');
    for (let i = 0; i < FLAPS; i++) {
      await overlay.lab.setPath('a', 'b', { up: false });
      await directly(overlay, 'a', 'b', 'udp', false);
      await directly(overlay, 'b', 'a', 'udp', false);
      t.equal((await pings(overlay, 'a1', '10.9.0.21', 2)).received, 2, 'by the star');
      await overlay.lab.setPath('a', 'b', { up: true });
      await directly(overlay, 'a', 'b', 'udp');
      await directly(overlay, 'b', 'a', 'udp');
      t.equal((await pings(overlay, 'a1', '10.9.0.21', 2)).received, 2, 'by the link');
    }
  });

  await t.test('a host loses its network for a while', async (t) => {
    const cut = (up: boolean) =>
      Promise.all(['home', 'a', 'b'].map((other) => overlay.lab.setPath('c', other, { up })));
    await cut(false);
    await overlay.until('c away', async () => (await phaseOf('c')) !== 'ready');
    await directly(overlay, 'home', 'c', 'tcp', false);
    await overlay.until('c knows it too', async () => !(await overlay.client('c').local()).proxy.connected);
    await cut(true);
    await becomes('c', 'ready');
    await directly(overlay, 'home', 'c', 'tcp');
    await reaches(overlay, 'a1', '10.9.0.31');
    t.equal((await pings(overlay, 'c1', '10.9.0.21')).received, 3);
  });

  await t.test('the disk is full: a change is refused, and nothing of it is left', async (t) => {
    const before = (await overlay.client().overview()).topology;
    const directory = join(overlay.directory, 'home');
    await overlay.stop('home');
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400k,mode=700', 'tmpfs', directory]);
    await overlay.start('home');
    if (mounted.status !== 0) return t.pass('full', { skip: `needs a small file system: ${mounted.stderr}` });
    try {
      for (const host of HOSTS) await becomes(host, 'ready');
      await overlay.client().apply(target(before));
      const small = { ...before, rules: manyRules(1) };
      for (let round = 0; round < 3; round++) {
        const large = { ...before, rules: manyRules(10 * MANY) };
        const refused = await overlay
          .client()
          .apply(target(large))
          .catch((thrown) => thrown);
        t.match(refused, { code: 'VNET_ERR_PRIVILEGE', message: /cannot write in .*home/, hint: /space/ });
        for (const host of HOSTS) t.equal(await manyAt(host), 0, `${host} is as it was`);
        t.ok(sameTopology((await overlay.client().overview()).topology, before), 'and so is the intent');
        await overlay.client().apply(target(small));
        for (const host of HOSTS) t.equal(await manyAt(host), 1, 'what fits is done');
        await overlay.client().apply(target(before));
      }
      await overlay.stop('home', 'SIGKILL');
      await overlay.start('home');
      t.ok(
        sameTopology((await overlay.client().overview()).topology, before),
        'what was answered is on the disk',
      );
    } finally {
      await overlay.stop('home');
      spawnSync('umount', [directory]);
    }
    await overlay.start('home');
    await overlay.whole();
    await overlay.client().apply(target(before));
    await reaches(overlay, 'a1', '10.9.0.21');
  });

  await t.test('a change that keeps every event loop busy takes no link down', async (t) => {
    const downs: string[] = [];
    const listening = new AbortController();
    const watcher = connectControl(overlay.socket('home'));
    const watched = (async () => {
      for await (const event of watcher.events(listening.signal)) {
        if (event.kind === 'link' && !event.up) downs.push(`${event.host} ${event.peer}: ${event.reason}`);
      }
    })().catch(() => {}); // The daemon ended with the test.
    const pinging = pings(overlay, 'a2', '10.9.0.31', 30);
    let [longestMs, isOver] = [0, false];
    const waiting = (async () => {
      while (!isOver) {
        const askedAt = performance.now();
        await watcher.local();
        longestMs = Math.max(longestMs, performance.now() - askedAt);
      }
    })();
    const { links, routes } = (await overlay.client().overview()).topology;
    const huge = { ...base, links, routes, rules: manyRules(HUGE) };
    const { tookMs, pending } = await overlay.client().apply(target(huge));
    isOver = true;
    await waiting;
    t.comment(
      `${HUGE} rules a host took ${Math.round(tookMs)} ms; the Proxy was silent for ${Math.round(longestMs)} ms`,
    );
    t.same(pending, []);
    t.equal(await manyAt('home'), HUGE);
    t.equal((await pinging).received, 30, 'nothing lost meanwhile');
    await overlay.client().apply(target(base));
    t.equal(await manyAt('home'), 0);
    listening.abort();
    await watched;
    watcher.close();
    t.same(
      downs.filter((line) => !line.includes('closed')),
      [],
      'no link went down',
    );
  });
});
