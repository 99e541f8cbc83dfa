/** IP addresses of the underlay: reading, counting and writing them. */

import { isIPv4, isIPv6 } from 'node:net';
import { VnetError } from '../core/index.js';

export type Family = 4 | 6;

export interface Subnet {
  family: Family;
  base: bigint;
  prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;
/** In an IPv6 underlay the core takes this host number, beyond any host's. */
const CORE_NUMBER_V6 = 0xffffn;

export function familyOf(address: string): Family | undefined {
  return isIPv4(address) ? 4 : isIPv6(address) ? 6 : undefined;
}

function invalid(text: string, expected: string): VnetError {
  return new VnetError('VNET_ERR_INVALID', `expected ${expected}, got '${text}'`);
}

/** The address as a number; throws VNET_ERR_INVALID. */
export function toNumber(address: string): bigint {
  const family = familyOf(address);
  if (family === 4) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  if (family !== 6 || address.includes('%')) throw invalid(address, 'an IP address');
  const [head = '', tail] = withoutDottedQuad(address).split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':'));
  const before = words(head);
  const after = words(tail ?? '');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return all.reduce((sum, word) => sum * 65536n + BigInt(`0x${word}`), 0n);
}

function withoutDottedQuad(address: string): string {
  const at = address.lastIndexOf(':') + 1;
  if (!address.includes('.')) return address;
  const value = toNumber(address.slice(at));
  return `${address.slice(0, at)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
}

/** The number as an address, IPv6 in the canonical form of RFC 5952. */
export function toAddress(value: bigint, family: Family): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const words = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(16 * (7 - i))) & 0xffffn).toString(16));
  return new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1); // the URL standard prescribes the short form
}

/** `10.77.0.0/24` or `fd77::/64`; host bits must be zero. Throws VNET_ERR_INVALID. */
export function parseSubnet(text: string): Subnet {
  const [address = '', length = '', rest] = text.split('/');
  const family = familyOf(address);
  if (family === undefined || !/^\d{1,3}$/.test(length) || rest !== undefined) {
    throw invalid(text, 'a network such as 10.77.0.0/24 or fd77::/64');
  }
  const prefix = Number(length);
  const hostBits = BITS[family] - prefix;
  if (prefix < 8 || hostBits < 2) throw invalid(text, `a prefix length from 8 to ${BITS[family] - 2}`);
  const base = toNumber(address);
  if ((base & ((1n << BigInt(hostBits)) - 1n)) !== 0n) {
    const fixed = (base >> BigInt(hostBits)) << BigInt(hostBits);
    throw invalid(text, `a network address, ${toAddress(fixed, family)}/${prefix}`);
  }
  return { family, base, prefix };
}

/** An address with prefix length, as for an interface; returns it unchanged. Throws VNET_ERR_INVALID. */
export function checkInterfaceAddress(text: string): string {
  const [address = '', length = '', rest] = text.split('/');
  const family = familyOf(address);
  const ok =
    family !== undefined && rest === undefined && /^\d{1,3}$/.test(length) && Number(length) <= BITS[family];
  if (!ok) throw invalid(text, 'an address with prefix length such as 10.0.0.1/24');
  return text;
}

export function formatSubnet(subnet: Subnet): string {
  return `${toAddress(subnet.base, subnet.family)}/${subnet.prefix}`;
}

export function contains(subnet: Subnet, address: string): boolean {
  if (familyOf(address) !== subnet.family) return false;
  const shift = BigInt(BITS[subnet.family] - subnet.prefix);
  return toNumber(address) >> shift === subnet.base >> shift;
}

/** The core's own address: the last usable one of IPv4, number ffff of IPv6. */
export function coreAddress(subnet: Subnet): string {
  const size = 1n << BigInt(BITS[subnet.family] - subnet.prefix);
  const last = subnet.family === 4 ? size - 2n : size - 1n < CORE_NUMBER_V6 ? size - 1n : CORE_NUMBER_V6;
  return toAddress(subnet.base + last, subnet.family);
}

/** Free addresses in order, without the core's. */
export function* freeAddresses(subnet: Subnet, taken: ReadonlySet<string>): Generator<string> {
  const core = toNumber(coreAddress(subnet));
  for (let value = subnet.base + 1n; value < core; value += 1n) {
    const address = toAddress(value, subnet.family);
    if (!taken.has(address)) yield address;
  }
}
