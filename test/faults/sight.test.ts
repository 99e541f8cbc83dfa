/** Daemons, links, clocks and VMs that lie about traffic and underlay, or say far too much: what is true stays in sight. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type MacAddress, macToNumber, networkId, type Topology } from '../../core/index.js';
import { OverlayLab, parseLab, startPatterns } from '../../lab/index.js';
import { directly, labName, needNamespaces, pings } from '../namespaces/index.js';
import { Between, otherDaemon } from './between.js';
import { IMPOSTOR_PROGRAM } from './impostor.js';
import { Vitals } from './vitals.js';

const skip = needNamespaces();
const CONTROL_PORT = '7701';
const USUAL_MS = 2000;
const TIMEOUT_MS = 120_000;
const ATTACK_MS = 700;
/** Far above what a loaded machine needs: it tells a Proxy that answers from one that hangs. */
const ANSWER_MAX_MS = 2000;
const GROWTH_MAX_BYTES = 400e6;
/** Of rates over half a second of traffic that the machine itself makes jump. */
const RATE_FACTOR_MAX = 8;

const OTHER_CLOCK_S = 600;
/** Of the difference of clocks, or of a lie, there would be seconds. */
const VARIATION_MAX_US = 50_000;
const REPEATED_PER_SECOND = 3000;
const REPEATED_MS = 800;
/** For experiments (IEEE 802). */
const LOCAL_ETHER_TYPE = 0x88b6;
const FLOOD_MS = 1000;
const FLOOD_FRAMES = 2000;
const FLOOD_BURST = 50;
/** MATRIX_SLOTS_MAX of vttif. */
const PAIRS_MAX = 250_000;

/** What the impostor does, and what is said of it. */
const UPDATE = /^(part of a )?traffic update of c refused: ./;
const REPORT = /^report of the underlay of c refused: ./;
const LOAD = /^report of its load of c refused: ./;
const ATTACKS: [name: string, note: RegExp][] = [
  ['random', UPDATE],
  ['mutated', UPDATE],
  ['past', UPDATE],
  ['indexes', UPDATE],
  ['rates', UPDATE],
  ['flood', UPDATE],
  ['large', UPDATE],
  ['underlay', REPORT],
  ['loads', LOAD],
  ['huge', UPDATE],
  ['text', UPDATE],
];

const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
host c
vm a1 on a mac 02:00:00:00:0a:01 ip 10.9.0.11/24
vm b1 on b mac 02:00:00:00:0b:01 ip 10.9.0.21/24
vm a2 on a mac 02:00:00:00:0a:02 ip 10.9.0.12/24
vm b2 on b mac 02:00:00:00:0b:02 ip 10.9.0.22/24
`;
const RING = ['a1 b1', 'a1 b2', 'a2 b1', 'a2 b2'];

t.setTimeout(TIMEOUT_MS);
t.test('lies and floods about what is seen', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('y') });
  t.teardown(() => overlay.close());
  const client = overlay.client();
  await client.apply({ kind: 'target', topology: overlay.topology() });
  await overlay.whole();
  await client.setSight({ updateMs: 100, smoothingMs: 500 });
  const network = String(networkId({ name: 'lab' }));
  const token = readFileSync(join(overlay.directory, 'token'), 'utf8').trim();
  const home = overlay.lab.host('home').address;
  await using run = await startPatterns(overlay.lab, { shape: 'ring', messageBytes: 4000, pauseUs: 20_000 });
  run.end.catch(() => {});

  const edges = async () => {
    const { state, applications } = await client.inferredTopology();
    const found = applications.flatMap((each) => each.edges.map(({ a, b }) => [a, b].sort().join(' ')));
    return { state, edges: found.sort() };
  };
  const isRing = async () => {
    const found = await edges();
    return found.state === 'settled' && found.edges.join() === RING.join();
  };
  const rates = async () =>
    new Map(
      (await client.matrix()).pairs
        .filter(({ from, to }) => RING.includes([from, to].sort().join(' ')))
        .map(({ from, to, bitsPerSecond, bytes }) => [`${from} ${to}`, { bitsPerSecond, bytes }]),
    );
  await overlay.until('the ring', isRing);
  /** The highest of a pair, in a time in which the first of the traffic has left the window. */
  const usualRate = async () => {
    let usual = 0;
    for (const end = performance.now() + USUAL_MS; performance.now() < end; await sleep(100))
      for (const { bitsPerSecond } of (await rates()).values()) usual = Math.max(usual, bitsPerSecond);
    return usual;
  };

  await t.test('a daemon with the token sends nonsense, too much, and from the past', async (t) => {
    await overlay.stop('c');
    const usual = await usualRate();
    const vitals = new Vitals(overlay.pid('home'));
    for (const [attack, note] of ATTACKS) {
      const before = await rates();
      vitals.begin();
      let isOver = false;
      const impostor = overlay.lab
        .host('c')
        .run([
          process.execPath,
          IMPOSTOR_PROGRAM,
          home,
          CONTROL_PORT,
          token,
          'c',
          attack,
          String(ATTACK_MS),
          network,
        ])
        .finally(() => {
          isOver = true;
        });
      let longestMs = 0;
      let topRate = 0;
      while (!isOver) {
        const askedAt = performance.now();
        const [found] = await Promise.all([rates(), client.overview(), client.underlay()]);
        longestMs = Math.max(longestMs, performance.now() - askedAt);
        for (const [pair, { bitsPerSecond, bytes }] of found) {
          topRate = Math.max(topRate, bitsPerSecond);
          if (bytes < (before.get(pair)?.bytes ?? 0)) t.fail(`${attack}: ${pair} went back`);
        }
        await sleep(25);
      }
      const { stdout, stderr, code } = await impostor;
      t.equal(code, 0, `${attack}: ${stderr}`);
      const cost = vitals.end();
      t.comment(
        `${attack}: ${stdout.trim()}; the Proxy used ${cost.cpuShare.toFixed(2)} of a CPU, ${(cost.residentBytes / 1e6).toFixed(0)} MB, answered within ${longestMs.toFixed(0)} ms`,
      );
      const { notes } = await client.underlay();
      t.ok(
        notes.some((each) => note.test(each)),
        `${attack}: it is said, ${notes.join('; ')}`,
      );
      t.ok(longestMs < ANSWER_MAX_MS, `${attack}: it answers`);
      t.ok(topRate < RATE_FACTOR_MAX * usual, `${attack}: no absurd rate, ${topRate} against ${usual}`);
      t.ok(await isRing(), `${attack}: the topology is what it was ${JSON.stringify(await edges())}`);
    }
    t.ok(vitals.growthBytes < GROWTH_MAX_BYTES, `memory grew by ${vitals.growthBytes}`);
    const log = readFileSync(overlay.logPath('home'), 'utf8').split('\n');
    for (const what of ['traffic update', 'part of a traffic update', 'report of the underlay']) {
      const lines = log.filter((line) => line.includes(`a daemon's ${what} was refused`));
      t.equal(lines.length, 1, `${what}: logged once`);
    }
    t.ok(
      log.some((line) => line.includes('Max payload size exceeded')),
      'what is huge is not read',
    );
    await overlay.start('c');
    await overlay.whole();
  });

  await t.test('a daemon killed and started again: totals only grow, and no rate leaps', async (t) => {
    const before = await rates();
    const usual = Math.max(...[...before.values()].map(({ bitsPerSecond }) => bitsPerSecond));
    let [last, topRate, isOver] = [before, 0, false];
    const watching = (async () => {
      while (!isOver) {
        const found = await rates();
        for (const [pair, { bytes }] of last) {
          const now = found.get(pair)?.bytes ?? 0;
          if (now < bytes) t.fail(`${pair} went from ${bytes} to ${now}`);
        }
        for (const { bitsPerSecond } of found.values()) topRate = Math.max(topRate, bitsPerSecond);
        last = found;
        await sleep(20);
      }
    })();
    for (let round = 0; round < 2; round++) {
      await overlay.stop('a', 'SIGKILL');
      await overlay.start('a');
      const again = await rates();
      await overlay.until('its VMs counted again', async () => {
        const found = await rates();
        return ['a1 b1', 'a2 b2'].every(
          (pair) => (found.get(pair)?.bytes ?? 0) > (again.get(pair)?.bytes ?? 0) + 10_000,
        );
      });
    }
    await overlay.until('the ring', isRing);
    isOver = true;
    await watching;
    t.ok(topRate < RATE_FACTOR_MAX * usual, `${topRate} against ${usual}`);
  });

  // b behind somebody who can read and write what it says; c with a clock of its own.
  const between = await Between.on(overlay, 'b', 'a');
  t.teardown(() => between.close());
  const unshared = [
    'unshare',
    '--time',
    '--monotonic',
    String(OTHER_CLOCK_S),
    '--boottime',
    String(OTHER_CLOCK_S),
  ];
  const { code: noClock } = await overlay.lab.host('c').run([...unshared, 'true']);
  const other = noClock === 0 ? await otherDaemon(overlay, 'c', { prefix: unshared }) : undefined;
  t.teardown(() => other?.());
  const links = [
    { type: 'udp' as const, a: 'a', b: 'b', madeBy: 'a' },
    { type: 'udp' as const, a: 'a', b: 'c' },
  ];
  const routes = [{ network: 'lab', from: 'a1', to: 'b1', both: true, via: ['a', 'b'] }];
  const target = (parts: Partial<Topology> = {}) =>
    client.apply({ kind: 'target', topology: overlay.topology({ links, routes, ...parts }) });
  await target();
  await directly(overlay, 'a', 'b', 'udp');
  const path = async (from: string, to: string) =>
    (await client.underlay()).paths.find((each) => each.from === from && each.to === to)?.link;
  const sane = async (t: Test, from: string, to: string) => {
    const link = await overlay.until(`estimates of ${from} to ${to}`, async () => {
      const found = await path(from, to);
      return found?.type === 'udp' && found.delayVariationUs && found.availableBitsPerSecond
        ? found
        : undefined;
    });
    const [variation, available] = [
      link.delayVariationUs?.value ?? 0,
      link.availableBitsPerSecond?.value ?? 0,
    ];
    t.ok(variation < VARIATION_MAX_US, `${from} ${to}: ${variation} us of variation`);
    t.ok(available > 1e5 && available < 1e12, `${from} ${to}: ${available} bit/s available`);
  };

  await t.test(
    'a daemon whose clock is minutes off',
    { skip: noClock !== 0 && 'needs time namespaces' },
    async (t) => {
      await directly(overlay, 'a', 'c', 'udp');
      const uptime = async (host: string) =>
        Number(
          (
            await overlay.lab.host(host).run([...(host === 'c' ? unshared : []), 'cat', '/proc/uptime'])
          ).stdout.split(' ')[0],
        );
      t.ok((await uptime('c')) - (await uptime('a')) > OTHER_CLOCK_S - 60, 'it is');
      await Promise.all([sane(t, 'a', 'c'), sane(t, 'c', 'a')]);
      t.notMatch((await client.underlay()).notes.join(), /time stamps/);
      t.ok(await isRing());
    },
  );

  await t.test('a link that lies about its time stamps', async (t) => {
    await Promise.all([sane(t, 'a', 'b'), sane(t, 'b', 'a')]);
    between.say('lie random');
    const notes = async () => (await client.underlay()).notes.filter((note) => note.includes('time stamps'));
    // Of b by a: twice as fast as the clock there. Of a by b: no clock at all.
    for (const note of [
      /^a: b to a: the time stamps of b .*not estimated/,
      /^b: a to b: the time stamps of a .*not estimated/,
    ])
      await overlay.until(`a note ${note}`, async () => (await notes()).some((each) => note.test(each)));
    t.comment((await notes()).join('\n'));
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const link = await overlay.until('nothing built on it', async () => {
        const found = await path(from, to);
        return found?.delayVariationUs || found?.availableBitsPerSecond || found?.capacityBitsPerSecond
          ? undefined
          : found;
      });
      t.ok(link.throughputBitsPerSecond.value > 0, 'what needs no clock of theirs is still measured');
    }
    t.equal((await pings(overlay, 'a1', '10.9.0.21')).received, 3, 'frames go on');
    t.ok(await isRing());
    t.notMatch((await notes()).join(), / c /, 'and only of these two');
    between.say('lie off');
  });

  await t.test('trains, notes and echoes again and again, from the right address', async (t) => {
    for (let i = 0; i < 3; i++)
      await client.echo('b1', 'a1', { count: 5, bytes: 98, intervalMs: 10, timeoutMs: 1000 });
    const vitals = new Vitals(overlay.pid('a'));
    const drops = async () => (await overlay.client('a').local()).drops;
    for (const kind of ['train', 'note', 'echo'] as const) {
      const before = await drops();
      vitals.begin();
      const sent = await between.repeat(kind, REPEATED_PER_SECOND, REPEATED_MS);
      const { cpuShare, residentBytes } = vitals.end();
      const after = await drops();
      const dropped =
        (after['noteRate'] ?? 0) +
        (after['malformed'] ?? 0) -
        (before['noteRate'] ?? 0) -
        (before['malformed'] ?? 0);
      t.comment(
        `${kind}: ${sent} sent, ${dropped} dropped, ${cpuShare.toFixed(2)} of a CPU, ${(residentBytes / 1e6).toFixed(0)} MB`,
      );
      t.ok(sent > 0, `${kind}: some were seen to repeat`);
      if (kind !== 'train') t.ok(dropped > sent / 2, `${kind}: what is too much is dropped and counted`);
    }
    t.ok(vitals.growthBytes < GROWTH_MAX_BYTES);
    const { links } = await overlay.client('a').local();
    t.ok(
      links.some(({ peer, type, up }) => peer === 'b' && type === 'udp' && up),
      'the link stands',
    );
    t.equal((await pings(overlay, 'a1', '10.9.0.21')).received, 3, 'frames go on');
  });

  await t.test(
    'VMs that make up addresses: behind the guard, as destinations, and at a LAN port',
    async (t) => {
      const [own, vmSocket, lanSocket] = [
        '02:00:00:00:0d:01' as MacAddress,
        join(overlay.directory, 'x.sock'),
        join(overlay.directory, 'lan.sock'),
      ];
      const { vms } = overlay.topology();
      await target({
        vms: [...vms, { name: 'x', network: 'lab', host: 'a', macs: [own], port: `unix:${vmSocket}` }],
        ports: [{ network: 'lab', host: 'home', port: `unix:${lanSocket}`, role: 'lan' as const }],
      });
      const vitals = new Vitals(overlay.pid('home'));
      for (const [what, socket, source] of [
        ['made-up sources', vmSocket, undefined],
        ['made-up destinations', vmSocket, own],
        ['a LAN port', lanSocket, undefined],
      ] as const) {
        const before = (await client.matrix()).pairsTotal;
        const nic = connect(socket);
        await once(nic, 'connect');
        vitals.begin();
        let longestMs = 0;
        const until = performance.now() + FLOOD_MS;
        while (performance.now() < until) {
          const from = performance.now();
          const asked = Promise.all([client.matrix(), client.overview()]);
          for (let i = 0; i < FLOOD_FRAMES; i++) {
            nic.write(frameOf(randomMac(), source === undefined ? randomMac() : macToNumber(source)));
            if (i % FLOOD_BURST === 0) await sleep(1);
          }
          await asked;
          longestMs = Math.max(longestMs, performance.now() - from);
        }
        nic.destroy();
        const { cpuShare, residentBytes } = vitals.end();
        const pairs = (await client.matrix()).pairsTotal - before;
        t.comment(
          `${what}: ${pairs} pairs more, the Proxy used ${cpuShare.toFixed(2)} of a CPU, ${(residentBytes / 1e6).toFixed(0)} MB, answered within ${longestMs.toFixed(0)} ms`,
        );
        t.ok(longestMs < ANSWER_MAX_MS, `${what}: it answers`);
        t.ok(before + pairs <= PAIRS_MAX, 'a bounded number of pairs');
        if (what === 'made-up sources') t.ok(pairs < 10, 'what the guard drops is not counted');
        await overlay.until(`the ring, ${what}`, isRing);
      }
      t.ok(vitals.growthBytes < GROWTH_MAX_BYTES, `memory grew by ${vitals.growthBytes}`);
      t.equal((await pings(overlay, 'a1', '10.9.0.22')).received, 3, 'frames go on');
    },
  );
});

const randomMac = (): number => 0x02_00_00_00_00_00 + Math.floor(Math.random() * 2 ** 32);

/** Behind its length, as a `unix:` port reads it. */
function frameOf(destination: number, source: number): Buffer {
  const [prefix, frame] = [Buffer.alloc(4), Buffer.alloc(60)];
  prefix.writeUInt32BE(frame.length);
  frame.writeUIntBE(destination, 0, 6);
  frame.writeUIntBE(source, 6, 6);
  frame.writeUInt16BE(LOCAL_ETHER_TYPE, 12);
  return Buffer.concat([prefix, frame]);
}
