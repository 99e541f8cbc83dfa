/**
 * The word between source and destination that keeps a VM in one place.
 *
 * QEMU alone cannot: a destination that has everything runs at once, while a source whose connection breaks before it
 * hears of that runs on as well. Here the destination never starts by itself. The source says `go` when its own QEMU
 * can no longer run by itself (migration `completed`, or post-copy begun), and takes the VM back only when it is
 * told `gone`. Without an answer it asks again; meanwhile the VM is paused.
 *
 * Lines of JSON over TCP: source `{"token"}`, destination `{"state"}`, source `{"go":true}`, destination `{"state"}`.
 * `{"go":false}`: the source runs on, or died in post-copy. States: `waiting`, then for good `gone`, or `running`, from
 * which only `lost` follows: it ran here and is no more.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { VnetError } from '../../core/index.js';
import {
  HANDOVER_AWAY_MS,
  HANDOVER_KEEP_ALIVE_MS,
  HANDOVER_LINE_BYTES_MAX,
  HANDOVER_MEMORY_MS,
  HANDOVER_RETRY_MS,
  HANDOVER_TIMEOUT_MS,
} from './limits.js';
import type { QemuTicket } from './ticket.js';

export type HandoverState = 'waiting' | 'running' | 'gone' | 'lost';
export type HandoverAnswer = Exclude<HandoverState, 'waiting'>;

/** Calls back for each line of JSON; what is none ends the connection. */
function readLines(socket: Socket, take: (message: Record<string, unknown>) => void): void {
  let octets = 0;
  socket.on('data', (chunk) => {
    octets = chunk.includes(10) ? 0 : octets + chunk.length;
    if (octets > HANDOVER_LINE_BYTES_MAX) socket.destroy();
  });
  const lines = createInterface({ input: socket });
  lines.on('line', (line) => {
    try {
      take(Object(JSON.parse(line)) as Record<string, unknown>);
    } catch {
      socket.destroy();
    }
  });
  lines.on('error', () => {}); // the socket's own, which its owner hears; unheard here it would end the process
}

const say = (socket: Socket, message: object) => socket.write(`${JSON.stringify(message)}\n`);

export interface HandoverEvents {
  /** The VM is this host's now. Called once. */
  go(): void;
  /** The source gave up: it said so, or said nothing for HANDOVER_AWAY_MS before its `go`. */
  away(): void;
}

/** The destination's end. */
export class HandoverDesk {
  readonly #sources = new Set<Socket>();
  readonly #server: Server;
  #state: HandoverState = 'waiting';
  #told = false;
  #away: NodeJS.Timeout | undefined;

  static async open(address: string, token: string, events: HandoverEvents): Promise<HandoverDesk> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(
          new VnetError('VNET_ERR_INVALID', `cannot receive at ${address}: ${cause.message}`, {
            cause,
            hint: "name an address of the destination's own",
          }),
        ),
      );
      server.listen({ host: address, port: 0 }, resolve);
    });
    return new HandoverDesk(server, token, events);
  }

  private constructor(
    server: Server,
    readonly token: string,
    readonly events: HandoverEvents,
  ) {
    this.#server = server;
    server.unref();
    server.on('connection', (socket) => this.#take(socket));
    this.#startAway();
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** For good; the desk answers a while longer. */
  settle(state: HandoverAnswer): void {
    if (this.#state !== (state === 'lost' ? 'running' : 'waiting')) return;
    this.#state = state;
    clearTimeout(this.#away);
    for (const source of this.#sources) say(source, { state });
    setTimeout(() => this.#server.close(), HANDOVER_MEMORY_MS).unref();
  }

  #take(socket: Socket): void {
    socket.unref();
    socket.on('error', () => socket.destroy());
    // A source without power says nothing.
    socket.setKeepAlive(true, HANDOVER_KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    socket.once('close', () => this.#left(socket));
    readLines(socket, (message) => {
      if (message['token'] === this.token) this.#greet(socket);
      else if (!this.#sources.has(socket)) socket.destroy();
      else if (message['go'] === true) this.#go(socket);
      else this.events.away();
    });
  }

  #greet(socket: Socket): void {
    this.#sources.add(socket);
    clearTimeout(this.#away);
    say(socket, { state: this.#state });
  }

  #go(socket: Socket): void {
    if (this.#state !== 'waiting') say(socket, { state: this.#state });
    else if (!this.#told) {
      this.#told = true;
      this.events.go();
    }
  }

  #left(socket: Socket): void {
    if (this.#sources.delete(socket) && this.#sources.size === 0) this.#startAway();
  }

  #startAway(): void {
    if (this.#state !== 'waiting' || this.#told) return;
    this.#away = setTimeout(() => this.events.away(), HANDOVER_AWAY_MS).unref();
  }
}

/** The source's end. */
export class HandoverCall {
  #socket: Socket | undefined;
  #state: HandoverState | undefined;
  #closed = false;
  #wake = () => {};

  /** Rejects with VNET_ERR_UNREACHABLE, VNET_ERR_CONFLICT if the destination gave up. */
  static async open(ticket: QemuTicket, lost: () => void): Promise<HandoverCall> {
    const call = new HandoverCall(ticket, lost);
    const state = await call.#ask({});
    if (state === 'waiting') return call;
    call.close();
    if (state === undefined) throw unreachable(ticket);
    throw new VnetError('VNET_ERR_CONFLICT', `the destination is not ready to receive (${state})`, {
      hint: 'move it again',
    });
  }

  /** For a move that an earlier process of the daemon began. */
  static resume(ticket: QemuTicket): HandoverCall {
    return new HandoverCall(ticket, () => {});
  }

  /** @param lost called if the destination goes away while it is waiting, gives up, or loses the VM */
  private constructor(
    readonly ticket: QemuTicket,
    readonly lost: () => void,
  ) {}

  /** Asks until there is an answer; call it once. Undefined: closed meanwhile, nothing is known. */
  async go(): Promise<HandoverAnswer | undefined> {
    while (!this.#closed) {
      const state = await this.#ask({ go: true });
      if (state !== undefined && state !== 'waiting') return state;
      await sleep(HANDOVER_RETRY_MS);
    }
    return undefined;
  }

  /** Tells the destination that it gets no more. */
  abandon(): void {
    if (this.#closed) return;
    this.#socket ??= this.#dial();
    say(this.#socket, { go: false });
    this.close();
  }

  close(): void {
    this.#closed = true;
    this.#socket?.end();
    this.#socket?.unref();
    this.#wake();
  }

  /** The state after the question; undefined: no connection, or no answer in time. */
  async #ask(question: object): Promise<HandoverState | undefined> {
    this.#socket ??= this.#dial();
    const answer = 'go' in question;
    if (answer) say(this.#socket, question);
    const settled = () => this.#state !== undefined && !(answer && this.#state === 'waiting');
    const timer = setTimeout(() => this.#socket?.destroy(), HANDOVER_TIMEOUT_MS);
    while (!settled() && this.#socket !== undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    return settled() ? this.#state : undefined;
  }

  #dial(): Socket {
    const socket = connect({ host: this.ticket.address, port: this.ticket.handoverPort });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, HANDOVER_KEEP_ALIVE_MS);
    say(socket, { token: this.ticket.token });
    readLines(socket, ({ state }) => {
      this.#state = state as HandoverState;
      this.#wake();
      if (state === 'gone' || state === 'lost') this.lost();
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#socket = undefined;
      this.#wake();
      if (!this.#closed && this.#state === 'waiting') this.lost();
    });
    return socket;
  }
}

const unreachable = ({ address, handoverPort }: QemuTicket): VnetError =>
  new VnetError('VNET_ERR_UNREACHABLE', `the destination cannot be reached at ${address}:${handoverPort}`, {
    hint: 'let TCP pass between the hosts, or name another address of the destination (option address)',
  });
