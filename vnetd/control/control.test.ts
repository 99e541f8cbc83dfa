/** The API's calls about traffic and underlay: from the client over a real socket to an authority, wrong ones refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import t from 'tap';
import {
  type Authority,
  connectControl,
  DEFAULT_ADAPT,
  DEFAULT_SIGHT,
  type ErrorBody,
  type MoveView,
  VnetError,
  emptyTopology,
} from '../../core/index.js';
import { serveControl } from './server.js';

const MOVE: MoveView = {
  id: 'm1',
  vm: 'web',
  from: 'a',
  to: 'b',
  phase: 'copying',
  startedAt: '2026-01-02T03:04:05.678Z',
};

/** Notes each call, and tells of progress where it may; the answers are only passed on. */
function recordingAuthority(calls: unknown[][]): Authority {
  return new Proxy({} as Authority, {
    get: (_target, name) =>
      name === 'then'
        ? undefined
        : async (...args: unknown[]) => {
            const progress = args.at(-1);
            if (typeof progress === 'function') progress(MOVE);
            const told = args.filter((each) => typeof each !== 'function');
            calls.push([name, ...told]);
            if (told[0] === 'nowhere') throw new VnetError('VNET_ERR_NOT_FOUND', 'no VM nowhere');
            return { answered: name };
          },
  });
}

async function serve(t: { teardown(done: () => Promise<void>): unknown }) {
  const directory = mkdtempSync(join(tmpdir(), 'vnet-control-'));
  const socketPath = join(directory, 'vnetd.sock');
  const calls: unknown[][] = [];
  const server = await serveControl(
    socketPath,
    {
      authority: recordingAuthority(calls),
      local: () => Promise.reject(new Error('not asked for')),
      notReady: () => undefined,
      subscribe: () => () => {},
      shutdown: () => {},
    },
    pino({ level: 'silent' }),
  );
  const client = connectControl(socketPath);
  t.teardown(async () => {
    client.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const raw = (method: string, path: string, body?: unknown) =>
    new Promise<{ status: number; body: ErrorBody }>((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const call = request({ socketPath, method, path, headers }, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
      });
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  return { calls, client, raw };
}

t.test('each call reaches the authority with what was given', async (t) => {
  const { calls, client, raw } = await serve(t);
  const options = { count: 3, bytes: 64, intervalMs: 10, timeoutMs: 100 };
  t.same(await client.inferredTopology(), { answered: 'inferredTopology' });
  await client.inferredTopology('lab & more');
  await client.matrix('lab');
  await client.matrix('lab', 20);
  await client.history(0);
  await client.history(41);
  await client.underlay();
  await client.sight();
  await client.setSight({ updateMs: 100, derived: true });
  await client.setSight(DEFAULT_SIGHT);
  await client.echo('web', 'db', { ...options, network: 'lab' });
  await client.echo('web', 'db', options);
  await raw('POST', '/v1/echo', { from: 'web', to: 'db' });
  t.same(calls, [
    ['inferredTopology', undefined],
    ['inferredTopology', 'lab & more'],
    ['matrix', 'lab', undefined],
    ['matrix', 'lab', 20],
    ['history', 0],
    ['history', 41],
    ['underlay'],
    ['sight'],
    ['setSight', { updateMs: 100, derived: true }],
    ['setSight', DEFAULT_SIGHT],
    ['echo', 'web', 'db', { ...options, network: 'lab' }],
    ['echo', 'web', 'db', options],
    ['echo', 'web', 'db', { count: 1, bytes: 60, intervalMs: 100, timeoutMs: 1000 }],
  ]);
});

t.test('wrong requests are refused and reach nobody', async (t) => {
  const { calls, raw } = await serve(t);
  const echo = { from: 'web', to: 'db' };
  const wrong: [method: string, path: string, body?: unknown][] = [
    ['PUT', '/v1/sight', { updateMs: 19 }],
    ['PUT', '/v1/sight', { updateMs: 60_001 }],
    ['PUT', '/v1/sight', { updateMs: '200' }],
    ['PUT', '/v1/sight', { smoothingMs: 600_001 }],
    ['PUT', '/v1/sight', { detectionThreshold: 0 }],
    ['PUT', '/v1/sight', { detectionThreshold: 1.01 }],
    ['PUT', '/v1/sight', { probeShare: 0.11 }],
    ['PUT', '/v1/sight', { probeShare: -0.01 }],
    ['PUT', '/v1/sight', { derived: 1 }],
    ['PUT', '/v1/sight', { update: 200 }],
    ['PUT', '/v1/sight', [200]],
    ['POST', '/v1/echo', { from: 'web' }],
    ['POST', '/v1/echo', { ...echo, count: 0 }],
    ['POST', '/v1/echo', { ...echo, count: 1001 }],
    ['POST', '/v1/echo', { ...echo, count: 1.5 }],
    ['POST', '/v1/echo', { ...echo, bytes: 59 }],
    ['POST', '/v1/echo', { ...echo, intervalMs: 0 }],
    ['POST', '/v1/echo', { ...echo, timeoutMs: 10_001 }],
    ['POST', '/v1/echo', { ...echo, flood: true }],
    ['GET', '/v1/history?after=-1'],
    ['GET', '/v1/history?after=x'],
    ['GET', '/v1/history?since=1'],
    ['GET', '/v1/matrix?net=lab'],
    ['GET', '/v1/matrix?limit=0'],
    ['GET', '/v1/matrix?limit=10001'],
    ['GET', '/v1/topology?network=a&network=b'],
  ];
  for (const [method, path, body] of wrong) {
    const answer = await raw(method, path, body);
    t.match(
      answer,
      { status: 400, body: { code: 'VNET_ERR_INVALID' } },
      `${method} ${path} ${JSON.stringify(body)}`,
    );
  }
  t.same(calls, []);
});

t.test('the description names every call', async (t) => {
  const { raw } = await serve(t);
  const { body } = await raw('GET', '/openapi.json');
  const { paths } = body as unknown as { paths: Record<string, Record<string, { summary?: string }>> };
  const methods: [path: string, method: string][] = [
    ['/v1/topology', 'get'],
    ['/v1/matrix', 'get'],
    ['/v1/history', 'get'],
    ['/v1/underlay', 'get'],
    ['/v1/sight', 'get'],
    ['/v1/sight', 'put'],
    ['/v1/echo', 'post'],
    ['/v1/vms', 'get'],
    ['/v1/vms/{vm}/start', 'post'],
    ['/v1/vms/{vm}/stop', 'post'],
    ['/v1/vms/{vm}/check', 'post'],
    ['/v1/moves', 'post'],
    ['/v1/moves/{vm}', 'delete'],
    ['/v1/hosts/{host}/drain', 'post'],
    ['/v1/adaptation', 'get'],
    ['/v1/adaptation', 'put'],
    ['/v1/adaptation', 'delete'],
    ['/v1/adaptation/plan', 'post'],
    ['/v1/adaptation/apply', 'post'],
    ['/v1/adaptation/why', 'get'],
  ];
  for (const [path, method] of methods) t.ok(paths[path]?.[method]?.summary, `${method} ${path}`);
});

t.test('adaptation: each call reaches the authority, a plan tells how far it is', async (t) => {
  const { calls, client, raw } = await serve(t);
  const heard: unknown[] = [];
  const { mode: _, ...search } = { ...DEFAULT_ADAPT, solver: './mine.mjs' };
  await client.adaptation();
  await client.adaptation(1000);
  await client.setAdaptation({ ...DEFAULT_ADAPT, mode: 'auto' });
  await client.setAdaptation({ solver: 'exec:solve --fast' });
  await client.planAdaptation();
  const { mechanisms, objective, solver, budgetMs, linksPerHost } = search;
  const settings = { mechanisms, objective, solver, budgetMs, linksPerHost };
  await client.planAdaptation({ network: 'lab', settings });
  t.same(await client.applyAdaptation('p1', (step) => heard.push(step)), { answered: 'applyAdaptation' });
  t.same(heard, [MOVE], 'whatever the Proxy tells');
  await client.whyAdapted('a b');
  await client.clearAdaptation();
  t.equal((await raw('POST', '/v1/adaptation/plan')).status, 200, 'a body may be left out');
  t.same(calls, [
    ['adaptation', undefined],
    ['adaptation', 1000],
    ['setAdaptation', { ...DEFAULT_ADAPT, mode: 'auto' }],
    ['setAdaptation', { solver: 'exec:solve --fast' }],
    ['planAdaptation', {}],
    ['planAdaptation', { network: 'lab', settings }],
    ['applyAdaptation', 'p1'],
    ['whyAdapted', 'a b'],
    ['clearAdaptation'],
    ['planAdaptation', {}],
  ]);
  await t.rejects(client.applyAdaptation('nowhere'), { code: 'VNET_ERR_NOT_FOUND' });
  calls.length = 0;
  const wrong: [method: string, path: string, body?: unknown][] = [
    ['GET', '/v1/adaptation?history=10000'],
    ['GET', '/v1/adaptation?history=-1'],
    ['PUT', '/v1/adaptation', { mode: 'on' }],
    ['PUT', '/v1/adaptation', { budgetMs: 9 }],
    ['PUT', '/v1/adaptation', { linksPerHost: 65 }],
    ['PUT', '/v1/adaptation', { mechanisms: ['magic'] }],
    ['PUT', '/v1/adaptation', { movesMax: 1.5 }],
    ['PUT', '/v1/adaptation', { speed: 1 }],
    ['POST', '/v1/adaptation/plan', { settings: { mode: 'auto' } }],
    ['POST', '/v1/adaptation/apply', {}],
    ['GET', '/v1/adaptation/why'],
  ];
  for (const [method, path, body] of wrong)
    t.match(
      await raw(method, path, body),
      { status: 400, body: { code: 'VNET_ERR_INVALID' } },
      `${method} ${path}`,
    );
  t.same(calls, []);
});

t.test('VMs: each call reaches the authority, moves tell how far they are', async (t) => {
  const { calls, client, raw } = await serve(t);
  const heard: MoveView[] = [];
  const options = {
    postCopy: 'never',
    bitsPerSecond: 1e9,
    downtimeMs: 50,
    address: '10.0.0.2',
    timeoutMs: 5000,
  } as const;
  await client.vms();
  await client.startVm('web');
  await client.startVm('web', { host: 'b', fence: ['a'] });
  await client.stopVm('web', { graceMs: 0 });
  await client.checkVm('web', 'b');
  t.same(await client.moveVms({ moves: [{ vm: 'web', host: 'b' }], options }, (move) => heard.push(move)), {
    answered: 'moveVms',
  });
  await client.moveVms({ moves: [{ vm: 'web', host: 'b' }] });
  t.same(heard, [MOVE]);
  await client.cancelMove('web');
  await client.drainHost('a', options, (move) => heard.push(move));
  await client.drainHost('a');
  t.equal(heard.length, 2);
  t.equal((await raw('POST', '/v1/vms/web/start')).status, 200, 'a body may be left out');
  t.equal((await raw('POST', '/v1/hosts/a/drain')).status, 200);
  t.match(await raw('POST', '/v1/moves', { moves: [{ vm: 'web', host: 'b' }] }), {
    status: 200,
    body: { answered: 'moveVms' },
  });
  t.same(calls, [
    ['vms'],
    ['startVm', 'web', {}],
    ['startVm', 'web', { host: 'b', fence: ['a'] }],
    ['stopVm', 'web', { graceMs: 0 }],
    ['checkVm', 'web', 'b'],
    ['moveVms', { moves: [{ vm: 'web', host: 'b' }], options }],
    ['moveVms', { moves: [{ vm: 'web', host: 'b' }] }],
    ['cancelMove', 'web'],
    ['drainHost', 'a', options],
    ['drainHost', 'a', undefined],
    ['startVm', 'web', {}],
    ['drainHost', 'a', undefined, undefined],
    ['moveVms', { moves: [{ vm: 'web', host: 'b' }] }, undefined],
  ]);
  await t.rejects(client.startVm('nowhere'), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(client.cancelMove('nowhere'), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(client.drainHost('nowhere'), { code: 'VNET_ERR_NOT_FOUND' }, 'in the middle of a stream');
});

t.test('VMs: wrong requests are refused and reach nobody', async (t) => {
  const { calls, raw } = await serve(t);
  const moves = [{ vm: 'web', host: 'b' }];
  const wrong: [path: string, body?: unknown][] = [
    ['/v1/vms/web/start', { host: '' }],
    ['/v1/vms/web/start', { fence: 'a' }],
    ['/v1/vms/web/stop', { graceMs: -1 }],
    ['/v1/vms/web/stop', { force: true }],
    ['/v1/vms/web/check'],
    ['/v1/vms/web/check', {}],
    ['/v1/moves', { moves: [] }],
    ['/v1/moves', { moves: [{ vm: 'web' }] }],
    ['/v1/moves', { moves, options: { postCopy: 'always' } }],
    ['/v1/moves', { moves, options: { bitsPerSecond: 0 } }],
    ['/v1/moves', { moves, options: { timeoutMs: 1 } }],
    ['/v1/moves', { moves, options: { fast: true } }],
    ['/v1/hosts/a/drain', { address: '10.0.0.1' }],
  ];
  for (const [path, body] of wrong)
    t.match(
      await raw('POST', path, body),
      { status: 400, body: { code: 'VNET_ERR_INVALID' } },
      `${path} ${JSON.stringify(body)}`,
    );
  t.same(calls, []);

  // What a script may say of VMs now, a change may carry.
  const empty = emptyTopology();
  const plan = (add: object) =>
    raw('POST', '/v1/plan', { kind: 'change', change: { add: { ...empty, ...add }, remove: empty } });
  const vm = { name: 'web', network: 'lab', host: 'a', macs: ['02:00:00:00:00:01'] };
  for (const machine of [
    { driver: 'qemu', kernel: '/boot/k', initrd: '/boot/i', append: 'console=ttyS0' },
    { driver: 'netns', namespace: 'web' },
    { driver: 'exec', command: '/usr/bin/vm' },
  ])
    t.equal((await plan({ vms: [{ ...vm, machine }] })).status, 200, machine.driver);
  for (const machine of [
    { driver: 'xen' },
    { driver: 'netns' },
    { driver: 'exec', command: 'a\nb' },
    { driver: 'qemu', ram: 1 },
  ])
    t.equal((await plan({ vms: [{ ...vm, machine }] })).status, 400, JSON.stringify(machine));
  t.equal((await plan({ hosts: [{ name: 'a', memoryBytes: 2 ** 33, cpus: 4 }] })).status, 200);
  t.equal(
    (await plan({ ports: [{ network: 'lab', host: 'a', port: 'bridge:vmbr1', role: 'vms' }] })).status,
    200,
  );
});
