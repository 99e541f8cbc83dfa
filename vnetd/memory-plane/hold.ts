/** Frames of entries that say hold: for a VM that is moving, bounded in octets and time. */
import type { Clock, FlowEntry } from '../../core/index.js';
import type { Passing } from './frame.js';
import { HOLD_BYTES, HOLD_MS } from './limits.js';

interface Held {
  frame: Passing;
  cancel: () => void;
}

export class HoldBuffer {
  readonly #clock: Clock;
  readonly #expired: (frame: Passing) => void;
  readonly #held = new Map<FlowEntry, Set<Held>>();
  readonly #bytes = new WeakMap<FlowEntry, number>();

  constructor(clock: Clock, expired: (frame: Passing) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** False: the buffer of the entry is full. */
  push(entry: FlowEntry, frame: Passing): boolean {
    const bytes = (this.#bytes.get(entry) ?? 0) + frame.bytes.length;
    if (bytes > HOLD_BYTES) return false;
    const held: Held = { frame, cancel: this.#clock.after(HOLD_MS, () => this.#expire(entry, held)) };
    this.#held.set(entry, (this.#held.get(entry) ?? new Set<Held>()).add(held));
    this.#bytes.set(entry, bytes);
    return true;
  }

  /** What the entries that are gone held, in order. */
  release(gone: FlowEntry[]): Passing[] {
    return gone.flatMap((entry) => {
      const queue = [...(this.#held.get(entry) ?? [])];
      this.#held.delete(entry);
      this.#bytes.delete(entry);
      for (const { cancel } of queue) cancel();
      return queue.map(({ frame }) => frame);
    });
  }

  clear(): void {
    this.release([...this.#held.keys()]);
  }

  #expire(entry: FlowEntry, held: Held): void {
    this.#held.get(entry)?.delete(held);
    this.#bytes.set(entry, (this.#bytes.get(entry) ?? 0) - held.frame.bytes.length);
    this.#expired(held.frame);
  }
}
