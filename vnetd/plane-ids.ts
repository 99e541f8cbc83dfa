/** Numbers for what the data plane knows by number. Ports and edges share one space: both are an ingress. */
export class PlaneIds {
  #next = 1;
  readonly #byName = new Map<string, number>();
  readonly #byId = new Map<number, string>();

  of(name: string): number {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const id = this.#next++;
    this.#byName.set(name, id);
    this.#byId.set(id, name);
    return id;
  }

  find(name: string): number | undefined {
    return this.#byName.get(name);
  }

  name(id: number): string | undefined {
    return this.#byId.get(id);
  }

  /** The number is not given out again. */
  forget(name: string): void {
    const id = this.#byName.get(name);
    if (id === undefined) return;
    this.#byName.delete(name);
    this.#byId.delete(id);
  }
}

/** Ports and edges by name: an edge is its peer's name, a port its specification; the two never look alike. */
export const edgeName = (peer: string): string => `edge ${peer}`;
export const portName = (port: string): string => `port ${port}`;
