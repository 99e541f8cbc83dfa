/** Which pair has which place in the matrix's columns. A slot's generation changes when another pair takes it. */
import { MATRIX_SLOTS_MAX } from './limits.js';

const CAPACITY_MIN = 256;

const keyOf = (network: number, source: number, destination: number): string =>
  `${network}/${source}/${destination}`;

export class PairSlots {
  /** Slots ever used: columns are worth reading up to here. */
  size = 0;
  capacity = CAPACITY_MIN;
  network = new Uint32Array(CAPACITY_MIN);
  source = new Float64Array(CAPACITY_MIN);
  destination = new Float64Array(CAPACITY_MIN);
  /** Octets and frames since the pair was first seen. */
  bytes = new Float64Array(CAPACITY_MIN);
  frames = new Float64Array(CAPACITY_MIN);
  /** When it was last seen to talk, by the Proxy's clock. */
  heardMs = new Float64Array(CAPACITY_MIN);
  generation = new Uint32Array(CAPACITY_MIN);
  /** 1: holds a pair. */
  used = new Uint8Array(CAPACITY_MIN);
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];

  get live(): number {
    return this.#slots.size;
  }

  get room(): number {
    return MATRIX_SLOTS_MAX - this.#slots.size;
  }

  find(network: number, source: number, destination: number): number | undefined {
    return this.#slots.get(keyOf(network, source, destination));
  }

  /** The pair's slot, taken now if it has none. The caller has looked at `room`. */
  take(network: number, source: number, destination: number, nowMs: number): number {
    const key = keyOf(network, source, destination);
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot = this.#free.pop() ?? this.#append();
    this.#slots.set(key, slot);
    this.network[slot] = network;
    this.source[slot] = source;
    this.destination[slot] = destination;
    this.bytes[slot] = this.frames[slot] = 0;
    this.heardMs[slot] = nowMs;
    this.used[slot] = 1;
    return slot;
  }

  release(slot: number): void {
    this.#slots.delete(keyOf(this.network[slot] ?? 0, this.source[slot] ?? 0, this.destination[slot] ?? 0));
    this.used[slot] = 0;
    this.generation[slot] = (this.generation[slot] ?? 0) + 1;
    this.#free.push(slot);
  }

  #append(): number {
    if (this.size === this.capacity) this.#grow();
    return this.size++;
  }

  #grow(): void {
    this.capacity *= 2;
    this.network = extended(this.network, this.capacity);
    this.source = extended(this.source, this.capacity);
    this.destination = extended(this.destination, this.capacity);
    this.bytes = extended(this.bytes, this.capacity);
    this.frames = extended(this.frames, this.capacity);
    this.heardMs = extended(this.heardMs, this.capacity);
    this.generation = extended(this.generation, this.capacity);
    this.used = extended(this.used, this.capacity);
  }
}

type Column = Float64Array | Uint32Array | Int32Array | Uint8Array;

/** A longer column with the same beginning, zeros behind. */
export function extended<C extends Column>(column: C, length: number): C {
  const Type = column.constructor as new (length: number) => C;
  const longer = new Type(length);
  longer.set(column);
  return longer;
}
