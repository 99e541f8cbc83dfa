/** The API's paths. The paper's eight primitives (Virtuoso 3.2) are marked. */
import type { FastifyInstance, FastifySchema } from 'fastify';
import {
  type ChangeRequest,
  ChangeRequestSchema,
  ConfigurationTimeSchema,
  type EchoOptions,
  EchoSchema,
  emptyChange,
  HistoryQuerySchema,
  LinkSchema,
  type LinkStatement,
  NDJSON,
  MatrixQuerySchema,
  NetworkQuerySchema,
  RouteQuerySchema,
  RuleSchema,
  type RuleStatement,
  type SightParameters,
  SightSchema,
  VnetError,
} from '../../core/index.js';
import { adaptRoutes } from './adapt-routes.js';
import type { ControlBackend } from './backend.js';
import { sendError, streamLines } from './reply.js';
import { vmRoutes } from './vm-routes.js';

const schema = (
  summary: string,
  rest: FastifySchema & { body?: unknown } = {},
): { schema: FastifySchema } => ({
  schema: { ...rest, summary } as FastifySchema,
});

export function routes(server: FastifyInstance, backend: ControlBackend): void {
  health(server, backend);
  views(server, backend);
  sight(server, backend);
  primitives(server, backend);
  changes(server, backend);
  vmRoutes(server, backend);
  adaptRoutes(server, backend);
  server.get(
    '/v1/events',
    schema('Events as lines of JSON, until the connection closes'),
    (request, reply) => {
      const stream = streamLines(reply);
      const cancel = backend.subscribe((event) => stream.write(event));
      request.raw.on('close', cancel);
      reply.raw.on('close', cancel);
    },
  );
  server.post('/v1/shutdown', schema('Stop the daemon'), async (_request, reply) => {
    await reply.code(204).send();
    backend.shutdown();
  });
}

function health(server: FastifyInstance, backend: ControlBackend): void {
  server.get('/healthz', schema('The process answers'), async () => ({ status: 'ok' }));
  server.get(
    '/readyz',
    schema('The star link stands and the configuration is installed'),
    async (_request, reply) => {
      const missing = backend.notReady();
      if (missing === undefined) return { status: 'ready' };
      return reply.code(503).send({ status: 'not ready', missing });
    },
  );
}

function views(server: FastifyInstance, backend: ControlBackend): void {
  server.get('/v1/local', schema("This daemon's own state"), () => backend.local());
  server.get('/v1/overlay', schema('The whole overlay, as the Proxy holds it'), () =>
    backend.authority.overview(),
  );
  server.get<{ Params: { host: string } }>(
    '/v1/hosts/:host',
    schema("Another daemon's own state"),
    (request) => backend.authority.hostView(request.params.host),
  );
  server.get<{ Querystring: { from: string; to: string; network?: string } }>(
    '/v1/route',
    schema('The hops of a frame between two VMs or addresses, with the rules that decide', {
      querystring: RouteQuerySchema,
    }),
    ({ query }) => backend.authority.route(query.from, query.to, query.network),
  );
}

/** What the overlay knows of the traffic and of the network underneath. */
function sight(server: FastifyInstance, { authority }: ControlBackend): void {
  const ofNetwork = (summary: string) => schema(summary, { querystring: NetworkQuerySchema });
  server.get<{ Querystring: { network?: string } }>(
    '/v1/topology',
    ofNetwork("The application's topology, inferred from its traffic (VTTIF)"),
    ({ query }) => authority.inferredTopology(query.network),
  );
  server.get<{ Querystring: { network?: string; limit?: string } }>(
    '/v1/matrix',
    schema('The global traffic matrix, busiest pairs first; `limit` of them', {
      querystring: MatrixQuerySchema,
    }),
    ({ query }) =>
      authority.matrix(query.network, query.limit === undefined ? undefined : Number(query.limit)),
  );
  server.get<{ Querystring: { after?: string } }>(
    '/v1/history',
    schema("Steps of the matrix's history after one", { querystring: HistoryQuerySchema }),
    ({ query }) => authority.history(Number(query.after ?? 0)),
  );
  server.get('/v1/underlay', schema('Latency, loss, bandwidth and MTU between hosts (Wren)'), () =>
    authority.underlay(),
  );
  server.get('/v1/sight', schema('How traffic and underlay are measured'), () => authority.sight());
  server.put<{ Body: Partial<SightParameters> }>(
    '/v1/sight',
    schema('Change how they are measured; what is not given stays', { body: SightSchema }),
    (request) => authority.setSight(request.body),
  );
  server.post<{ Body: { from: string; to: string } & EchoOptions }>(
    '/v1/echo',
    schema("Real frames from one VM's port to another's, answered by the data plane there", {
      body: EchoSchema,
    }),
    ({ body: { from, to, ...options } }) => authority.echo(from, to, options),
  );
}

function primitives(server: FastifyInstance, backend: ControlBackend): void {
  const oneStatement = (
    sign: 'add' | 'remove',
    list: 'links' | 'rules',
    statement: LinkStatement | RuleStatement,
  ) => {
    const change = emptyChange();
    (change[sign][list] as unknown[]).push(statement);
    return backend.authority.apply({ kind: 'change', change });
  };
  const link = (summary: string) => schema(summary, { body: LinkSchema });
  const rule = (summary: string) => schema(summary, { body: RuleSchema });

  server.post<{ Body: LinkStatement }>('/v1/links', link('Primitive 1: add an overlay link'), (request) =>
    oneStatement('add', 'links', request.body),
  );
  server.delete<{ Body: LinkStatement }>(
    '/v1/links',
    link('Primitive 2: delete an overlay link'),
    (request) => oneStatement('remove', 'links', request.body),
  );
  server.post<{ Body: RuleStatement }>('/v1/rules', rule('Primitive 3: add a forwarding rule'), (request) =>
    oneStatement('add', 'rules', request.body),
  );
  server.delete<{ Body: RuleStatement }>(
    '/v1/rules',
    rule('Primitive 4: delete a forwarding rule'),
    (request) => oneStatement('remove', 'rules', request.body),
  );
  server.get('/v1/interfaces', schema('Primitive 5: list the network interfaces'), async () => ({
    interfaces: (await backend.local()).interfaces,
  }));
  server.get('/v1/links', schema('Primitive 6: list the links of this daemon'), async () => ({
    links: (await backend.local()).links,
  }));
  server.get('/v1/rules', schema('Primitive 7: list the forwarding rules of this daemon'), async () => ({
    rules: (await backend.local()).rules,
  }));
  server.put<{ Body: { boundMs: number } }>(
    '/v1/configuration-time',
    schema('Primitive 8: set an upper bound on the configuration time', { body: ConfigurationTimeSchema }),
    async (request, reply) => {
      await backend.authority.setConfigurationTime(request.body.boundMs);
      return reply.code(204).send();
    },
  );
}

function changes(server: FastifyInstance, backend: ControlBackend): void {
  const body = { body: ChangeRequestSchema };
  server.post<{ Body: ChangeRequest }>('/v1/plan', schema('What a change would do', body), (request) =>
    backend.authority.plan(request.body),
  );
  server.post<{ Body: ChangeRequest }>(
    '/v1/changes',
    schema(
      'Many statements as one change, whole or not at all; progress as lines where NDJSON is accepted',
      body,
    ),
    async (request, reply) => {
      if (request.headers.accept !== NDJSON) {
        try {
          return await backend.authority.apply(request.body);
        } catch (thrown) {
          return sendError(reply, VnetError.from(thrown));
        }
      }
      const stream = streamLines(reply);
      try {
        const result = await backend.authority.apply(request.body, (progress) => stream.write({ progress }));
        stream.write({ result });
      } catch (thrown) {
        stream.write({ error: VnetError.from(thrown).toBody() });
      }
      stream.end();
      return reply;
    },
  );
}
