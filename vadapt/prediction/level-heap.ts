/** A binary heap of capacities by the level at which each is full; the least first. */
export class LevelHeap {
  readonly #ids: Int32Array;
  readonly #levels: Float64Array;
  #size = 0;

  /** Holds at most as many as it is made for. */
  constructor(capacity: number) {
    this.#ids = new Int32Array(capacity);
    this.#levels = new Float64Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** Of the first. */
  get level(): number {
    return this.#levels[0] as number;
  }

  push(id: number, level: number): void {
    let at = this.#size++;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if ((this.#levels[above] as number) <= level) break;
      this.#put(at, this.#ids[above] as number, this.#levels[above] as number);
      at = above;
    }
    this.#put(at, id, level);
  }

  pop(): number {
    const first = this.#ids[0] as number;
    const last = --this.#size;
    const [id, level] = [this.#ids[last] as number, this.#levels[last] as number];
    let at = 0;
    for (let below = 1; below < last; below = 2 * at + 1) {
      if (below + 1 < last && (this.#levels[below + 1] as number) < (this.#levels[below] as number)) below++;
      if ((this.#levels[below] as number) >= level) break;
      this.#put(at, this.#ids[below] as number, this.#levels[below] as number);
      at = below;
    }
    this.#put(at, id, level);
    return first;
  }

  #put(at: number, id: number, level: number): void {
    this.#ids[at] = id;
    this.#levels[at] = level;
  }
}
