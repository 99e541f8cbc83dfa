/** A number of 53 bits for each vertex' set of neighbours: equal sets have equal numbers, others hardly ever. */
export class NeighbourHashes {
  readonly #low: Int32Array;
  readonly #high: Int32Array;

  constructor(size: number) {
    this.#low = new Int32Array(size);
    this.#high = new Int32Array(size);
  }

  add(vertex: number, neighbour: number): void {
    this.#low[vertex] = (this.#low[vertex] ?? 0) ^ scramble(neighbour + 1);
    this.#high[vertex] = (this.#high[vertex] ?? 0) ^ scramble(~neighbour);
  }

  of(vertex: number): number {
    return ((this.#low[vertex] ?? 0) >>> 0) + ((this.#high[vertex] ?? 0) >>> 11) * 2 ** 32;
  }
}

/** The finaliser of MurmurHash3, 32 bits. */
function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
