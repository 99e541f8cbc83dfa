/** Keeps what the daemon runs from on disk: a write a little after the first change, for all that came meanwhile. */
import type { HostConfig, Store } from '../core/index.js';

const KEY = 'config';
/** The Proxy and the other hosts are done with a change by then; until it is on disk, a crash leaves what was before. */
const SAVE_DELAY_MS = 50;

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
  /** Ends the delay. */
  #hurry = () => {};

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
    this.#hurry();
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#dirty) {
      await this.#delay();
      this.#dirty = false;
      await this.#store.write(KEY, this.#current()).catch(this.#onError);
    }
    this.#writing = undefined;
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, SAVE_DELAY_MS);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
