/** What must outlive the daemon: the VMs that it may have to find again. */
import { type Store, VM_DRIVERS, type VmReport, type VmSpec } from '../../core/index.js';

const KEY = 'vms';

export interface VmRecord {
  spec: VmSpec;
  port: string;
  state: VmReport['state'];
  move?: string;
  /** It is the source of the move. */
  isSource?: boolean;
}

export class Records {
  readonly #store: Store;
  readonly #current: () => VmRecord[];
  readonly #onError: (thrown: unknown) => void;
  #isDirty = false;
  #writing: Promise<void> | undefined;

  constructor(store: Store, current: () => VmRecord[], onError: (thrown: unknown) => void) {
    this.#store = store;
    this.#current = current;
    this.#onError = onError;
  }

  async load(): Promise<VmRecord[]> {
    const saved = await this.#store.read(KEY);
    return Array.isArray(saved) ? saved.filter(isRecord) : [];
  }

  /** On disk when it resolves; rejects where it cannot be. */
  async written(): Promise<void> {
    await this.#writing;
    await this.#store.write(KEY, this.#current());
  }

  changed(): void {
    this.#isDirty = true;
    this.#writing ??= this.#write();
  }

  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#isDirty) {
      this.#isDirty = false;
      await this.#store.write(KEY, this.#current()).catch(this.#onError);
    }
    this.#writing = undefined;
  }
}

function isRecord(item: unknown): item is VmRecord {
  const { spec, port, state } = (item ?? {}) as Partial<VmRecord>;
  const isWhole = typeof spec?.name === 'string' && typeof port === 'string' && typeof state === 'string';
  return isWhole && VM_DRIVERS.includes(spec.machine?.driver);
}
