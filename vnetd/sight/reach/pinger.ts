/** Pings over one raw ICMP socket of a family. Threads: the package's socket lives on the event loop's, one process-wide. */
import { randomBytes, randomInt } from 'node:crypto';
import type { RawSocket } from 'raw-socket';
import { type Clock, VnetError } from '../../../core/index.js';
import { COOKIE_BYTES, decodeIcmp, encodeEcho, type Family, type Heard, TYPES_HEARD } from './icmp.js';
import type { ProbeOutcome } from './path-mtu.js';

/** The longest IP packet. */
const RECEIVE_BYTES = 65_536;
/** linux/in.h, linux/in6.h, linux/icmp.h, linux/icmpv6.h; the package names none of them. */
const OPTIONS = {
  4: { level: 0, mtuDiscover: 10, filterLevel: 255, filter: 1, filterBytes: 4 },
  6: { level: 41, mtuDiscover: 23, filterLevel: 58, filter: 1, filterBytes: 32 },
} as const;
/** Never split, and disregard what the kernel believes of the path: we want to see for ourselves. */
const PMTUDISC_PROBE = 3;
const TOO_LONG = /message too long/i;

export type PingOutcome =
  | { kind: 'through'; rttUs: number }
  | Exclude<ProbeOutcome, { kind: 'through' }>
  | { kind: 'failed'; reason: string };

interface Waiting {
  sentMs: number;
  settle(outcome: PingOutcome): void;
}

export class Pinger {
  readonly #family: Family;
  readonly #clock: Clock;
  readonly #socket: RawSocket;
  readonly #identifier = randomInt(0x10000);
  readonly #cookie = randomBytes(COOKIE_BYTES);
  readonly #waiting = new Map<number, Waiting>();
  #sequence = 0;
  #broken: string | undefined;

  /** Rejects with VNET_ERR_UNSUPPORTED without the package, VNET_ERR_PRIVILEGE without the right. */
  static async open(family: Family, clock: Clock): Promise<Pinger> {
    const { default: raw } = await import('raw-socket').catch((cause: unknown) => {
      throw new VnetError('VNET_ERR_UNSUPPORTED', 'the package raw-socket is not installed', {
        hint: 'run `npm install` where vnet is installed, with a C++ compiler',
        cause,
      });
    });
    try {
      const socket = raw.createSocket({
        addressFamily: family === 4 ? raw.AddressFamily.IPv4 : raw.AddressFamily.IPv6,
        protocol: family === 4 ? raw.Protocol.ICMP : raw.Protocol.ICMPv6,
        bufferSize: RECEIVE_BYTES,
      });
      return new Pinger(family, clock, socket);
    } catch (cause) {
      throw new VnetError('VNET_ERR_PRIVILEGE', `no raw ICMP socket: ${messageOf(cause)}`, {
        hint: 'run vnetd as root, or give it the capability CAP_NET_RAW',
        cause,
      });
    }
  }

  private constructor(family: Family, clock: Clock, socket: RawSocket) {
    this.#family = family;
    this.#clock = clock;
    this.#socket = socket;
    socket.on('message', (packet) => this.#hear(packet));
    socket.on('error', (error) => this.#break(error.message));
    const { level, mtuDiscover, filterLevel, filter, filterBytes } = OPTIONS[family];
    socket.setOption(level, mtuDiscover, PMTUDISC_PROBE);
    socket.setOption(filterLevel, filter, blockAllBut(TYPES_HEARD[family], filterBytes), filterBytes);
  }

  /** One packet and its fate. `packetBytes`: of the IP packet. */
  ping(address: string, packetBytes: number, timeoutMs: number): Promise<PingOutcome> {
    return new Promise((resolve) => {
      if (this.#broken !== undefined) return resolve({ kind: 'failed', reason: this.#broken });
      this.#sequence = (this.#sequence + 1) & 0xffff;
      const sequence = this.#sequence;
      const cancel = this.#clock.after(timeoutMs, () => this.#settle(sequence, { kind: 'lost' }));
      const waiting: Waiting = {
        sentMs: this.#clock.now(),
        settle(outcome) {
          cancel();
          resolve(outcome);
        },
      };
      this.#waiting.set(sequence, waiting);
      const echo = { identifier: this.#identifier, sequence };
      const message = encodeEcho(this.#family, echo, { cookie: this.#cookie, packetBytes });
      const onTurn = () => {
        waiting.sentMs = this.#clock.now();
      };
      this.#socket.send(message, 0, message.length, address, onTurn, (error) => {
        if (error) this.#settle(sequence, sendFailure(error));
      });
    });
  }

  close(): void {
    this.#break('closed');
    this.#socket.close();
  }

  #hear(packet: Buffer): void {
    const heard = decodeIcmp(this.#family, packet);
    if (!heard || heard.identifier !== this.#identifier) return;
    if (heard.kind === 'reply' && !heard.cookie.equals(this.#cookie)) return; // Another ping's.
    const waiting = this.#waiting.get(heard.sequence);
    if (waiting) this.#settle(heard.sequence, this.#outcome(heard, waiting));
  }

  #outcome(heard: Heard, { sentMs }: Waiting): PingOutcome {
    switch (heard.kind) {
      case 'reply':
        return { kind: 'through', rttUs: Math.round((this.#clock.now() - sentMs) * 1000) };
      case 'tooBig':
        return { kind: 'tooBig', mtuBytes: heard.mtuBytes };
      case 'unreachable':
        return { kind: 'failed', reason: `a router says it is unreachable (ICMP code ${heard.code})` };
    }
  }

  #settle(sequence: number, outcome: PingOutcome): void {
    const waiting = this.#waiting.get(sequence);
    this.#waiting.delete(sequence);
    waiting?.settle(outcome);
  }

  #break(reason: string): void {
    this.#broken ??= reason;
    for (const sequence of [...this.#waiting.keys()]) this.#settle(sequence, { kind: 'failed', reason });
  }
}

/** A bitmap of ICMP types that the kernel keeps from us, in the host's order of octets within 32-bit words. */
function blockAllBut(types: readonly number[], bytes: number): Buffer {
  const words = new Uint32Array(bytes / 4).fill(0xffffffff);
  for (const type of types) words[type >> 5] = (words[type >> 5] as number) & ~(1 << (type & 31));
  return Buffer.from(words.buffer);
}

/** A packet larger than the first device takes does not even leave. */
function sendFailure(error: Error): PingOutcome {
  return TOO_LONG.test(error.message)
    ? { kind: 'tooBig', mtuBytes: 0 }
    : { kind: 'failed', reason: error.message };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
