/** Misses, events and arrivals on their way up: batched, and never from within a call to the plane. */
import type { Arrivals, FlowMiss, PlaneEvent, PlaneHandlers } from '../../core/index.js';
import { BATCH, EVENT_QUEUE } from './limits.js';

export class Handover {
  readonly #handlers: PlaneHandlers;
  #misses: FlowMiss[] = [];
  #events: PlaneEvent[] = [];
  #arrivals: Arrivals[] = [];
  #scheduled = false;
  #closed = false;

  constructor(handlers: PlaneHandlers) {
    this.#handlers = handlers;
  }

  /** Bounded by the keys that may wait. */
  miss(miss: FlowMiss): void {
    this.#misses.push(miss);
    this.#schedule();
  }

  event(event: PlaneEvent): void {
    if (this.#events.length < EVENT_QUEUE) this.#events.push(event);
    this.#schedule();
  }

  /** Bounded by the recorder. */
  arrivals(arrivals: Arrivals): void {
    this.#arrivals.push(arrivals);
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#deliver();
    });
  }

  #deliver(): void {
    const [events, misses] = [this.#events.splice(0, BATCH), this.#misses.splice(0, BATCH)];
    if (this.#events.length + this.#misses.length > 0) this.#schedule();
    if (events.length > 0) this.#handlers.events(events);
    if (misses.length > 0 && !this.#closed) this.#handlers.misses(misses);
    for (const arrivals of this.#arrivals.splice(0)) {
      if (!this.#closed) this.#handlers.arrivals?.(arrivals);
    }
  }
}
