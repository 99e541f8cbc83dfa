import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { ManualClock, VnetError } from '../core/index.js';
import { heatMap } from './draw/index.js';
import { DB, FakeOverlay, WEB } from './fake-overlay.js';
import {
  estimate,
  fakeApplication,
  fakeMatrix,
  fakeNames,
  fakePair,
  fakeRing,
  fakeTopology,
  fakeUnderlay,
  linkEstimate,
  pattern,
} from './fake-sight.js';
import { fakeContext, vnet } from './fake-world.js';
import { runCli } from './index.js';
import { visibleLength } from './palette.js';

/** The lines between the heading and what follows the drawing. */
const drawn = (out: string): string[] => {
  const lines = out.split('\n').slice(2);
  return lines.slice(0, lines.indexOf(''));
};

const grid = (rows: number, columns: number, kind: 'mesh' | 'torus') => {
  const names = fakeNames(rows * columns);
  const edges: [number, number][] = [];
  names.forEach((_, at) => {
    if ((at + 1) % columns !== 0) edges.push([at, at + 1]);
    if (at + columns < names.length) edges.push([at, at + columns]);
  });
  return fakeApplication(names, edges, [pattern(kind, `${kind} ${rows}x${columns}`, names, [rows, columns])]);
};

t.test('topology draws what has a shape', async (t) => {
  const draw = async (application: ReturnType<typeof fakeRing>, env?: Record<string, string>) => {
    const overlay = new FakeOverlay();
    overlay.topologyView = fakeTopology([application]);
    return vnet('topology', { overlay, ...(env ? { env } : {}) });
  };
  const ring = await draw(fakeRing(8));
  t.equal(ring.out.split('\n')[0], 'lab  ring of 8 (confidence 0.97), settled 12 s ago');
  t.strictSame(drawn(ring.out), [
    '  ┌─ v1 ── v2 ── v3 ── v4 ─┐',
    '  │                        │',
    '  └─ v8 ── v7 ── v6 ── v5 ─┘',
  ]);
  t.match(ring.out, /v1 ↔ v2 {2}13\.0 Mbit\/s {2}█+\n/);
  t.match(ring.out, '16 pairs of 20 kept, 4 below 10% of the busiest');
  t.strictSame(drawn((await draw(fakeRing(5), {})).out), [
    '  .- v1 -- v2 -- v3 -.',
    '  |                  |',
    "  '- v5 -- v4 -------'",
  ]);
  t.strictSame(drawn((await draw(grid(2, 3, 'mesh'))).out), [
    '  v1 ── v2 ── v3',
    '  │     │     │',
    '  v4 ── v5 ── v6',
  ]);
  t.strictSame(drawn((await draw(grid(3, 3, 'torus'))).out), [
    '    ┆     ┆     ┆',
    '  ┄ v1 ── v2 ── v3 ┄',
    '    │     │     │',
    '  ┄ v4 ── v5 ── v6 ┄',
    '    │     │     │',
    '  ┄ v7 ── v8 ── v9 ┄',
    '    ┆     ┆     ┆',
  ]);
  const cube3 = fakeApplication(
    fakeNames(8),
    [[0, 1]],
    [pattern('hypercube', 'hypercube 3', fakeNames(8), [3])],
  );
  t.strictSame(drawn((await draw(cube3)).out), [
    '  layer 1',
    '  v1 ── v2',
    '  │     │',
    '  v3 ── v4',
    '  layer 2',
    '  v5 ── v6',
    '  │     │',
    '  v7 ── v8',
    '  each also with the one at its place in the next layer',
  ]);
  const names = ['web', 'db', 'cache'];
  const star = fakeApplication(
    names,
    [
      [0, 1],
      [0, 2],
    ],
    [pattern('star', 'star around web', names)],
  );
  t.strictSame(drawn((await draw(star)).out), ['  web (a)', '  ├─ cache', '  └─ db (b)'], 'with their hosts');
  const tree = fakeApplication(
    fakeNames(7),
    [
      [0, 1],
      [0, 2],
      [1, 3],
      [1, 4],
      [2, 5],
      [2, 6],
    ],
    [pattern('binary-tree', 'binary tree of 7', fakeNames(7))],
  );
  t.strictSame(drawn((await draw(tree)).out), [
    '  v1',
    '  ├─ v2',
    '  │  ├─ v4',
    '  │  └─ v5',
    '  └─ v3',
    '     ├─ v6',
    '     └─ v7',
  ]);
  const tiers = fakeApplication(
    fakeNames(4),
    [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
    ],
    [pattern('multi-tier', 'multi-tier 1-2-1', fakeNames(4), [1, 2, 1])],
  );
  t.strictSame(drawn((await draw(tiers)).out), [
    '  tier 1  v1',
    '    │     2 edges',
    '  tier 2  v2   v3',
    '    │     2 edges',
    '  tier 3  v4',
  ]);
  const bus = fakeApplication(
    fakeNames(40),
    fakeNames(39).map((_, at) => [at, at + 1] as const),
    [pattern('bus', 'bus of 40', fakeNames(40))],
  );
  t.ok(drawn((await draw(bus)).out).length > 2, 'a long bus goes on in the next line');
  const cube = fakeApplication(
    fakeNames(4),
    [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 0],
    ],
    [pattern('hypercube', 'hypercube 4', fakeNames(4), [4]), pattern('ring', 'ring of 4', fakeNames(4))],
  );
  const wide = await draw(fakeRing(60));
  t.match(
    wide.out,
    /\n {2}v1 {2}─ v2 13\.0 Mbit\/s, v60 7\.10 Mbit\/s\n/,
    'a list where the drawing does not fit',
  );
  const listed = await draw(cube);
  t.match(listed.out, /also ring of 4\n {2}v1 ─ v2 13\.0 Mbit\/s, v4 12\.7 Mbit\/s\n/);
});

t.test('topology says what it is not sure of', async (t) => {
  const overlay = new FakeOverlay();
  overlay.topologyView = fakeTopology([fakeRing(3), fakeRing(4)], { state: 'union' });
  const union = await vnet('topology', { overlay });
  t.match(union.out, '2 applications, several topologies shown as one for 12 s');
  t.match(union.out, /holds the edges of all of\s+them/);
  t.match(union.out, /Application 1: ring of 3[\s\S]*Application 2: ring of 4/);
  overlay.topologyView = fakeTopology([]);
  const silent = await vnet('topology', { overlay });
  t.match(silent.out, /silent for 12 s: no VM sends to another\n {2}[\s\S]*`vnet vms`/);
  overlay.topologyView = fakeTopology(
    [
      fakeApplication(
        fakeNames(3),
        [
          [0, 1],
          [1, 2],
          [0, 2],
        ],
        [],
      ),
    ],
    {
      state: 'settling',
      since: fakeTopology([]).at,
    },
  );
  t.match(
    (await vnet('topology', { overlay })).out,
    '3 VMs, 3 edges, no known shape (confidence 0.97), settling since less than a second',
  );
  t.strictSame(JSON.parse((await vnet('topology --json', { overlay })).out), overlay.topologyView);
});

t.test('topology for Graphviz and Mermaid', async (t) => {
  const overlay = new FakeOverlay();
  const names = ['web', 'db', 'say "x"'];
  overlay.topologyView = fakeTopology([
    fakeApplication(
      names,
      [
        [0, 1],
        [1, 2],
      ],
      [],
    ),
  ]);
  const dot = (await vnet('topology --dot', { overlay })).out;
  t.match(dot, 'subgraph "cluster_a" { label="host a"; "web"; }');
  t.match(dot, '"db" -- "say \\"x\\"" [label="12.9 Mbit/s", penwidth=5.0];');
  const mermaid = (await vnet('topology --mermaid', { overlay })).out;
  t.match(mermaid, /^graph LR\n {2}subgraph h1\["host a"\]\n {4}v1\["web"\]\n {2}end\n/);
  t.match(mermaid, 'v3["say #quot;x#quot;"]');
  t.match(mermaid, 'v1 ---|"13.0 Mbit/s"| v2');
  t.match((await vnet('topology --dot --mermaid', { overlay })).err, /cannot be used with/);
});

t.test('matrix: map, list, csv', async (t) => {
  const overlay = new FakeOverlay();
  t.match((await vnet('matrix', { overlay })).out, '0 pairs, means over 1.0 s\nNothing is sent now.');
  const pairs = [fakePair('web', 'db', 1e8), fakePair('db', 'web', 1e6), fakePair('v3', 'db', 2e4)];
  overlay.matrixView = fakeMatrix(pairs, 7);
  const { out } = await vnet('matrix --top 2', { overlay });
  t.strictSame(out.split('\n').slice(2, 6), [
    '        1  2  3',
    'web 1   ·███  ·',
    'db  2 ▓▓▓  ·  ·',
    'v3  3   ·░░░  ·',
  ]);
  t.match(out, '10.0 kbit/s ░░▒▒▓▓██ 100 Mbit/s');
  t.match(out, /FROM +TO +BIT\/S.*\nweb +db +100M +13k/);
  t.match(out, 'and 5 pairs more');
  t.notMatch((await vnet('matrix --pairs', { overlay })).out, '███');
  t.match(
    (await vnet('matrix', { overlay, env: {} })).out,
    /web 1 {4}@@@\n/,
    'letters where the locale is not UTF-8',
  );
  const colours = (env: Record<string, string>) =>
    vnet('matrix', { overlay, tty: true, env: { LANG: 'C.UTF-8', ...env } });
  t.match((await colours({ COLORTERM: 'truecolor' })).out, '\u001b[48;2;252;222;104m');
  t.match((await colours({ TERM: 'xterm-256color' })).out, /\u001b\[48;5;\d+m/);
  t.match((await colours({ TERM: 'xterm' })).out, '███');
  t.notMatch((await colours({ COLORTERM: 'truecolor', NO_COLOR: '1' })).out, '\u001b[');
  overlay.matrixView = fakeMatrix([fakePair('a,b', 'db', 8, { source: WEB, destination: DB })]);
  t.equal(
    (await vnet('matrix --csv', { overlay })).out,
    `from,to,source,destination,bits_per_second,packets_per_second,bytes,packets\n"a,b",db,${WEB},${DB},8,0.001,8,0.001\n`,
  );
  t.strictSame(JSON.parse((await vnet('matrix --json', { overlay })).out), overlay.matrixView);
  t.match((await vnet('matrix --top many', { overlay })).err, 'is not a number of pairs');
});

t.test('a folded heat map has each pair in its cell', (t) => {
  const names = fakeNames(100);
  const lines = heatMap({
    names,
    pairs: [
      { from: 'v99', to: 'v7', rate: 1e6 },
      { from: 'v98', to: 'v7', rate: 1e3 },
    ],
    columns: 50,
    style: { depth: 'none', unicode: true },
    ellipsis: '~',
    label: (text) => text,
    text: String,
  });
  t.match(lines.at(-1), '3 VMs share a row and a column');
  const hot = lines.slice(0, -3).filter((line) => /[░▒▓█]/.test(line));
  t.equal(hot.length, 1);
  t.match(hot[0], /^v97 - v99 +33 ··█·{31}$/, 'the busiest pair of the cell, third column: v7 to v9');
  t.end();
});

t.test('a heat map fits its width, whatever talks', (t) => {
  const style = fc.record({
    depth: fc.constantFrom('true' as const, '256' as const, 'none' as const),
    unicode: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 50, max: 200 }),
      style,
      fc.integer(),
      (vms, columns, look, seed) => {
        const names = fakeNames(vms);
        const pairs = names.map((from, at) => ({
          from,
          to: names[Math.abs(seed + at * 7) % vms] ?? '',
          rate: 10 ** (at % 9),
        }));
        const lines = heatMap({
          names,
          pairs,
          columns,
          style: look,
          ellipsis: '~',
          label: (text) => text,
          text: String,
        });
        return lines.slice(0, -3).every((line) => visibleLength(line) <= columns);
      },
    ),
    { numRuns: 200 },
  );
  t.end();
});

const NET = fakeUnderlay(
  [
    linkEstimate('a', 'b', {
      availableBitsPerSecond: estimate(5e6),
      capacityBitsPerSecond: estimate(100e6),
      throughputBitsPerSecond: estimate(93e6),
      rttUs: estimate(800),
      lossRatio: estimate(0.02, { method: 'sequence' }),
      pathMtuBytes: estimate(1500),
    }),
    linkEstimate('b', 'a', {
      availableBitsPerSecond: estimate(95e6, { atLeast: true }),
      rttUs: estimate(820),
    }),
    linkEstimate('a', 'home', { type: 'tcp', availableBitsPerSecond: estimate(3e6, { ageMs: 90_000 }) }),
  ],
  {
    bottlenecks: [
      {
        where: 'leaving a',
        members: ['a b', 'a home'],
        capacityBitsPerSecond: estimate(1e8),
        confidence: 0.8,
      },
    ],
    notes: ['the time stamps of b cannot be true'],
  },
);

t.test('net: hosts by hosts, links, bottlenecks, notes', async (t) => {
  const overlay = new FakeOverlay();
  t.match((await vnet('net', { overlay })).out, 'Nothing is measured yet');
  overlay.underlayView = NET;
  const { out } = await vnet('net', { overlay });
  t.match(out, /Available bandwidth, bit\/s\nFROM \\ TO +home +a +b +c\n/);
  t.match(out, /\na +3\.00M\? +· +5\.00M\n/, 'what is old is marked where faint cannot be');
  t.match(out, /\nb +≥95\.0M +·\n/);
  t.match(out, /Round trip[\s\S]*800 us[\s\S]*Loss[\s\S]* 2%/);
  t.match(out, 'The oldest figure is 1 m 30 s old');
  t.match(out, 'leaving a  a→b, a→home share one bottleneck of 100 Mbit/s  80% sure');
  t.match(out, 'Notes\n  the time stamps of b cannot be true');
  const links = await vnet('net --links', { overlay });
  t.match(links.out, /a +b +udp +100M +5\.00M +93\.0M +800 us +2% +1500 +traffic +90% +800 ms/);
  t.strictSame(JSON.parse((await vnet('net --json', { overlay })).out), NET);
  overlay.underlayView = fakeUnderlay(
    NET.paths.flatMap(({ link }) => link ?? []),
    {
      hosts: Array.from({ length: 30 }, (_, at) => `host${at}`),
      paths: [...NET.paths, { from: 'b', to: 'c', reachable: false }],
    },
  );
  const list = (await vnet('net', { overlay })).out;
  t.match(
    list,
    /^FROM +TO +AVAILABLE +RTT +LOSS +AGE\na +b +5\.00M +800 us +2% +800 ms\n/,
    'a list where tables do not fit',
  );
  t.match(list, /b +c +no way/);
});

t.test('sight shows and sets', async (t) => {
  const overlay = new FakeOverlay();
  t.match((await vnet('sight', { overlay })).out, /^update +200 ms +every daemon[\s\S]*derive +no/);
  const set = await vnet('sight --update 100ms --smoothing 2s --threshold 5% --probe-share 0 --derive', {
    overlay,
  });
  t.match(
    set.out,
    /^Set\.[\s\S]*update +100 ms[\s\S]*from the configuration time[\s\S]*sends nothing of its own/,
  );
  t.strictSame(overlay.parameters, {
    updateMs: 100,
    smoothingMs: 2000,
    detectionThreshold: 0.05,
    probeShare: 0,
    derived: true,
  });
  await vnet('sight --no-derive', { overlay });
  t.equal(overlay.parameters.derived, false);
  t.equal(overlay.parameters.updateMs, 100, 'what is not given stays');
  for (const [line, words] of [
    ['sight --update 5ms', '"5ms" is not a period'],
    ['sight --smoothing 2days', 'write a time such as 200ms'],
    ['sight --threshold 0', 'is not a threshold'],
    ['sight --probe-share 50%', 'from 0% to 10%'],
  ] as const)
    t.match((await vnet(line, { overlay })).err, words, line);
  t.equal(JSON.parse((await vnet('sight --json', { overlay })).out).smoothingMs, 2000);
});

t.test('ping sends frames, and explains when none comes back', async (t) => {
  const overlay = new FakeOverlay();
  overlay.echoRttUs = (sequence) => (sequence === 2 ? null : 700 + sequence * 100);
  const { code, out } = await vnet('ping web db -c 3 -i 10ms -s 1514', { overlay });
  t.equal(code, 0);
  t.match(out, /seq=1 hops=1 time=0\.800 ms\nseq=2 no answer in 1\.0 s\nseq=3 hops=1 time=1\.00 ms\n/);
  t.match(
    out,
    'web → db: 3 sent, 2 answered, 33% lost\nround trip min/avg/max/mdev 0.800/0.900/1.00/0.100 ms',
  );
  t.match(out, 'the guest itself was not asked');
  t.match(overlay.echoRequests, [{ count: 3, bytes: 1514, intervalMs: 10, timeoutMs: 1000 }]);
  const json = JSON.parse((await vnet('ping web db -c 2 -i 1ms --json')).out);
  t.match(json, { reachable: true, sent: 2, lossRatio: 0, rtt: { avgUs: 800 }, hops: 1, rttUs: [800, 800] });

  const dead = new FakeOverlay();
  dead.echoRttUs = () => null;
  const lost = await vnet('ping web db -c 1 --watch 1', { overlay: dead });
  t.equal(lost.code, 1);
  t.match(lost.out, '100% lost');
  t.match(lost.out, /web .* → db .*arrives {2}1 edge, 800 us/);
  t.match(lost.out, /1 +a +b +udp up 800 us +1\.1k +\+0/);
  t.match(lost.out, /The tables deliver both directions[\s\S]*next: vnet doctor web db/);
  const back = dead.routes['db web'];
  if (back) dead.routes['db web'] = { ...back, delivered: false };
  t.match((await vnet('ping web db -c 1 --watch 0', { overlay: dead })).out, 'Not reachable');

  const old = new FakeOverlay();
  old.echoError = new VnetError('VNET_ERR_UNSUPPORTED', 'a is too old for echoes', { hint: 'update it' });
  const refused = await vnet('ping web db --watch 0', { overlay: old });
  t.match(refused.out, /a is too old for echoes\nupdate it[\s\S]*arrives/);
  t.match(JSON.parse((await vnet('ping web db --watch 0 --json', { overlay: old })).out), {
    reachable: false,
    error: { code: 'VNET_ERR_UNSUPPORTED' },
    diagnosis: { forward: { counters: [{ host: 'a', to: 'b' }, {}] } },
  });
  t.match((await vnet('ping web dbb')).err, 'did you mean db?');
  t.match((await vnet('ping web db --watch soon')).err, 'is not a time in milliseconds');
  t.match((await vnet('ping web db -i never')).err, 'is not an interval');
});

t.test('perf: distribution, sizes, estimates, and how one knows', async (t) => {
  const overlay = new FakeOverlay();
  overlay.underlayView = NET;
  overlay.echoRttUs = (sequence, { bytes }) => (sequence % 10 === 0 ? null : bytes > 1000 ? 1200 : 800);
  const { code, out } = await vnet('perf web db --for 400ms', { overlay });
  t.equal(code, 0);
  t.match(out, 'web → db   network lab, over a → b, 1 edge');
  t.match(out, /60 octets +10 +10% +800 us +800 us/);
  t.match(out, /1514 octets +10 +10% +1\.2 ms/);
  t.match(out, /a +b +udp +100M +5\.00M/);
  t.match(out, 'in pieces on a → b, b → a');
  t.match(out, 'Narrowest there: a → b, 5.00 Mbit/s free of 100 Mbit/s.');
  t.match(out, /no load was put on\s+the path/);
  const json = JSON.parse((await vnet('perf web db --for 200ms --json', { overlay })).out);
  t.match(json, {
    mtu: 1500,
    small: { bytes: 60, sent: 5 },
    full: { bytes: 1514 },
    hops: [{ from: 'a', to: 'b', way: 'there' }, { way: 'back' }],
  });
  overlay.echoRttUs = (_sequence, { bytes }) => (bytes > 1000 ? null : 800);
  t.match(
    (await vnet('perf web db --for 200ms', { overlay })).out,
    'Frames of full size (MTU 1500) do not pass, small ones do',
  );
  overlay.echoRttUs = () => null;
  t.equal((await vnet('perf web db --for 200ms', { overlay })).code, 1);
});

t.test('doctor between two VMs', async (t) => {
  const overlay = new FakeOverlay();
  overlay.underlayView = NET;
  overlay.matrixView = fakeMatrix([
    fakePair('cache', 'db', 80e6),
    fakePair('web', 'db', 12e6, { source: WEB, destination: DB }),
  ]);
  const [cache] = overlay.matrixView.pairs;
  const direct = overlay.routes['web db'];
  if (cache && direct) overlay.routes[`${cache.source} ${cache.destination}`] = direct;
  const { code, out } = await vnet('doctor web db', { overlay });
  t.equal(code, 2);
  t.match(out, 'web on a ↔ db on b   network lab, MTU 1500');
  t.match(out, /a → b +direct +udp +93\.0M +5\.00M +100M +800 us +2% +0 +2 pieces +2%/);
  t.match(
    out,
    'Bottleneck  a to b is full: 93.0 Mbit/s of 100 Mbit/s in use\n  this pair 12.0 Mbit/s, cache to db 80.0 Mbit/s\n  next: vnet matrix --pairs',
  );
  t.match(out, /Also wrong\n {2}2% of what a sends to b over udp is lost/);
  t.match(
    out,
    /Worth knowing\n {2}the port tap:web0 of web has refused[\s\S]*frames of full size cross from a to b in 2 pieces/,
  );
  const json = JSON.parse((await vnet('doctor web db --json', { overlay })).out);
  t.match(json, {
    trouble: true,
    bottleneck: { kind: 'saturated', where: 'a -> b' },
    seen: { hops: [{ from: 'a' }, { from: 'b' }] },
  });

  const fallen = new FakeOverlay();
  if (direct)
    fallen.routes['web db'] = {
      ...direct,
      hops: [
        { ...direct.hops[0], verdict: 'ground', host: 'a', to: 'b', ground: false, why: '', others: [] },
        { host: 'a', verdict: 'edge', to: 'home', ground: true, why: '', others: [] },
        { host: 'home', verdict: 'edge', to: 'b', ground: true, why: '', others: [] },
        { host: 'b', verdict: 'port', to: 'packet:vnet7', ground: true, why: '', others: [] },
      ],
    };
  for (const link of fallen.views['a']?.links ?? [])
    if (link.peer === 'b') Object.assign(link, { up: false, state: 'no keep-alive for 1 s' });
  const ground = await vnet('doctor web db', { overlay: fallen });
  t.match(ground.out, /a → home +ground +tcp[\s\S]*home → b +ground +tcp/);
  t.match(
    ground.out,
    'Bottleneck  no link from a to b is up, so frames fall back to the star\n  udp: no keep-alive for 1 s\n  next: vnet links --host a',
  );

  t.match(
    (await vnet('doctor webb db')).out,
    'nobody registered webb, and no LAN port has seen it\n  the nearest name is web',
  );
  t.match((await vnet('doctor web')).err, 'doctor takes two VMs, or none');
  const alone = new FakeOverlay();
  alone.underlay = () => Promise.reject(new VnetError('VNET_ERR_UNSUPPORTED', 'this Proxy measures nothing'));
  t.match(
    (await vnet('doctor web db', { overlay: alone })).out,
    'not seen: estimates of the underlay: this Proxy measures nothing',
  );
});

t.test('doctor alone looks at this machine and its daemon', async (t) => {
  const { out } = await vnet('doctor');
  t.match(out, /This machine\n {2}\w+ +system +/);
  t.match(out, /Its daemon\n {2}ok +daemon +host a, up 3 h 12 m/);
  t.match(out, /warn {2}sealing +.*\n +do: /);
  const away = new FakeOverlay();
  away.daemonAway = true;
  const dead = await vnet('doctor', { overlay: away });
  t.equal(dead.code, 2);
  t.match(dead.out, /fail {2}daemon {2}no daemon answers.*\n +do: vnet up SCRIPT/);
  const remote = await vnet('doctor --host b');
  t.notMatch(remote.out, 'This machine');
  t.match(remote.out, /Daemon of b\n {2}ok +daemon +host b/);
  t.match(JSON.parse((await vnet('doctor --json')).out), {
    machine: [{ what: 'system' }],
    daemon: [{ what: 'daemon', state: 'ok' }],
  });
});

t.test('watch: lines for a log, documents for machines', async (t) => {
  const overlay = new FakeOverlay();
  overlay.topologyView = fakeTopology([fakeRing(8)]);
  overlay.matrixView = fakeMatrix([fakePair('v1', 'v2', 100e6), fakePair('v2', 'v1', 50e6)]);
  const { out } = await vnet('watch --every 100ms --for 150ms', { overlay });
  t.equal(
    out.split('\n')[0],
    '03:04:05  ring of 8 (confidence 0.97), settled 12 s ago; 150 Mbit/s together, most v1 → v2 100 Mbit/s',
  );
  const json = (await vnet('watch --json --every 100ms --for 100ms', { overlay })).out.split('\n')[0] ?? '';
  t.strictSame(Object.keys(JSON.parse(json)), ['topology', 'matrix', 'underlay']);
  const away = new FakeOverlay();
  away.proxyAway = true;
  t.match((await vnet('watch', { overlay: away })).err, 'error: the Proxy is away');
});

t.test(
  'watch: a screen that fits, resizes, survives the Proxy, and leaves the terminal as it was',
  async (t) => {
    const overlay = new FakeOverlay();
    overlay.topologyView = fakeTopology([fakeRing(8)]);
    overlay.matrixView = fakeMatrix(
      Array.from({ length: 40 }, (_, at) => fakePair(`v${at}`, `v${at + 1}`, 1e8 / (at + 1))),
    );
    overlay.underlayView = NET;
    overlay.emitted = [
      {
        at: '2026-01-02T03:04:05.678Z',
        kind: 'topology',
        network: 'lab',
        serial: 3,
        state: 'settled',
        text: 'ring of 8',
      },
    ];
    const clock = new ManualClock();
    const size = { columns: 70, rows: 24 };
    let press: (key: string) => void = () => {};
    let resized: () => void = () => {};
    let released = 0;
    const fake = fakeContext(
      overlay,
      {},
      {
        tty: true,
        context: {
          clock,
          env: { LANG: 'C.UTF-8', NO_COLOR: '1' },
          terminal: {
            size: () => size,
            onKey: (heard) => {
              press = heard;
              return () => released++;
            },
            onResize: (changed) => {
              resized = changed;
              return () => released++;
            },
          },
        },
      },
    );
    const ends = runCli(['watch'], fake.context);
    const settle = async (): Promise<void> => {
      for (let turn = 0; turn < 5; turn++) await setImmediate();
    };
    await settle();
    const screens = (): string[][] =>
      fake.heard.out
        .split('\u001b[H')
        .slice(1)
        .map((text) => (text.split('\u001b[J')[0] ?? '').replaceAll('\u001b[K', '').split('\r\n'));
    const fits = (lines: string[]): boolean =>
      lines.length <= size.rows && lines.every((line) => visibleLength(line) <= size.columns);
    clock.advance(1000);
    await settle();
    const first = screens().at(-1) ?? [];
    t.ok(fits(first), first.join('\n'));
    t.match(first[0], 'vnet watch  every 1.0 s, q quits');
    const text = first.join('\n');
    t.match(text, /ring of 8[\s\S]*Traffic {2}40 pairs, .* together[\s\S]*v0 → v1 +100 Mbit\/s {2}█+/);
    t.match(text, /Network {2}least free 5\.00 Mbit\/s \(a → b\), longest round trip 820 us/);
    t.match(text, /Events\n {2}03:04:05 {2}traffic lab ring of 8/);
    size.rows = 12;
    resized();
    t.ok(fits(screens().at(-1) ?? []), 'at once');
    overlay.proxyAway = true;
    clock.advance(1000);
    await settle();
    t.match(screens().at(-1)?.[0], /no answer: the Proxy is/);
    press('q');
    t.equal(await ends, 0);
    t.equal(released, 2);
    t.ok(
      fake.heard.out.startsWith('\u001b[?1049h\u001b[?25l') &&
        fake.heard.out.endsWith('\u001b[?25h\u001b[?1049l'),
    );
  },
);
