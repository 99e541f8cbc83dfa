/** Values as they are written in scripts: addresses, sizes, ports, matchers. Reading never throws. */
import { isIPv4, isIPv6 } from 'node:net';
import {
  BROADCAST,
  DEFAULT_PORT,
  type DestinationMatcher,
  type Endpoint,
  isMac,
  type MacAddress,
  parseMac,
  type RuleAction,
  type SourceMatcher,
} from '../core/index.js';
import { writeValue } from './tokens.js';
import { badAddress, badEndpointPort, badPortSpec, longPortSpec, type Wording } from './wording.js';

/** The control channel listens on the TCP port after the data links' port. */
export const MAX_ENDPOINT_PORT = 65534;
/** Octets of an interface's name that Linux takes (IFNAMSIZ less the closing zero). */
const MAX_INTERFACE_NAME = 15;
/** Octets of a Unix socket's path (sun_path less the closing zero). */
const MAX_SOCKET_PATH = 107;

const HOST_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
/** Digits and dots alone are meant as an IPv4 address, never as a name (RFC 1123, 2.1). */
const isName = (text: string): boolean => HOST_NAME.test(text) && (isIPv4(text) || !/^[\d.]+$/.test(text));
export const isAddress = (text: string): boolean => isName(text) || isIPv6(text);

/** `ADDR`, `ADDR:PORT`, `[IPV6]` or `[IPV6]:PORT`; the port defaults to `DEFAULT_PORT`. */
export function readEndpoint(text: string): Endpoint | Wording {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  const isBracketed = match?.[1] !== undefined;
  if (match === null || !(isBracketed ? isIPv6(address) : isName(address))) return badAddress(text);
  const port = match[3] === undefined ? DEFAULT_PORT : readWhole(match[3]);
  if (port === undefined || !isEndpointPort(port)) return badEndpointPort(match[3] ?? '', MAX_ENDPOINT_PORT);
  return { address, port };
}

export const isEndpointPort = (port: number): boolean =>
  Number.isInteger(port) && port >= 1 && port <= MAX_ENDPOINT_PORT;

export const writeEndpoint = ({ address, port }: Endpoint): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** A whole number in decimal digits, up to 2^53. */
export function readWhole(text: string): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}

/** A positive number such as `0.5`. */
export function readPositive(text: string): number | undefined {
  const value = Number(text);
  return /^\d/.test(text) && Number.isFinite(value) && value > 0 && !/^0[xbo]/i.test(text)
    ? value
    : undefined;
}

const UNITS: [string, number][] = [
  ['T', 2 ** 40],
  ['G', 2 ** 30],
  ['M', 2 ** 20],
  ['K', 2 ** 10],
];

/** Octets: digits, then K, M, G or T for powers of 1024. */
export function readSize(text: string): number | undefined {
  const match = /^(\d+)([KMGT]?)$/i.exec(text);
  const unit = UNITS.find(([letter]) => letter === match?.[2]?.toUpperCase())?.[1] ?? 1;
  const octets = Number(match?.[1]) * unit;
  return match !== null && Number.isSafeInteger(octets) && octets > 0 ? octets : undefined;
}

/** In the largest unit that divides it. */
export function writeSize(octets: number): string {
  const unit = UNITS.find(([, size]) => octets % size === 0 && octets > 0);
  return unit === undefined ? String(octets) : `${octets / unit[1]}${unit[0]}`;
}

const RATE_UNITS: [string, number][] = [
  ['T', 1e12],
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
];
const DECIMAL = String.raw`(\d+(?:\.\d+)?)`;
const RATE = new RegExp(`^${DECIMAL}([kmgt]?)(?:bit|bit/s|bps)?$`, 'i');
const DURATION = new RegExp(`^${DECIMAL}(us|µs|ms|s)$`);

/** Bits a second: `50M`, `1.5G`, `500k` (powers of 1000), with `bit`, `bit/s` or `bps` after it or not. */
export function readRate(text: string): number | undefined {
  const match = RATE.exec(text);
  const unit = RATE_UNITS.find(([letter]) => letter.toLowerCase() === match?.[2]?.toLowerCase())?.[1] ?? 1;
  return scaled(match?.[1], unit);
}

/** In the largest unit that says it with three decimals at most. */
export function writeRate(bitsPerSecond: number): string {
  const unit = RATE_UNITS.find(
    ([, size]) => bitsPerSecond >= size && Number.isInteger((bitsPerSecond / size) * 1000),
  );
  const text = unit && String(bitsPerSecond / unit[1]);
  return text !== undefined && scaled(text, unit?.[1] ?? 1) === bitsPerSecond
    ? `${text}${unit?.[0]}`
    : String(bitsPerSecond);
}

const DURATION_UNITS: [string, number][] = [
  ['s', 1e6],
  ['ms', 1e3],
];

/** Microseconds: `250us`, `20ms`, `1.5s`. The unit must be said. */
export function readDurationUs(text: string): number | undefined {
  const match = DURATION.exec(text);
  return scaled(match?.[1], DURATION_UNITS.find(([name]) => name === match?.[2])?.[1] ?? 1);
}

/** In the largest unit that divides it. */
export function writeDurationUs(durationUs: number): string {
  const unit = DURATION_UNITS.find(([, size]) => durationUs % size === 0 && durationUs > 0);
  return unit === undefined ? `${durationUs}us` : `${durationUs / unit[1]}${unit[0]}`;
}

/** What `2.3` of a unit is, without the noise of binary fractions; undefined: nothing, or too much. */
function scaled(decimal: string | undefined, unit: number): number | undefined {
  const product = Number(decimal) * unit;
  const value = unit > 1 ? Math.round(product * 1e3) / 1e3 : product;
  return value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

export function readMac(text: string): MacAddress | undefined {
  const plain = text.replace(/\s/g, '').toLowerCase();
  if (isMac(plain)) return plain;
  try {
    return parseMac(plain);
  } catch {
    return undefined;
  }
}

/** Stands for an address that could not be read, which is an error already. */
export const UNREADABLE = BROADCAST;
/** The same for a port number. */
export const UNREADABLE_PORT = 0;

/** Kinds of port a topology may name; `memory:` is the in-memory data plane's, for tests and simulation. */
export const PORT_KINDS = ['tap:', 'bridge:', 'packet:', 'unix:', 'unix-connect:'] as const;
const SOCKET_KINDS: readonly string[] = ['unix:', 'unix-connect:'];
const KNOWN_KINDS = [...PORT_KINDS, 'memory:'];

/** What is wrong with a port specification, if anything. */
export function portSpecProblem(spec: string): Wording | undefined {
  const kind = KNOWN_KINDS.find((candidate) => spec.startsWith(candidate));
  const name = spec.slice(kind?.length ?? 0);
  const isSocket = kind !== undefined && SOCKET_KINDS.includes(kind);
  const badCharacters = isSocket ? /[\0\r\n]/ : /[\s/\0]/;
  if (kind === undefined || name === '' || badCharacters.test(name)) return badPortSpec(spec, PORT_KINDS);
  const limit = isSocket ? MAX_SOCKET_PATH : kind === 'memory:' ? Infinity : MAX_INTERFACE_NAME;
  return Buffer.byteLength(name) > limit ? longPortSpec(spec, limit) : undefined;
}

export function writeMatcher(matcher: SourceMatcher | DestinationMatcher): string {
  if (matcher.kind === 'exact') return matcher.mac;
  return matcher.kind === 'not' ? `not ${matcher.mac}` : matcher.kind;
}

export function writeAction(action: RuleAction): string {
  if (action.kind === 'edge') return `edge ${action.peer}`;
  return action.kind === 'port' ? `port ${writeValue(action.port)}` : 'drop';
}
