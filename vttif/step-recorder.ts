/** Cuts the matrix's totals into steps: what was counted since the step before. */
import type { CountedPairs, TrafficHistoryRing } from './history.js';
import { extended } from './pair-slots.js';
import type { TrafficMatrix } from './traffic-matrix.js';
import type { VmPairs } from './vm-pairs.js';

export class StepRecorder {
  readonly #history: TrafficHistoryRing;
  /** Totals of each slot at the last step, and the generation they are of. */
  #bytes = new Float64Array(0);
  #frames = new Float64Array(0);
  #generation = new Uint32Array(0);

  constructor(history: TrafficHistoryRing) {
    this.#history = history;
  }

  /** A step for each network that has a name and had traffic. */
  record(
    atMs: number,
    matrix: TrafficMatrix,
    pairs: VmPairs,
    networkName: (network: number) => string | undefined,
  ): void {
    this.#fit(matrix.slots.capacity);
    for (const [network, slots] of this.#changed(matrix)) {
      const name = networkName(network);
      const counted = this.#counted(matrix, pairs, slots);
      if (name !== undefined) this.#history.add(atMs, name, counted);
    }
  }

  /** Slots that counted since the last step, by network. */
  #changed({ slots }: TrafficMatrix): Map<number, number[]> {
    const changed = new Map<number, number[]>();
    for (let slot = 0; slot < slots.size; slot++) {
      if (slots.used[slot] !== 1) continue;
      if (this.#generation[slot] !== slots.generation[slot]) this.#begin(slot, slots.generation[slot] ?? 0);
      if (slots.bytes[slot] === this.#bytes[slot] && slots.frames[slot] === this.#frames[slot]) continue;
      const network = slots.network[slot] ?? 0;
      const list = changed.get(network);
      if (list) list.push(slot);
      else changed.set(network, [slot]);
    }
    return changed;
  }

  #counted(matrix: TrafficMatrix, pairs: VmPairs, changed: number[]): CountedPairs {
    const { bytes, frames } = matrix.slots;
    const counted: CountedPairs = {
      from: new Uint32Array(changed.length),
      to: new Uint32Array(changed.length),
      bytes: new Float64Array(changed.length),
      frames: new Float64Array(changed.length),
      names: pairs.names,
    };
    for (let row = 0; row < changed.length; row++) {
      const slot = changed[row] ?? 0;
      counted.from[row] = pairs.fromOf(matrix, slot);
      counted.to[row] = pairs.toOf(slot);
      counted.bytes[row] = (bytes[slot] ?? 0) - (this.#bytes[slot] ?? 0);
      counted.frames[row] = (frames[slot] ?? 0) - (this.#frames[slot] ?? 0);
      this.#bytes[slot] = bytes[slot] ?? 0;
      this.#frames[slot] = frames[slot] ?? 0;
    }
    return counted;
  }

  /** Another pair has the slot, and its totals began at zero. */
  #begin(slot: number, generation: number): void {
    this.#generation[slot] = generation;
    this.#bytes[slot] = this.#frames[slot] = 0;
  }

  #fit(capacity: number): void {
    if (this.#bytes.length >= capacity) return;
    this.#bytes = extended(this.#bytes, capacity);
    this.#frames = extended(this.#frames, capacity);
    this.#generation = extended(this.#generation, capacity);
  }
}
