import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { DEFAULT_SIGHT, type TrafficStep } from '../../core/index.js';
import { compile, OBJECTIVES, parseInstance } from '../../vadapt/index.js';
import { recordHeader, recordStep } from '../../vttif/index.js';
import { FakeOverlay } from '../fake-overlay.js';
import { fakeMatrix, fakePair } from '../fake-sight.js';
import { bodyOf, vnet } from '../fake-world.js';
import { merged, shareOf, type StudyRun } from './study.js';
import { rank, summarise } from './summary.js';

/** Two hosts near to each other, one far away. */
const LAB = {
  'vnet-instance': 1,
  name: 'lab',
  objective: 'residual',
  hosts: ['a', 'b', 'c'].map((name) => ({ name, memoryBytes: 1, localBitsPerSecond: 1e9 })),
  edges: [
    ['a', 'b', 100e6, 200],
    ['b', 'c', 10e6, 20_000],
    ['a', 'c', 5e6, 30_000],
  ].flatMap(([from, to, bitsPerSecond, latencyUs]) => [
    { from, to, bitsPerSecond, latencyUs },
    { from: to, to: from, bitsPerSecond, latencyUs },
  ]),
  vms: [
    { name: 'web', memoryBytes: 1, pinned: 'a' },
    ...['db', 'log'].map((name) => ({ name, memoryBytes: 1 })),
  ],
  flows: [{ from: 'web', to: 'db', bitsPerSecond: 2e6, maxLatencyUs: 5000 }],
};
const folder = t.testdir({
  'lab.json': JSON.stringify(LAB),
  'mine.mjs': `export const solve = ({ vms }) => ({ mapping: Object.fromEntries(vms.map(({ name }, i) => [name, 'abc'[i]])) });`,
  'wrong.mjs': `export const solve = () => ({ mapping: {} });`,
  run: recording(),
  instances: {},
});
const lab = join(folder, 'lab.json');

/** web talks to db for 4 s, then to log; db to nobody. */
function recording(): string {
  const steps: TrafficStep[] = Array.from({ length: 40 }, (_, i) => {
    const other = i < 20 ? 'db' : 'log';
    const pairs: TrafficStep['pairs'] = [
      ['web', other, 50_000, 50],
      [other, 'web', 25_000, 50],
    ];
    return { serial: i + 1, atMs: 1_700_000_000_000 + 200 * i, network: 'lab', pairs };
  });
  return recordHeader(DEFAULT_SIGHT) + steps.map(recordStep).join('');
}

t.test('compare: a row a solver, random first, then the sums', async (t) => {
  const { code, out, err } = await vnet(
    `adapt compare --instances ${lab} --solvers greedy,exact --budget 50ms`,
  );
  t.same([code, err], [0, '']);
  const rows = out.split('\n');
  t.match(rows[0], /^INSTANCE +SOLVER +VALUE +BOUND +GAP +OF BEST +TIME$/);
  t.match(rows[1], /^lab +random /);
  t.match(rows[2], /^ +greedy +98\.0 Mbit\/s +98\.0 Mbit\/s +0% +100\.0%/);
  t.match(out, /\nOver 1 instance\nSOLVER +WORST +P1 +MEAN +BEST IN +GAP +TIME +LONGEST +RUNS\nrandom /);
  t.match(out, /\nexact +100\.0% +100\.0% +100\.0% +100% +0%/);
});

t.test('compare: a solver of the user, several runs, failures said, documents', async (t) => {
  const line = `adapt compare --instances ${lab} --solvers ${join(folder, 'mine.mjs')},${join(folder, 'wrong.mjs')} --runs 2 --budget 20ms`;
  const text = await vnet(line);
  t.equal(text.code, 0);
  t.match(text.out, /mine\.mjs +98\.0 Mbit\/s/);
  t.match(text.out, /wrong\.mjs +- .*places VM web on no host/);
  t.match(text.out, /wrong\.mjs( +-){7} +0 +2\n/);
  const { instances, summary } = JSON.parse((await vnet(`${line} --json`)).out);
  t.match(instances[0], {
    name: 'lab',
    hosts: 3,
    vms: 3,
    flows: 1,
    objective: 'residual',
    best: 98e6,
    bound: 98e6,
  });
  t.equal(instances[0].runs.length, 6);
  t.match(instances[0].runs[2], { seed: 1, value: 98e6, share: 1, gap: 0 });
  t.match(instances[0].runs[4].error, { code: 'VNET_ERR_INVALID' });
  t.match(summary[2], { runs: 0, failed: 2 });
  const csv = (await vnet(`${line} --csv`)).out.trimEnd().split('\n');
  t.equal(csv.length, 7);
  t.match(
    csv[0],
    /^instance,hosts,vms,flows,objective,solver,seed,value,bound,gap,share_of_best,took_ms,error$/,
  );
  t.match(csv[3], /^lab,3,3,1,residual,.*mine\.mjs,1,98000000,98000000,0,1,[\d.]+,$/);
});

t.test('compare: what is stored with an instance counts; its objective can be another', async (t) => {
  const file = join(folder, 'stored.json');
  writeFileSync(
    file,
    JSON.stringify({
      ...LAB,
      best: { value: 196e6, solver: 'x', mapping: {}, paths: [] },
      bound: { value: 196e6, proof: 'x' },
    }),
  );
  const stored = JSON.parse(
    (await vnet(`adapt compare --instances ${file} --solvers greedy --budget 20ms --json`)).out,
  );
  t.match(stored.instances[0], { best: 196e6, bound: 98e6 });
  t.match(stored.instances[0].runs[1], { share: 0.5 });
  const other = JSON.parse(
    (await vnet(`adapt compare --instances ${file} --solvers greedy --objective latency --json`)).out,
  );
  t.match(other.instances[0], { objective: 'latency', best: -1e-3 * 2e6 * 200 });
});

t.test('compare: errors', async (t) => {
  const fails = async (args: string, message: RegExp) => {
    const { code, err } = await vnet(`adapt compare ${args} --json`);
    t.equal(code, 1, args);
    t.match(bodyOf(err).message, message);
  };
  await fails('--solvers greedy', /required option '--instances <path>'/);
  await fails(`--instances ${folder}/nowhere`, /cannot read .*nowhere/);
  await fails(`--instances ${join(folder, 'instances')}`, /has no instance files/);
  await fails(`--instances ${lab} --solvers magic`, /no solver is called magic/);
  await fails(`--instances ${lab} --budget soon`, /"soon" is not a time/);
  await fails(`--instances ${join(folder, 'mine.mjs')}`, /mine.mjs is no JSON/);
});

t.test('instances: written, the same again, not overwritten by others', async (t) => {
  const out = join(folder, 'instances');
  const line = `adapt instances --out ${out} --families mesh,sites --sizes 4x4x6,5x5x8 --count 2`;
  const { code, out: said } = await vnet(line);
  t.equal(code, 0);
  t.match(said, /^8 instances written to .*\nCompare: vnet adapt compare --instances /);
  const names = readdirSync(out);
  t.equal(names.length, 8);
  for (const name of names)
    t.equal(`${parseInstance(readFileSync(join(out, name), 'utf8'), name).name}.json`, name);
  t.equal((await vnet(line)).code, 0, 'the same are the same');
  writeFileSync(join(out, names[0] as string), '{}');
  t.match(bodyOf((await vnet(`${line} --json`)).err), { code: 'VNET_ERR_EXISTS', hint: /--replace/ });
  t.equal(JSON.parse((await vnet(`${line} --replace --json`)).out).length, 8);
  t.match(
    bodyOf((await vnet(`adapt instances --out ${out} --sizes 4x4 --json`)).err).message,
    /"4x4" is no size/,
  );
  t.match(bodyOf((await vnet(`adapt instances --out ${out} --families x --json`)).err).hint, /mesh, sites/);
  t.match(
    bodyOf((await vnet(`adapt instances --out ${out} --real ${folder} --json`)).err).message,
    /cannot read .*cloud-throughput/,
  );
});

t.test(
  'instances: measured ones',
  { skip: !process.env['VNET_DATA'] && 'VNET_DATA names no folder' },
  async (t) => {
    const out = join(folder, 'real');
    const line = `adapt instances --out ${out} --families mesh --sizes 4x4x6 --count 1 --real ${process.env['VNET_DATA']} --json`;
    const written: string[] = JSON.parse((await vnet(line)).out);
    t.ok(written.length > 8);
    const cg = written.find((path) => path.endsWith('cloud-45x64-cg.json')) ?? '';
    const { instance } = parseInstance(readFileSync(cg, 'utf8'), cg);
    t.same([instance.hosts, instance.vms], [45, 64]);
  },
);

t.test('export: what runs now is an instance', async (t) => {
  const overlay = new FakeOverlay();
  overlay.matrixView = fakeMatrix([fakePair('web', 'db', 12e6), fakePair('db', 'web', 1e6)]);
  overlay.topology = { ...overlay.topology, routes: [] }; // what the user routes is not adaptation's
  const file = join(folder, 'now.json');
  const { code, out, err } = await vnet(`adapt export ${file}`, { overlay });
  t.equal(code, 0);
  t.match(out, /^\d hosts?, \d VMs and 2 flows written to .*\nTry: vnet sim /);
  t.type(err, 'string');
  const { instance, problem, name } = parseInstance(readFileSync(file, 'utf8'), file);
  t.equal(name, 'lab');
  t.equal(instance.flows, 2);
  t.match(problem.flows[1], { from: 'web', to: 'db', bitsPerSecond: 12e6 });
  t.match(problem.present?.mapping, { web: 'a', db: 'b' });
  t.equal((await vnet(`sim ${file} --budget 20ms`)).code, 0);
  t.match(bodyOf((await vnet(`adapt export ${file} --json`, { overlay })).err), { code: 'VNET_ERR_EXISTS' });
  t.match(bodyOf((await vnet('adapt export - --network x --json', { overlay })).err), {
    code: 'VNET_ERR_NOT_FOUND',
    hint: /lab/,
  });
});

t.test('sim: an instance', async (t) => {
  const { code, out } = await vnet(`sim ${lab} --budget 50ms`);
  t.equal(code, 0);
  t.match(
    out,
    /^lab {2}3 hosts, 3 VMs, 1 flow, objective residual\nvalue 98\.0 Mbit\/s, at most 98\.0 Mbit\/s \(proven best\), auto in /,
  );
  t.match(out, /\nweb +a +pinned\ndb +b\n/);
  t.match(out, /\nweb +db +2\.00M +100M +200 us +a b\n/);
  const document = JSON.parse((await vnet(`sim ${lab} --solver ${join(folder, 'mine.mjs')} --json`)).out);
  t.match(document, {
    value: 98e6,
    bound: 98e6,
    mapping: { web: 'a', db: 'b', log: 'c' },
    flows: [{ from: 'web', to: 'db', fairBitsPerSecond: 100e6, latencyUs: 200, path: ['a', 'b'] }],
  });
  t.match(bodyOf((await vnet(`sim ${lab} --on ${lab} --json`)).err).message, /is no recording/);
  t.match(bodyOf((await vnet(`sim ${folder}/nowhere --json`)).err), { code: 'VNET_ERR_NOT_FOUND' });
});

t.test('sim: a recording, alone and on an instance', async (t) => {
  const file = join(folder, 'run');
  const alone = await vnet(`sim ${file}`);
  t.equal(alone.code, 0);
  t.match(alone.out, /lab {2}pair\n(.*lab {2}.*\n)*.*declared\nWith --on INSTANCE/);
  const { out } = await vnet(`sim ${file} --on ${lab} --budget 50ms`);
  t.match(out, /lab {2}pair\n {2}\+ place web on a\n/);
  t.match(out, /\n {2}\+ place db on b\n/);
  t.match(out, / {2}> move log {2}c → b\n/, 'whom web talks to is near');
  const lines = (await vnet(`sim ${file} --on ${lab} --budget 50ms --json`)).out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines[0], {
    network: 'lab',
    mapping: { web: 'a', db: 'b' },
    links: { made: [['a', 'b']], gone: [] },
  });
  t.same(
    lines[0].flows.map(({ bitsPerSecond }: { bitsPerSecond: number }) => bitsPerSecond),
    [1e6, 2e6],
    '50 kB in 200 ms',
  );
  t.match(lines.at(-1), {
    mapping: { web: 'a', log: 'b', db: 'c' },
    moves: [{ vm: 'db', from: 'b', to: 'c' }, {}],
  });
  const strangers = { ...LAB, vms: [{ name: 'x' }], flows: [] };
  writeFileSync(join(folder, 'other.json'), JSON.stringify(strangers));
  t.match(bodyOf((await vnet(`sim ${file} --on ${join(folder, 'other.json')} --json`)).err), {
    message: /no VMs of the recording/,
    hint: /VMs called db, web/,
  });
});

t.test('adapt replay: every solver, each from where it was', async (t) => {
  const line = `adapt replay ${join(folder, 'run')} --on ${lab} --solvers greedy,exact --budget 50ms`;
  const { code, out } = await vnet(`${line} --all`);
  t.equal(code, 0);
  t.match(out, /INSTANCE +SOLVER.*\n\+\d+ ms lab +random/);
  t.match(out, /Over \d moments\nSOLVER .*MOVES +RUNS\nrandom/);
  const document = JSON.parse((await vnet(`${line} --json`)).out);
  t.equal(document.moves.exact, 2, 'db away, log near');
  t.match(document.summary[2], { solver: 'exact', worst: 1, failed: 0 });
});

t.test('shares, ranks and sums', async (t) => {
  t.equal(shareOf(50, 100), 0.5);
  t.equal(shareOf(-20, -10), 0);
  t.equal(shareOf(-15, -10), 0.5);
  t.equal(shareOf(-500, 100), 0, 'no share is below nothing');
  t.same([rank([1, 2, 3, 4], 0.5), rank([1, 2, 3, 4], 0.01), rank([], 0.5)], [2, 1, 0]);
  t.equal(
    rank(
      Array.from({ length: 200 }, (_, i) => i),
      0.01,
    ),
    1,
    'one in a hundred of two hundred',
  );
  const instance = compile({ hosts: [], edges: [], vms: [], flows: [] });
  const one = { name: 'x', instance, objective: OBJECTIVES.residual };
  const run = (solver: string, value?: number): StudyRun => {
    return { solver, seed: 1, tookMs: 4, ...(value === undefined ? {} : { value }) };
  };
  const result = merged([
    { case: one, bound: 200, runs: [run('a', 50), run('a')] },
    { case: one, bound: 100, runs: [run('b', 100)] },
  ]);
  t.match(result, { best: 100, bound: 100 });
  t.match(summarise([result], 'a'), {
    worst: 0.5,
    mean: 0.5,
    best: 0,
    gap: 0.5,
    runs: 1,
    failed: 1,
    longestMs: 4,
  });
  t.match(summarise([result], 'b'), { worst: 1, best: 1, gap: 0 });
  const costly = { ...one, objective: { name: 'x', weights: { residual: 1, change: 1 } } };
  const parts = [200, 100].map((bound) => ({ case: costly, bound, runs: [run('a', 10)] }));
  t.equal(merged(parts as [never, never]).bound, 200, 'where change costs, the problems differ');
});
