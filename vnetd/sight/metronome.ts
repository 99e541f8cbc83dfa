/** Beats on a grid: a late beat does not move the next, and beats missed altogether are left out. */
import type { Clock } from '../../core/index.js';

export class Metronome {
  readonly #clock: Clock;
  readonly #onBeat: () => void;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, onBeat: () => void) {
    this.#clock = clock;
    this.#onBeat = onBeat;
  }

  /** The first beat comes after one period. Beating already: begins a new grid. */
  start(periodMs: number): void {
    this.stop();
    this.#wait(this.#clock.now() + periodMs, periodMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(dueMs: number, periodMs: number): void {
    this.#cancel = this.#clock.after(Math.max(0, dueMs - this.#clock.now()), () => {
      const lateMs = Math.max(0, this.#clock.now() - dueMs);
      this.#wait(dueMs + periodMs * (1 + Math.floor(lateMs / periodMs)), periodMs);
      this.#onBeat();
    });
  }
}
