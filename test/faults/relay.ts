/**
 * Somebody on the path between two daemons: passes on the datagrams of one link, and lies when told. Links are not
 * sealed, so it may. Run as a program on the host whose daemon listens at another port than its peers believe.
 *
 *   relay.js OWN-ADDRESS OWN-PORT DAEMON-PORT PEER-ADDRESS PEER-PORT
 *
 * Lines on its input: `lie random` (to the peer and to the daemon, each another lie), `lie off`, and
 * `repeat KIND PER-SECOND MILLISECONDS`: what it has seen of TRAIN, NOTE or ECHO, to the peer, again and again.
 * It prints `ready`, and after each `repeat` how many it sent.
 */
import { createSocket, type Socket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const RELAY_PROGRAM = fileURLToPath(import.meta.url);
const TYPE = { data: 1, helloDone: 4, train: 10, note: 11 };
const ECHO_FLAG = 0x08;
const HEADER_BYTES = 28;
const STAMP_AT = 20;
const KEPT = 64;
const TICK_MS = 5;

export type Repeated = 'train' | 'note' | 'echo';

class Relay {
  readonly #seen: Record<Repeated, Buffer[]> = { train: [], note: [], echo: [] };
  #isLying = false;
  #firstStamp: bigint | undefined;

  constructor(
    readonly outer: Socket,
    readonly inner: Socket,
    readonly daemon: [port: number, address: string],
    readonly peer: [port: number, address: string],
  ) {
    outer.on('message', (message) => this.#toDaemon(message));
    inner.on('message', (message) => this.#toPeer(message));
  }

  lie(isLying: boolean): void {
    this.#isLying = isLying;
    this.#firstStamp = undefined;
  }

  async repeat(kind: Repeated, perSecond: number, lastsMs: number): Promise<number> {
    const [from, seen] = [performance.now(), this.#seen[kind]];
    let sent = 0;
    for (let ms = 0; ms < lastsMs && seen.length > 0; ms = performance.now() - from) {
      for (; sent < (ms * perSecond) / 1000; sent++) {
        const message = Buffer.from(seen[sent % seen.length] as Buffer);
        // Every second one is new: another train, another text, another token.
        if (sent % 2 === 1) message.writeUInt32BE(sent, kind === 'echo' ? message.length - 8 : HEADER_BYTES);
        this.outer.send(message, ...this.peer);
      }
      await sleep(TICK_MS);
    }
    return sent;
  }

  /** A clock that runs at double speed. */
  #toPeer(message: Buffer): void {
    this.#keep(message);
    if (this.#isLying && isStamped(message)) {
      const stamp = message.readBigUInt64BE(STAMP_AT);
      this.#firstStamp ??= stamp;
      message.writeBigUInt64BE(this.#firstStamp + 2n * (stamp - this.#firstStamp), STAMP_AT);
    }
    this.outer.send(message, ...this.peer);
  }

  /** No clock at all. */
  #toDaemon(message: Buffer): void {
    if (this.#isLying && isStamped(message)) {
      for (let i = 0; i < 8; i++) message[STAMP_AT + i] = Math.floor(Math.random() * 256);
    }
    this.inner.send(message, ...this.daemon);
  }

  #keep(message: Buffer): void {
    const type = (message[0] ?? 0) & 0x0f;
    const isEcho = type === TYPE.data && ((message[1] ?? 0) & ECHO_FLAG) !== 0;
    const kind = isEcho ? 'echo' : type === TYPE.train ? 'train' : type === TYPE.note ? 'note' : undefined;
    if (kind && this.#seen[kind].push(Buffer.from(message)) > KEPT) this.#seen[kind].shift();
  }
}

/** Handshakes are left alone: a link that never comes up proves nothing. */
function isStamped(message: Buffer): boolean {
  const type = (message[0] ?? 0) & 0x0f;
  return message.length >= HEADER_BYTES && (type === TYPE.data || type > TYPE.helloDone);
}

async function open(address: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  return socket;
}

if (process.argv[1] === RELAY_PROGRAM) {
  const [, , own = '', ownPort = '0', daemonPort = '0', peer = '', peerPort = '0'] = process.argv;
  const [outer, inner] = [await open(own, Number(ownPort)), await open(own, 0)];
  const relay = new Relay(outer, inner, [Number(daemonPort), own], [Number(peerPort), peer]);
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const [word = '', kind = '', perSecond = '0', lastsMs = '0'] = line.split(' ');
    if (word === 'lie') relay.lie(kind !== 'off');
    if (word !== 'repeat') continue;
    process.stdout.write(`${await relay.repeat(kind as Repeated, Number(perSecond), Number(lastsMs))}\n`);
  }
}
