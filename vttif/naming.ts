/** Names of connected parts, remembered: the same pairs are recognised once, however often they are asked for. */
import { type Pattern, recognise } from './patterns/index.js';

/** One connected part: rows of demands, and the graph they make. */
export interface Part {
  /** Ascending. */
  rows: Uint32Array;
  /** VM numbers, by first appearance. */
  vms: number[];
  /** Ends of each row, as places in `vms`. */
  a: Uint32Array;
  b: Uint32Array;
  /** Numbers of the pairs. */
  pairs: Uint32Array;
  rates: Float64Array;
}

/** Parts and pairs remembered, at most; the least lately used are forgotten. */
const PARTS_MAX = 256;
const PAIRS_MAX = 200_000;

interface Entry {
  pairs: Uint32Array;
  patterns: Pattern[];
}

export class Naming {
  readonly #entries = new Map<string, Entry>();
  #pairs = 0;

  /** Best first; `order` holds places in `part.vms`. */
  names(part: Part): Pattern[] {
    const key = keyOf(part);
    const known = this.#entries.get(key);
    if (known && isSame(known.pairs, part.pairs)) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.patterns;
    }
    const patterns = recognise(part.vms.length, part.a, part.b, part.rates);
    // Where rates have a say, the answer holds for these rates only.
    if (!patterns.some(({ kind }) => kind === 'bipartite')) this.#keep(key, { pairs: part.pairs, patterns });
    return patterns;
  }

  /** Pair numbers have lost their meaning. */
  clear(): void {
    this.#entries.clear();
    this.#pairs = 0;
  }

  #keep(key: string, entry: Entry): void {
    this.#drop(key);
    this.#entries.set(key, entry);
    this.#pairs += entry.pairs.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= PARTS_MAX && this.#pairs <= PAIRS_MAX) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#pairs -= this.#entries.get(key)?.pairs.length ?? 0;
    this.#entries.delete(key);
  }
}

/** FNV-1a over the pairs. */
function keyOf({ pairs, vms }: Part): string {
  let hash = 0x811c9dc5;
  for (const pair of pairs) hash = Math.imul(hash ^ pair, 0x01000193);
  return `${vms.length} ${pairs.length} ${hash}`;
}

const isSame = (a: Uint32Array, b: Uint32Array): boolean =>
  a.length === b.length && a.every((pair, i) => pair === b[i]);
