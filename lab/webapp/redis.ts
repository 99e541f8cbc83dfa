/** As much of a Redis client as the shop needs: RESP2, commands in a pipeline, made again when it breaks. */
import { connect, type Socket } from 'node:net';
import { VnetError } from '../../core/index.js';

export type Reply = string | number | null | Reply[];

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

const CRLF = '\r\n';

function encode(words: readonly (string | number)[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(String(word))}${CRLF}${word}${CRLF}`);
  return `*${words.length}${CRLF}${parts.join('')}`;
}

class RedisError extends Error {}

/** One reply at `at`: the value and where it ends, or undefined while it is incomplete. */
export function decode(data: Buffer, at = 0): { value: Reply | RedisError; end: number } | undefined {
  const lineEnd = data.indexOf(CRLF, at);
  if (lineEnd === -1) return undefined;
  const text = data.toString('utf8', at + 1, lineEnd);
  const next = lineEnd + CRLF.length;
  switch (String.fromCharCode(data[at] ?? 0)) {
    case '+':
      return { value: text, end: next };
    case '-':
      return { value: new RedisError(text), end: next };
    case ':':
      return { value: Number(text), end: next };
    case '$': {
      const size = Number(text);
      if (size < 0) return { value: null, end: next };
      const end = next + size + CRLF.length;
      return data.length < end ? undefined : { value: data.toString('utf8', next, next + size), end };
    }
    case '*':
      return decodeList(data, next, Number(text));
    default:
      throw new VnetError('VNET_ERR_INTERNAL', 'what answers there does not speak the Redis protocol');
  }
}

function decodeList(data: Buffer, at: number, count: number): ReturnType<typeof decode> {
  if (count < 0) return { value: null, end: at };
  const list: Reply[] = [];
  let end = at;
  for (let i = 0; i < count; i++) {
    const item = decode(data, end);
    if (item === undefined) return undefined;
    if (item.value instanceof RedisError) return { value: item.value, end: item.end };
    list.push(item.value);
    end = item.end;
  }
  return { value: list, end };
}

export class Redis {
  #socket: Socket | undefined;
  #pending: Buffer = Buffer.alloc(0);
  readonly #waiting: Waiting[] = [];

  constructor(
    readonly address: string,
    readonly port: number,
  ) {}

  /** Sends one command. Rejects with VNET_ERR_UNREACHABLE, or with what Redis says of it. */
  send(...words: (string | number)[]): Promise<Reply> {
    const socket = (this.#socket ??= this.#connect());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      socket.write(encode(words));
    });
  }

  /** A list reply as strings, nulls left out. */
  async strings(...words: (string | number)[]): Promise<string[]> {
    const reply = await this.send(...words);
    return Array.isArray(reply) ? reply.filter((item) => item !== null).map(String) : [];
  }

  /** A hash; undefined if there is none of that name. */
  async hash(key: string): Promise<Record<string, string> | undefined> {
    const flat = await this.strings('HGETALL', key);
    if (flat.length === 0) return undefined;
    return Object.fromEntries(
      Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]),
    );
  }

  close(): void {
    this.#socket?.destroy();
    this.#lost(new Error('closed'));
  }

  #connect(): Socket {
    const socket = connect({ host: this.address, port: this.port, noDelay: true });
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#lost(error, socket));
    socket.on('close', () => this.#lost(new Error('connection closed'), socket));
    return socket;
  }

  #take(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    for (let reply = decode(this.#pending, at); reply !== undefined; reply = decode(this.#pending, at)) {
      at = reply.end;
      const waiting = this.#waiting.shift();
      if (reply.value instanceof RedisError) waiting?.reject(reply.value);
      else waiting?.resolve(reply.value);
      if (at === this.#pending.length) break;
    }
    this.#pending = this.#pending.subarray(at);
  }

  #lost(cause: Error, socket = this.#socket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#pending = Buffer.alloc(0);
    const text = `the store at ${this.address} port ${this.port}: ${cause.message}`;
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new VnetError('VNET_ERR_UNREACHABLE', text, { cause }));
    }
  }
}
