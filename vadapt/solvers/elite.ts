/** The best mappings that a search passed, each once and never again in a later one. */
export class Elite {
  readonly #most: number;
  readonly #known = new Set<string>();
  /** The best first. */
  #kept: { value: number; key: string; hostOf: Int32Array }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  offer(value: number, hostOf: Int32Array): void {
    const kept = this.#kept;
    if (kept.length === this.#most && value <= (kept[kept.length - 1]?.value ?? -Infinity)) return;
    const key = hostOf.join();
    if (this.#known.has(key) || kept.some((other) => other.key === key)) return;
    let at = kept.length;
    while (at > 0 && (kept[at - 1]?.value as number) < value) at--;
    kept.splice(at, 0, { value, key, hostOf: Int32Array.from(hostOf) });
    if (kept.length > this.#most) kept.pop();
  }

  /** The best first; they are forgotten here, and known from now on. */
  takeNew(): Int32Array[] {
    const taken = this.#kept;
    this.#kept = [];
    for (const { key } of taken) this.#known.add(key);
    return taken.map(({ hostOf }) => hostOf);
  }
}
