/** A file of lines: written so that it is whole after each call, read without holding it whole. */
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { VnetError } from '../../core/index.js';

export interface LineFile {
  /** Adds to the end; throws a VnetError where the disk does not take it. */
  write(text: string): void;
  close(): void;
}

/** `new`: refuses a file that is there already. */
export type LineFileMode = 'new' | 'replace';

const FLAGS: Record<LineFileMode, string> = { new: 'wx', replace: 'w' };
const STANDARD_OUTPUT = 1;

/** `-`: standard output. */
export function openLineFile(path: string, mode: LineFileMode): LineFile {
  const file = path === '-' ? STANDARD_OUTPUT : attempt(path, () => openSync(path, FLAGS[mode]));
  return {
    write: (text) => attempt(path, () => writeWhole(file, Buffer.from(text))),
    close: () => {
      if (file !== STANDARD_OUTPUT) closeSync(file);
    },
  };
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new VnetError('VNET_ERR_EXISTS', `${path} is there already`, {
        hint: '--replace begins it anew',
        cause,
      });
    throw new VnetError('VNET_ERR_INVALID', `cannot write ${path}: ${VnetError.from(cause).message}`, {
      hint: 'name a file that may be written, or - for standard output',
      cause,
    });
  }
}

/** A write may take less than it was given; a pipe that is full takes nothing for a moment. */
function writeWhole(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(file, bytes, at);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EAGAIN') throw cause;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_WAIT_MS);
    }
  }
}
const PIPE_WAIT_MS = 5;

/** Lines of a file, unpacked where its name ends in `.gz`; `-`: of standard input. */
export async function* readLines(path: string): AsyncGenerator<string> {
  const source: Readable = path === '-' ? process.stdin : createReadStream(path);
  const unpacked: Readable = path.endsWith('.gz') ? source.pipe(createGunzip()) : source;
  const lines = createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY });
  let failure: unknown;
  const fail = (cause: unknown): void => {
    failure ??= cause;
    lines.close(); // an error does not end the lines by itself
  };
  source.once('error', fail);
  unpacked.once('error', fail);
  try {
    yield* lines;
  } catch (cause) {
    fail(cause);
  } finally {
    if (path !== '-') source.destroy();
  }
  if (failure !== undefined) throw unreadable(path, failure);
}

function unreadable(path: string, cause: unknown): VnetError {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  return new VnetError(
    missing ? 'VNET_ERR_NOT_FOUND' : 'VNET_ERR_INVALID',
    `cannot read ${path}: ${missing ? 'there is no such file' : VnetError.from(cause).message}`,
    { cause },
  );
}
