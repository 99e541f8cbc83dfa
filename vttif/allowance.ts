/** A token bucket: so much a second, a second's worth at once. */
export class Allowance {
  readonly #perSecond: number;
  #left: number;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** False, and nothing taken, where it does not suffice. */
  take(amount: number, nowMs: number): boolean {
    const earned = Number.isFinite(this.#atMs) ? ((nowMs - this.#atMs) / 1000) * this.#perSecond : 0;
    this.#left = Math.min(this.#perSecond, this.#left + Math.max(0, earned));
    this.#atMs = Math.max(this.#atMs, nowMs);
    if (amount > this.#left) return false;
    this.#left -= amount;
    return true;
  }
}
