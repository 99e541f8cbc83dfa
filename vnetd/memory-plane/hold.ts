/** Frames of entries that say hold: for a VM that is moving, bounded in frames, octets and time. */
import type { Clock, FlowEntry } from '../../core/index.js';
import type { Passing } from './frame.js';
import { HOLD_BYTES, HOLD_FRAMES, HOLD_MS } from './limits.js';

interface Held {
  frame: Passing;
  /** The port that it is meant for. */
  port: number | undefined;
  cancel: () => void;
}

export class HoldBuffer {
  readonly #clock: Clock;
  readonly #expired: (frame: Passing, port: number | undefined) => void;
  readonly #held = new Map<FlowEntry, Set<Held>>();
  readonly #bytes = new WeakMap<FlowEntry, number>();

  constructor(clock: Clock, expired: (frame: Passing, port: number | undefined) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** False: the buffer of the entry is full. */
  push(entry: FlowEntry, frame: Passing, port: number | undefined): boolean {
    const queue = this.#held.get(entry) ?? new Set<Held>();
    const bytes = (this.#bytes.get(entry) ?? 0) + frame.bytes.length;
    if (bytes > HOLD_BYTES || queue.size >= HOLD_FRAMES) return false;
    const held: Held = { frame, port, cancel: this.#clock.after(HOLD_MS, () => this.#expire(entry, held)) };
    this.#held.set(entry, queue.add(held));
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
    this.#expired(held.frame, held.port);
  }
}
