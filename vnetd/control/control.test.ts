/** The API's calls about traffic and underlay: from the client over a real socket to an authority, wrong ones refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import t from 'tap';
import { type Authority, connectControl, DEFAULT_SIGHT, type ErrorBody } from '../../core/index.js';
import { serveControl } from './server.js';

/** Notes each call; the answers are only passed on. */
function recordingAuthority(calls: unknown[][]): Authority {
  return new Proxy({} as Authority, {
    get: (_target, name) =>
      name === 'then'
        ? undefined
        : async (...args: unknown[]) => {
            calls.push([name, ...args]);
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
    ['matrix', 'lab'],
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
  ];
  for (const [path, method] of methods) t.ok(paths[path]?.[method]?.summary, `${method} ${path}`);
});
