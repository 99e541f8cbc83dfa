/**
 * What a change overwrote, so that it can be undone to the bit: a search tries thousands of moves a second and keeps
 * few. Entries are a kind, a key and two numbers, in typed arrays that grow.
 */
export class Journal {
  length = 0;
  kind = new Uint8Array(1024);
  key = new Int32Array(1024);
  first = new Float64Array(1024);
  second = new Float64Array(1024);

  add(kind: number, key: number, first: number, second: number): void {
    const at = this.length++;
    if (at === this.kind.length) this.#grow();
    this.kind[at] = kind;
    this.key[at] = key;
    this.first[at] = first;
    this.second[at] = second;
  }

  #grow(): void {
    const more = <T extends Uint8Array | Int32Array | Float64Array>(old: T, fresh: T): T => {
      fresh.set(old);
      return fresh;
    };
    const size = 2 * this.kind.length;
    this.kind = more(this.kind, new Uint8Array(size));
    this.key = more(this.key, new Int32Array(size));
    this.first = more(this.first, new Float64Array(size));
    this.second = more(this.second, new Float64Array(size));
  }
}
