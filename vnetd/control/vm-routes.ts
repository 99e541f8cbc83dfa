/** The API's paths about VMs. Moves last for minutes: where NDJSON is accepted they tell how far they are. */
import type { FastifyInstance } from 'fastify';
import {
  DrainSchema,
  type MoveOptions,
  type MoveRequest,
  MoveRequestSchema,
  VmCheckSchema,
  VmStartSchema,
  VmStopSchema,
} from '../../core/index.js';
import type { ControlBackend } from './backend.js';
import { answerWithProgress } from './reply.js';

interface OfVm {
  vm: string;
}

export function vmRoutes(server: FastifyInstance, { authority }: ControlBackend): void {
  const schema = (summary: string, body?: unknown) => ({ schema: { summary, ...(body ? { body } : {}) } });
  server.get('/v1/vms', schema('VMs, where they are and what they do'), () => authority.vms());
  server.post<{ Params: OfVm; Body: Parameters<typeof authority.startVm>[1] | null }>(
    '/v1/vms/:vm/start',
    schema('Start a VM on the host of its statement, or on another', VmStartSchema),
    ({ params, body }) => authority.startVm(params.vm, body ?? {}),
  );
  server.post<{ Params: OfVm; Body: Parameters<typeof authority.stopVm>[1] | null }>(
    '/v1/vms/:vm/stop',
    schema('Ask the guest to end, and after `graceMs` end it', VmStopSchema),
    ({ params, body }) => authority.stopVm(params.vm, body ?? {}),
  );
  server.post<{ Params: OfVm; Body: { host: string } }>(
    '/v1/vms/:vm/check',
    schema('Whether a VM could run on a host, and why not', VmCheckSchema),
    ({ params, body }) => authority.checkVm(params.vm, body.host),
  );
  server.post<{ Body: MoveRequest }>(
    '/v1/moves',
    schema('Move VMs; progress as lines where NDJSON is accepted', MoveRequestSchema),
    (request, reply) =>
      answerWithProgress(request, reply, (progress) => authority.moveVms(request.body, progress)),
  );
  server.delete<{ Params: OfVm }>(
    '/v1/moves/:vm',
    schema('Cancel the move of a VM'),
    async ({ params }, reply) => {
      await authority.cancelMove(params.vm);
      return reply.code(204).send();
    },
  );
  server.post<{ Params: { host: string }; Body: { options?: MoveOptions } | null }>(
    '/v1/hosts/:host/drain',
    schema('Move every VM that is not pinned away from a host; lines as for moves', DrainSchema),
    (request, reply) =>
      answerWithProgress(request, reply, (progress) =>
        authority.drainHost(request.params.host, request.body?.options, progress),
      ),
  );
}
