/** The VMs that the Proxy runs: what each was started as, which hosts may run it, and the move it is part of. */
import type { MoveOptions, Store, VmReport, VmSpec } from '../../core/index.js';
import type { MoveState } from './move.js';

const KEY = 'vms';

/** Plain JSON, as it is stored. */
export interface MoveRecord {
  id: string;
  from: string;
  to: string;
  fromPort: string;
  /** Absent: not known yet. */
  toPort?: string;
  options: MoveOptions;
  startedAt: string;
  state: MoveState;
}

export interface VmRecord {
  /** As it was started: its statement may be another by now. */
  spec: VmSpec;
  /** Where it is, as far as anybody knows. */
  host: string;
  /** Every host that was told to execute it and has not said since that it does not. */
  mayRunOn: string[];
  /** Every host that was ever told of it: no other can have it. Absent: it was found, not started by us. */
  told?: string[];
  state: VmReport['state'];
  reason?: string;
  console?: string;
  move?: MoveRecord;
}

export class VmRecords {
  readonly #store: Store;
  readonly #onError: (error: unknown) => void;
  readonly #records = new Map<string, VmRecord>();
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  private constructor(store: Store, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  static async load(store: Store, onError: (error: unknown) => void): Promise<VmRecords> {
    const records = new VmRecords(store, onError);
    const stored = ((await store.read(KEY)) ?? {}) as Record<string, VmRecord>;
    for (const [name, record] of Object.entries(stored)) records.#records.set(name, record);
    return records;
  }

  get(name: string): VmRecord | undefined {
    return this.#records.get(name);
  }

  all(): VmRecord[] {
    return [...this.#records.values()];
  }

  /** Not safe before `save` resolves. */
  set(record: VmRecord): VmRecord {
    this.#records.set(record.spec.name, record);
    return record;
  }

  delete(name: string): void {
    this.#records.delete(name);
  }

  /** Resolves when everything as it is now is safe. Asked for many times while one is written, written once. */
  save(): Promise<void> {
    if (!this.#writing) {
      this.#writing = this.#write();
      return this.#writing;
    }
    this.#next ??= this.#writing
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        this.#writing = this.#write();
        return this.#writing;
      });
    return this.#next;
  }

  /** For what may be lost with a crash: the hosts say it again. */
  saveSoon(): void {
    this.save().catch(this.#onError);
  }

  async #write(): Promise<void> {
    try {
      await this.#store.write(KEY, Object.fromEntries(this.#records));
    } finally {
      this.#writing = undefined;
    }
  }
}
