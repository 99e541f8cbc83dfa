import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { seededRandom, VnetError } from '../../core/index.js';
import { compile } from '../model/compile.js';
import { evaluate } from '../model/evaluate.js';
import { OBJECTIVES, weighted } from '../model/objective.js';
import { SOLVERS } from '../solvers/index.js';
import { communication, PATTERNS, patternPairs } from './communication.js';
import { FAMILIES, type Family, generateInstance } from './generate.js';
import { type InstanceFile, parseInstance } from './instance-file.js';
import { measuredInstance } from './measured-instance.js';
import { cloudNetwork, planetLabNetwork, someHosts } from './measured-networks.js';
import { rankMatrix, rankPairs } from './measured-traffic.js';
import { type NamedPlacement, namedPlacement, parseAnswer, placementOf } from './named-placement.js';
import { printInstance } from './print-instance.js';

const greedy = SOLVERS.find(({ name }) => name === 'greedy');
const families = Object.keys(FAMILIES) as Family[];
const SMALL: InstanceFile = {
  name: 'small',
  about: 'all fields',
  objective: weighted({ residual: 1, change: 0.5 }, 'mine'),
  problem: {
    hosts: [
      { name: 'a', cpus: 2, memoryBytes: 1024, localBitsPerSecond: 1e9, relays: false },
      { name: 'b' },
      { name: 'c' },
    ],
    edges: [
      { from: 'a', to: 'b', bitsPerSecond: 1e6, latencyUs: 100 },
      { from: 'b', to: 'a', bitsPerSecond: 2e6, latencyUs: 100 },
    ],
    vms: [
      { name: 'x', cpus: 1, memoryBytes: 512, dirtyBytesPerSecond: 9, pinned: 'a' },
      { name: 'y', allowed: ['a', 'b'] },
      { name: 'z' },
    ],
    flows: [
      { from: 'x', to: 'y', bitsPerSecond: 5, maxLatencyUs: 3 },
      { from: 'y', to: 'x', bitsPerSecond: 6 },
    ],
    shared: [{ name: 's', bitsPerSecond: 7, edges: [['a', 'b']] }],
    apart: [['x', 'y']],
    together: [['y', 'z']],
    maxHops: 2,
    missingCpuBitsPerSecond: 8,
    present: { mapping: { x: 'a' }, links: [['a', 'b']] },
  },
  best: {
    value: 1.5,
    solver: 'greedy',
    mapping: { x: 'a', y: 'b', z: 'b' },
    paths: [
      ['a', 'b'],
      ['b', 'a'],
    ],
  },
  bound: { value: 2, proof: 'by hand' },
};

t.test('what is printed is read again, and printed the same', async (t) => {
  const text = printInstance(SMALL);
  const { instance, ...read } = parseInstance(text, 'small.json');
  t.same(read, SMALL);
  t.equal(instance.hosts, 3);
  t.equal(printInstance(read), text);
  t.match(text, /"objective": \{"name":"mine","weights":\{"change":0.5,"residual":1\}\}/);
  const matrix = { bitsPerSecond: [9, 1, 2, 3, 9, 0, 5, 6, 9], latencyUs: [9, 1, 2, 3, 9, 7, 5, 6, 9] };
  const cells = parseInstance(printInstance({ ...SMALL, problem: { ...SMALL.problem, edges: matrix } }), 'm')
    .problem.edges;
  t.same([...(cells as typeof matrix).bitsPerSecond], [0, 1, 2, 3, 0, 0, 5, 6, 0]);
  t.same([...(cells as typeof matrix).latencyUs], [0, 1, 2, 3, 0, 0, 5, 6, 0], 'no latency where no edge is');
});

t.test('errors say file, field, and what it must be', async (t) => {
  const good = JSON.parse(printInstance(SMALL));
  const refuses = (change: (file: typeof good) => void, message: RegExp, code = 'VNET_ERR_INVALID') => {
    const file = structuredClone(good);
    change(file);
    t.throws(() => parseInstance(JSON.stringify(file), 'f.json'), { code, message });
  };
  t.throws(() => parseInstance('{', 'f.json'), { message: /f.json is no JSON: / });
  t.throws(() => parseInstance('[]', 'f.json'), {
    message: /f.json: the file is \[\]; it must be an object/,
  });
  refuses((file) => delete file['vnet-instance'], /f.json is no instance file/);
  refuses((file) => (file['vnet-instance'] = 2), /version 2 of the format/, 'VNET_ERR_UNSUPPORTED');
  refuses((file) => delete file.hosts, /hosts is missing; it must be a list/);
  refuses((file) => (file.hosts[0].cpus = '2'), /hosts\[0\].cpus is "2"; it must be a number of at least 0/);
  refuses((file) => (file.hosts[0].cpus = null), /hosts\[0\].cpus is null/);
  refuses((file) => (file.hosts[0].memory = 3), /hosts\[0\].memory is no field/);
  refuses(
    (file) => (file.flows[0].maxLatencyUs = 0),
    /flows\[0\].maxLatencyUs is 0; it must be a number above 0/,
  );
  refuses((file) => (file.edges[1].to = 'q'), /f.json: no host is called q/);
  refuses(
    (file) => (file.shared[0].edges[0] = ['a']),
    /shared\[0\].edges\[0\] is \["a"\]; it must be a pair/,
  );
  refuses((file) => (file.objective = 'speed'), /objective is "speed"; it must be residual, single-hop/);
  refuses((file) => (file.objective = { weights: { speed: 1 } }), /no weight speed/);
  refuses(
    (file) => (file.edges = { bitsPerSecond: [[0, 1], [1]], latencyUs: [] }),
    /bitsPerSecond\[1\] is \[1\]; it must be a list of 2/,
  );
  refuses(
    (file) =>
      (file.edges = {
        bitsPerSecond: [
          [0, 'x'],
          [1, 0],
        ],
        latencyUs: [],
      }),
    /bitsPerSecond\[0\]\[1\] is "x"/,
  );
  refuses((file) => (file.maxHops = 1.5), /maxHops cannot be 1.5/);
});

t.test('no text makes the parser throw anything but a VnetError', async () => {
  const text = printInstance(SMALL);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.nat(6), fc.string({ maxLength: 4 }), (at, cut, put) => {
      try {
        parseInstance(text.slice(0, at) + put + text.slice(at + cut), 'f');
      } catch (thrown) {
        if (!(thrown instanceof VnetError)) throw thrown;
        if (thrown.code === 'VNET_ERR_INTERNAL') throw thrown;
      }
    }),
    { numRuns: 500 },
  );
});

t.test('placements by name', async (t) => {
  const placement = placementOf(SMALL.problem, SMALL.best as never);
  t.same([...placement.mapping], [0, 1, 1]);
  t.same(
    placement.paths.map((path) => [...path]),
    [
      [0, 1],
      [1, 0],
    ],
  );
  const { mapping, paths } = namedPlacement(SMALL.problem, placement);
  t.same({ mapping, paths }, { mapping: SMALL.best?.mapping, paths: SMALL.best?.paths });
  t.throws(
    () => placementOf(SMALL.problem, { mapping: { x: 'a', y: 'b' }, paths: [] }),
    /places VM z on no host/,
  );
  t.throws(() => placementOf(SMALL.problem, { mapping: { w: 'a' }, paths: [] }), /a VM w, which is none/);
});

t.test('every family, pattern and size has an answer, and the same seed the same text', async (t) => {
  for (const family of families) {
    for (let seed = 1; seed <= 8; seed++) {
      const options = { hosts: 2 + (seed % 5), vms: 2 + ((3 * seed) % 7), flows: 12, seed };
      const made = generateInstance(family, options);
      const text = printInstance(made);
      if (text !== printInstance(generateInstance(family, options)))
        t.fail(`${made.name} is not the same twice`);
      const { instance, problem } = parseInstance(text, made.name);
      if (problem.flows.length > 12) t.fail('too many flows');
      const solved = greedy?.solve(instance, {
        objective: made.objective,
        budgetMs: 100,
        now: () => 0,
        random: seededRandom(1),
      });
      if (!solved) t.fail(`${made.name} has no answer`);
      else t.ok(Number.isFinite(evaluate(instance, made.objective, solved).value), made.name);
    }
  }
  t.throws(() => generateInstance('mesh', { hosts: 1, vms: 2, seed: 1 }), { code: 'VNET_ERR_INVALID' });
  t.equal(families.length, 8);
});

t.test('patterns', async (t) => {
  t.same(patternPairs('ring', 3), [
    [0, 1],
    [1, 2],
    [2, 0],
  ]);
  t.same(patternPairs('ring', 2), [[0, 1]]);
  t.same(patternPairs('mesh', 4), [
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 3],
  ]);
  t.same(patternPairs('tree', 4), [
    [0, 1],
    [0, 2],
    [1, 3],
  ]);
  t.same(patternPairs('star', 3), [
    [0, 1],
    [0, 2],
  ]);
  t.same(patternPairs('bipartite', 3), [
    [0, 2],
    [1, 2],
  ]);
  for (const pattern of PATTERNS) {
    const vms = ['a', 'b', 'c', 'd', 'e'];
    const flows = communication(pattern, vms, 1000, 1e6, seededRandom(3));
    t.equal(flows.length, 2 * patternPairs(pattern, 5).length, pattern);
    t.equal(new Set(flows.map(({ from, to }) => `${from} ${to}`)).size, flows.length);
  }
});

const CLOUDS = `timestamp,run_id,from_cloud,from_region,to_cloud,to_region,bitrate_Bps,avgrtt,gcp_vm,aws_vm
2022,r,AWS,x,GCP,y,125000000.0,20.0,,
2022,r,AWS,x,GCP,y,250000000.0,40.0,,
2022,r,GCP,y,AWS,x,1000.0,30.5,,
`;

t.test('measured networks', async (t) => {
  const { hosts, edges } = cloudNetwork(CLOUDS, 'c.csv');
  t.same(hosts, [{ name: 'AWS/x' }, { name: 'GCP/y' }]);
  t.same(
    edges[0],
    { from: 'AWS/x', to: 'GCP/y', bitsPerSecond: 150e6, latencyUs: 15_000 },
    'bytes of 10 s, half a trip',
  );
  t.same(edges[1], { from: 'GCP/y', to: 'AWS/x', bitsPerSecond: 800, latencyUs: 15_250 });
  t.throws(() => cloudNetwork(CLOUDS.replace('1000.0', 'n/a'), 'c.csv'), /c.csv: line 4 has n\/a/);
  t.throws(() => cloudNetwork('a,b\n', 'c.csv'), /no column from_cloud/);
  const planet = planetLabNetwork('0\t10\n10\t0\n', 'p.tsv', {
    medianBitsPerSecond: 1e8,
    spread: 0,
    random: seededRandom(1),
  });
  t.same([...(planet.edges.latencyUs as Float64Array)], [0, 5000, 5000, 0]);
  t.same([...(planet.edges.bitsPerSecond as Float64Array)], [0, 1e8, 1e8, 0]);
});

t.test('recorded applications', async (t) => {
  const { vms, flows } = rankMatrix('9,100,0\n50,9,0.5\n50,0,9\n', 'm.csv', { bitsPerSecondOfVm: 1e6 });
  t.same(vms, ['rank0', 'rank1', 'rank2']);
  t.same(
    flows.map(({ from, to, bitsPerSecond }) => [from, to, bitsPerSecond]),
    [
      ['rank0', 'rank1', 1.5e6],
      ['rank1', 'rank0', 0.75e6],
      ['rank2', 'rank0', 0.75e6],
    ],
  );
  t.throws(() => rankMatrix('1,2\n3\n', 'm.csv', { bitsPerSecondOfVm: 1 }), /line 2 has 1 numbers, not 2/);
  const pairs = rankPairs('rank_a,rank_b,bytes_both_directions\n0,1,30\n1,2,10\n', 'e.csv', {
    bitsPerSecondOfVm: 4,
    flowsMax: 2,
  });
  t.same(
    pairs.flows.map(({ bitsPerSecond }) => bitsPerSecond),
    [6, 6],
    'the largest two; 3 VMs of 4 bits a second',
  );
});

t.test('docs/instances.md says what is so', async (t) => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/instances.md'), 'utf8');
  const [file = '', answer = ''] = Array.from(
    text.matchAll(/```json\n([\s\S]*?)```/g),
    ([, block]) => block ?? '',
  );
  const { instance, problem, objective, ...rest } = parseInstance(file, 'docs/instances.md');
  const score = evaluate(
    instance,
    objective,
    placementOf(problem, parseAnswer(answer, 'the answer') as NamedPlacement),
  );
  t.equal(score.value, 98e6 + 50e6, 'the example is a valid answer of the example');
  t.same(
    JSON.parse(printInstance({ ...rest, problem, objective })),
    JSON.parse(file),
    'and no default is in it',
  );
  for (const [family, what] of Object.entries(FAMILIES))
    t.ok(text.includes(`| \`${family}\` | ${what} |`), family);
  for (const name of Object.keys(OBJECTIVES)) t.ok(text.includes(`"${name}"`), name);
});

const data = process.env['VNET_DATA'];
t.test('the real data', { skip: data === undefined && 'VNET_DATA names no folder' }, async (t) => {
  const read = (name: string) => readFileSync(join(data ?? '', name), 'utf8');
  const cloud = cloudNetwork(read('cloud-throughput/results_202202.csv'), 'clouds');
  t.equal(cloud.hosts.length, 45);
  t.equal(cloud.edges.length, 1556);
  const bits = cloud.edges.map(({ bitsPerSecond }) => bitsPerSecond).sort((a, b) => a - b);
  t.ok(Math.abs((bits[778] as number) - 100e6) < 20e6, 'median about 100 Mbit/s');
  const cg = rankMatrix(read('mpi-maplib/cg.p2p.size.csv'), 'cg', { bitsPerSecondOfVm: 1e7 });
  t.equal(cg.vms.length, 64);
  const amg = rankPairs(read('mpi-cenat/amg2013.1000.csv'), 'amg', {
    bitsPerSecondOfVm: 1e7,
    threshold: 0,
    flowsMax: 6000,
  });
  t.same([amg.vms.length, amg.flows.length], [1000, 6000]);
  const file = measuredInstance(cloud, cg, { name: 'cg on clouds', about: 'test' });
  const instance = compile(file.problem);
  t.same([instance.hosts, instance.vms], [45, 64]);
  const few = measuredInstance(someHosts(cloud, 8, seededRandom(2)), cg, { name: 'few', about: 'test' });
  t.equal(compile(few.problem).hosts, 8);
  t.equal(few.objective, OBJECTIVES.residual);
});
