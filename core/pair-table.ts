/**
 * Finds rows by (network, source, destination) among many: open addressing with linear probing over typed arrays, since
 * a Map of composed keys costs more than all the rest of a daemon's report. Rows are the caller's numbers.
 */
const EMPTY = -1;
/** Entries to places; above it the table doubles. */
const LOAD_MAX = 0.5;
const PLACES_MIN = 64;

export interface PairColumns {
  network: ArrayLike<number>;
  source: ArrayLike<number>;
  destination: ArrayLike<number>;
}

export class PairTable {
  /** Where a row's key is kept: the table stores row numbers only. */
  readonly #keys: PairColumns;
  #rows = new Int32Array(PLACES_MIN).fill(EMPTY);
  #size = 0;

  constructor(keys: PairColumns) {
    this.#keys = keys;
  }

  /** The row, or -1. */
  find(network: number, source: number, destination: number): number {
    return this.#rows[this.#place(network, source, destination)] ?? EMPTY;
  }

  /** The row's key must be in its columns already, and not in the table. */
  add(row: number): void {
    if ((this.#size + 1) / this.#rows.length > LOAD_MAX) this.#grow();
    this.#put(row);
    this.#size++;
  }

  /** While the row's key still stands in its columns. */
  remove(row: number): void {
    const rows = this.#rows;
    let hole = this.#placeOf(row);
    if (rows[hole] !== row) return;
    this.#size--;
    // Moves up what would no longer be found across the hole (Knuth, TAOCP 3, 6.4, algorithm R).
    for (let place = (hole + 1) % rows.length; rows[place] !== EMPTY; place = (place + 1) % rows.length) {
      const home = this.#homeOf(rows[place] ?? 0);
      const between = hole < place ? hole < home && home <= place : hole < home || home <= place;
      if (between) continue;
      rows[hole] = rows[place] ?? EMPTY;
      hole = place;
    }
    rows[hole] = EMPTY;
  }

  #grow(): void {
    const old = this.#rows;
    this.#rows = new Int32Array(old.length * 2).fill(EMPTY);
    for (const row of old) if (row !== EMPTY) this.#put(row);
  }

  #put(row: number): void {
    this.#rows[this.#placeOf(row)] = row;
  }

  #placeOf(row: number): number {
    const { network, source, destination } = this.#keys;
    return this.#place(network[row] ?? 0, source[row] ?? 0, destination[row] ?? 0);
  }

  #homeOf(row: number): number {
    const { network, source, destination } = this.#keys;
    return hash(network[row] ?? 0, source[row] ?? 0, destination[row] ?? 0) % this.#rows.length;
  }

  #place(network: number, source: number, destination: number): number {
    const rows = this.#rows;
    const keys = this.#keys;
    let place = hash(network, source, destination) % rows.length;
    for (;;) {
      const row = rows[place] ?? EMPTY;
      if (
        row === EMPTY ||
        (keys.source[row] === source &&
          keys.destination[row] === destination &&
          keys.network[row] === network)
      ) {
        return place;
      }
      place = (place + 1) % rows.length;
    }
  }
}

/** Of 32 bits, unsigned. Addresses are 48-bit numbers, so their high part counts too. */
function hash(network: number, source: number, destination: number): number {
  let mixed = network | 0;
  for (const address of [source, destination]) {
    mixed = Math.imul(mixed ^ (address | 0), 0x9e3779b1);
    mixed = Math.imul(mixed ^ (mixed >>> 15) ^ ((address / 0x100000000) | 0), 0x85ebca6b);
    mixed ^= mixed >>> 13;
  }
  return mixed >>> 0;
}
