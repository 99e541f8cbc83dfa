/** Interarrival jitter as RTP counts it (RFC 3550, 6.4.1 and A.8): mean difference of delays of consecutive datagrams. */
import type { Row } from './row.js';

const GAIN = 1 / 16;

export class DelayVariation {
  #valueNs: number | undefined;
  atMs = 0;

  get us(): number | undefined {
    return this.#valueNs === undefined ? undefined : this.#valueNs / 1e3;
  }

  reset(): void {
    this.#valueNs = undefined;
  }

  /** Rows of one run, in order of arrival. */
  add(rows: readonly Row[], nowMs: number): void {
    for (let i = 1; i < rows.length; i++) {
      const from = rows[i - 1] as Row;
      const to = rows[i] as Row;
      const difference = Math.abs(to.arrivedNs - from.arrivedNs - (to.sentNs - from.sentNs));
      this.#valueNs = (this.#valueNs ?? 0) + (difference - (this.#valueNs ?? 0)) * GAIN;
      this.atMs = nowMs;
    }
  }
}
