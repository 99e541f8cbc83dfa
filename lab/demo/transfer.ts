/**
 * A TCP transfer between two machines of a lab, and what it achieves: run as a program in each of them.
 *
 *   transfer.js receive PORT             prints the octets that came in each interval, a number a line
 *   transfer.js send ADDRESS PORT        sends until it is killed
 */
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

export const TRANSFER_PROGRAM = fileURLToPath(import.meta.url);
export const INTERVAL_MS = 500;
const CONNECT_TIMEOUT_MS = 10_000;
const CONNECT_AGAIN_MS = 100;
const CHUNK = Buffer.alloc(256 * 1024, 0x5a);

export function receive(port: number): void {
  let octets = 0;
  setInterval(() => {
    process.stdout.write(`${octets}\n`);
    octets = 0;
  }, INTERVAL_MS);
  createServer((socket) => {
    socket.on('data', (data) => {
      octets += data.length;
    });
    socket.on('error', () => socket.destroy());
  }).listen(port, '0.0.0.0');
}

/** Tries again until the receiver listens. */
export function send(address: string, port: number, startedAt = performance.now()): void {
  const socket = connect(port, address);
  let connected = false;
  const fill = () => {
    while (socket.write(CHUNK));
  };
  socket.on('connect', () => {
    connected = true;
    fill();
  });
  socket.on('drain', fill);
  socket.on('error', (error) => {
    if (!connected && performance.now() - startedAt < CONNECT_TIMEOUT_MS) {
      setTimeout(() => send(address, port, startedAt), CONNECT_AGAIN_MS);
      return;
    }
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}

if (process.argv[1] === TRANSFER_PROGRAM) {
  const [, , role, ...rest] = process.argv;
  if (role === 'receive') receive(Number(rest[0]));
  else send(String(rest[0]), Number(rest[1]));
}
