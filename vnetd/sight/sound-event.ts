/**
 * What another daemon says has happened, looked at before anybody believes it or is told: it came over a network. A daemon
 * speaks of itself alone, and not of what the Proxy decides.
 */
import { isMac, type OverlayEvent } from '../../core/index.js';

const TEXT_MAX = 500;
/** Of an error: what a program of the user's complained of is in it. */
const MESSAGE_MAX = 5000;

/** Undefined: it cannot be true, or is another's to say. */
export function soundEvent(body: unknown, host: string): OverlayEvent | undefined {
  if (!isRecord(body) || body['host'] !== host || !isText(body['at'])) return undefined;
  const { kind } = body;
  const isSound =
    kind === 'link' ? isLink(body) : kind === 'port' ? isPort(body) : kind === 'source' && isSource(body);
  return isSound || (kind === 'error' && isError(body)) ? (body as OverlayEvent) : undefined;
}

const isLink = ({ peer, type, up, reason }: Record<string, unknown>): boolean =>
  isText(peer) && (type === 'udp' || type === 'tcp') && typeof up === 'boolean' && isText(reason);

const isPort = ({ port, up, reason }: Record<string, unknown>): boolean =>
  isText(port) && typeof up === 'boolean' && isText(reason);

const isSource = ({ port, mac, admitted, announced }: Record<string, unknown>): boolean =>
  isText(port) &&
  isText(mac) &&
  isMac(mac) &&
  typeof admitted === 'boolean' &&
  (announced === undefined || typeof announced === 'boolean');

function isError({ error }: Record<string, unknown>): boolean {
  if (!isRecord(error)) return false;
  const { code, message, hint } = error;
  return isText(code) && isText(message, MESSAGE_MAX) && (hint === undefined || isText(hint, MESSAGE_MAX));
}

function isText(value: unknown, most = TEXT_MAX): value is string {
  return typeof value === 'string' && value.length <= most;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
