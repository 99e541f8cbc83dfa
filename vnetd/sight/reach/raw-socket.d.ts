/** What we use of the package `raw-socket` 1.8, which has no types. */
declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events';

  export interface RawSocket extends EventEmitter {
    on(event: 'message', listener: (packet: Buffer, source: string) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'close', listener: () => void): this;
    /** Throws what the system says; `before` runs when the packet's turn comes. */
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      address: string,
      before: () => void,
      after: (error: Error | null, bytes: number) => void,
    ): this;
    setOption(level: number, option: number, value: number): void;
    setOption(level: number, option: number, value: Buffer, length: number): void;
    close(): this;
  }

  interface Package {
    /** Throws where the system does not allow raw sockets. */
    createSocket(options: { addressFamily: number; protocol: number; bufferSize: number }): RawSocket;
    AddressFamily: { IPv4: number; IPv6: number };
    Protocol: { ICMP: number; ICMPv6: number };
  }
  const rawSocket: Package;
  export default rawSocket;
}
