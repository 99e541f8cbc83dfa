/**
 * ICMP (RFC 792) and ICMPv6 (RFC 4443) as far as reachability needs them: echo requests out, echo replies and the
 * errors about our requests in.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |     type      |     code      |           checksum            |
 *   |          identifier           |           sequence            |
 *   |                  cookie, 8 octets (ours), then zeros          |
 */

export type Family = 4 | 6;

export const IP_HEADER_BYTES = { 4: 20, 6: 40 } as const;
export const ECHO_HEADER_BYTES = 8;
export const COOKIE_BYTES = 8;

const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
const ECHO_REPLY = { 4: 0, 6: 129 } as const;
const UNREACHABLE = { 4: 3, 6: 1 } as const;
/** RFC 1191: destination unreachable with this code says that the packet was too big. */
const FRAGMENTATION_NEEDED = 4;
const PACKET_TOO_BIG_V6 = 2;

/** What raw sockets need to let in; the kernel drops the rest. */
export const TYPES_HEARD = { 4: [0, 3], 6: [129, 1, 2] } as const;

export interface Echo {
  identifier: number;
  sequence: number;
}

export type Heard = Echo &
  (
    | { kind: 'reply'; cookie: Buffer }
    /** `mtuBytes` 0: an old router, which does not say. */
    | { kind: 'tooBig'; mtuBytes: number }
    | { kind: 'unreachable'; code: number }
  );

/** An echo request that makes an IP packet of `packetBytes`. ICMPv6's checksum is the kernel's to fill in. */
export function encodeEcho(
  family: Family,
  { identifier, sequence }: Echo,
  { cookie, packetBytes }: { cookie: Buffer; packetBytes: number },
): Buffer {
  const message = Buffer.alloc(packetBytes - IP_HEADER_BYTES[family]);
  message[0] = ECHO_REQUEST[family];
  message.writeUInt16BE(identifier, 4);
  message.writeUInt16BE(sequence, 6);
  cookie.copy(message, ECHO_HEADER_BYTES);
  if (family === 4) message.writeUInt16BE(internetChecksum(message), 2);
  return message;
}

/** `packet`: as a raw socket gives it, with the IP header in IPv4 and without in IPv6. Undefined: not ours to read. */
export function decodeIcmp(family: Family, packet: Buffer): Heard | undefined {
  const message = family === 4 ? withoutHeader(packet) : packet;
  if (message === undefined || message.length < ECHO_HEADER_BYTES) return undefined;
  const [type, code] = [message[0], message[1] as number];
  if (type === ECHO_REPLY[family]) {
    const cookie = message.subarray(ECHO_HEADER_BYTES, ECHO_HEADER_BYTES + COOKIE_BYTES);
    return { kind: 'reply', ...echoOf(message), cookie };
  }
  const about = quoted(family, message.subarray(ECHO_HEADER_BYTES));
  if (!about) return undefined;
  if (family === 4 && type === UNREACHABLE[4] && code === FRAGMENTATION_NEEDED)
    return { kind: 'tooBig', mtuBytes: message.readUInt16BE(6), ...about };
  if (family === 6 && type === PACKET_TOO_BIG_V6)
    return { kind: 'tooBig', mtuBytes: message.readUInt32BE(4), ...about };
  return type === UNREACHABLE[family] ? { kind: 'unreachable', code, ...about } : undefined;
}

/** RFC 1071: the one's complement of the one's complement sum of 16-bit words. */
export function internetChecksum(octets: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 1 < octets.length; at += 2) sum += octets.readUInt16BE(at);
  if (octets.length % 2 === 1) sum += (octets.at(-1) as number) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function echoOf(message: Buffer): Echo {
  return { identifier: message.readUInt16BE(4), sequence: message.readUInt16BE(6) };
}

/** The echo request that an error quotes: IP header and at least eight octets. */
function quoted(family: Family, packet: Buffer): Echo | undefined {
  const message = family === 4 ? withoutHeader(packet) : packet.subarray(IP_HEADER_BYTES[6]);
  if (message === undefined || message.length < ECHO_HEADER_BYTES) return undefined;
  return message[0] === ECHO_REQUEST[family] ? echoOf(message) : undefined;
}

function withoutHeader(packet: Buffer): Buffer | undefined {
  const first = packet[0];
  if (first === undefined || first >> 4 !== 4) return undefined;
  return packet.subarray((first & 0xf) * 4);
}
