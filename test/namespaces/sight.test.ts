/** From the counters of real data planes to what `vnet topology` and `vnet net` show, over real daemons and frames. */
import t from 'tap';
import { emptyChange } from '../../core/index.js';
import { OverlayLab, parseLab, patternEdges, startPatterns } from '../../lab/index.js';
import { BURSTS_PROGRAM, labName, needNamespaces } from './index.js';

const skip = needNamespaces();

const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
pair home * rate 200M delay 3ms
pair a b rate 100M delay 5ms
vm p0 on a mac 02:00:00:00:70:00 ip 10.9.0.10/24
vm p1 on b mac 02:00:00:00:70:01 ip 10.9.0.11/24
vm p2 on a mac 02:00:00:00:70:02 ip 10.9.0.12/24
vm p3 on b mac 02:00:00:00:70:03 ip 10.9.0.13/24
vm p4 on a mac 02:00:00:00:70:04 ip 10.9.0.14/24
vm p5 on b mac 02:00:00:00:70:05 ip 10.9.0.15/24
`;
const VMS = 6;
/** Of the octets that the program itself counts: headers, acknowledgements, ARP, connection set-up. */
const HEADER_SHARE_MAX = 0.3;
const RTT_TOLERANCE_US = 3000;

t.test('sight over real daemons', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('s') });
  t.teardown(() => overlay.close());
  const client = overlay.client();
  await client.apply({ kind: 'target', topology: overlay.topology() });
  await overlay.whole();
  await client.setSight({ updateMs: 100, smoothingMs: 500 });

  const named = (kind: string) =>
    overlay.until(`a topology named ${kind}`, async () => {
      const view = await client.inferredTopology();
      const application = view.applications.find(({ names }) => names.some((name) => name.kind === kind));
      return view.state === 'settled' && view.applications.length === 1 ? application : undefined;
    });

  await t.test('a ring of processes in the VMs is named, and another topology after it', async (t) => {
    for (const [shape, kind] of [
      ['ring', 'ring'],
      ['mesh:2x3', 'mesh'],
      ['all-to-all', 'all-to-all'],
    ] as const) {
      await using run = await startPatterns(overlay.lab, { shape, messageBytes: 4000, pauseUs: 20_000 });
      const application = await named(kind);
      const edges = application.edges.map(({ a, b }) => [a, b].sort().join(' ')).sort();
      const truth = patternEdges(shape, VMS).map(([a, b]) => [`p${a}`, `p${b}`].sort().join(' '));
      t.same(edges, truth.sort(), `${shape}: every edge and no other`);
      await run.stop();
    }
    await overlay.until(
      'silence',
      async () => (await client.inferredTopology()).state === 'silent' || undefined,
    );
  });

  await t.test('a frame counts once, however often it is relayed', async (t) => {
    const totals = async () =>
      new Map((await client.matrix()).pairs.map(({ from, to, bytes }) => [`${from} ${to}`, bytes]));
    const before = await totals();
    // Between hosts by the Proxy, on one host, and back: each relayed by another number of daemons.
    await using run = await startPatterns(overlay.lab, {
      shape: 'ring',
      messageBytes: 8000,
      iterations: 100,
    });
    const ends = await run.end;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = await totals();
    for (const [rank, { peers }] of ends.entries()) {
      for (const { rank: peer, sentBytes } of peers) {
        const key = `p${rank} p${peer}`;
        const counted = (after.get(key) ?? 0) - (before.get(key) ?? 0);
        t.ok(
          counted >= sentBytes && counted <= sentBytes * (1 + HEADER_SHARE_MAX) + 2000,
          `${key}: ${counted} counted, ${sentBytes} sent`,
        );
      }
    }
  });

  await t.test('hosts without a link: what one would carry is known, and no path takes it', async (t) => {
    const path = await overlay.until(
      'what a link from a to b would carry',
      async () => {
        const { paths } = await client.underlay();
        const found = paths.find(({ from, to }) => from === 'a' && to === 'b');
        return found && !found.link && found.availableBitsPerSecond ? found : undefined;
      },
      30_000,
    );
    const available = path.availableBitsPerSecond?.value ?? 0;
    t.ok(available > 30e6 && available < 200e6, `100 Mbit/s: ${(available / 1e6).toFixed(1)}`);
    t.equal(path.reachable, true);
    t.equal(path.pathMtuBytes?.value, 1500);
    const { links } = await client.hostView('a');
    t.notOk(
      links.some(({ peer }) => peer === 'b'),
      'the link is gone again',
    );
    const { hops } = await client.echo('p0', 'p1', { count: 1, bytes: 98, intervalMs: 10, timeoutMs: 1000 });
    t.equal(hops, 2);
  });

  await t.test('echoes take the way that frames take', async (t) => {
    const options = { count: 5, bytes: 98, intervalMs: 20, timeoutMs: 1000 };
    const relayed = await client.echo('p0', 'p1', options);
    t.equal(relayed.hops, 2, 'by the Proxy');
    t.ok(
      relayed.rttUs.every((rtt) => rtt !== null && rtt >= 12_000),
      `${relayed.rttUs}`,
    );
    const local = await client.echo('p0', 'p2', options);
    t.equal(local.hops, 0);
    const { drops } = await client.hostView('b');
    t.notOk(drops['guard'], 'no VM saw one');

    const change = emptyChange();
    change.add.links.push({ type: 'udp', a: 'a', b: 'b' });
    change.add.routes.push({ network: 'lab', from: 'p0', to: 'p1', both: true, via: ['a', 'b'] });
    await client.apply({ kind: 'change', change });
    await overlay.until('the direct way', async () => (await client.echo('p0', 'p1', options)).hops === 1);
    await t.rejects(client.echo('p0', 'nobody', options), { code: 'VNET_ERR_NOT_FOUND' });
    await t.rejects(client.echo('p0', 'p1', { ...options, bytes: 9000 }), { code: 'VNET_ERR_INVALID' });
  });

  await t.test('the underlay shows up: round trip, loss and a rate that can be', async (t) => {
    const path = await overlay.until('an estimate of the direct link', async () => {
      const { paths } = await client.underlay();
      const found = paths.find(({ from, to, link }) => from === 'a' && to === 'b' && link?.type === 'udp');
      return found?.availableBitsPerSecond && found.link?.minRttUs ? found : undefined;
    });
    const rttUs = path.link?.minRttUs?.value ?? 0;
    t.ok(rttUs >= 10_000 && rttUs < 10_000 + RTT_TOLERANCE_US, `10 ms there and back: ${rttUs}`);
    t.ok((path.lossRatio?.value ?? 0) < 0.01, 'nothing is lost');
    t.ok((path.availableBitsPerSecond?.value ?? 0) > 1e6);
  });

  await t.test('a way that gets narrow is seen while its own traffic fills it', async (t) => {
    const ends = [overlay.lab.vm('p0'), overlay.lab.vm('p1')];
    await using run = await startPatterns(ends, { shape: 'ring', messageBytes: 40_000, pauseUs: 10_000 });
    await overlay.lab.setPath('a', 'b', { rateBps: 8e6 });
    const link = await overlay.until('the narrow way', async () => {
      const { paths } = await client.underlay();
      const found = paths.find(({ from, to }) => from === 'a' && to === 'b')?.link;
      return (found?.capacityBitsPerSecond?.value ?? 1e9) < 12e6 ? found : undefined;
    });
    t.ok((link.capacityBitsPerSecond?.value ?? 0) > 5e6, `8 Mbit/s: ${link.capacityBitsPerSecond?.value}`);
    t.ok((link.availableBitsPerSecond?.value ?? 1e9) < 6e6, 'most of it is in use');
    await run.stop();
    await overlay.lab.setPath('a', 'b', { rateBps: 100e6 });
  });

  await t.test('parameters outlive the Proxy, and those out of range change nothing', async (t) => {
    await t.rejects(client.setSight({ updateMs: 1 }), { code: 'VNET_ERR_INVALID' });
    await t.rejects(client.setSight({ updateMs: 100, smoothingMs: 50 }), { code: 'VNET_ERR_INVALID' });
    t.match(await client.sight(), { updateMs: 100, smoothingMs: 500 });
    await overlay.stop('home', 'SIGKILL');
    await overlay.start('home');
    await overlay.whole();
    t.match(await overlay.client().sight(), { updateMs: 100, smoothingMs: 500 });
    await using run = await startPatterns(overlay.lab, {
      shape: 'bus',
      messageBytes: 4000,
      pauseUs: 20_000,
    });
    await overlay.until('the bus, seen by the new Proxy', async () => {
      const { applications } = await overlay.client().inferredTopology();
      return applications[0]?.names[0]?.kind === 'bus' || undefined;
    });
    await run.stop();
  });
});

const NARROW_ACCESS = `
underlay 10.77.0.0/24
host home
host a rate 40M delay 2ms
host b delay 2ms
host c delay 2ms
`;

t.test('links that share the narrow access of a host are known to', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(NARROW_ACCESS), { name: labName('n') });
  t.teardown(() => overlay.close());
  const shapes = [{ kind: 'mesh' as const, type: 'udp' as const, network: 'lab', hosts: ['a', 'b', 'c'] }];
  await overlay.client().apply({ kind: 'target', topology: overlay.topology({ shapes }) });
  await overlay.whole();
  const [a, b] = [overlay.lab.host('a'), overlay.lab.host('b')];
  const others = a.spawn([process.execPath, BURSTS_PROGRAM, b.address], { stdio: 'inherit' });
  t.teardown(() => others.kill());
  // What the wide ones share is not asked: a busy machine lets the datagrams of each of its hosts wait.
  const group = await overlay.until(
    'the links that leave a, as one group',
    async () => {
      const { bottlenecks } = await overlay.client().underlay();
      return bottlenecks.find(({ where }) => where === 'leaving a');
    },
    25_000,
  );
  t.same(group.members.toSorted(), ['a b', 'a c']);
});
