/** State on disk: a JSON file a key, replaced whole. A crash leaves the old value or the new one. */
import { closeSync, fsync, openSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Store, VnetError } from '../core/index.js';

const sync = promisify(fsync);

export class FileStore implements Store {
  readonly #directory: string;
  #writes: Promise<unknown> = Promise.resolve();

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

  async read(key: string): Promise<unknown> {
    let text: string;
    try {
      text = await readFile(this.#path(key), 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw cause;
    }
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new VnetError('VNET_ERR_INVALID', `${this.#path(key)} is not JSON`, {
        hint: 'it was changed by hand or the disk is damaged: move it away to start without it',
        cause,
      });
    }
  }

  /** Writes of one store happen in the order they were asked for. */
  write(key: string, value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    return this.#inOrder(() => this.#replace(this.#path(key), text));
  }

  remove(key: string): Promise<void> {
    return this.#inOrder(() => rm(this.#path(key), { force: true }));
  }

  #inOrder(step: () => Promise<void>): Promise<void> {
    const next = this.#writes.then(step, step);
    this.#writes = next.catch(() => {}); // Whoever asked for it gets the error.
    return next;
  }

  async #replace(path: string, text: string): Promise<void> {
    try {
      await replaceFile(this.#directory, path, text);
    } catch (cause) {
      throw new VnetError('VNET_ERR_PRIVILEGE', `cannot write ${path}: ${(cause as Error).message}`, {
        hint: `see that ${this.#directory} is there, can be written and has space left`,
        cause,
      });
    }
  }

  #path(key: string): string {
    return join(this.#directory, `${key}.json`);
  }
}

/** Only the syncs may take long, so only they are left to other threads. */
async function replaceFile(folder: string, path: string, text: string): Promise<void> {
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeFileSync(file, text);
    await sync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  const directory = openSync(folder, 'r');
  try {
    await sync(directory);
  } finally {
    closeSync(directory);
  }
}
