/**
 * Where state that outlives a restart is kept. Values are JSON; a step is atomic and durable when it resolves, and steps
 * of one key happen in the order they were asked for.
 */
export interface Store {
  /** The value that was written last; undefined: none. */
  read(key: string): Promise<unknown>;
  /** That value and what was appended to it, in order; empty: none. */
  readAll(key: string): Promise<unknown[]>;
  /** In place of the value and of all that was appended. */
  write(key: string, value: unknown): Promise<void>;
  /** Costs what is appended, however much is there. The first of a key is as if it were written. */
  append(key: string, value: unknown): Promise<void>;
  remove(key: string): Promise<void>;
}

export class MemoryStore implements Store {
  readonly #texts: Map<string, readonly string[]>;

  constructor(texts: Iterable<readonly [string, readonly string[]]> = []) {
    this.#texts = new Map(texts);
  }

  async read(key: string): Promise<unknown> {
    return (await this.readAll(key))[0];
  }

  async readAll(key: string): Promise<unknown[]> {
    return (this.#texts.get(key) ?? []).map((text) => JSON.parse(text) as unknown);
  }

  async write(key: string, value: unknown): Promise<void> {
    this.#texts.set(key, [JSON.stringify(value)]);
  }

  async append(key: string, value: unknown): Promise<void> {
    this.#texts.set(key, [...(this.#texts.get(key) ?? []), JSON.stringify(value)]);
  }

  async remove(key: string): Promise<void> {
    this.#texts.delete(key);
  }

  /** As a crash now would leave it. */
  copy(): MemoryStore {
    return new MemoryStore(this.#texts);
  }
}
