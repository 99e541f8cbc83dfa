/**
 * Ethernet addresses (IEEE 802, EUI-48).
 *
 * In text an address is six lower-case hexadecimal octets joined by colons; across the data-plane boundary it
 * is the same 48 bits as a number, which a double holds exactly.
 */
import { VnetError } from './errors.js';

export type MacAddress = string & { readonly __brand: 'MacAddress' };

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

export const BROADCAST = 'ff:ff:ff:ff:ff:ff' as MacAddress;

export function isMac(text: string): text is MacAddress {
  return MAC.test(text);
}

/** Accepts colons or dashes, any case, and single digits (`0:1:2:a:b:c`); throws `VNET_ERR_MAC` otherwise. */
export function parseMac(text: string): MacAddress {
  const octets = text.trim().toLowerCase().split(/[:-]/);
  const mac = octets.map((octet) => octet.padStart(2, '0')).join(':');
  if (octets.length !== 6 || !isMac(mac)) {
    throw new VnetError('VNET_ERR_MAC', `"${text}" is not an Ethernet address`, {
      hint: 'write six hexadecimal octets, as in 02:00:00:00:00:01',
    });
  }
  return mac;
}

/** The 48 bits as a number, most significant octet first. */
export function macToNumber(mac: MacAddress): number {
  return Number.parseInt(mac.replaceAll(':', ''), 16);
}

export function macFromNumber(bits: number): MacAddress {
  return bits
    .toString(16)
    .padStart(12, '0')
    .replace(/(..)(?!$)/g, '$1:') as MacAddress;
}

/** Broadcast and multicast: the least significant bit of the first octet is set (IEEE 802-2014, 8.2.2). */
export function isGroup(mac: MacAddress): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}
