/**
 * A daemon that knows the token and nothing else of manners: run as a program inside a host's namespace. It takes what
 * the Proxy asks for as done, and sends what no daemon of ours would send.
 *
 *   impostor.js ADDRESS PORT TOKEN NAME ATTACK MILLISECONDS      prints what it sent, JSON
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { encodeTrafficUpdate, type MacAddress, macToNumber, type TrafficUpdate } from '../../core/index.js';

export const IMPOSTOR_PROGRAM = fileURLToPath(import.meta.url);
const BULK_TRAFFIC = 1;
const BULK_MORE = 0x80;
const LARGE_BYTES = 16 << 20;
const PIECE_BYTES = 1 << 20;
const UPDATES_PER_SECOND = 1000;
const ROWS = 200;
const UNDERLAY_ROWS = 1_000_000;
const DRAIN_MS = 3000;
const HUGE_BYTES = 200e6;
/** Each run is another daemon. */
const BOOT = process.pid;
const TICK_MS = 10;
/** Kept waiting to be sent: the path is the Proxy's to fill, not our memory's. */
const WAITING_BYTES_MAX = 64 << 20;

interface Call {
  id?: number;
  call?: string;
}

class Impostor {
  sent = 0;
  closed = '';

  private constructor(
    readonly socket: WebSocket,
    readonly host: string,
  ) {
    socket.on('message', (data, isBinary) => {
      const { id, call } = (isBinary ? {} : JSON.parse(String(data))) as Call;
      if (call !== undefined) socket.send(JSON.stringify({ id, result: [] }));
    });
    socket.on('close', (code, reason) => {
      this.closed = `${code} ${String(reason)}`;
    });
    socket.on('error', (error) => {
      this.closed ||= error.message;
    });
  }

  static async enter(address: string, port: string, token: string, host: string): Promise<Impostor> {
    const headers = { authorization: `Bearer ${token}`, 'x-vnet-host': host };
    const socket = new WebSocket(`ws://${address}:${port}/v1/channel`, { headers, perMessageDeflate: false });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    const impostor = new Impostor(socket, host);
    const report = { host, version: '0', revision: 0, dataPort: 7700 };
    socket.send(JSON.stringify({ id: 1, call: 'hello', arguments: [report, 'impostor'] }));
    await new Promise((resolve) => socket.once('message', resolve));
    return impostor;
  }

  bulk(octets: Uint8Array, more = false): void {
    this.#send(Buffer.concat([Buffer.of(more ? BULK_TRAFFIC | BULK_MORE : BULK_TRAFFIC), octets]));
  }

  update(update: TrafficUpdate): void {
    this.bulk(encodeTrafficUpdate(update));
  }

  underlay(body: unknown): void {
    this.#send(typeof body === 'string' ? body : JSON.stringify({ notice: 'underlay', body }));
  }

  load(body: unknown): void {
    this.#send(JSON.stringify({ notice: 'load', body }));
  }

  get isWaiting(): boolean {
    return this.closed === '' && this.socket.bufferedAmount > 0;
  }

  get isFull(): boolean {
    return this.socket.bufferedAmount > WAITING_BYTES_MAX;
  }

  #send(data: Buffer | string): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.send(data, () => {});
    this.sent++;
  }
}

/** Pairs of the impostor's own addresses; row 0 is a pair of honest VMs. */
const VICTIMS: [MacAddress, MacAddress] = [
  '02:00:00:00:0a:01' as MacAddress,
  '02:00:00:00:0b:01' as MacAddress,
];
const OWN = macToNumber('02:00:00:0c:00:00' as MacAddress);

interface Shape {
  sequence: number;
  boot?: number;
  atMs?: number;
  full?: boolean;
  first?: number;
  bytes?: number;
  rows?: number;
  network: number;
}

function made({
  sequence,
  boot = BOOT,
  atMs = performance.now(),
  full = false,
  first = 0,
  bytes = 0,
  rows = ROWS,
  network,
}: Shape) {
  const counted = Uint32Array.from({ length: rows }, (_, i) => first + i);
  const listed = full ? counted : new Uint32Array(0);
  const address = (victim: MacAddress, i: number) => (i === 0 ? macToNumber(victim) : OWN + i);
  return {
    boot,
    sequence,
    atMs,
    full,
    pairs: {
      rows: listed.length,
      index: listed,
      network: new Uint32Array(listed.length).fill(network),
      source: Float64Array.from(listed, (_, i) => address(VICTIMS[0], i)),
      destination: Float64Array.from(listed, (_, i) => address(VICTIMS[1], i) + (i === 0 ? 0 : ROWS)),
    },
    counts: {
      rows,
      index: counted,
      frames: new Float64Array(rows).fill(Math.ceil(bytes / 1000)),
      bytes: new Float64Array(rows).fill(bytes),
    },
  } satisfies TrafficUpdate;
}

const estimate = (value: unknown) => ({ value, ageMs: 0, method: 'probe', confidence: 1 });
const link = (from: string, to: string, value: unknown, more = {}) => ({
  link: 'x',
  from,
  to,
  type: 'udp',
  throughputBitsPerSecond: estimate(value),
  availableBitsPerSecond: estimate(value),
  ...more,
});

/** Each is called every TICK_MS with the number of the call. */
const ATTACKS: Record<string, (liar: Impostor, n: number, network: number) => void> = {
  /** No update at all, and other kinds of bulk. */
  random(liar, n) {
    const octets = Buffer.from(Uint8Array.from({ length: n % 300 }, () => Math.floor(Math.random() * 256)));
    for (let i = 0; i < 5; i++) liar.bulk(octets);
  },

  /** Nearly an update: cut short, or with octets changed. */
  mutated(liar, n, network) {
    const good = Buffer.from(
      encodeTrafficUpdate(made({ sequence: n + 1, full: n % 3 === 0, bytes: n * 1000, network })),
    );
    liar.bulk(good.subarray(0, Math.floor(Math.random() * good.length)));
    for (let i = 0; i < 3; i++)
      good[Math.floor(Math.random() * good.length)] = Math.floor(Math.random() * 256);
    liar.bulk(good);
  },

  /** Sequences and clocks that go back, boots that take turns, a dictionary that was never sent. */
  past(liar, n, network) {
    if (n === 0) liar.update(made({ sequence: 1000, full: true, network }));
    else if (n % 4 === 0) liar.update(made({ sequence: 1000 - n, full: true, bytes: 1e9, network }));
    else if (n % 4 === 1) liar.update(made({ sequence: 1000 + n, atMs: 1, full: true, bytes: 1e9, network }));
    else if (n % 4 === 2) liar.update(made({ sequence: n, boot: BOOT + 1, bytes: 1e9, network }));
    else liar.update(made({ sequence: 5000 + n, bytes: 1e9, network }));
  },

  /** Counts for indexes that the dictionary does not have. */
  indexes(liar, n, network) {
    liar.update(
      made({ sequence: n + 1, full: n === 0, first: n === 0 ? 0 : 150_000, bytes: n * 1000, network }),
    );
  },

  /** Petabits a second, between honest VMs as well. */
  rates(liar, n, network) {
    liar.update(made({ sequence: n + 1, full: n === 0, bytes: n * 1e13, network }));
  },

  /** Whole and true to form, and far too many. */
  flood(liar, n, network) {
    const perTick = (UPDATES_PER_SECOND * TICK_MS) / 1000;
    for (let i = 0; i < perTick; i++) {
      const sequence = n * perTick + i + 1;
      liar.update(made({ sequence, full: sequence === 1, rows: 2, network }));
    }
  },

  /** As much as fits, full of random octets or of rows; and one that never ends. */
  large(liar, n) {
    const octets = Buffer.alloc(PIECE_BYTES, n);
    if (n % 2 === 0)
      for (let at = PIECE_BYTES; at <= LARGE_BYTES; at += PIECE_BYTES) liar.bulk(octets, at < LARGE_BYTES);
    else if (n % 4 === 1) liar.bulk(Buffer.alloc(LARGE_BYTES - 1, 1));
    else for (let i = 0; i < 100; i++) liar.bulk(octets, true);
  },

  underlay(liar, n) {
    const honest = ['a', 'b'] as const;
    liar.underlay({
      links: [
        link(honest[0], honest[1], 1),
        link('b', 'a', 1),
        link('c', 'a', -1),
        link('c', 'b', 'much'),
        link('c', 'c', 5),
        link('c', 'nobody', 5),
        link('c', 'a', 5, { rttUs: estimate(null), lossRatio: estimate(7) }),
        null,
        [],
      ],
      queues: [{ link: 'x', from: 'a', to: 'b', sentBin: 1, arrivedBin: 1, sentUs: [1], arrivedUs: [1] }, 5],
      notes: ['n'.repeat(100_000), { toString: 1 }, 'the impostor was here'],
    });
    liar.underlay({ links: 'all', queues: {}, notes: 7 });
    liar.underlay(null);
    // Endless where bins are counted one by one, and long where every series is compared with every other.
    const waits = Array.from({ length: 200 }, (_, bin) => (bin % 2) * 5000);
    const queue = (to: string, bin: number) => ({
      ...{ link: to, from: 'c', to, sentBin: bin, arrivedBin: bin, sentUs: waits, arrivedUs: waits },
    });
    liar.underlay({ links: [], queues: [queue('a', 2 ** 53), queue('b', 2 ** 53)], notes: [] });
    liar.underlay({
      links: [],
      queues: Array.from({ length: 2000 }, (_, i) => queue(`peer${i}`, 1)),
      notes: [],
    });
    if (n % 50 === 0)
      liar.underlay({
        links: Array(UNDERLAY_ROWS).fill(0),
        queues: Array(UNDERLAY_ROWS).fill(null),
        notes: [],
      });
  },

  loads(liar) {
    const load = { cpus: 2, busyCpus: 1, vmCpus: {}, vmWaits: {} };
    for (const part of [{ cpus: -1 }, { busyCpus: 1e300 }, { vmCpus: 'all' }, { vmWaits: { a1: -1 } }])
      liar.load({ ...load, ...part });
    liar.load(null);
    liar.load({
      ...load,
      vmCpus: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`v${i}`, 1])),
    });
  },

  /** What could be, were it not too good: the fastest of all networks, and one that was there an hour ago. */
  claims(liar) {
    const claim = (from: string, to: string, bitsPerSecond: number, ageMs: number) =>
      link(from, to, 0, { availableBitsPerSecond: { ...estimate(bitsPerSecond), ageMs } });
    liar.underlay({
      links: [claim('home', 'c', 9e13, 0), claim('c', 'home', 1e9, 3.6e6)],
      queues: [],
      notes: [],
    });
    liar.load({ cpus: 8000, busyCpus: 0, vmCpus: {}, vmWaits: {} });
  },

  /** A report of two hundred megabytes. */
  huge(liar, n) {
    if (n === 0) liar.underlay(`{"notice":"underlay","body":[${'0,'.repeat(HUGE_BYTES / 2)}0]}`);
  },

  /** No JSON: the channel ends, and he comes back. */
  text(liar) {
    liar.underlay('{"notice":"underlay","body":{"links":[{"value":NaN}]}}');
  },
};

async function attack(): Promise<void> {
  const [, , address = '', port = '', token = '', host = '', kind = '', lastsMs = '0', network = '0'] =
    process.argv;
  const step = ATTACKS[kind];
  if (!step) throw new Error(`no attack is called ${kind}`);
  const until = performance.now() + Number(lastsMs);
  let [sent, channels, closed, n] = [0, 0, '', 0];
  while (performance.now() < until) {
    const liar = await Impostor.enter(address, port, token, host).catch((error: Error) => error);
    if (liar instanceof Error) {
      closed = liar.message;
      await sleep(TICK_MS);
      continue;
    }
    channels++;
    while (performance.now() < until && liar.closed === '') {
      if (!liar.isFull) step(liar, n++, Number(network));
      await sleep(TICK_MS);
    }
    // What is large takes its time.
    for (const end = performance.now() + DRAIN_MS; liar.isWaiting && performance.now() < end; )
      await sleep(TICK_MS);
    sent += liar.sent;
    closed = liar.closed || closed;
    liar.socket.terminate();
    await sleep(TICK_MS);
  }
  process.stdout.write(`${JSON.stringify({ sent, channels, closed })}\n`);
}

if (process.argv[1] === IMPOSTOR_PROGRAM) await attack();
