/**
 * Where a daemon's clock stands on the Proxy's, from the updates alone: the smallest difference of arrival and reading
 * seen in the last minutes is that of the least delayed update (the minimum filter of NTP, RFC 5905 section 10).
 * Clocks may differ by anything; they may drift by what a minute forgives.
 */
const HALF_MS = 60_000;

export class ClockOffset {
  #current = Number.POSITIVE_INFINITY;
  #previous = Number.POSITIVE_INFINITY;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** Proxy's clock minus the daemon's, milliseconds, with the least delay seen. */
  sample(arrivedMs: number, readMs: number): number {
    if (arrivedMs - this.#sinceMs >= HALF_MS) {
      this.#previous = this.#current;
      this.#current = Number.POSITIVE_INFINITY;
      this.#sinceMs = arrivedMs;
    }
    this.#current = Math.min(this.#current, arrivedMs - readMs);
    return Math.min(this.#current, this.#previous);
  }
}
