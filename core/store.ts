/** Where state that outlives a restart is kept. Values are JSON; a write is atomic and durable when it resolves. */
export interface Store {
  read(key: string): Promise<unknown>;
  write(key: string, value: unknown): Promise<void>;
  remove(key: string): Promise<void>;
}

export class MemoryStore implements Store {
  #values = new Map<string, string>();

  async read(key: string): Promise<unknown> {
    const text = this.#values.get(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  async write(key: string, value: unknown): Promise<void> {
    this.#values.set(key, JSON.stringify(value));
  }

  async remove(key: string): Promise<void> {
    this.#values.delete(key);
  }
}
