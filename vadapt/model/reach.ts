/** Which hosts a path can join at all: breadth first, within the hops, through hosts that relay. */
import type { Instance } from './instance.js';

export class Reach {
  readonly #instance: Instance;
  /** By source, made when first asked: 1 where a path leads. */
  readonly #from = new Map<number, Uint8Array>();

  constructor(instance: Instance) {
    this.#instance = instance;
  }

  joins(from: number, to: number): boolean {
    const { hosts, bandwidth } = this.#instance;
    if (from === to || (bandwidth[from * hosts + to] as number) > 0) return true;
    const known = this.#from.get(from) ?? this.#search(from);
    this.#from.set(from, known);
    return known[to] === 1;
  }

  #search(source: number): Uint8Array {
    const { hosts, bandwidth, relays, maxHops } = this.#instance;
    const seen = new Uint8Array(hosts);
    seen[source] = 1;
    let border = [source];
    for (let hops = 0; hops < maxHops && border.length > 0; hops++) {
      const next: number[] = [];
      for (const host of border) {
        for (let to = 0; to < hosts; to++) {
          if (seen[to] === 1 || bandwidth[host * hosts + to] === 0) continue;
          seen[to] = 1;
          if (relays[to] === 1) next.push(to);
        }
      }
      border = next;
    }
    return seen;
  }
}
