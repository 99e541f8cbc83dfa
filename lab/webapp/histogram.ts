/** Counts of durations in classes 4% wide: memory is fixed however long the run. */
const CLASS_RATIO = 1.04;
const LOWEST_MS = 0.01;

export class Histogram {
  readonly #counts = new Map<number, number>();
  #total = 0;

  get count(): number {
    return this.#total;
  }

  add(ms: number): void {
    const at = Math.max(0, Math.floor(Math.log(Math.max(ms, LOWEST_MS) / LOWEST_MS) / Math.log(CLASS_RATIO)));
    this.#counts.set(at, (this.#counts.get(at) ?? 0) + 1);
    this.#total++;
  }

  /** Milliseconds, the middle of a class; 0 while there is nothing. @param share 0 to 1 */
  quantile(share: number): number {
    const wanted = Math.min(this.#total, Math.floor(share * this.#total) + 1);
    let seen = 0;
    for (const [at, count] of [...this.#counts].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= wanted) return Number((LOWEST_MS * CLASS_RATIO ** (at + 0.5)).toPrecision(3));
    }
    return 0;
  }
}
