/** What daemons send that cannot be true: refused each time, logged once in a while, shown to whoever looks. */
import type { Clock, VnetError } from '../../core/index.js';
import type { Log } from '../overlay.js';

/** One line of the log for a host and kind of message in this time. */
const LOG_EVERY_MS = 60_000;
/** A note is shown this long after the last time. */
const NOTE_AGE_MS = 60_000;

interface Trouble {
  message: string;
  times: number;
  lastMs: number;
  loggedMs: number;
}

export class Troubles {
  /** By host and what it sent. */
  readonly #troubles = new Map<string, Trouble>();

  constructor(
    readonly clock: Clock,
    readonly log: Log,
  ) {}

  refused(host: string, what: string, error: VnetError): void {
    const now = this.clock.now();
    const key = `${host} ${what}`;
    const known = this.#troubles.get(key);
    const trouble = known ?? { message: '', times: 0, lastMs: now, loggedMs: Number.NEGATIVE_INFINITY };
    trouble.message = `${what} of ${host} refused: ${error.message}`;
    trouble.times += 1;
    trouble.lastMs = now;
    if (now - trouble.loggedMs >= LOG_EVERY_MS) {
      this.log.warn({ host, err: error, times: trouble.times }, `a daemon's ${what} was refused`);
      trouble.loggedMs = now;
    }
    this.#troubles.set(key, trouble);
  }

  notes(): string[] {
    const oldest = this.clock.now() - NOTE_AGE_MS;
    for (const [key, { lastMs }] of this.#troubles) if (lastMs < oldest) this.#troubles.delete(key);
    return [...this.#troubles.values()].map(({ message, times }) =>
      times > 1 ? `${message} (${times} times)` : message,
    );
  }
}
