/**
 * State on disk. A key has two slots, files that are overwritten in turn. A slot holds records, the value and what was
 * appended to it: each a line with its sequence number, the length of the JSON text after it and its digest, then
 * that text. A number is used once, also where the step fails. Of the two slots that counts whose records, up to the first
 * that is not whole or has no higher number, end in the higher number; so a crash in the middle of a step leaves what
 * was before.
 * Overwriting in place costs one synchronous write of data, where replacing by rename costs two commits of the file
 * system's journal.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { constants, type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Store, VnetError } from '../core/index.js';

/** Slots grow by this, so that a value of about the same size needs no new space. */
const SLOT_STEP_OCTETS = 4096;
const DIGEST_CHARACTERS = 32;
const NEWLINE = Buffer.from('\n');
/**
 * The disk is waited for this long a write, on average: handing a write to another thread and hearing back costs
 * several times as much, and more on a busy machine. After one that took n times as long, n are left to the thread,
 * and so is a large value.
 */
const WAIT_MEAN_MS = 1;
const WAIT_OCTETS_MAX = 64 * 1024;

interface Header {
  sequence: number;
  /** Octets of the text; 0: the key was removed. */
  length: number;
  digest: string;
}

interface Key {
  /** Opened when first needed. */
  slots: [Slot, Slot];
  /** The one that counts. */
  current: 0 | 1;
  /** Of the last record that was tried. */
  sequence: number;
  /** Where its records end. */
  end: number;
  /** The value and what was appended. Empty: nothing is kept. */
  texts: string[];
}

interface Slot {
  file: FileHandle;
  size: number;
}

export class FileStore implements Store {
  readonly #directory: string;
  readonly #keys = new Map<string, Promise<Key>>();
  /** The last step of each key: steps of one key happen in the order they were asked for. */
  readonly #last = new Map<string, Promise<unknown>>();
  /** Writes to go before one is waited for again. */
  #notWaiting = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes the directory (mode 0700) where it is missing. */
  static async open(directory: string): Promise<FileStore> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new VnetError('VNET_ERR_PRIVILEGE', `cannot make the state directory ${directory}`, {
        hint: 'choose another with --state, or run as root',
        cause,
      });
    }
    return new FileStore(directory);
  }

  /** `VNET_ERR_INVALID` where there is something, but neither slot is whole. */
  read(key: string): Promise<unknown> {
    return this.#inOrder(key, async () => {
      const [text] = (await this.#key(key)).texts;
      return text === undefined ? undefined : JSON.parse(text);
    });
  }

  /** As `read`. */
  readAll(key: string): Promise<unknown[]> {
    return this.#inOrder(key, async () => (await this.#key(key)).texts.map((text) => JSON.parse(text)));
  }

  write(key: string, value: unknown): Promise<void> {
    return this.#replace(key, JSON.stringify(value));
  }

  append(key: string, value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    return this.#inOrder(key, async () => {
      const state = await this.#key(key);
      if (state.texts.length === 0) return this.#begin(state, text);
      const octets = encode(++state.sequence, text);
      await this.#fill(state.slots[state.current], octets, state.end);
      state.end += octets.length;
      state.texts.push(text);
    });
  }

  remove(key: string): Promise<void> {
    return this.#replace(key, '');
  }

  /** Waits for what was asked for; the store may be used again. */
  async close(): Promise<void> {
    await Promise.all(this.#last.values());
    const keys = await Promise.allSettled(this.#keys.values());
    this.#keys.clear();
    for (const key of keys) {
      if (key.status === 'fulfilled') for (const { file } of key.value.slots) await file.close();
    }
  }

  #replace(key: string, text: string): Promise<void> {
    return this.#inOrder(key, async () => this.#begin(await this.#key(key), text));
  }

  /** A new first record, in the other slot. */
  async #begin(state: Key, text: string): Promise<void> {
    const other = state.current === 0 ? 1 : 0;
    const octets = encode(++state.sequence, text);
    await this.#fill(state.slots[other], octets, 0);
    state.current = other;
    state.end = octets.length;
    state.texts = text === '' ? [] : [text];
  }

  /** Where it does not fit, the slot gives back what it took, so that smaller values still do. */
  async #fill(slot: Slot, octets: Uint8Array, from: number): Promise<void> {
    const size = Math.ceil((from + octets.length) / SLOT_STEP_OCTETS) * SLOT_STEP_OCTETS;
    const filled = size > slot.size ? padded(octets, size - from) : octets;
    try {
      const waits = octets.length <= WAIT_OCTETS_MAX && --this.#notWaiting < 0;
      const startedMs = performance.now();
      for (let done = 0; done < filled.length; ) {
        const [rest, at] = [filled.length - done, from + done];
        done += waits
          ? writeSync(slot.file.fd, filled, done, rest, at)
          : (await slot.file.write(filled, done, rest, at)).bytesWritten;
      }
      if (waits) this.#notWaiting = Math.floor((performance.now() - startedMs) / WAIT_MEAN_MS);
    } catch (cause) {
      await slot.file.truncate(slot.size).catch(() => {}); // The first error is the one to tell.
      throw new VnetError(
        'VNET_ERR_PRIVILEGE',
        `cannot write in ${this.#directory}: ${(cause as Error).message}`,
        {
          hint: 'see that it can be written and has space left',
          cause,
        },
      );
    }
    slot.size = Math.max(size, slot.size);
  }

  #inOrder<T>(key: string, step: () => Promise<T>): Promise<T> {
    const next = (this.#last.get(key) ?? Promise.resolve()).then(step, step);
    this.#last.set(
      key,
      next.catch(() => {}), // Whoever asked for it gets the error.
    );
    return next;
  }

  #key(key: string): Promise<Key> {
    const known = this.#keys.get(key);
    if (known) return known;
    const opening = this.#open(key);
    this.#keys.set(key, opening);
    opening.catch(() => this.#keys.delete(key)); // The next call tries again.
    return opening;
  }

  async #open(key: string): Promise<Key> {
    const paths = [0, 1].map((slot) => join(this.#directory, `${key}.${slot}.json`));
    const files: FileHandle[] = [];
    for (const path of paths) files.push(await openOrMake(path));
    const found = await Promise.all(files.map(readWhole));
    const [first, second] = found.map(decode) as [Records, Records];
    const current = second.sequence > first.sequence ? 1 : 0;
    const { sequence, end, texts } = current === 0 ? first : second;
    if (sequence === 0 && found.some((octets) => octets.length > 0)) {
      for (const file of files) await file.close();
      throw new VnetError('VNET_ERR_INVALID', `${paths.join(' and ')} are damaged`, {
        hint: 'they were changed by hand or the disk is damaged: move them away to start without them',
      });
    }
    await syncDirectory(this.#directory);
    const slots = files.map((file, n) => ({ file, size: found[n]?.length ?? 0 })) as [Slot, Slot];
    return { slots, current, sequence, end, texts: texts.filter((text) => text !== '') };
  }
}

function encode(sequence: number, text: string): Buffer {
  const body = Buffer.from(text);
  const header: Header = { sequence, length: body.length, digest: digestOf(sequence, body) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body, NEWLINE]);
}

/** A file that need not grow with every record. */
function padded(octets: Uint8Array, size: number): Buffer {
  return Buffer.concat([octets, Buffer.alloc(size - octets.length, ' ')]);
}

interface Records {
  /** Of the last; 0: there is none. */
  sequence: number;
  end: number;
  texts: string[];
}

/** Those that are whole, in order: the rest is torn, or of an earlier use of the slot. */
function decode(octets: Buffer): Records {
  const records: Records = { sequence: 0, end: 0, texts: [] };
  for (;;) {
    const record = decodeOne(octets, records.end);
    if (!record || record.sequence <= records.sequence) return records;
    records.sequence = record.sequence;
    records.end = record.end;
    records.texts.push(record.text);
  }
}

function decodeOne(octets: Buffer, at: number): { sequence: number; end: number; text: string } | undefined {
  const bodyAt = octets.indexOf(NEWLINE, at) + 1;
  if (bodyAt === 0) return undefined;
  try {
    const { sequence, length, digest } = JSON.parse(octets.toString('utf8', at, bodyAt)) as Header;
    const body = octets.subarray(bodyAt, bodyAt + length);
    if (body.length !== length || digestOf(sequence, body) !== digest) return undefined;
    return { sequence, end: bodyAt + length + NEWLINE.length, text: body.toString('utf8') };
  } catch {
    return undefined; // No header.
  }
}

function digestOf(sequence: number, body: Uint8Array): string {
  return createHash('sha256').update(`${sequence}\n`).update(body).digest('hex').slice(0, DIGEST_CHARACTERS);
}

async function openOrMake(path: string): Promise<FileHandle> {
  // O_DSYNC: a write is on the disk when it returns, in one call instead of two.
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC, 0o600);
}

async function readWhole(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat();
  const octets = Buffer.alloc(size);
  const { bytesRead } = await file.read(octets, 0, size, 0);
  return octets.subarray(0, bytesRead);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
