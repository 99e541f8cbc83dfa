/**
 * Two VMs that talk while one of them moves: numbered datagrams one way, and a TCP connection whose numbered lines all come
 * back in order. Run as a program in each VM; `Conversation` is the test's end.
 */
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { OverlayLab } from '../../lab/index.js';

const PROGRAM = fileURLToPath(import.meta.url);
const PORT = 5007;
const EVERY_MS = 4;
/** What is under way when the talker stops still comes: a lost segment is sent again after 200 ms, and again after 400. */
const LAST_WORDS_MS = 1_500;

export interface Heard {
  sent: number;
  /** Datagrams that came, each counted once. */
  heard: number;
  /** Those that came again. */
  twice: number;
  /** Lines of the connection, and how many came back in order. */
  lines: number;
  back: number;
  /** Why the connection is no more. */
  broken?: string;
}

/** Answers its standard input's lines with what `report` says, as JSON. */
function answer(report: () => object): void {
  createInterface({ input: process.stdin }).on('line', () =>
    process.stdout.write(`${JSON.stringify(report())}\n`),
  );
  process.stdin.on('end', () => process.exit());
}

function listen(): void {
  const times = new Map<number, number>();
  const socket = createSocket('udp4');
  socket.on('message', (message) => {
    const number = message.readUInt32BE(0);
    times.set(number, (times.get(number) ?? 0) + 1);
  });
  const server = createServer((peer) =>
    peer
      .setNoDelay()
      .on('error', () => {})
      .pipe(peer),
  );
  socket.bind(PORT, () => server.listen(PORT, () => process.stdout.write('ready\n')));
  answer(() => ({ heard: times.size, twice: [...times.values()].filter((count) => count > 1).length }));
}

function talk(address: string): void {
  const state = { sent: 0, lines: 0, back: 0 } as Heard;
  const datagrams = createSocket('udp4');
  const stream = connect(PORT, address).setNoDelay();
  const say = () => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(state.sent++);
    datagrams.send(number, PORT, address);
    stream.write(`${state.lines++}\n`);
  };
  let timer: NodeJS.Timeout | undefined;
  stream.on('connect', () => {
    timer = setInterval(say, EVERY_MS);
    process.stdout.write('ready\n');
  });
  createInterface({ input: stream }).on('line', (line) => {
    if (line === String(state.back)) state.back++;
    else state.broken ??= `line ${line} came for ${state.back}`;
  });
  stream.on('error', (error) => void (state.broken ??= error.message));
  stream.on('close', () => void (state.broken ??= 'it was closed'));
  answer(() => {
    clearInterval(timer);
    return state;
  });
}

export class Conversation {
  readonly #talker: Voice;
  readonly #listener: Voice;

  private constructor(talker: Voice, listener: Voice) {
    this.#talker = talker;
    this.#listener = listener;
  }

  static async begin(overlay: OverlayLab, from: string, to: string): Promise<Conversation> {
    const listener = await Voice.start(overlay, to, 'listen');
    const talker = await Voice.start(overlay, from, 'talk', overlay.lab.vm(to).address);
    return new Conversation(talker, listener);
  }

  /** Ends it, and says what came of it. */
  async end(): Promise<Heard> {
    await this.#talker.ask<Heard>();
    await new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS));
    const said = await this.#talker.ask<Heard>();
    const heard = await this.#listener.ask<Pick<Heard, 'heard' | 'twice'>>();
    this.close();
    return { ...said, ...heard };
  }

  close(): void {
    this.#talker.close();
    this.#listener.close();
  }
}

class Voice {
  readonly #waiting: ((line: string) => void)[] = [];

  private constructor(readonly child: ChildProcess) {
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => this.#waiting.shift()?.(line));
  }

  static async start(overlay: OverlayLab, vm: string, ...args: string[]): Promise<Voice> {
    const command = [process.execPath, PROGRAM, ...args];
    const voice = new Voice(overlay.lab.vm(vm).spawn(command, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await voice.#line();
    return voice;
  }

  async ask<T>(): Promise<T> {
    const line = this.#line();
    this.child.stdin?.write('report\n');
    return JSON.parse(await line) as T;
  }

  close(): void {
    this.child.kill('SIGKILL');
  }

  #line(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      this.child.once('close', () => reject(new Error('a voice fell silent')));
    });
  }
}

if (process.argv[1] === PROGRAM) {
  const [what, address = ''] = process.argv.slice(2);
  if (what === 'talk') talk(address);
  else listen();
}
