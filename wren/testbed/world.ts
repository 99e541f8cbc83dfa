/** Events in the order of time: a binary heap, and a clock that stands where the last event was. */
import type { Clock } from '../../core/index.js';

interface Event {
  atNs: number;
  serial: number;
  run(): void;
}

const before = (a: Event, b: Event): boolean => a.atNs < b.atNs || (a.atNs === b.atNs && a.serial < b.serial);

export class World implements Clock {
  nowNs = 0;
  readonly #heap: Event[] = [];
  #serial = 0;

  now(): number {
    return this.nowNs / 1e6;
  }

  after(delayMs: number, callback: () => void): () => void {
    let live = true;
    this.at(this.nowNs + delayMs * 1e6, () => live && callback());
    return () => {
      live = false;
    };
  }

  at(atNs: number, run: () => void): void {
    const heap = this.#heap;
    const event = { atNs: Math.max(atNs, this.nowNs), serial: this.#serial++, run };
    let place = heap.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent] as Event;
      if (!before(event, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = event;
  }

  every(periodMs: number, run: () => void): void {
    this.at(this.nowNs + periodMs * 1e6, () => {
      run();
      this.every(periodMs, run);
    });
  }

  runUntil(untilNs: number): void {
    for (let first = this.#heap[0]; first && first.atNs <= untilNs; first = this.#heap[0]) {
      this.#removeFirst();
      this.nowNs = first.atNs;
      first.run();
    }
    this.nowNs = untilNs;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!before(heap[child] as Event, last)) break;
      heap[place] = heap[child] as Event;
      place = child;
    }
    heap[place] = last;
  }
}
