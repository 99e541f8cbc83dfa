/**
 * The QEMU Machine Protocol, one connection (docs/interop/qmp-spec in QEMU): lines of JSON over a Unix socket, a
 * greeting, `qmp_capabilities`, then commands with their answers by `id`, and events in between.
 */
import { connect, type Socket } from 'node:net';
import { VnetError } from '../../core/index.js';
import { QMP_MESSAGE_BYTES_MAX, QMP_TIMEOUT_MS } from './limits.js';

export interface QmpEvent {
  event: string;
  data: Record<string, unknown>;
  /** Milliseconds ago, by QEMU's own stamp. */
  agoMs: number;
}

interface Message {
  QMP?: { capabilities?: string[] };
  id?: number;
  return?: unknown;
  error?: { class: string; desc: string };
  event?: string;
  data?: Record<string, unknown>;
  timestamp?: { seconds: number; microseconds: number };
}

interface Pending {
  command: string;
  resolve(value: unknown): void;
  reject(error: VnetError): void;
  timer: NodeJS.Timeout;
}

const OUT_OF_BAND = 'oob';

export class QmpClient {
  /** Resolves with the reason once the connection is gone, whoever ended it. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #greeted: (capabilities: string[]) => void = () => {};
  readonly #greeting = new Promise<string[]>((resolve) => {
    this.#greeted = resolve;
  });
  #outOfBand = false;
  #lastId = 0;
  #rest = '';
  #over: string | undefined;

  /** Rejects with VNET_ERR_UNREACHABLE if nobody listens, VNET_ERR_TIMEOUT if nobody greets (another client is on it). */
  static async connect(path: string, timeoutMs = QMP_TIMEOUT_MS): Promise<QmpClient> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (cause) =>
        reject(
          new VnetError('VNET_ERR_UNREACHABLE', `no QEMU answers at ${path}: ${cause.message}`, { cause }),
        ),
      );
    });
    const client = new QmpClient(socket, path);
    try {
      await client.#negotiate(timeoutMs);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  private constructor(
    socket: Socket,
    readonly path: string,
  ) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#read(text));
    let reason = 'QEMU closed its monitor';
    socket.on('error', (error) => {
      reason = error.message;
    });
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        this.#end(this.#over ?? reason);
        resolve(reason);
      }),
    );
  }

  /**
   * @throws VNET_ERR_REFUSED with QEMU's words, VNET_ERR_TIMEOUT, VNET_ERR_UNREACHABLE once the connection is gone
   */
  execute<Result>(command: string, args: object = {}, timeoutMs = QMP_TIMEOUT_MS): Promise<Result> {
    return this.#send('execute', command, args, timeoutMs);
  }

  /** Out of band: QEMU takes it even while its main thread hangs, waiting for a page of the guest. Few commands can. */
  executeNow<Result>(command: string, args: object = {}, timeoutMs = QMP_TIMEOUT_MS): Promise<Result> {
    return this.#send(this.#outOfBand ? 'exec-oob' : 'execute', command, args, timeoutMs);
  }

  async #negotiate(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.#greeted([]), timeoutMs);
    const capabilities = await this.#greeting;
    clearTimeout(timer);
    this.#outOfBand = capabilities.includes(OUT_OF_BAND);
    const enable = this.#outOfBand ? { enable: [OUT_OF_BAND] } : {};
    await this.execute('qmp_capabilities', enable, timeoutMs);
  }

  #send<Result>(how: string, command: string, args: object, timeoutMs: number): Promise<Result> {
    if (this.#over !== undefined) return Promise.reject(this.#gone(command));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<Result>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        const message = `QEMU at ${this.path} did not answer '${command}' within ${timeoutMs} ms`;
        reject(new VnetError('VNET_ERR_TIMEOUT', message));
      }, timeoutMs);
      this.#pending.set(id, { command, resolve: resolve as (value: unknown) => void, reject, timer });
      this.#socket.write(`${JSON.stringify({ [how]: command, arguments: args, id })}\n`);
    });
  }

  /** @returns a function that ends it */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#end('closed');
    this.#socket.destroy();
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#take(line);
    if (this.#rest.length > QMP_MESSAGE_BYTES_MAX) this.#fail('a message without end');
  }

  #take(line: string): void {
    let message: Message;
    try {
      message = JSON.parse(line) as Message;
    } catch {
      return this.#fail(`no JSON: ${line.slice(0, 80)}`);
    }
    if (message.QMP !== undefined) this.#greeted(message.QMP.capabilities ?? []);
    else if (message.event !== undefined) {
      const event = { event: message.event, data: message.data ?? {}, agoMs: agoMs(message.timestamp) };
      for (const listener of [...this.#listeners]) listener(event);
    } else if (message.id !== undefined) this.#answer(message.id, message);
  }

  #answer(id: number, message: Message): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // it came after its time-out
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (message.error === undefined) return pending.resolve(message.return);
    const text = `QEMU refused '${pending.command}': ${message.error.desc}`;
    pending.reject(new VnetError('VNET_ERR_REFUSED', text, { details: message.error }));
  }

  #fail(what: string): void {
    this.#end(`it does not speak QMP (${what})`);
    this.#socket.destroy();
  }

  #end(reason: string): void {
    this.#over ??= reason;
    this.#greeted([]);
    for (const { command, reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(this.#gone(command));
    }
    this.#pending.clear();
  }

  #gone(command: string): VnetError {
    return new VnetError(
      'VNET_ERR_UNREACHABLE',
      `QEMU at ${this.path} cannot be told '${command}': ${this.#over}`,
    );
  }
}

/** Date.now() goes by whole milliseconds; the finer clock does not follow when the system's is set. */
const CLOCK_STEP_MS = 1;

/** A stamp of another clock, or none, is of now. */
function agoMs(stamp: Message['timestamp']): number {
  const coarse = Date.now();
  const fine = performance.timeOrigin + performance.now();
  const nowMs = Math.abs(fine - coarse) <= 2 * CLOCK_STEP_MS ? fine : coarse + CLOCK_STEP_MS;
  const ago = nowMs - (Number(stamp?.seconds) * 1e3 + Number(stamp?.microseconds) / 1e3);
  return ago > 0 ? ago : 0;
}
