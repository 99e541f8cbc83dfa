/**
 * One download over one TCP connection, and a server for it: run as a program in machines of a lab.
 *
 *   download.js serve PORT MIB            a file of zeros at /big, as the lab's QEMU guest has one
 *   download.js fetch ADDRESS PORT        a line of JSON (`Download`) each interval, and at the end
 */
import { createHash } from 'node:crypto';
import { createServer, get } from 'node:http';
import { fileURLToPath } from 'node:url';

export const DOWNLOAD_PROGRAM = fileURLToPath(import.meta.url);
export const REPORT_MS = 250;
const CHUNK = Buffer.alloc(64 * 1024);
const MIB = 2 ** 20;

export interface Download {
  receivedBytes: number;
  expectedBytes: number;
  /** Of the one connection that there is. */
  localPort: number;
  /** At the end. */
  sha256?: string;
}

export function sumOfZeros(bytes: number): string {
  const hash = createHash('sha256');
  for (let left = bytes; left > 0; left -= CHUNK.length) hash.update(CHUNK.subarray(0, left));
  return hash.digest('hex');
}

function serve(port: number, mib: number): void {
  createServer((_request, response) => {
    let left = mib * MIB;
    response.setHeader('content-length', left);
    const fill = () => {
      while (left > 0) {
        const chunk = CHUNK.subarray(0, left);
        left -= chunk.length;
        if (!response.write(chunk)) return void response.once('drain', fill);
      }
      response.end();
    };
    fill();
  }).listen(port, '0.0.0.0');
}

/** A connection that breaks is an error: nothing is tried again. */
function fetch(address: string, port: number): void {
  const request = get({ host: address, port, path: '/big', agent: false }, (response) => {
    const hash = createHash('sha256');
    const state: Download = {
      receivedBytes: 0,
      expectedBytes: Number(response.headers['content-length']),
      localPort: response.socket.localPort ?? 0,
    };
    const tell = () => process.stdout.write(`${JSON.stringify(state)}\n`);
    const timer = setInterval(tell, REPORT_MS);
    response.on('data', (chunk: Buffer) => {
      state.receivedBytes += chunk.length;
      hash.update(chunk);
    });
    response.on('end', () => {
      clearInterval(timer);
      state.sha256 = hash.digest('hex');
      tell();
    });
    response.on('error', failed);
  });
  request.on('error', failed);
}

function failed(error: Error): never {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

if (process.argv[1] === DOWNLOAD_PROGRAM) {
  const [, , role, ...rest] = process.argv;
  if (role === 'serve') serve(Number(rest[0]), Number(rest[1]));
  else fetch(String(rest[0]), Number(rest[1]));
}
