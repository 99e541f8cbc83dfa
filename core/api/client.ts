/** The control API as calls: HTTP over a daemon's Unix socket, one kept-alive connection. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import type { AdaptRecord } from '../adapt.js';
import type {
  Authority,
  ChangeProgress,
  ChangeRequest,
  ChangeResult,
  EchoResult,
  LocalView,
  OverlayEvent,
  OverlayView,
  Plan,
  RouteView,
} from '../control.js';
import { type ErrorBody, VnetError } from '../errors.js';
import type { MatrixView, SightParameters, TopologyView, TrafficHistory } from '../sight.js';
import type { UnderlayView } from '../underlay-view.js';
import type { MoveResult } from '../vm.js';
import { type AdaptLine, adaptCalls } from './adapt-client.js';
import { type MoveLine, vmCalls } from './vm-client.js';

/** A daemon that says nothing for this long is taken for hung. */
const ANSWER_TIMEOUT_MS = 30_000;
export const NDJSON = 'application/x-ndjson';

export interface ControlClient extends Authority {
  local(): Promise<LocalView>;
  /** Until the signal aborts or the daemon goes away (then it throws). */
  events(signal: AbortSignal): AsyncIterable<OverlayEvent>;
  /** Stops the daemon. */
  shutdown(): Promise<void>;
  close(): void;
}

/** One line of a streamed change. */
export type ChangeLine = { progress: ChangeProgress } | { result: ChangeResult } | { error: ErrorBody };

/** Nothing is opened until the first call; that rejects with `VNET_ERR_UNREACHABLE` where no daemon listens. */
export function connectControl(socketPath: string): ControlClient {
  const agent = new Agent({ keepAlive: true });

  const send = (
    method: string,
    path: string,
    body?: unknown,
    accept = 'application/json',
    signal?: AbortSignal,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const call = request(
        {
          agent,
          socketPath,
          method,
          path,
          headers: {
            accept,
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          },
          ...(signal ? { signal } : { timeout: timeoutMs }),
        },
        resolve,
      );
      call.on('timeout', () => call.destroy(timeout(socketPath, timeoutMs)));
      call.on('error', (cause) =>
        reject(cause instanceof VnetError ? cause : unreachable(socketPath, cause)),
      );
      call.end(payload);
    });

  const json = async <T>(method: string, path: string, body?: unknown, timeoutMs?: number): Promise<T> => {
    const response = await send(method, path, body, undefined, undefined, timeoutMs);
    const text = await readText(response);
    if ((response.statusCode ?? 500) >= 400) throw errorOf(text, response.statusCode);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };

  /** Lines of a change or of moves; `what` goes on at the Proxy where the daemon goes away. */
  const lines = async <Line extends object, Result>(
    path: string,
    body: unknown,
    onLine: (line: Exclude<Line, { error: ErrorBody } | { result: Result }>) => void,
    what: string,
    hint: string,
  ): Promise<Result> => {
    const response = await send('POST', path, body, NDJSON);
    if ((response.statusCode ?? 500) >= 400) throw errorOf(await readText(response), response.statusCode);
    for await (const text of createInterface({ input: response })) {
      const line = JSON.parse(text) as { error: ErrorBody } | { result: Result };
      if ('error' in line) throw VnetError.fromBody(line.error);
      if ('result' in line) return line.result;
      onLine(line as Exclude<Line, { error: ErrorBody } | { result: Result }>);
    }
    throw new VnetError('VNET_ERR_UNREACHABLE', `the daemon went away in the middle of ${what}`, { hint });
  };

  return {
    ...vmCalls({
      json,
      stream: (path, body, onProgress) =>
        lines<MoveLine, MoveResult[]>(
          path,
          body,
          (line) => 'progress' in line && onProgress(line.progress),
          'the move',
          'it goes on: `vnet vms` tells how far it is',
        ),
    }),
    ...adaptCalls({
      json,
      query,
      stream: (path, body, onProgress) =>
        lines<AdaptLine, AdaptRecord>(
          path,
          body,
          (line) => 'progress' in line && onProgress(line.progress),
          'the change',
          'it goes on, or is undone: `vnet adapt history` tells what became of it',
        ),
    }),
    local: () => json<LocalView>('GET', '/v1/local'),
    overview: () => json<OverlayView>('GET', '/v1/overlay'),
    hostView: (host) => json<LocalView>('GET', `/v1/hosts/${encodeURIComponent(host)}`),
    plan: (change: ChangeRequest) => json<Plan>('POST', '/v1/plan', change),
    route: (from, to, network) => json<RouteView>('GET', `/v1/route${query({ from, to, network })}`),
    setConfigurationTime: (boundMs) => json<void>('PUT', '/v1/configuration-time', { boundMs }),
    inferredTopology: (network) => json<TopologyView>('GET', `/v1/topology${query({ network })}`),
    matrix: (network, limit) => json<MatrixView>('GET', `/v1/matrix${query({ network, limit })}`),
    history: (after) => json<TrafficHistory>('GET', `/v1/history${query({ after })}`),
    underlay: () => json<UnderlayView>('GET', '/v1/underlay'),
    sight: () => json<SightParameters>('GET', '/v1/sight'),
    setSight: (parameters) => json<SightParameters>('PUT', '/v1/sight', parameters),
    echo: (from, to, options) => json<EchoResult>('POST', '/v1/echo', { from, to, ...options }),
    shutdown: () => json<void>('POST', '/v1/shutdown'),
    async apply(change, progress) {
      if (!progress) return json<ChangeResult>('POST', '/v1/changes', change);
      return lines<ChangeLine, ChangeResult>(
        '/v1/changes',
        change,
        (line) => progress(line.progress),
        'the change',
        'run `vnet status` and `vnet diff`: the Proxy undoes or completes the change when it is back',
      );
    },
    async *events(signal) {
      const response = await send('GET', '/v1/events', undefined, NDJSON, signal);
      try {
        for await (const text of createInterface({ input: response })) yield JSON.parse(text) as OverlayEvent;
      } catch (cause) {
        if (!signal.aborted) throw unreachable(socketPath, cause);
      }
    },
    close: () => agent.destroy(),
  };
}

/** `?a=1&b=2`, without what is not given; empty where nothing is. */
function query(fields: Record<string, string | number | undefined>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? '' : `?${given}`;
}

function readText(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('end', () => resolve(text));
    response.on('error', reject);
  });
}

function errorOf(text: string, status: number | undefined): VnetError {
  try {
    const body = JSON.parse(text) as ErrorBody;
    if (typeof body.code === 'string' && body.code.startsWith('VNET_ERR_')) return VnetError.fromBody(body);
  } catch {
    // Not ours: something else answers on that socket.
  }
  return new VnetError('VNET_ERR_INTERNAL', `the daemon answered ${status}: ${text.slice(0, 200)}`);
}

function timeout(socketPath: string, timeoutMs: number): VnetError {
  return new VnetError(
    'VNET_ERR_TIMEOUT',
    `the daemon at ${socketPath} did not answer in ${timeoutMs / 1000} s`,
    {
      hint: "look at the daemon's log",
    },
  );
}

function unreachable(socketPath: string, cause: unknown): VnetError {
  const code = (cause as NodeJS.ErrnoException).code;
  const privilege = code === 'EACCES' || code === 'EPERM';
  return new VnetError(
    privilege ? 'VNET_ERR_PRIVILEGE' : 'VNET_ERR_UNREACHABLE',
    privilege ? `no permission for the socket ${socketPath}` : `no daemon answers on ${socketPath}`,
    {
      hint: privilege
        ? "run as the daemon's user, or as root"
        : 'start one with `vnetd`, or name its socket with --socket or VNET_SOCKET',
      cause,
    },
  );
}
