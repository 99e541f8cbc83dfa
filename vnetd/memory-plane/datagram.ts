/** What planes of a fabric say to each other: the meaning of docs/wire.md, without its octets. */

export interface Endpoint {
  address: string;
  port: number;
}

export interface FrameDatagram {
  kind: 'frame';
  /** Of the link, 16 hexadecimal digits. */
  id: string;
  network: number;
  ground: 0 | 1;
  epoch: number;
  /** Left, after this one. */
  hops: number;
  echo: boolean;
  bytes: Uint8Array;
}

/** What goes over a link that is up, before it has its number. */
export type Message =
  | { kind: 'ping' | 'pong'; id: string; sentAt: number }
  | { kind: 'bye'; id: string }
  | { kind: 'note'; id: string; note: Uint8Array }
  | FrameDatagram;

export interface Numbered {
  /** Modulo 2^32. */
  sequence: number;
  /** The sender's clock, nanoseconds. */
  sentNs: number;
}

export interface TrainDatagram {
  kind: 'train';
  id: string;
  train: number;
  /** From 0. */
  place: number;
  packets: number;
  sentNs: number;
  /** As on the wire. */
  size: number;
}

export type Datagram =
  | { kind: 'hello'; id: string; secret: string; answer: boolean }
  | (Message & Numbered)
  | TrainDatagram
  /** What a stranger sends to the socket: octets that do not decode. */
  | { kind: 'noise'; bytes: Uint8Array };

export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** IPv4, UDP and our own header. */
const HEADERS_BYTES = 28 + 28;
const BODY_BYTES = { hello: 48, ping: 8, pong: 8, bye: 24 };

/** Octets as the underlay's link would carry them. */
export function sizeOf(datagram: Datagram): number {
  switch (datagram.kind) {
    case 'train':
      return datagram.size;
    case 'frame':
    case 'noise':
      return HEADERS_BYTES + datagram.bytes.length;
    case 'note':
      return HEADERS_BYTES + datagram.note.length;
    default:
      return HEADERS_BYTES + BODY_BYTES[datagram.kind];
  }
}
