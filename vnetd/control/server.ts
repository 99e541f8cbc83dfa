/** The control API: HTTP on a Unix socket whose permissions decide who may call. */
import { chmod, mkdir, unlink } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import swagger from '@fastify/swagger';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  LogController,
} from 'fastify';
import { VnetError } from '../../core/index.js';
import type { ControlBackend } from './backend.js';
import { sendError } from './reply.js';
import { routes } from './routes.js';

/** Scripts of 100,000 statements fit. */
const BODY_MAX_BYTES = 64 * 1024 * 1024;
const API_HINT = 'GET /openapi.json describes it';

export async function serveControl(
  socketPath: string,
  backend: ControlBackend,
  logger: FastifyBaseLogger,
): Promise<FastifyInstance> {
  const server = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_MAX_BYTES,
    forceCloseConnections: true,
    clientErrorHandler: refuseNoHttp,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: false } },
  });
  server.setErrorHandler((error: FastifyError, _request, reply) => sendError(reply, asVnetError(error)));
  server.setNotFoundHandler((request, reply) =>
    sendError(
      reply,
      new VnetError('VNET_ERR_NOT_FOUND', `${request.method} ${request.url} is not part of the API`, {
        hint: API_HINT,
      }),
    ),
  );
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'vnet control API',
        version: '1',
        description: 'Served by every daemon on its Unix socket.',
      },
    },
  });
  await server.register(async (scope) => routes(scope, backend));
  server.get('/openapi.json', { schema: { hide: true } }, async () => server.swagger());
  await clearSocket(socketPath);
  await server.listen({ path: socketPath });
  await chmod(socketPath, 0o660);
  return server;
}

function asVnetError(error: FastifyError): VnetError {
  if (error.validation) {
    return new VnetError('VNET_ERR_INVALID', `the request does not fit the API: ${error.message}`, {
      hint: API_HINT,
      details: error.validation,
    });
  }
  if ((error.statusCode ?? 500) < 500) {
    const hint =
      error.statusCode === 413
        ? `send at most ${BODY_MAX_BYTES >> 20} MiB a request`
        : `send JSON: ${API_HINT}`;
    return new VnetError('VNET_ERR_INVALID', error.message, { hint, cause: error });
  }
  return VnetError.from(error);
}

/** What is no HTTP never reaches a handler: the answer is written by hand, and the connection ends. */
function refuseNoHttp(cause: NodeJS.ErrnoException, socket: Socket): void {
  if (cause.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const isLong = cause.code === 'HPE_HEADER_OVERFLOW';
  const error = new VnetError(
    'VNET_ERR_INVALID',
    isLong ? 'the headers are too long' : 'this is no HTTP request',
    {
      hint: API_HINT,
    },
  );
  const body = JSON.stringify(error.toBody());
  const status = isLong ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`);
}

/** Removes a socket that a dead daemon left; refuses to take over a living one's. */
async function clearSocket(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (cause) {
    throw new VnetError('VNET_ERR_PRIVILEGE', `cannot make ${dirname(path)} for the control socket`, {
      hint: 'choose another with --socket, or run as root',
      cause,
    });
  }
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(true));
    probe.on('error', () => resolve(false));
    probe.on('connect', () => probe.destroy());
  });
  if (alive) {
    throw new VnetError('VNET_ERR_EXISTS', `another daemon serves ${path}`, {
      hint: 'stop it with `vnet down`, or choose another socket with --socket',
    });
  }
  await unlink(path).catch(() => {}); // Absent: nothing to clear.
}
