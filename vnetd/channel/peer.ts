/**
 * One end of the control channel: calls, answers and notices as JSON text frames of a WebSocket, both ways, and
 * bulk as binary frames.
 *
 *   {"id":7,"call":"apply","arguments":[...]}       a call
 *   {"id":7,"progress":{...}}                        any number, before the answer
 *   {"id":7,"result":{...}} | {"id":7,"error":{...}}
 *   {"notice":"event","body":{...}}                  no answer
 *   binary: bulk.ts                                  no answer, left out under back-pressure
 */
import type { WebSocket } from 'ws';
import { type ErrorBody, VnetError } from '../../core/index.js';
import { BulkAssembler, BulkSender } from './bulk.js';

/** A call that got no answer by then is given up, unless it says otherwise. */
export const CALL_TIMEOUT_MS = 15_000;
/** As the time-out of a call: the channel's heartbeat alone says whether the other end still works on it. */
export const CALL_UNTIL_CLOSED = Number.POSITIVE_INFINITY;
/** Answers awaited at once; more means that the other end hangs. */
const CALLS_MAX = 10_000;
/** A pong is due within this, or the channel is taken for dead. */
export const HEARTBEAT_MS = 500;
/** A busy Proxy may hold its event loop for a second; links have keep-alives of their own, in the data plane. */
const HEARTBEATS_MISSED_MAX = 4;

export type Progress = (body: unknown) => void;
export type CallHandler = (name: string, args: unknown[], progress: Progress) => Promise<unknown>;
export type NoticeHandler = (name: string, body: unknown) => void;
/** The octets are the handler's to keep; where `length` is above BULK_MAX_BYTES there are none. */
export type BulkHandler = (kind: number, bytes: Uint8Array, length: number) => void;

export interface PeerHandlers {
  onCall: CallHandler;
  onNotice: NoticeHandler;
  /** Default: bulk is left unread. */
  onBulk?: BulkHandler;
}

/** A close frame carries 123 octets (RFC 6455, 5.5.1); less what a character cut in two becomes. */
const REASON_MAX_BYTES = 120;

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: VnetError) => void;
  progress: Progress | undefined;
  timer: NodeJS.Timeout | undefined;
}

interface Message {
  id?: number;
  call?: string;
  arguments?: unknown[];
  result?: unknown;
  error?: ErrorBody;
  progress?: unknown;
  notice?: string;
  body?: unknown;
}

export class ChannelPeer {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onCall: CallHandler;
  readonly #onNotice: NoticeHandler;
  readonly #onBulk: BulkHandler;
  readonly #bulkSender: BulkSender;
  readonly #bulk = new BulkAssembler();
  readonly #heartbeat: NodeJS.Timeout;
  #nextId = 1;
  #missed = 0;
  #closed = false;
  /** Called once, whichever side ended it. */
  onClose: (reason: string) => void = () => {};

  constructor(socket: WebSocket, { onCall, onNotice, onBulk = () => {} }: PeerHandlers) {
    this.#socket = socket;
    this.#onCall = onCall;
    this.#onNotice = onNotice;
    this.#onBulk = onBulk;
    this.#bulkSender = new BulkSender(socket);
    socket.on('message', (data, isBinary) => {
      this.#missed = 0;
      try {
        if (isBinary) this.#receiveBulk(data as Buffer);
        else this.#receive(String(data));
      } catch (thrown) {
        // What the other side says must not end this process.
        this.close(`a message that cannot be taken: ${VnetError.from(thrown).message}`);
      }
    });
    // On a slow path a pong may wait behind much else: whatever comes is a sign of life.
    for (const sign of ['ping', 'pong']) {
      socket.on(sign, () => {
        this.#missed = 0;
      });
    }
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', (code, reason) => this.#end(String(reason) || `closed (${code})`));
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  get open(): boolean {
    return !this.#closed;
  }

  /** `timeoutMs`: up to 2^31 - 1, or CALL_UNTIL_CLOSED. */
  call<T>(
    name: string,
    args: unknown[],
    progress?: Progress,
    timeoutMs: number = CALL_TIMEOUT_MS,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(gone(name));
      if (this.#waiting.size >= CALLS_MAX) {
        return reject(
          new VnetError('VNET_ERR_LIMIT', `${CALLS_MAX} calls wait on the control channel already`),
        );
      }
      const id = this.#nextId++;
      const giveUp = () => {
        this.#waiting.delete(id);
        reject(new VnetError('VNET_ERR_TIMEOUT', `no answer to "${name}" in ${timeoutMs / 1000} s`));
      };
      const timer = Number.isFinite(timeoutMs) ? setTimeout(giveUp, timeoutMs) : undefined;
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, progress, timer });
      this.#send({ id, call: name, arguments: args });
    });
  }

  notify(name: string, body: unknown): void {
    if (!this.#closed) this.#send({ notice: name, body });
  }

  /** True: bulk would be left out now. Ask before making what is costly to make. */
  get congested(): boolean {
    return this.#closed || this.#bulkSender.congested;
  }

  /** False: left out, for back-pressure or because the channel is closed. The octets are the channel's from then on. */
  sendBulk(kind: number, bytes: Uint8Array): boolean {
    return !this.#closed && this.#bulkSender.send(kind, bytes);
  }

  close(reason = 'closed'): void {
    this.#socket.close(1000, Buffer.from(reason).subarray(0, REASON_MAX_BYTES).toString());
    this.#end(reason);
  }

  #send(message: Message): void {
    this.#socket.send(JSON.stringify(message));
  }

  #beat(): void {
    if (this.#missed >= HEARTBEATS_MISSED_MAX) {
      this.#socket.terminate();
      this.#end(`no heartbeat for ${HEARTBEAT_MS * HEARTBEATS_MISSED_MAX} ms`);
      return;
    }
    this.#missed++;
    this.#socket.ping();
  }

  #receiveBulk(frame: Buffer): void {
    if (frame.length === 0) return this.close('an empty message');
    const whole = this.#bulk.add(frame);
    if (whole) this.#onBulk(whole.kind, whole.bytes, whole.length);
  }

  #receive(text: string): void {
    const message = parseMessage(text);
    if (!message) return this.close('a message that is not ours');
    if (message.notice !== undefined) return this.#onNotice(message.notice, message.body);
    if (message.id === undefined) return this.close('a message without an id');
    if (message.call !== undefined)
      return void this.#answer(message.id, message.call, message.arguments ?? []);
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return; // Answered after its time-out.
    if ('progress' in message) return waiting.progress?.(message.progress);
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.error) waiting.reject(VnetError.fromBody(message.error));
    else waiting.resolve(message.result);
  }

  async #answer(id: number, name: string, args: unknown[]): Promise<void> {
    let answer: Message;
    try {
      const result = await this.#onCall(name, args, (progress) => {
        if (!this.#closed) this.#send({ id, progress });
      });
      answer = { id, result: result ?? null };
    } catch (thrown) {
      answer = { id, error: VnetError.from(thrown).toBody() };
    }
    if (!this.#closed) this.#send(answer);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(gone(reason));
    }
    this.#waiting.clear();
    this.onClose(reason);
  }
}

function gone(detail: string): VnetError {
  return new VnetError('VNET_ERR_UNREACHABLE', `the control channel is down (${detail})`, {
    hint: 'it comes back by itself; `vnet status` tells when',
  });
}

function parseMessage(text: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === 'object' && message !== null ? (message as Message) : undefined;
  } catch {
    return undefined;
  }
}
