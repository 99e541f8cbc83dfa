/**
 * What flows that leave one host, or arrive at one, are worth together at best: each takes one of the host's edges first
 * (or last), and those on one edge share it. The best partition of the flows onto the edges, by dynamic programming over
 * subsets: O(3^flows x edges).
 */

/** 3^7 x 8 edges: about 20 microseconds. */
export const PARTITION_FLOWS_MAX = 7;

export class EdgePartition {
  /** Over subsets: of the edges so far, with the next, of one edge alone. */
  readonly #best = new Float64Array(1 << PARTITION_FLOWS_MAX);
  readonly #next = new Float64Array(1 << PARTITION_FLOWS_MAX);
  readonly #edge = new Float64Array(1 << PARTITION_FLOWS_MAX);
  readonly #demand = new Float64Array(1 << PARTITION_FLOWS_MAX);
  #flows = 0;

  /** `room`: what a residual is worth, concave. */
  constructor(readonly room: (residual: number) => number) {}

  begin(demands: readonly number[]): void {
    this.#flows = demands.length;
    const subsets = 1 << this.#flows;
    for (let set = 1; set < subsets; set++) {
      const last = 31 - Math.clz32(set);
      this.#demand[set] = (this.#demand[set & ~(1 << last)] as number) + (demands[last] as number);
    }
    this.#best.fill(-Infinity, 0, subsets);
    this.#best[0] = 0;
  }

  /**
   * An edge so wide. By flow: `most`, what it is worth there alone (-Infinity: it cannot take it), and `rest`, what it is
   * worth apart from room.
   */
  addEdge(width: number, most: ArrayLike<number>, rest: ArrayLike<number>): void {
    const subsets = 1 << this.#flows;
    this.#edge[0] = 0;
    for (let set = 1; set < subsets; set++) {
      const room = this.room(width - (this.#demand[set] as number));
      let sum = 0;
      for (let i = 0; i < this.#flows; i++)
        if ((set & (1 << i)) !== 0) sum += Math.min(most[i] as number, room + (rest[i] as number));
      this.#edge[set] = sum;
    }
    for (let set = 0; set < subsets; set++) {
      let best = this.#best[set] as number;
      for (let part = set; part > 0; part = (part - 1) & set) {
        const value = (this.#best[set ^ part] as number) + (this.#edge[part] as number);
        if (value > best) best = value;
      }
      this.#next[set] = best;
    }
    this.#best.set(this.#next.subarray(0, subsets));
  }

  /** -Infinity: some flow can take none. */
  value(): number {
    return this.#best[(1 << this.#flows) - 1] as number;
  }
}
