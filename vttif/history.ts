/** What was counted, step by step, for a bounded time and in bounded memory: `vnet record` reads it, `replay` runs it. */
import type { TrafficHistory, TrafficStep } from '../core/index.js';

/** Steps older than this are dropped. */
export const HISTORY_MS_MAX = 600_000;
/** Memory of all steps together, octets. */
export const HISTORY_BYTES_MAX = 64_000_000;
/** Pairs of one answer; a single step may have more. */
export const HISTORY_ANSWER_PAIRS_MAX = 20_000;

/** Columns, since objects would cost five times as much. VMs are numbers of `names`. */
export interface CountedPairs {
  from: Uint32Array;
  to: Uint32Array;
  bytes: Float64Array;
  frames: Float64Array;
  names: readonly string[];
}

interface Step extends CountedPairs {
  serial: number;
  atMs: number;
  network: string;
}

const BYTES_PER_PAIR = 4 + 4 + 8 + 8;
const BYTES_PER_STEP = 400;

export class TrafficHistoryRing {
  readonly #steps: Step[] = [];
  /** Steps before it in `#steps` were dropped: shifting a long array at every step would cost more. */
  #first = 0;
  #bytes = 0;
  #serial = 0;

  /** Steps come in order of time; the arrays are the history's to keep. */
  add(atMs: number, network: string, pairs: CountedPairs): void {
    this.#serial++;
    this.#steps.push({ serial: this.#serial, atMs, network, ...pairs });
    this.#bytes += sizeOf(pairs.from.length);
    this.#drop(atMs);
  }

  /** The oldest held steps after `after`, as many as one answer takes; ask again from its `next`. */
  after(after: number): TrafficHistory {
    const oldest = this.#steps[this.#first]?.serial ?? this.#serial + 1;
    const start = Math.max(after + 1, oldest);
    const steps: TrafficStep[] = [];
    let pairs = 0;
    for (let serial = start; serial <= this.#serial; serial++) {
      const step = this.#steps[this.#first + serial - oldest];
      if (!step || (steps.length > 0 && pairs + step.from.length > HISTORY_ANSWER_PAIRS_MAX)) break;
      pairs += step.from.length;
      steps.push(unpacked(step));
    }
    return {
      next: Math.max(steps.at(-1)?.serial ?? 0, Math.min(after, this.#serial)),
      missed: Math.max(0, start - after - 1),
      steps,
    };
  }

  #drop(nowMs: number): void {
    for (let oldest = this.#steps[this.#first]; oldest; oldest = this.#steps[this.#first]) {
      if (this.#bytes <= HISTORY_BYTES_MAX && nowMs - oldest.atMs <= HISTORY_MS_MAX) break;
      this.#bytes -= sizeOf(oldest.from.length);
      this.#first++;
    }
    if (this.#first * 2 < this.#steps.length) return;
    this.#steps.splice(0, this.#first);
    this.#first = 0;
  }
}

function unpacked({ serial, atMs, network, from, to, bytes, frames, names }: Step): TrafficStep {
  const pairs: TrafficStep['pairs'] = Array.from(from, (vm, i) => [
    names[vm] ?? '',
    names[to[i] ?? 0] ?? '',
    bytes[i] ?? 0,
    frames[i] ?? 0,
  ]);
  return { serial, atMs, network, pairs };
}

const sizeOf = (pairs: number): number => BYTES_PER_STEP + BYTES_PER_PAIR * pairs;
