import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { VnetError } from '../../core/index.js';
import { compile } from '../model/compile.js';
import { evaluate } from '../model/evaluate.js';
import { OBJECTIVES } from '../model/objective.js';
import type { Problem } from '../model/problem.js';
import { epochMs, pack } from './messages.js';
import { allSolvers, solverNamed } from './registry.js';
import { runSolver } from './run-solver.js';
import { SolverThread } from './solver-thread.js';
import { SolverThreads } from './solver-threads.js';
import { runFile } from './user-file.js';

const M = 1e6;
const objective = OBJECTIVES.residual;
const threads = new SolverThreads(1);
t.teardown(() => threads.close());

const names = ['a', 'b', 'c', 'd'];
const PROBLEM: Problem = {
  hosts: names.map((name) => ({ name, memoryBytes: 2, localBitsPerSecond: 50 * M })),
  edges: names.flatMap((from, i) =>
    names.flatMap((to, j) =>
      i === j ? [] : [{ from, to, bitsPerSecond: (10 + i + 2 * j) * M, latencyUs: 100 * (i + j) }],
    ),
  ),
  vms: ['x', 'y', 'z'].map((name) => ({ name, memoryBytes: 1 })),
  flows: [
    { from: 'x', to: 'y', bitsPerSecond: 5 * M },
    { from: 'y', to: 'z', bitsPerSecond: 3 * M },
  ],
};
const instance = compile(PROBLEM);
const options = { objective, budgetMs: 100, threads };

/** What it rejects with. */
async function failure(promise: Promise<unknown>): Promise<VnetError> {
  try {
    await promise;
  } catch (thrown) {
    return VnetError.from(thrown);
  }
  throw new Error('it did not reject');
}

t.test('every solver by its name: value as evaluated, below the bound', async (t) => {
  for (const { name } of allSolvers()) {
    const solution = await runSolver(instance, name, {
      ...options,
      budgetMs: name === 'milp' ? 10_000 : 100,
    });
    t.equal(solution.value, evaluate(instance, objective, solution).value, name);
    t.ok(solution.bound >= solution.value && solution.gap >= 0);
    t.equal(solution.solver, name);
  }
  const [first, second] = [
    await runSolver(instance, 'random', { ...options, seed: 7 }),
    await runSolver(instance, 'random', { ...options, seed: 7 }),
  ];
  t.same(first.mapping, second.mapping, 'the same seed, the same answer');
  t.throws(() => solverNamed('magic'), { code: 'VNET_ERR_NOT_FOUND', hint: /random.*exec:COMMAND/ });
  t.equal((await failure(runSolver(instance, 'magic', options))).code, 'VNET_ERR_NOT_FOUND');
});

t.test('it begins from a start, and never ends below it', async (t) => {
  const best = await runSolver(instance, 'annealing', options);
  const again = await runSolver(instance, 'random', { ...options, start: best });
  t.ok(again.value >= best.value);
});

t.test('no placement is an error that says so', async (t) => {
  const full = compile({ ...PROBLEM, vms: PROBLEM.vms.map((vm) => ({ ...vm, memoryBytes: 3 })) });
  const error = await failure(runSolver(full, 'greedy', options));
  t.match(error, { code: 'VNET_ERR_NOT_FOUND', message: /greedy found no placement/ });
});

t.test('a cancelled job ends at once, and its thread is used again', async (t) => {
  const abort = new AbortController();
  const running = failure(
    runSolver(instance, 'annealing', { ...options, budgetMs: 60_000, signal: abort.signal }),
  );
  setTimeout(() => abort.abort(), 50);
  t.equal((await running).code, 'VNET_ERR_CLOSED');
  t.ok((await runSolver(instance, 'greedy', options)).value > 0);
  t.equal(
    (await failure(runSolver(instance, 'greedy', { ...options, signal: abort.signal }))).code,
    'VNET_ERR_CLOSED',
  );
});

t.test('a job that is told to stop gives what it has, and leaves the thread', async (t) => {
  const thread = await SolverThread.start();
  t.teardown(() => thread.end());
  const request = { objective, deadlineMs: epochMs() + 60_000, seed: 1 };
  const running = thread.run({ kind: 'solve', instance, solver: 'annealing', request }, 30_000);
  setTimeout(() => thread.stop(), 50);
  t.ok((await running).found);
  t.equal(thread.usable, true);
});

t.test('a thread that hangs, dies or never starts is an error', async (t) => {
  const script = (body: string) =>
    new URL(
      `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads';${body}`)}`,
    );
  const ready = 'parentPort.postMessage({ ready: true });';
  const job = { kind: 'bound', instance, objective } as const;
  const hangs = await SolverThread.start(script(`parentPort.on('message', () => { for (;;); });${ready}`));
  t.match(await failure(hangs.run(job, 100)), { code: 'VNET_ERR_TIMEOUT', message: /no answer in 0.1 s/ });
  t.equal(hangs.usable, false);
  const dies = await SolverThread.start(script(`parentPort.on('message', () => process.exit(3));${ready}`));
  t.match(await failure(dies.run(job, 10_000)), { code: 'VNET_ERR_INTERNAL', message: /ended with code 3/ });
  t.match(await failure(dies.run(job, 10_000)), { code: 'VNET_ERR_INTERNAL' }, 'nobody waits for it again');
  const throws = script(`throw new Error('no such import')`);
  t.match(await failure(SolverThread.start(throws)), { message: /no such import/ });
});

t.test('jobs wait for a thread; close ends all of them', async (t) => {
  const own = new SolverThreads(1);
  const both = await Promise.all(
    ['greedy', 'random'].map((name) => runSolver(instance, name, { ...options, threads: own })),
  );
  t.equal(both.length, 2);
  const long = () =>
    failure(runSolver(instance, 'annealing', { ...options, budgetMs: 60_000, threads: own }));
  const ending = [long(), long()];
  setTimeout(() => own.close(), 50);
  t.same(
    (await Promise.all(ending)).map(({ code }) => code),
    ['VNET_ERR_CLOSED', 'VNET_ERR_CLOSED'],
  );
  t.equal((await failure(own.warm())).code, 'VNET_ERR_CLOSED');
  const early = new SolverThreads(1);
  const first = failure(runSolver(instance, 'annealing', { ...options, budgetMs: 60_000, threads: early }));
  early.close();
  t.equal((await first).code, 'VNET_ERR_CLOSED', 'closed while its thread starts');
});

t.test('arrays of edges are read in place by a thread', async (t) => {
  t.ok(instance.bandwidth.buffer instanceof SharedArrayBuffer);
  const { hops, start } = pack({
    mapping: Int32Array.of(0),
    paths: [Int32Array.of(1, 2), Int32Array.of(), Int32Array.of(3)],
  });
  t.same(
    [[...hops], [...start]],
    [
      [1, 2, 3],
      [0, 2, 2, 3],
    ],
  );
});

const IDENTITY = `const mapping = Object.fromEntries(instance.vms.map(({ name }, i) => [name, instance.hosts[i].name]));`;

t.test('a file of the user', async (t) => {
  const dir = t.testdir({
    'good.mjs': `export async function solve(instance, options) {
      if (options.objective.weights.residual !== 1 || options.budgetMs !== 100 || options.seed !== 1) throw new Error('options');
      ${IDENTITY}
      return { mapping, paths: instance.flows.map(({ from, to }) => [mapping[from], mapping[to]]) };
    }`,
    'places.mjs': `export const solve = (instance) => { ${IDENTITY} return { mapping }; };`,
    'none.mjs': 'export const solve = () => undefined;',
    'throws.mjs': `export function solve() { console.error('half way'); throw new RangeError('too small'); }`,
    'hangs.mjs': 'export function solve() { for (;;); }',
    'eats.mjs': 'export function solve() { const all = []; for (;;) all.push(new Array(1e5).fill({})); }',
    'empty.mjs': 'export const x = 1;',
    'syntax.mjs': 'export const x = ;',
    'exits.mjs': 'export function solve() { process.exit(4); }',
    'strange.mjs': 'export const solve = () => ({ mapping: { x: "a", y: "b", z: "nowhere" } });',
    'drops.mjs': `export const solve = (instance) => { ${IDENTITY} return { mapping, paths: [[], []] }; };`,
    'typo.mjs': 'export const solve = () => ({ mappings: {} });',
  });
  const run = (name: string) => runSolver(instance, join(dir, name), options);
  const good = await run('good.mjs');
  t.same([...good.mapping], [0, 1, 2]);
  t.equal(good.value, 12 * M - 5 * M + 15 * M - 3 * M);
  t.ok((await run('places.mjs')).value >= good.value, 'paths are found for it');
  const refuses = async (name: string, code: string, message: RegExp) =>
    t.match(await failure(run(name)), { code, message }, name);
  await refuses('none.mjs', 'VNET_ERR_NOT_FOUND', /found no placement/);
  await refuses('throws.mjs', 'VNET_ERR_INVALID', /threw RangeError: too small \(at solve.*throws.mjs:1/);
  t.match((await failure(run('throws.mjs'))).hint, /half way/, 'its own words');
  await refuses('empty.mjs', 'VNET_ERR_INVALID', /exports no function `solve/);
  await refuses('syntax.mjs', 'VNET_ERR_INVALID', /SyntaxError/);
  await refuses('exits.mjs', 'VNET_ERR_INVALID', /ended with code 4/);
  await refuses('strange.mjs', 'VNET_ERR_INVALID', /host nowhere, which is none/);
  await refuses('drops.mjs', 'VNET_ERR_INVALID', /path of flow 0.*is missing, though there is one/);
  await refuses('typo.mjs', 'VNET_ERR_INVALID', /mappings is no field/);
  await refuses('absent.mjs', 'VNET_ERR_NOT_FOUND', /there is no solver/);
  const eats = runFile(join(dir, 'eats.mjs'), { request: '{}', budgetMs: 20_000, heapMb: 24 });
  t.match(await failure(eats), { code: 'VNET_ERR_LIMIT', message: /took more than 24 MB/ });
  await refuses('hangs.mjs', 'VNET_ERR_TIMEOUT', /no answer in 1.1 s/);
});

t.test('the file of docs/instances.md', async (t) => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/instances.md'), 'utf8');
  const [, script = ''] = /```js\n([\s\S]*?)```/.exec(text) ?? [];
  const dir = t.testdir({ 'mine.mjs': script });
  t.same([...(await runSolver(instance, join(dir, 'mine.mjs'), options)).mapping], [0, 1, 2]);
});

t.test('a program of the user', async (t) => {
  const dir = t.testdir({
    'solve.mjs': `let text = ''; for await (const part of process.stdin) text += part;
      const { instance, options, ...rest } = JSON.parse(text);
      if (rest['vnet-solve'] !== 1 || instance['vnet-instance'] !== 1) process.exit(9);
      ${IDENTITY}
      console.log(JSON.stringify({ mapping }));`,
  });
  const run = (command: string, budgetMs = 100, signal?: AbortSignal) =>
    runSolver(instance, `exec:${command}`, { ...options, budgetMs, ...(signal ? { signal } : {}) });
  const solution = await run(`${process.execPath} ${join(dir, 'solve.mjs')}`, 5000);
  t.same([...solution.mapping], [0, 1, 2]);
  const refuses = async (command: string, code: string, message: RegExp) =>
    t.match(await failure(run(command)), { code, message }, command);
  await refuses('false', 'VNET_ERR_NOT_FOUND', /found no placement/);
  await refuses('echo help >&2; exit 2', 'VNET_ERR_INVALID', /exit code 2/);
  t.match((await failure(run('echo help >&2; exit 2'))).hint, /help/);
  await refuses('no-such-program-of-mine', 'VNET_ERR_INVALID', /exit code 127/);
  await refuses('echo nonsense', 'VNET_ERR_INVALID', /no JSON/);
  await refuses(`echo '{"mapping": {"x": 1}}'`, 'VNET_ERR_INVALID', /mapping.x is 1; it must be a text/);
  const startedMs = performance.now();
  await refuses('sleep 50 & sleep 50', 'VNET_ERR_TIMEOUT', /no answer in 1.1 s, killed/);
  await refuses(`trap '' TERM; sleep 50 & wait; sleep 50`, 'VNET_ERR_TIMEOUT', /killed/);
  t.ok(performance.now() - startedMs < 20_000, 'its children hold nobody up');
  const file = join(dir, 'pid');
  await failure(run(`sleep 50 & echo $! > ${file}; wait`));
  const isThere = existsSync(`/proc/${readFileSync(file, 'utf8').trim()}/exe`);
  t.equal(isThere, false, 'nothing of the group is left');
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 100);
  t.equal((await failure(run('sleep 50', 60_000, abort.signal))).code, 'VNET_ERR_CLOSED');
});
