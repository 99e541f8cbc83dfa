/** What is missing in the sequence of a link's peer, and what came late. Numbers wrap at 2^32. */
import { SEQUENCE_JUMP, SEQUENCE_WINDOW } from './limits.js';

export class SequenceWindow {
  arrived = 0;
  lost = 0;
  late = 0;
  #newest: number | undefined;
  /** Numbers within the window that have not come. */
  readonly #missing = new Set<number>();

  /** A new session: the next number is the first, and what was missing stays so. */
  restart(): void {
    this.#newest = undefined;
    this.#missing.clear();
  }

  take(sequence: number): void {
    const ahead = this.#newest === undefined ? Number.POSITIVE_INFINITY : (sequence - this.#newest) | 0;
    if (Math.abs(ahead) >= SEQUENCE_JUMP) {
      this.restart();
      this.#newest = sequence;
      this.arrived += 1;
    } else if (ahead > 0) {
      this.#advance(sequence, ahead);
    } else if (ahead <= -SEQUENCE_WINDOW) {
      this.late += 1; // too old to know whether it came before
      this.arrived += 1;
    } else if (this.#missing.delete(sequence)) {
      this.lost -= 1;
      this.late += 1;
      this.arrived += 1;
    }
  }

  #advance(sequence: number, ahead: number): void {
    this.#newest = sequence;
    this.arrived += 1;
    this.lost += ahead - 1;
    for (let back = Math.min(ahead, SEQUENCE_WINDOW) - 1; back > 0; back -= 1) {
      this.#missing.add((sequence - back) >>> 0);
    }
    for (const number of this.#missing) {
      if (((sequence - number) | 0) < SEQUENCE_WINDOW) break; // they are in order
      this.#missing.delete(number);
    }
  }
}
