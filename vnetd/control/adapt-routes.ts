/** The API's paths about adaptation. A plan that is carried out may move VMs: it tells how far it is, as moves do. */
import type { FastifyInstance } from 'fastify';
import {
  AdaptApplySchema,
  type AdaptPlanRequest,
  AdaptPlanSchema,
  AdaptQuerySchema,
  type AdaptSettings,
  AdaptSettingsSchema,
  AdaptWhySchema,
} from '../../core/index.js';
import type { ControlBackend } from './backend.js';
import { answerWithProgress } from './reply.js';

export function adaptRoutes(server: FastifyInstance, { authority }: ControlBackend): void {
  const schema = (summary: string, rest: object = {}) => ({ schema: { summary, ...rest } });
  server.get<{ Querystring: { history?: string } }>(
    '/v1/adaptation',
    schema('What adaptation may do, owns, plans and did; `history` records of it', {
      querystring: AdaptQuerySchema,
    }),
    ({ query }) => authority.adaptation(query.history === undefined ? undefined : Number(query.history)),
  );
  server.put<{ Body: Partial<AdaptSettings> }>(
    '/v1/adaptation',
    schema('Change what adaptation may do; what is not given stays', { body: AdaptSettingsSchema }),
    ({ body }) => authority.setAdaptation(body),
  );
  server.delete(
    '/v1/adaptation',
    schema('Remove what adaptation made: links, routes, reservations. VMs stay where they are'),
    async (_request, reply) => (await authority.clearAdaptation()) ?? reply.code(204).send(),
  );
  server.post<{ Body: AdaptPlanRequest | null }>(
    '/v1/adaptation/plan',
    schema('What adaptation would do now, and why', { body: AdaptPlanSchema }),
    ({ body }) => authority.planAdaptation(body ?? {}),
  );
  server.post<{ Body: { plan: string } }>(
    '/v1/adaptation/apply',
    schema('Carry exactly this plan out; progress as lines where NDJSON is accepted', {
      body: AdaptApplySchema,
    }),
    (request, reply) =>
      answerWithProgress(request, reply, (progress) =>
        authority.applyAdaptation(request.body.plan, progress),
      ),
  );
  server.get<{ Querystring: { subject: string } }>(
    '/v1/adaptation/why',
    schema('Why a VM is where it is, or a link there', { querystring: AdaptWhySchema }),
    ({ query }) => authority.whyAdapted(query.subject),
  );
}
