/** Follows the matrix's history, which the Proxy holds for a while only, and says when it came too late for a step. */
import { type TrafficStep, VnetError } from '../../core/index.js';
import { pause } from '../pause.js';
import type { Run } from '../run.js';

/** The Proxy holds minutes; a second keeps answers small. */
const POLL_MS = 1000;
/** Larger than any serial, with the digits that the API takes: the answer is where the history is now. */
const NEWEST = 999_999_999_999_999;

export interface RecordOptions {
  /** Also what the Proxy still holds of the time before. */
  past: boolean;
  network?: string;
  /** Aborted when it is enough. */
  ended: AbortSignal;
  write(steps: TrafficStep[]): void;
  /** What a person must know: steps missed, the Proxy away and back. */
  note(text: string): void;
}

export interface RecordResult {
  steps: number;
  pairs: number;
  missed: number;
}

/** Until `ended`. Rejects where the first question fails; later the Proxy may come and go. */
export async function recordHistory(run: Run, options: RecordOptions): Promise<RecordResult> {
  const recorder = new Recorder(run, options);
  await recorder.begin();
  for (;;) {
    await recorder.follow();
    if (options.ended.aborted) return recorder.result;
    await pause(run, POLL_MS, options.ended); // the last steps are fetched after the end
  }
}

class Recorder {
  readonly result: RecordResult = { steps: 0, pairs: 0, missed: 0 };
  readonly #run: Run;
  readonly #options: RecordOptions;
  /** Serial of the last step that was fetched, as the Proxy counts now. */
  #after = 0;
  /** A Proxy that is started again counts from 1; in the file serials go on ascending. */
  #offset = 0;
  #lastWritten = 0;
  #away = false;

  constructor(run: Run, options: RecordOptions) {
    this.#run = run;
    this.#options = options;
  }

  /** What was dropped before the recording began is not missed. */
  async begin(): Promise<void> {
    const { client } = this.#run;
    if (!this.#options.past) {
      this.#after = (await client.history(NEWEST)).next;
      return;
    }
    const { missed } = await client.history(0);
    this.#after = missed;
  }

  /** Everything that is new; while the Proxy is away, nothing. */
  async follow(): Promise<void> {
    try {
      while (await this.#fetch());
    } catch (thrown) {
      const error = VnetError.from(thrown);
      if (error.code !== 'VNET_ERR_UNREACHABLE') throw thrown;
      if (!this.#away) this.#options.note(`${error.message}; waiting for the Proxy`);
      this.#away = true;
    }
  }

  /** One answer; whether there may be more. */
  async #fetch(): Promise<boolean> {
    const { next, missed, steps } = await this.#run.client.history(this.#after);
    if (this.#away) this.#options.note('the Proxy is back');
    this.#away = false;
    if (next < this.#after) {
      this.#options.note('the Proxy was started again: its history begins anew');
      this.#offset = this.#lastWritten;
      this.#after = 0;
      return true;
    }
    if (missed > 0) {
      this.result.missed += missed;
      this.#options.note(`${missed} steps were dropped before they were asked for`);
    }
    this.#write(steps);
    this.#after = next;
    return steps.length > 0;
  }

  #write(steps: readonly TrafficStep[]): void {
    const { network, write } = this.#options;
    const wanted = steps
      .filter((step) => network === undefined || step.network === network)
      .map((step) => ({ ...step, serial: this.#offset + step.serial }));
    if (wanted.length === 0) return;
    write(wanted);
    this.#lastWritten = wanted.at(-1)?.serial ?? this.#lastWritten;
    this.result.steps += wanted.length;
    this.result.pairs += wanted.reduce((sum, step) => sum + step.pairs.length, 0);
  }
}
