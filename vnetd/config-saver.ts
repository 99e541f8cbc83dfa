/** Keeps what the daemon runs from on disk: a write starts in the next turn, and one more follows for all that came meanwhile. */
import type { HostConfig, Store } from '../core/index.js';

const KEY = 'config';

export interface SavedConfig {
  config: HostConfig;
  proxyName: string;
}

export class ConfigSaver {
  readonly #store: Store;
  readonly #current: () => SavedConfig;
  readonly #onError: (thrown: unknown) => void;
  #dirty = false;
  #writing: Promise<void> | undefined;

  constructor(store: Store, current: () => SavedConfig, onError: (thrown: unknown) => void) {
    this.#store = store;
    this.#current = current;
    this.#onError = onError;
  }

  async load(): Promise<SavedConfig | undefined> {
    return (await this.#store.read(KEY)) as SavedConfig | undefined;
  }

  changed(): void {
    this.#dirty = true;
    this.#writing ??= this.#write();
  }

  /** When all that changed is on disk, or could not be written and was said. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    // The answer to whoever changed it leaves first.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#dirty) {
      this.#dirty = false;
      await this.#store.write(KEY, this.#current()).catch(this.#onError);
    }
    this.#writing = undefined;
  }
}
