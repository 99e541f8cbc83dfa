/**
 * State on disk. A key has two slots, files that are overwritten in turn; each starts with a line that holds the
 * write's sequence number, the length of the JSON text after it and its digest. The valid slot of the higher
 * number counts, so a crash in the middle of a write leaves the value of before. Overwriting in place costs one
 * synchronous write of data, where replacing by rename costs two commits of the file system's journal.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { constants, type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Store, VnetError } from '../core/index.js';

/** Slots grow by this, so that a value of about the same size needs no new space. */
const SLOT_STEP_OCTETS = 4096;
const DIGEST_CHARACTERS = 32;
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
  /** Opened when first needed: [slot 0, slot 1]. */
  slots: [FileHandle, FileHandle];
  sizes: [number, number];
  sequence: number;
  /** Empty: nothing is kept. */
  text: string;
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
      const { text } = await this.#key(key);
      return text === '' ? undefined : JSON.parse(text);
    });
  }

  write(key: string, value: unknown): Promise<void> {
    return this.#put(key, JSON.stringify(value));
  }

  remove(key: string): Promise<void> {
    return this.#put(key, '');
  }

  /** Waits for what was asked for; the store may be used again. */
  async close(): Promise<void> {
    await Promise.all(this.#last.values());
    const keys = await Promise.allSettled(this.#keys.values());
    this.#keys.clear();
    for (const key of keys) {
      if (key.status === 'fulfilled') for (const slot of key.value.slots) await slot.close();
    }
  }

  #put(key: string, text: string): Promise<void> {
    return this.#inOrder(key, async () => {
      const state = await this.#key(key);
      const slot = state.sequence % 2 === 0 ? 1 : 0;
      const octets = encode(state.sequence + 1, text);
      const size = Math.ceil(octets.length / SLOT_STEP_OCTETS) * SLOT_STEP_OCTETS;
      const padded =
        size > state.sizes[slot] ? Buffer.concat([octets, Buffer.alloc(size - octets.length, ' ')]) : octets;
      await this.#fill(state.slots[slot], padded, state.sizes[slot]);
      state.sizes[slot] = Math.max(size, state.sizes[slot]);
      state.sequence += 1;
      state.text = text;
    });
  }

  /** Where it does not fit, the slot gives back what it took, so that smaller values still do. */
  async #fill(slot: FileHandle, octets: Uint8Array, sizeBefore: number): Promise<void> {
    try {
      const waits = octets.length <= WAIT_OCTETS_MAX && --this.#notWaiting < 0;
      const startedMs = performance.now();
      for (let at = 0; at < octets.length; ) {
        const rest = octets.length - at;
        at += waits
          ? writeSync(slot.fd, octets, at, rest, at)
          : (await slot.write(octets, at, rest, at)).bytesWritten;
      }
      if (waits) this.#notWaiting = Math.floor((performance.now() - startedMs) / WAIT_MEAN_MS);
    } catch (cause) {
      await slot.truncate(sizeBefore).catch(() => {}); // The first error is the one to tell.
      throw new VnetError(
        'VNET_ERR_PRIVILEGE',
        `cannot write in ${this.#directory}: ${(cause as Error).message}`,
        {
          hint: 'see that it can be written and has space left',
          cause,
        },
      );
    }
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
    const slots: FileHandle[] = [];
    for (const path of paths) slots.push(await openOrMake(path));
    const texts = await Promise.all(slots.map(async (slot) => (await readWhole(slot)).toString('utf8')));
    const valid = texts.map(decode).filter((found) => found !== undefined);
    valid.sort((a, b) => b.sequence - a.sequence);
    const newest = valid[0];
    if (!newest && texts.some((text) => text.length > 0)) {
      for (const slot of slots) await slot.close();
      throw new VnetError('VNET_ERR_INVALID', `${paths.join(' and ')} are damaged`, {
        hint: 'they were changed by hand or the disk is damaged: move them away to start without them',
      });
    }
    await syncDirectory(this.#directory);
    return {
      slots: slots as [FileHandle, FileHandle],
      sizes: texts.map((text) => Buffer.byteLength(text)) as [number, number],
      sequence: newest?.sequence ?? 0,
      text: newest?.text ?? '',
    };
  }
}

function encode(sequence: number, text: string): Buffer {
  const body = Buffer.from(text);
  const header: Header = { sequence, length: body.length, digest: digestOf(sequence, body) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body, Buffer.from('\n')]);
}

function decode(text: string): { sequence: number; text: string } | undefined {
  try {
    const end = text.indexOf('\n');
    const header = JSON.parse(text.slice(0, end)) as Header;
    const body = Buffer.from(text.slice(end + 1)).subarray(0, header.length);
    if (body.length !== header.length || digestOf(header.sequence, body) !== header.digest) return undefined;
    return { sequence: header.sequence, text: body.toString('utf8') };
  } catch {
    return undefined; // Torn or foreign: the other slot decides.
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
