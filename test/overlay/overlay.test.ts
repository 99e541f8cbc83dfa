/** End to end in memory: the star by itself, a direct link on top, its death, the Proxy's death, bad requests. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { emptyChange, type MacAddress, VnetError } from '../../core/index.js';
import { parseScript } from '../../lang/index.js';
import { frame, OverlayBed, payloadOf, until, BROADCAST_FRAME_TO } from './bed.js';

const MAC = (n: number) => `02:00:00:00:00:0${n}` as MacAddress;
const HOSTS = ['a', 'b', 'c'];

/** Three hosts, a VM each: web on a, db on b, log on c. */
async function starBed(options: Parameters<OverlayBed['startProxy']>[1] = {}) {
  const bed = new OverlayBed();
  await bed.startProxy('home', options);
  for (const host of HOSTS) await bed.startHost(host);
  const { client } = bed.nodes.get('home') ?? (await bed.startProxy('home'));
  await until(
    'all hosts known',
    async () => (await client.overview()).hosts.filter((host) => host.phase === 'ready').length === 4,
  );
  const vms = [
    { name: 'web', network: 'lab', host: 'a', macs: [MAC(1)], port: 'memory:web' },
    { name: 'db', network: 'lab', host: 'b', macs: [MAC(2)], port: 'memory:db' },
    { name: 'log', network: 'lab', host: 'c', macs: [MAC(3)], port: 'memory:log' },
  ];
  const topology = bed.topology({ vms });
  await client.apply({ kind: 'target', topology });
  await until('the star', async () => (await client.local()).links.filter((link) => link.up).length === 3);
  const send = (from: string, host: string, octets: Uint8Array) => bed.port(host, from).send(octets);
  const got = (host: string, name: string) => bed.port(host, name).received.map(payloadOf);
  return { bed, client, topology, send, got };
}

t.test('the star carries frames without anyone writing rules', async (t) => {
  const { bed, client, topology, send, got } = await starBed();
  t.teardown(() => bed.close());

  send('web', 'a', frame(MAC(2), MAC(1), 'to db'));
  await until('unicast over the Proxy', () => got('b', 'db').includes('to db'));
  send('web', 'a', frame(BROADCAST_FRAME_TO, MAC(1), 'to all'));
  await until('broadcast', () => got('b', 'db').includes('to all') && got('c', 'log').includes('to all'));
  t.equal(got('b', 'db').filter((text) => text === 'to all').length, 1, 'once');
  t.equal(got('a', 'web').length, 0, 'not back to the sender');
  t.equal(got('c', 'log').filter((text) => text === 'to db').length, 0, 'unicast goes to nobody else');

  const route = await client.route('web', 'db');
  t.ok(route.delivered);
  t.same(
    route.hops.map((hop) => hop.host),
    ['a', 'home', 'b'],
  );

  const again = await client.apply({ kind: 'target', topology });
  t.equal(again.steps.length, 0, 'applying the same again takes nothing');
});

t.test('a direct link is added while frames flow, dies, and returns', async (t) => {
  const { bed, client, send, got } = await starBed();
  t.teardown(() => bed.close());
  const change = emptyChange();
  change.add.links.push({ type: 'udp', a: 'a', b: 'b' });
  change.add.routes.push({ network: 'lab', from: 'web', to: 'db', both: true, via: ['a', 'b'] });
  await client.apply({ kind: 'change', change });
  await until('the direct link', async () => {
    const { links } = await client.hostView('a');
    return links.some((link) => link.peer === 'b' && link.up);
  });
  t.same(
    (await client.route('web', 'db')).hops.map((hop) => hop.host),
    ['a', 'b'],
  );
  const before = bed.nodes.get('home')?.plane;
  const relayed = async () =>
    (await before?.snapshot())?.links.reduce((sum, link) => sum + link.inFrames, 0) ?? 0;
  const relayedBefore = await relayed();
  send('web', 'a', frame(MAC(2), MAC(1), 'direct'));
  await until('direct delivery', () => got('b', 'db').includes('direct'));
  t.equal(await relayed(), relayedBefore, 'the Proxy saw nothing of it');

  bed.setPath('a', 'b', false);
  await until('the link is seen dead', async () => {
    const { links } = await client.hostView('a');
    return links.some((link) => link.peer === 'b' && !link.up);
  });
  send('web', 'a', frame(MAC(2), MAC(1), 'by the star'));
  await until('fallback', () => got('b', 'db').includes('by the star'));

  bed.setPath('a', 'b', true);
  await until('the link is back', async () => {
    const { links } = await client.hostView('a');
    return links.some((link) => link.peer === 'b' && link.up);
  });
  const relayedThen = await relayed();
  send('web', 'a', frame(MAC(2), MAC(1), 'direct again'));
  await until('direct again', () => got('b', 'db').includes('direct again'));
  t.equal(await relayed(), relayedThen);
});

t.test(
  "a dead edge of the user's tree of group frames: the star takes them, then the tree again",
  async (t) => {
    const { bed, client, topology, send, got } = await starBed({ treeTimers: { deadMs: 50, settleMs: 400 } });
    t.teardown(() => bed.close());
    const events: string[] = [];
    const listening = new AbortController();
    t.teardown(() => listening.abort());
    void (async () => {
      for await (const event of client.events(listening.signal))
        if (event.kind === 'tree') events.push(`${event.network} ${event.fallen} ${event.edges.join(' ')}`);
    })().catch(() => {}); // It ends with the daemon.
    const edge = (host: string, ...peers: string[]) => ({
      network: 'lab',
      host,
      source: { kind: 'any' as const },
      destination: { kind: 'group' as const },
      actions: peers.map((peer) => ({ kind: 'edge' as const, peer })),
    });
    const links = [
      { type: 'udp' as const, a: 'a', b: 'b' },
      { type: 'udp' as const, a: 'b', b: 'c' },
    ];
    const rules = [edge('a', 'b'), edge('b', 'a', 'c'), edge('c', 'b')];
    await client.apply({ kind: 'target', topology: { ...topology, links, rules } });

    let sent = 0;
    const relayed = async () =>
      (await bed.node('home').plane.snapshot()).links.reduce((sum, link) => sum + link.inFrames, 0);
    /** A broadcast of web's comes to everyone else once; true where the Proxy carried it. */
    const broadcast = async (what: string): Promise<boolean> => {
      const text = `to all ${(sent += 1)}`;
      const before = await relayed();
      send('web', 'a', frame(BROADCAST_FRAME_TO, MAC(1), text));
      await until(`${what}: ${text}`, () => got('b', 'db').includes(text) && got('c', 'log').includes(text));
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (const [host, vm] of [
        ['b', 'db'],
        ['c', 'log'],
      ] as const)
        t.equal(got(host, vm).filter((other) => other === text).length, 1, `${what}: once at ${vm}`);
      t.equal(got('a', 'web').length, 0, 'never back');
      return (await relayed()) > before;
    };
    const fallen = async () => ((await client.overview()).fallenTrees ?? []).map(({ network }) => network);
    await until('the tree', async () => (await client.hostView('b')).links.every(({ up }) => up));
    await until('not fallen', async () => (await fallen()).length === 0);
    t.notOk(await broadcast('the tree'), 'by the tree of the user');

    bed.setPath('b', 'c', false);
    await until('the tree falls', async () => (await fallen()).includes('lab'));
    t.match((await client.overview()).fallenTrees, [{ network: 'lab', edges: [['b', 'c']] }]);
    t.ok(await broadcast('the star'), 'by the star');
    t.notOk(
      (await client.route('web', BROADCAST_FRAME_TO)).hops.some(({ verdict }) => verdict === 'drop'),
      'the route of a broadcast has no dead end',
    );

    await bed.stop('b');
    await bed.startHost('b');
    await until('b is back', async () =>
      (await client.overview()).hosts.every((host) => host.phase === 'ready'),
    );
    t.same(await fallen(), ['lab'], 'a daemon that is back says that its link is still down');

    bed.setPath('b', 'c', true);
    await until('the tree returns', async () => (await fallen()).length === 0);
    await until('its event', () => events.length >= 2);
    t.same([events[0], events.at(-1)], ['lab true b,c', 'lab false ']);
    t.notOk(await broadcast('the tree again'), 'by the tree');
  },
);

t.test('the Proxy dies and the star is whole again', async (t) => {
  const { bed, send, got } = await starBed();
  t.teardown(() => bed.close());
  await bed.stop('home');
  const away = bed.nodes.get('a')?.client;
  await until('the Proxy is missed', async () => (await away?.local())?.proxy.connected === false);
  const error = (await away?.overview().catch((thrown: unknown) => thrown)) as VnetError;
  t.equal(error.code, 'VNET_ERR_UNREACHABLE');

  const { client } = await bed.startProxy('home');
  await until('everyone back', async () =>
    (await client.overview()).hosts.every((host) => host.phase === 'ready'),
  );
  await until('links', async () => (await client.local()).links.filter((link) => link.up).length === 3);
  send('web', 'a', frame(MAC(2), MAC(1), 'after'));
  await until('frames', () => got('b', 'db').includes('after'));
});

t.test('a host that is away is pending and gets its part when it is back', async (t) => {
  const { bed, client } = await starBed();
  t.teardown(() => bed.close());
  await bed.stop('c');
  await until('c away', async () =>
    (await client.overview()).hosts.some((host) => host.name === 'c' && host.phase !== 'ready'),
  );
  const change = emptyChange();
  change.add.links.push({ type: 'udp', a: 'a', b: 'c' });
  const result = await client.apply({ kind: 'change', change });
  t.same(result.pending, ['c']);
  const c = await bed.startHost('c');
  await until('its link', async () => (await c.client.local()).links.some((link) => link.peer === 'a'));
});

t.test("a script in the paper's form does what the paper says", async (t) => {
  const bed = new OverlayBed();
  t.teardown(() => bed.close());
  await bed.startProxy('home');
  for (const host of ['host1', 'host2']) await bed.startHost(host);
  const { client } = bed.node('home');
  const script = readFileSync(new URL('../../../examples/paper.vnet', import.meta.url), 'utf8');
  const parsed = parseScript(script, { file: 'paper.vnet' });
  t.same(parsed.diagnostics, []);
  await client.apply({ kind: 'target', topology: parsed.topology });
  await until('the star', async () => (await client.local()).links.filter((link) => link.up).length === 2);

  const one = '00:50:56:00:21:01' as MacAddress;
  const two = '00:50:56:00:22:01' as MacAddress;
  const at = (host: string) => bed.port(host, host === 'home' ? 'packet:eth1' : 'packet:vmnet1');
  const got = (host: string) => at(host).received.map(payloadOf);
  at('host1').send(frame(BROADCAST_FRAME_TO, one, 'who has'));
  await until('by the default rule to the Proxy, its LAN and the other host', () =>
    ['home', 'host2'].every((host) => got(host).includes('who has')),
  );
  t.equal(got('host1').length, 0, 'the rule with NOT keeps it from its own sender');
  await until('its source is learnt, and the epoch of what was learnt has begun', async () => {
    const { rules, networks } = await client.local();
    const learnt = rules.find((rule) => JSON.stringify(rule.destination).includes(one));
    const epochOf = (network: number) => networks.find(({ id }) => id === network)?.epoch ?? 0;
    return learnt !== undefined && epochOf(learnt.network) >= learnt.fromEpoch;
  });
  at('host2').send(frame(one, two, 'I have'));
  await until('unicast back', () => got('host1').includes('I have'));
  t.equal(got('host2').filter((text) => text === 'who has').length, 1, 'once');
  await until('both are known, and the route between them', async () => {
    const { hops } = await client.route(one, two);
    return hops.map((hop) => hop.host).join() === 'host1,home,host2';
  });
});

t.test('requests that cannot be right change nothing', async (t) => {
  const { bed, client } = await starBed();
  t.teardown(() => bed.close());
  const { revision } = await client.overview();
  const bad = emptyChange();
  bad.add.links.push({ type: 'udp', a: 'a', b: 'nowhere' });
  const error = (await client
    .apply({ kind: 'change', change: bad })
    .catch((thrown: unknown) => thrown)) as VnetError;
  t.type(error, VnetError);
  t.match(error.message, /nowhere/);

  const stale = (await client
    .apply({ kind: 'change', change: emptyChange(), revision: revision + 5 })
    .catch((thrown: unknown) => thrown)) as VnetError;
  t.equal(stale.code, 'VNET_ERR_CONFLICT');

  const status = await new Promise<number | undefined>((resolve) => {
    const call = request(
      {
        socketPath: join(bed.directory, 'home.sock'),
        path: '/v1/changes',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    call.end('{"kind":"change","change":{"add":17}}');
  });
  t.equal(status, 400);
  t.equal((await client.overview()).revision, revision);
});

t.test(
  'adaptation is asked of any daemon; a solver that is a program only of the Proxy itself',
  async (t) => {
    const { bed, client } = await starBed();
    t.teardown(() => bed.close());
    const other = bed.node('a').client;
    t.match(await other.setAdaptation({ mode: 'advise', budgetMs: 50 }), { mode: 'advise', budgetMs: 50 });
    t.match(await client.adaptation(), { settings: { mode: 'advise' }, adapted: { links: [] } });
    t.same((await other.adaptation(0)).history, []);
    t.match(await other.planAdaptation(), { network: 'lab', actions: [], worthIt: false });
    t.equal(await other.clearAdaptation(), undefined);
    const heard: unknown[] = [];
    await t.rejects(
      other.applyAdaptation('none', (step) => heard.push(step)),
      { code: 'VNET_ERR_NOT_FOUND' },
    );
    for (const solver of ['exec:/bin/true', './mine.mjs', '/tmp/mine.mjs', 'mine.js']) {
      await t.rejects(other.setAdaptation({ solver }), { code: 'VNET_ERR_REFUSED' }, solver);
      await t.rejects(other.planAdaptation({ settings: { solver } }), { code: 'VNET_ERR_REFUSED' });
    }
    t.match(await client.setAdaptation({ solver: '/nowhere/mine.mjs' }), { solver: '/nowhere/mine.mjs' });
    t.match(await client.whyAdapted('web'), { subject: 'web', owner: 'user' });
    await t.rejects(other.whyAdapted('nobody'), { code: 'VNET_ERR_NOT_FOUND' });
  },
);
