/**
 * Sends what no daemon sends, from inside a namespace: run as a program.
 *
 *   garbage.js udp ADDRESS PORT COUNT SEED [OWN-PORT]   random datagrams, random ones with a header that looks right
 *   garbage.js tcp ADDRESS PORT SEED                    connections that send random octets, lengths and halves
 *   garbage.js http ADDRESS PORT                        requests to the control channel; prints the status lines, JSON
 */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const GARBAGE_PROGRAM = fileURLToPath(import.meta.url);
const LARGEST_DATAGRAM = 60_000;
/** A burst the receiver's socket buffer holds. */
const BURST = 16;
const HEADER_OCTETS = 28;
const TYPES = 10;
const TCP_TRIES = 40;
const IDLE_CONNECTIONS = 64;
const ANSWER_TIMEOUT_MS = 1500;
/** Twice as long as a daemon listens to a connection that says nothing. */
const SILENCE_MS = 5000;

/** Numerical Recipes' generator: the same seed, the same garbage. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function octets(random: () => number, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, () => Math.floor(random() * 256)));
}

/** Half of them get past the version and type: what follows must not be believed. */
function message(random: () => number): Buffer {
  const length = random() < 0.1 ? Math.floor(random() * LARGEST_DATAGRAM) : Math.floor(random() * 200);
  const made = octets(random, length);
  if (made.length > HEADER_OCTETS && random() < 0.7) {
    made[0] = (1 << 4) | Math.floor(random() * TYPES);
    made[1] = Math.floor(random() * 8);
    if (random() < 0.5) made.fill(0, 4, 8);
  }
  return made;
}

async function udp(address: string, port: number, count: number, seed: number, own = 0): Promise<void> {
  const random = randomFrom(seed);
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.bind(own, resolve));
  for (let i = 0; i < count; i++) {
    socket.send(message(random), port, address, () => {});
    if (i % BURST === BURST - 1) await sleep(1);
  }
  await sleep(10);
  socket.close();
}

async function open(address: string, port: number): Promise<Socket> {
  const socket = connect(port, address);
  socket.on('error', () => socket.destroy());
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', () => resolve());
  });
  return socket;
}

async function tcp(address: string, port: number, seed: number): Promise<void> {
  const random = randomFrom(seed);
  const idle = await Promise.all(Array.from({ length: IDLE_CONNECTIONS }, () => open(address, port)));
  for (let i = 0; i < TCP_TRIES; i++) {
    const socket = await open(address, port);
    const body = message(random);
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32BE(random() < 0.5 ? body.length : Math.floor(random() * 2 ** 32));
    if (!socket.destroyed) socket.write(Buffer.concat([prefix, body]));
    if (i % 2 === 0) await sleep(2);
    if (random() < 0.5) socket.resetAndDestroy();
    else socket.end();
  }
  for (const socket of idle) socket.destroy();
}

const REQUESTS: Record<string, string> = {
  garbage: '\x00\x01\x02\xff\xfe no HTTP at all\r\n\r\n',
  plain: 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
  path: upgrade('/v2/other', ''),
  bare: upgrade('/v1/channel', ''),
  token: upgrade('/v1/channel', 'authorization: Bearer 0123456789abcdef\r\nx-vnet-host: a\r\n'),
  headers: `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'a'.repeat(20_000)}\r\n\r\n`,
  endless: 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\nconnection: close\r\n\r\nhalf',
};

function upgrade(path: string, more: string): string {
  const key = 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n';
  return `GET ${path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n${key}${more}\r\n`;
}

async function http(address: string, port: number): Promise<void> {
  const answers: Record<string, string> = {};
  const silent = await open(address, port);
  const isLeft = new Promise<string>((resolve) => silent.once('close', () => resolve('closed')));
  silent.resume();
  for (const [name, request] of Object.entries(REQUESTS)) {
    const socket = await open(address, port);
    let text = '';
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1');
    });
    socket.write(Buffer.from(request, 'latin1'));
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await Promise.race([closed, sleep(ANSWER_TIMEOUT_MS)]);
    answers[name] = text.split('\r\n')[0] ?? '';
    socket.destroy();
  }
  answers['silent'] = await Promise.race([isLeft, sleep(SILENCE_MS).then(() => 'open')]);
  silent.destroy();
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}

if (process.argv[1] === GARBAGE_PROGRAM) {
  const [, , kind, address = '', port = '0', ...rest] = process.argv;
  const [first = 0, second = 0, third = 0] = rest.map(Number);
  if (kind === 'udp') await udp(address, Number(port), first, second, third);
  else if (kind === 'tcp') await tcp(address, Number(port), first);
  else await http(address, Number(port));
}
