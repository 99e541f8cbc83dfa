/** What was done and what came of it: bounded, newest first; with the reasons of the late ones. */
import { ADAPT_HISTORY_MAX, type AdaptRecord, type PlannedAction } from '../../core/index.js';
import type { ControllerMemory } from './world.js';

/** Records whose reasons are kept. */
export const DECIDED_MAX = 100;

type Decided = NonNullable<ControllerMemory['decided']>[number];

export class History {
  #records: AdaptRecord[];
  #decided: Decided[];

  constructor(records: readonly AdaptRecord[] = [], decided: readonly Decided[] = []) {
    this.#records = records.slice(0, ADAPT_HISTORY_MAX);
    this.#decided = decided.slice(0, DECIDED_MAX);
  }

  get records(): AdaptRecord[] {
    return this.#records;
  }

  get decided(): Decided[] {
    return this.#decided;
  }

  /** One with the id of another takes its place. */
  put(record: AdaptRecord, reasons?: { atMs: number; actions: PlannedAction[] }): void {
    const at = this.#records.findIndex(({ id }) => id === record.id);
    if (at >= 0) this.#records[at] = record;
    else this.#records = [record, ...this.#records].slice(0, ADAPT_HISTORY_MAX);
    if (reasons) this.#decided = [{ record: record.id, ...reasons }, ...this.#decided].slice(0, DECIDED_MAX);
  }
}
