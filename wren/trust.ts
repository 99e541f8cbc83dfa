/**
 * Whether a peer's time stamps can be true. A sender may claim any time; but a clock runs, runs forward, and runs at
 * nearly the speed of ours. What passes here can bend an estimate by SPEED_SHARE, not more, unless it forges single
 * stamps within the noise.
 */
import { type Row, sequenceDistance } from './row.js';
import { isLarge } from './train-plan.js';

/** Spans of the two clocks may differ by this share and a queue that came or went meanwhile. */
const SPEED_SHARE = 0.02;
const QUEUE_NS = 1.5e9;
const SPAN_MIN_NS = 5e9;
const SPAN_MAX_NS = 240e9;
/** Rows of one count; that many of them may look wrong. */
const COUNTED_ROWS = 256;
const WRONG_SHARE = 0.05;
/** A train whose stamps stand still for so much of it was not stamped one by one. */
const STILL_SHARE = 0.6;
const STILL_TRAINS = 3;
const LEAPS_MAX = 3;
const LEAPS_WITHIN_NS = 60e9;
/** Refused until so long after the last offence. */
export const REFUSED_NS = 30e9;

export class Trust {
  #anchor: Row | undefined;
  #last: Row | undefined;
  #rows = 0;
  #backwards = 0;
  #stillTrains = 0;
  #leaps: number[] = [];
  #offence: { atNs: number; reason: string } | undefined;

  /** After the link was down: the peer may have another clock now. What it did before is not forgotten. */
  restart(): void {
    this.#anchor = undefined;
    this.#last = undefined;
  }

  refused(nowNs: number): string | undefined {
    return this.#offence && nowNs - this.#offence.atNs < REFUSED_NS ? this.#offence.reason : undefined;
  }

  /** The clocks' difference leapt by seconds while the link was up. A clock is set now and then, not again and again. */
  leap(arrivedNs: number): void {
    this.#leaps = [...this.#leaps.filter((atNs) => arrivedNs - atNs < LEAPS_WITHIN_NS), arrivedNs];
    if (this.#leaps.length > LEAPS_MAX) this.#offence = { atNs: arrivedNs, reason: 'leap by seconds' };
  }

  /** Rows of one run in order of arrival. */
  traffic(rows: readonly Row[]): void {
    this.#runs(rows, (from, to) => sequenceDistance(from.sequence, to.sequence) > 0);
  }

  /** A whole train in the order sent. */
  train(rows: readonly Row[]): void {
    this.#runs(rows, () => true);
    // Packets of a burst may have left in one system call, with one stamp; the others have distances.
    const apart = rows.filter((row) => !isLarge(row.bytes));
    if (apart.length <= 1) return;
    const still = apart.filter((row, i) => row.sentNs === apart[i - 1]?.sentNs).length;
    this.#stillTrains = still > STILL_SHARE * apart.length ? this.#stillTrains + 1 : 0;
    if (this.#stillTrains >= STILL_TRAINS) this.#refuse(rows, 'stand still while packets are sent');
  }

  #runs(rows: readonly Row[], follows: (from: Row, to: Row) => boolean): void {
    let last: Row | undefined;
    for (const row of rows) {
      this.#rows++;
      if (last && follows(last, row) && row.sentNs < last.sentNs) this.#backwards++;
      last = row;
    }
    if (this.#rows >= COUNTED_ROWS) {
      if (this.#backwards > WRONG_SHARE * this.#rows) this.#refuse(rows, 'run backwards');
      this.#rows = 0;
      this.#backwards = 0;
    }
    if (last) this.#speed(last, rows);
  }

  #speed(row: Row, rows: readonly Row[]): void {
    this.#last = row;
    this.#anchor ??= row;
    const arrivedNs = row.arrivedNs - this.#anchor.arrivedNs;
    if (arrivedNs < SPAN_MIN_NS) return;
    const sentNs = row.sentNs - this.#anchor.sentNs;
    if (Math.abs(sentNs - arrivedNs) > SPEED_SHARE * arrivedNs + QUEUE_NS) {
      this.#refuse(rows, `ran ${(sentNs / arrivedNs).toFixed(2)} times as fast as the clock here`);
      this.#anchor = row;
    }
    if (arrivedNs > SPAN_MAX_NS) this.#anchor = this.#last;
  }

  #refuse(rows: readonly Row[], reason: string): void {
    this.#offence = { atNs: rows.at(-1)?.arrivedNs ?? 0, reason };
  }
}
