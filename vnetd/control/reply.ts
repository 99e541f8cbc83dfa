/** How answers leave: errors with their status, streams as lines of JSON. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type ChangeLine,
  type ErrorBody,
  type ErrorCode,
  MOVE_ALIVE_MS,
  NDJSON,
  type OverlayEvent,
  VnetError,
} from '../../core/index.js';

const STATUS: Partial<Record<ErrorCode, number>> = {
  VNET_ERR_INVALID: 400,
  VNET_ERR_SCRIPT: 400,
  VNET_ERR_MAC: 400,
  VNET_ERR_NOT_FOUND: 404,
  VNET_ERR_EXISTS: 409,
  VNET_ERR_CONFLICT: 409,
  VNET_ERR_PRIVILEGE: 403,
  VNET_ERR_REFUSED: 403,
  VNET_ERR_LIMIT: 429,
  VNET_ERR_UNSUPPORTED: 501,
  VNET_ERR_UNREACHABLE: 503,
  VNET_ERR_TIMEOUT: 504,
};

/** A subscriber that reads nothing while this much waits is cut off. */
const STREAM_QUEUE_MAX_BYTES = 4 * 1024 * 1024;

export function sendError(reply: FastifyReply, error: VnetError): FastifyReply {
  return reply.code(STATUS[error.code] ?? 500).send(error.toBody());
}

/** A line of what takes its time: moves, plans of adaptation. */
type WorkLine = { progress: unknown } | { result: unknown } | { error: ErrorBody } | { alive: true };

/** Streams lines of JSON; a reader that stops reading is cut off rather than remembered without bound. */
export function streamLines(reply: FastifyReply): {
  write(line: ChangeLine | WorkLine | OverlayEvent): void;
  end(): void;
} {
  reply.hijack();
  const raw = reply.raw;
  raw.writeHead(200, { 'content-type': NDJSON, 'cache-control': 'no-store' });
  raw.flushHeaders();
  return {
    write(line) {
      if (raw.writableLength > STREAM_QUEUE_MAX_BYTES) raw.destroy();
      else raw.write(`${JSON.stringify(line)}\n`);
    },
    end: () => raw.end(),
  };
}

/**
 * What lasts, as one answer, or as lines where NDJSON is accepted. A caller that goes away ends nothing: the work
 * goes on, and is seen and cancelled by anybody.
 */
export async function answerWithProgress<Progress, Result>(
  request: FastifyRequest,
  reply: FastifyReply,
  run: (progress?: (step: Progress) => void) => Promise<Result>,
): Promise<Result | FastifyReply> {
  if (request.headers.accept !== NDJSON) {
    return run().catch((thrown: unknown) => sendError(reply, VnetError.from(thrown)));
  }
  const stream = streamLines(reply);
  const alive = setInterval(() => stream.write({ alive: true }), MOVE_ALIVE_MS);
  try {
    stream.write({ result: await run((progress) => stream.write({ progress })) });
  } catch (thrown) {
    stream.write({ error: VnetError.from(thrown).toBody() });
  } finally {
    clearInterval(alive);
  }
  stream.end();
  return reply;
}
