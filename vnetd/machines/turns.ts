/** One operation a VM at a time, in the order asked for. A turn lasts until all that it began is over, also after its caller was told that it takes too long. */
import { type Clock, VnetError } from '../../core/index.js';
import { within } from './within.js';

interface Turn {
  what: string;
  over: Promise<void>;
}

/** Makes the turn last until the work settles. */
export type Keep = (work: Promise<unknown>) => void;

export class Turns {
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #last = new Map<string, Turn>();

  /** Who waits longer than `waitMs` for the turn before is refused. */
  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  async take<T>(vm: string, what: string, run: (keep: Keep) => Promise<T>): Promise<T> {
    const before = this.#last.get(vm);
    const began: Promise<unknown>[] = before ? [before.over] : [];
    let end = () => {};
    const turn: Turn = { what, over: new Promise((resolve) => (end = resolve)) };
    this.#last.set(vm, turn);
    try {
      if (before) await within(this.#clock, before.over, this.#waitMs, () => this.#busy(vm, before.what));
      return await run((work) => began.push(work));
    } finally {
      void Promise.allSettled(began).then(() => {
        if (this.#last.get(vm) === turn) this.#last.delete(vm);
        end();
      });
    }
  }

  #busy(vm: string, what: string): VnetError {
    return new VnetError(
      'VNET_ERR_TIMEOUT',
      `"${what}" of VM ${vm} is still under way after ${this.#waitMs / 1000} s`,
      { hint: `ask again; \`vnet vms\` tells what the host says of ${vm}` },
    );
  }
}
