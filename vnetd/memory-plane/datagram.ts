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
  bytes: Uint8Array;
}

export type Datagram =
  | { kind: 'hello'; id: string; secret: string; answer: boolean }
  | { kind: 'ping' | 'pong'; id: string; sentAt: number }
  | { kind: 'bye'; id: string }
  | FrameDatagram
  /** What a stranger sends to the socket: octets that do not decode. */
  | { kind: 'noise'; bytes: Uint8Array };

export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
