/** A frame on its way through a plane. Octets are shared between copies and never written. */
import type { FlowKey, FlowMiss } from '../../core/index.js';

export interface Passing extends FlowKey {
  epoch: number;
  /** Hops it may still take. */
  hops: number;
  /** Answered by the plane where it would leave at a port. */
  echo: boolean;
  bytes: Uint8Array;
  /** Was held, and has its room until it leaves. */
  held?: boolean;
  /** A copy that waited for this port alone: the others have had theirs. */
  copyFor?: number;
  /** Where drops are counted: the port or link it came in by. */
  tally: Tally;
}

/** Counts of a port or a link. */
export interface Tally {
  inFrames: number;
  inBytes: number;
  outFrames: number;
  outBytes: number;
  drops: number;
}

export function newTally(): Tally {
  return { inFrames: 0, inBytes: 0, outFrames: 0, outBytes: 0, drops: 0 };
}

export const ETHERNET_HEADER = 14;
const TAG_BYTES = 4;
const TAG_TYPES = [0x8100, 0x88a8];

export function destinationOf(bytes: Uint8Array): number {
  return address(bytes, 0);
}

export function sourceOf(bytes: Uint8Array): number {
  return address(bytes, 6);
}

function address(bytes: Uint8Array, offset: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUIntBE(offset, 6);
}

/** Broadcast and multicast: the lowest bit of the first of six octets. */
export function isGroupNumber(mac: number): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1;
}

/** Longest frame a network takes: an 802.1Q tag does not count against its MTU. */
export function longestFrame(mtu: number, bytes: Uint8Array): number {
  const type = ((bytes[12] ?? 0) << 8) | (bytes[13] ?? 0);
  return mtu + ETHERNET_HEADER + (TAG_TYPES.includes(type) ? TAG_BYTES : 0);
}

export function flowKey({ network, ground, ingress, source, destination }: FlowKey): string {
  return `${network}/${ground}/${ingress}/${source}/${destination}`;
}

export function missOf({ network, ground, ingress, source, destination, epoch }: Passing): FlowMiss {
  return { network, ground, ingress, source, destination, epoch };
}
