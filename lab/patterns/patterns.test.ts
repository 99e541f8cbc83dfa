import { deepStrictEqual as deepEqual, equal, ok } from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import fc from 'fast-check';
import t from 'tap';
import type { Topology } from '../../core/index.js';
import { loadScript } from '../../lang/index.js';
import { type Lab, makeLab } from '../lab.js';
import type { LabNode } from '../node.js';
import { OverlayLab } from '../overlay/index.js';
import { parseLab } from '../parse.js';
import { ensurePrivilege, reexecInUserNamespace } from '../privilege.js';
import { emptySpec } from '../spec.js';
import {
  addPatternsVerb,
  neighbours,
  patternEdges,
  type PatternOperation,
  type PatternsPlace,
  type PatternsReport,
  patternsProgram,
  patternTraffic,
  startPatterns,
} from './index.js';

const privilege = ensurePrivilege();
if (privilege.means === 'reexec') process.exit(reexecInUserNamespace());
const skip = privilege.means === 'direct' ? false : 'needs root or user namespaces';
t.setTimeout(90_000);

const HELLO_AND_BYE = 64;
const RELEASE = 32;
const OPERATIONS: PatternOperation[] = ['exchange', 'reduction', 'all-to-all'];

/** A shape and a number of ranks that fit each other. */
const shapes = fc.oneof(
  fc.tuple(fc.constantFrom('bus', 'ring', 'tree', 'all-to-all'), fc.integer({ min: 2, max: 40 })),
  fc.integer({ min: 1, max: 6 }).map((n): [string, number] => ['hypercube', 2 ** n]),
  fc
    .tuple(
      fc.constantFrom('mesh', 'torus'),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
    )
    .map(([kind, sides]): [string, number] => [
      `${kind}:${sides.join('x')}`,
      sides.reduce((a, b) => a * b, 1),
    ])
    .filter(([, ranks]) => ranks >= 2),
);

/** Definitions, as slow as they are plain. */
function areNeighbours(shape: string, n: number, a: number, b: number): boolean {
  const [kind, sidesText = ''] = shape.split(':');
  const apart = Math.abs(a - b);
  switch (kind) {
    case 'bus':
      return apart === 1;
    case 'ring':
      return apart === 1 || apart === n - 1;
    case 'tree':
      return Math.floor((Math.max(a, b) + 1) / 2) === Math.min(a, b) + 1; // heap order, counted from 1
    case 'all-to-all':
      return a !== b;
    case 'hypercube':
      return [...(a ^ b).toString(2)].filter((bit) => bit === '1').length === 1;
    default: {
      const sides = sidesText.split('x').map(Number);
      const steps = sides.map((side, i) => {
        const stride = sides.slice(i + 1).reduce((x, y) => x * y, 1);
        const step = Math.abs((Math.floor(a / stride) % side) - (Math.floor(b / stride) % side));
        return kind === 'torus' ? Math.min(step, side - step) : step;
      });
      return steps.reduce((x, y) => x + y, 0) === 1;
    }
  }
}

function distances(graph: number[][]): number[][] {
  const all = graph.map((list, a) => graph.map((_, b) => (a === b ? 0 : list.includes(b) ? 1 : Infinity)));
  for (const via of all.keys())
    for (const row of all) row.forEach((d, b) => (row[b] = Math.min(d, row[via]! + all[via]![b]!)));
  return all;
}

t.test('neighbours are those of the definitions', async (t) => {
  fc.assert(
    fc.property(shapes, ([shape, n]) => {
      const want = Array.from({ length: n }, (_, a) =>
        Array.from({ length: n }, (_, b) => b).filter((b) => a !== b && areNeighbours(shape, n, a, b)),
      );
      deepEqual(neighbours(shape, n), want);
    }),
    { numRuns: 200 },
  );
  t.equal(patternEdges('hypercube', 16).length, 32);
  for (const [shape, n] of [
    ['star', 4],
    ['torus', 4],
    ['torus:2x3', 4],
    ['torus:0x4', 4],
    ['ring:4', 4],
    ['hypercube', 6],
    ['ring', 1],
    ['ring', 5000],
  ] as const) {
    t.throws(() => neighbours(shape, n), { code: 'VNET_ERR_INVALID' }, `${shape} of ${n}`);
  }
});

t.test('traffic of a superstep', async () => {
  fc.assert(
    fc.property(shapes, ([shape, n]) => {
      const graph = neighbours(shape, n);
      for (const operation of OPERATIONS) {
        const flows = patternTraffic(shape, operation, n);
        ok(
          flows.every(({ from, to }) => graph[from]!.includes(to)),
          `${operation}: along edges`,
        );
        const total = flows.reduce((sum, { messages }) => sum + messages, 0);
        const far = distances(graph).flat();
        const want = {
          exchange: graph.flat().length,
          reduction: n - 1,
          'all-to-all': far.reduce((a, b) => a + b, 0),
        };
        equal(total, want[operation], operation);
        if (operation !== 'all-to-all') continue;
        for (let rank = 0; rank < n; rank++) {
          const out = flows.filter(({ from }) => from === rank).reduce((sum, flow) => sum + flow.messages, 0);
          const into = flows.filter(({ to }) => to === rank).reduce((sum, flow) => sum + flow.messages, 0);
          equal(out, into, 'what is relayed comes in and goes out');
        }
      }
    }),
    { numRuns: 60 },
  );
});

t.test('the program knows the same graphs, and mistakes', async (t) => {
  const program = await patternsProgram();
  fc.assert(
    fc.property(shapes, ([shape, n]) => {
      const lines = execFileSync(program, ['graph', shape, String(n)], { encoding: 'utf8' })
        .trim()
        .split('\n');
      deepEqual(
        lines.map((line) => line.split(' ').map(Number)),
        patternEdges(shape, n),
      );
    }),
    { numRuns: 40 },
  );
  t.match(execFileSync(program, ['run', '--help'], { encoding: 'utf8' }), /--peers FILE/);
  const cases: [words: string[], input: string, said: RegExp][] = [
    [['--peers', '-'], '', /--rank is missing/],
    [['--rank', '0', '--peers', '-'], '0 10.0.0.300\n', /'10.0.0.300' is not an IPv4 or IPv6 address/],
    [['--rank', '0', '--peers', '-'], '0 127.0.0.1\n2 127.0.0.2\n', /rank 1 is missing/],
    [['--rank', '5', '--peers', '-'], '0 127.0.0.1\n1 127.0.0.2\n', /'5' is not a whole number from 0 to 1/],
    [['--rank', '0', '--peers', '/none'], '', /cannot read \/none/],
    [['--rank', '0', '--peers', '-', '--speed', '9'], '', /there is no option '--speed'/],
    [['--rank', '0', '--peers', '-', '--shape', 'torus:4x4'], '0 ::1\n1 ::2\n', /torus:4x4 has 16 ranks/],
    [['--rank', '0', '--peers', '-', '--message', '8'], '0 ::1\n1 ::2\n', /--message is at least 32/],
    [['--rank', '0', '--peers', '-', '--schedule', 'ring'], '0 ::1\n1 ::2\n', /'ring' is not SHAPE/],
    [['--rank', '0', '--peers', '-', '--duration', '5'], '0 ::1\n1 ::2\n', /'5' is not a time such as/],
  ];
  for (const [words, input, said] of cases) {
    const { status, stderr } = spawnSync(program, ['run', ...words], { input, encoding: 'utf8' });
    t.equal(status, 2, words.join(' '));
    t.match(stderr, said);
  }
});

interface Connection {
  address: string;
  port: number;
  established: boolean;
}

/** Remote ends of the node's IPv4 TCP connections, those that it closed within a minute included. */
async function connections(node: LabNode): Promise<Connection[]> {
  const { stdout } = await node.run(['cat', '/proc/net/tcp']);
  const rows = stdout.matchAll(/^\s*\d+: \S+ ([0-9A-F]{8}):([0-9A-F]{4}) ([0-9A-F]{2}) /gm);
  return [...rows]
    .map(([, hex = '', port = '', state]) => ({
      address: [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join('.'),
      port: Number.parseInt(port, 16),
      established: state === '01',
    }))
    .filter(({ address }) => address !== '0.0.0.0');
}

/** Looks until it is so; the test's own time limit is the only one. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function receivedOnWire(node: LabNode): Promise<number> {
  const { stdout } = await node.run(['cat', '/proc/net/dev']);
  return Number(/^\s*u0:\s*(\d+)/m.exec(stdout)?.[1]);
}

t.test('in namespaces', { skip }, async (t) => {
  const spec = emptySpec();
  spec.underlays.push('fd77::/64');
  for (let i = 0; i < 8; i++) spec.hosts.push({ name: `h${i}` });
  let lab: Lab;
  let port = 9900;
  t.before(async () => {
    lab = await makeLab(spec, { name: `p${process.pid}` });
  });
  t.teardown(() => lab.close());
  // A port for each run: what ended is remembered by the kernel for a minute, with its port.
  const run = (options: Parameters<typeof startPatterns>[1]) =>
    startPatterns(lab.hosts, { port: (port += 2), connectTimeoutMs: 5000, ...options });

  t.test('who talks to whom is the pattern, and nothing else', async (t) => {
    for (const [shape, operation] of [
      ['torus:2x4', 'exchange'],
      ['tree', 'reduction'],
      ['hypercube', 'all-to-all'],
      ['bus', 'all-to-all'],
    ] as const) {
      const [iterations, messageBytes] = [50, 5000];
      const wireBefore = await Promise.all(lab.hosts.map(receivedOnWire));
      const { end } = await run({ shape, operation, iterations, messageBytes });
      const ends = await end;
      const wireAfter = await Promise.all(lab.hosts.map(receivedOnWire));
      t.strictSame(
        ends.map(({ iterations }) => iterations),
        Array(8).fill(50),
      );
      const traffic = patternTraffic(shape, operation, 8);
      const messages = (from: number, to: number) =>
        traffic.find((flow) => flow.from === from && flow.to === to)?.messages ?? 0;
      for (const { rank, peers } of ends) {
        const graph = neighbours(shape, 8)[rank]!;
        t.strictSame(
          peers.map((peer) => peer.rank),
          graph,
          `${shape}: neighbours of ${rank}`,
        );
        for (const peer of peers) {
          const extra = peer.sentBytes - messages(rank, peer.rank) * messageBytes * iterations;
          const releases = operation === 'reduction' ? RELEASE * iterations : 0;
          t.ok(extra >= 0 && extra <= HELLO_AND_BYE + releases, `${shape}: ${rank} to ${peer.rank} ${extra}`);
        }
        const got = wireAfter[rank]! - wireBefore[rank]!;
        const payload = peers.reduce((sum, peer) => sum + peer.receivedBytes, 0);
        t.ok(got >= payload, `${shape}: the kernel of ${rank} saw ${got}, the program ${payload}`);
      }
    }
  });

  t.test('the kernel knows connections of the pattern only', async (t) => {
    const fresh = await makeLab(spec, { name: `q${process.pid}` });
    t.teardown(() => fresh.close());
    const graph = neighbours('mesh:2x4', 8);
    const wanted = (rank: number) => graph[rank]!.map((other) => fresh.hosts[other]!.address).sort();
    const going = await startPatterns(fresh.hosts, {
      shape: 'mesh:2x4',
      operation: 'all-to-all',
      reportMs: 50,
    });
    // What is closed may be forgotten by either end, so they are looked at while all of them stand.
    for await (const { iterations } of going) if (iterations > 0) break;
    for (const [rank, host] of fresh.hosts.entries()) {
      const known = (await connections(host)).filter(({ established }) => established);
      t.strictSame(known.map(({ address }) => address).sort(), wanted(rank), `${host.name} talks to`);
    }
    await going.stop();
    for (const [rank, host] of fresh.hosts.entries()) {
      const strangers = (await connections(host)).filter(({ address }) => !wanted(rank).includes(address));
      t.strictSame(strangers, [], `${host.name} talked to nobody else`);
    }
  });

  t.test('a schedule, reports as they come', async (t) => {
    const seen: string[] = [];
    const going = await run({
      schedule: 'ring 200ms, all-to-all reduction 30x, tree all-to-all 200ms',
      cycles: 2,
      pauseUs: 500,
      computeUs: 100,
      reportMs: 100,
      onReport: ({ kind, shape }) => kind === 'phase' && seen.push(shape),
    });
    let intervals = 0;
    for await (const report of going) {
      if (report.kind !== 'interval') continue;
      intervals++;
      const whole = report.computeShare + report.communicationShare + report.pauseShare + report.connectShare;
      t.ok(Math.abs(whole - 1) < 0.02, `shares make a whole: ${whole}`);
    }
    t.strictSame(seen, ['ring', 'all-to-all', 'tree', 'ring', 'all-to-all', 'tree']);
    t.ok(intervals > 0, `${intervals} intervals`);
    const [first, second] = await going.end;
    t.ok(first!.medianUs >= 600 && first!.p95Us >= first!.medianUs, `median ${first!.medianUs} us`);
    t.equal(first!.iterations, second!.iterations, 'all end with the same superstep');
  });

  t.test('noise beside it', async (t) => {
    const [h0, h1] = [lab.host('h0'), lab.host('h1')];
    const wireBefore = await receivedOnWire(h0);
    const going = await run({
      shape: 'bus',
      messageBytes: 32,
      pauseUs: 50_000,
      noise: { chat: [[1, 4]], chatGapMs: 5, stream: [{ from: 3, to: 0, bitsPerSecond: 1e7 }] },
    });
    // Rank 1 and rank 4 are no neighbours on the bus: what connects them is noise.
    await until(async () =>
      (await connections(h1)).some(
        ({ address, port: remote }) => address === lab.host('h4').address && remote === port + 1,
      ),
    );
    await until(async () => (await receivedOnWire(h0)) - wireBefore > 1_000_000);
    const [first] = await going.stop();
    const payload = first!.peers.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
    t.ok(payload < 500_000, `${payload} octets came from neighbours, the others are noise`);
  });

  t.test('the compute/communicate ratio', async (t) => {
    const [ratio, messageBytes] = [4000, 1000];
    const [first] = await (await run({ shape: 'ring', iterations: 15, ratio, messageBytes })).end;
    const work = (ratio * messageBytes * 2) / first!.flopsPerSecond; // two neighbours
    t.ok(first!.medianUs / 1e6 > 0.3 * work, `${first!.medianUs} us an iteration, ${work} s of work`);
    t.ok(first!.computeShare > 0);
  });

  t.test('IPv6, and an end when it is asked for', async (t) => {
    const places: PatternsPlace[] = lab.hosts.map((host) => ({
      name: host.name,
      address: host.addresses[1] ?? '',
      spawn: (command, options) => host.spawn(command, options),
    }));
    const going = await startPatterns(places, {
      shape: 'bus',
      reportMs: 50,
      pauseUs: 300,
      port: (port += 2),
    });
    // On a busy machine an interval may pass without an iteration.
    await until(async () => (await going.measure(2)) > 0);
    await until(async () => going.rate > 0);
    const ends = await going.stop();
    t.equal(new Set(ends.map(({ iterations }) => iterations)).size, 1, 'the same superstep at every rank');
    t.equal(ends.length, 8);
    await t.rejects(going.measure(1), { code: 'VNET_ERR_CLOSED' });
  });

  t.test('a rank that dies, one that never comes, one that is told otherwise', async (t) => {
    const dying = await run({ shape: 'ring', reportMs: 50 });
    await dying.measure(1);
    process.kill(dying.pids[5]!, 'SIGKILL');
    await t.rejects(dying.end, { code: 'VNET_ERR_UNREACHABLE', message: 'rank 5 on h5 ended by SIGKILL' });

    const absent: PatternsPlace = {
      name: 'absent',
      address: lab.host('h7').address,
      spawn: (_, options) => lab.host('h7').spawn(['sleep', '2'], options ?? {}),
    };
    const places = [...lab.hosts.slice(0, 3), absent];
    const waiting = await startPatterns(places, { shape: 'bus', connectTimeoutMs: 1500, port: (port += 2) });
    await t.rejects(waiting.end, {
      code: 'VNET_ERR_UNREACHABLE',
      message: /on h2: rank 2, superstep 0: no connection with rank 3 .* within 1.5 s; it did not call/,
    });
    waiting.kill();

    const [a, b] = lab.hosts as [LabNode, LabNode];
    const changed: PatternsPlace = {
      name: 'b',
      address: b.address,
      spawn: (words, options) =>
        b.spawn(
          words.map((word) => (word === '1000' ? '2000' : word)),
          options ?? {},
        ),
    };
    const odd = await startPatterns([a, changed], { shape: 'bus', messageBytes: 1000, port: (port += 2) });
    await t.rejects(odd.end, { message: /rank 1 .* was started with other options/ });

    const noisy = await run({ noise: { stream: [{ from: 0, to: 1, bitsPerSecond: 0 }] } });
    await t.rejects(noisy.end, { message: /the noise on h0: patterns: the rate is more than nothing/ });
    await t.rejects(run({ noise: { chat: [[0, 9]] } }), { code: 'VNET_ERR_INVALID' });
    await t.rejects((await run({ shape: 'torus:3x3' })).end, {
      code: 'VNET_ERR_INVALID',
      message: /torus:3x3 has 9 ranks, but there are 8/,
    });
    await t.rejects(startPatterns(lab), { code: 'VNET_ERR_INVALID', message: /two machines or more, got 0/ });
  });
});

t.test('the example, by the verb, over the overlay', { skip }, async (t) => {
  const example = (name: string) =>
    readFileSync(new URL(`../../../examples/${name}`, import.meta.url), 'utf8');
  const overlay = await OverlayLab.make(parseLab(example('patterns.lab')), { name: `o${process.pid}` });
  t.teardown(() => overlay.close());
  const { topology } = loadScript(example('patterns.vnet'));
  const onWire = (list: Topology['vms']) =>
    list.map(({ name, host, macs, port }) => ({ name, host, macs, port }));
  t.strictSame(onWire(topology.vms), onWire(overlay.topology().vms), 'lab and script name the same VMs');
  await overlay.client().apply({ kind: 'target', topology });
  await overlay.whole();
  const lines: string[] = [];
  const command = new Command();
  addPatternsVerb(command, (line) => lines.push(line));
  const words = [
    'patterns',
    overlay.lab.name,
    '--schedule',
    'ring 500ms, tree reduction 2x',
    '--message',
    '2000',
  ];
  await command.parseAsync([...words, '--json'], { from: 'user' });
  const reports = lines.map((line) => JSON.parse(line) as PatternsReport);
  t.strictSame(
    reports.map(({ kind, shape }) => `${kind} ${shape}`).filter((line) => !line.startsWith('interval')),
    ['phase ring', 'phase tree', 'end tree'],
  );
  t.ok(reports.at(-1)!.iterations > 3);
  await command.parseAsync(['patterns', overlay.lab.name, '--shape', 'bus', '--seconds', '0.2'], {
    from: 'user',
  });
  t.match(lines.at(-1), /^\d+ iterations in [\d.]+ s: [\d.]+ a second$/);
  await t.rejects(command.parseAsync(['patterns', overlay.lab.name, '--shape', 'star'], { from: 'user' }), {
    code: 'VNET_ERR_INVALID',
  });
});
