/**
 * The daemon's side of VTTIF (Virtuoso 4.1): turns snapshots of the data plane's pair counters into updates that hold
 * only what changed. Pure; the daemon takes the snapshot, encodes the update and sends it.
 *
 * Group destinations are left out. Three sets of pairs, each within the one before: `known`, whatever the snapshots hold; the dictionary, those of them
 * that the Proxy was told of; and the rows of one update. A pair that is silent for long leaves the dictionary when
 * a new one takes its index, so the Proxy follows without being told; should it talk again later it comes back as a
 * new pair, its counter beginning at zero where it stood. So an update never holds traffic of long ago.
 */
import type { PairCounters } from './data-plane.js';
import { VnetError } from './errors.js';
import { PairTable } from './pair-table.js';
import { isGroupNumber, PAIRS_PER_HOST_MAX, type TrafficUpdate } from './traffic-update.js';

/** After as long without a frame a pair's place in the dictionary may go to another. */
export const PAIR_SILENT_MS = 300_000;
/** Pairs whose last count is kept, told of or not: a second dictionary's worth. */
export const PAIRS_KNOWN_MAX = 2 * PAIRS_PER_HOST_MAX;

const NONE = -1;

export interface ReporterOptions {
  /** Random, of the daemon's start: an integer of 32 bits. */
  boot: number;
  silentMs?: number;
  pairsMax?: number;
}

export class TrafficReporter {
  readonly #boot: number;
  readonly #silentMs: number;
  readonly #pairsMax: number;
  readonly #known = new KnownPairs();
  readonly #table = new PairTable(this.#known);
  /** Row of each index; -1: the data plane has forgotten the pair. */
  #dictionary: number[] = [];
  #freeIndices: number[] = [];
  #freeRows: number[] = [];
  /** Where the last snapshot's i-th pair was found: snapshots mostly keep their order. */
  #hints = new Int32Array(0);
  #sequence = 0;
  #snapshot = 0;
  #full = true;
  #nextSweepMs = Number.NEGATIVE_INFINITY;
  #exceeded = 0;

  /** Throws VNET_ERR_INVALID where `boot` is no 32-bit integer. */
  constructor({ boot, silentMs = PAIR_SILENT_MS, pairsMax = PAIRS_PER_HOST_MAX }: ReporterOptions) {
    if (boot >>> 0 !== boot)
      throw new VnetError('VNET_ERR_INVALID', `boot ${boot} is not an integer of 32 bits`);
    this.#boot = boot;
    this.#silentMs = silentMs;
    this.#pairsMax = Math.min(pairsMax, PAIRS_PER_HOST_MAX);
  }

  /** Pairs with traffic that the last update had no room for: the matrix is incomplete while above zero. */
  get exceeded(): number {
    return this.#exceeded;
  }

  /** The next update is full: after connecting anew, and whenever the Proxy asks. */
  restart(): void {
    this.#full = true;
  }

  /**
   * What changed since the update before. One without rows is to be sent too: it tells the Proxy that this host was
   * silent so far, and which time the next one covers.
   * `nowMs`: the daemon's monotonic clock when the snapshot was taken.
   */
  update(pairs: PairCounters, nowMs: number): TrafficUpdate {
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs);
    this.#snapshot++;
    this.#exceeded = 0;
    if (this.#hints.length < pairs.rows) this.#hints = grown(this.#hints, pairs.rows);
    const full = this.#full;
    if (full) this.#renumber();
    const added: number[] = [];
    const changed: number[] = [];
    for (let i = 0; i < pairs.rows; i++) {
      if (!isGroupNumber(pairs.destination[i] ?? 0)) this.#count(pairs, i, nowMs, added, changed);
    }
    this.#full = false;
    this.#sequence++;
    return this.#compose(full, nowMs, full ? [...this.#dictionary.keys()] : added, changed);
  }

  #count(pairs: PairCounters, i: number, nowMs: number, added: number[], changed: number[]): void {
    const known = this.#known;
    const row = this.#rowOf(pairs, i, nowMs);
    if (row === NONE) {
      this.#exceeded++;
      return;
    }
    known.snapshot[row] = this.#snapshot;
    const [frames, bytes] = [pairs.inFrames[i] ?? 0, pairs.inBytes[i] ?? 0];
    const [lastFrames, lastBytes] = [known.lastFrames[row] ?? 0, known.lastBytes[row] ?? 0];
    if (frames === lastFrames && bytes === lastBytes) return;
    known.lastFrames[row] = frames;
    known.lastBytes[row] = bytes;
    if ((known.index[row] ?? NONE) === NONE) {
      if (!this.#enter(row, nowMs)) {
        this.#exceeded++;
        return;
      }
      if (!this.#full) added.push(known.index[row] ?? 0);
    }
    // A counter that fell began anew.
    known.frames[row] = (known.frames[row] ?? 0) + (frames < lastFrames ? frames : frames - lastFrames);
    known.bytes[row] = (known.bytes[row] ?? 0) + (bytes < lastBytes ? bytes : bytes - lastBytes);
    known.heardMs[row] = nowMs;
    changed.push(known.index[row] ?? 0);
  }

  #rowOf(pairs: PairCounters, i: number, nowMs: number): number {
    const known = this.#known;
    const network = pairs.network[i] ?? 0;
    const source = pairs.source[i] ?? 0;
    const destination = pairs.destination[i] ?? 0;
    let row = this.#hints[i] ?? NONE;
    if (row < known.size && known.is(row, network, source, destination)) return row;
    row = this.#table.find(network, source, destination);
    if (row === NONE) {
      row = this.#freeRows.pop() ?? (known.size < PAIRS_KNOWN_MAX ? known.append() : NONE);
      if (row === NONE) return NONE;
      known.reset(row, network, source, destination, nowMs);
      this.#table.add(row);
    }
    this.#hints[i] = row;
    return row;
  }

  #enter(row: number, nowMs: number): boolean {
    const index = this.#takeFreeIndex(nowMs) ?? this.#dictionary.length;
    if (index >= this.#pairsMax) return false;
    this.#dictionary[index] = row;
    this.#known.index[row] = index;
    this.#known.frames[row] = 0;
    this.#known.bytes[row] = 0;
    return true;
  }

  /** From a pair that is gone or still silent; one that talks again before its index is wanted keeps it. */
  #takeFreeIndex(nowMs: number): number | undefined {
    for (let index = this.#freeIndices.pop(); index !== undefined; index = this.#freeIndices.pop()) {
      const holder = this.#dictionary[index] ?? NONE;
      if (holder !== NONE && !this.#isSilent(holder, nowMs)) continue;
      if (holder !== NONE) this.#known.index[holder] = NONE;
      return index;
    }
    return undefined;
  }

  #isSilent(row: number, nowMs: number): boolean {
    return nowMs - (this.#known.heardMs[row] ?? 0) >= this.#silentMs;
  }

  /** A full update numbers the pairs of the dictionary anew, without the holes. */
  #renumber(): void {
    this.#dictionary = this.#dictionary.filter((row) => row !== NONE);
    this.#freeIndices = [];
    for (const [index, row] of this.#dictionary.entries()) this.#known.index[row] = index;
  }

  /** Forgets the pairs that the data plane has forgotten, and offers the indices of these and of the silent ones. */
  #sweep(nowMs: number): void {
    const known = this.#known;
    this.#nextSweepMs = nowMs + this.#silentMs / 4;
    for (let row = 0; row < known.size; row++) {
      if (!known.isUsed(row) || known.snapshot[row] === this.#snapshot) continue;
      const index = known.index[row] ?? NONE;
      if (index !== NONE) this.#dictionary[index] = NONE;
      this.#table.remove(row);
      known.release(row);
      this.#freeRows.push(row);
    }
    this.#freeIndices = [];
    for (const [index, row] of this.#dictionary.entries()) {
      if (row === NONE || this.#isSilent(row, nowMs)) this.#freeIndices.push(index);
    }
  }

  #compose(full: boolean, nowMs: number, added: number[], changed: number[]): TrafficUpdate {
    const known = this.#known;
    const pairIndex = Uint32Array.from(added).sort();
    const countIndex = full ? pairIndex : Uint32Array.from(changed).sort();
    const column = (indices: Uint32Array, values: Float64Array) => this.#column(indices, values);
    return {
      boot: this.#boot,
      sequence: this.#sequence,
      atMs: nowMs,
      full,
      pairs: {
        rows: pairIndex.length,
        index: pairIndex,
        network: Uint32Array.from(column(pairIndex, known.network)),
        source: column(pairIndex, known.source),
        destination: column(pairIndex, known.destination),
      },
      counts: {
        rows: countIndex.length,
        index: countIndex,
        frames: column(countIndex, known.frames),
        bytes: column(countIndex, known.bytes),
      },
    };
  }

  #column(indices: Uint32Array, values: Float64Array): Float64Array {
    const column = new Float64Array(indices.length);
    for (let i = 0; i < indices.length; i++) column[i] = values[this.#dictionary[indices[i] ?? 0] ?? 0] ?? 0;
    return column;
  }
}

/** Columns that grow. A row that is not used has a key that no pair has. */
class KnownPairs {
  size = 0;
  network = new Float64Array(0);
  source = new Float64Array(0);
  destination = new Float64Array(0);
  /** The data plane's, at the last snapshot that had the pair. */
  lastFrames = new Float64Array(0);
  lastBytes = new Float64Array(0);
  /** Ours, since the pair came into the dictionary. */
  frames = new Float64Array(0);
  bytes = new Float64Array(0);
  heardMs = new Float64Array(0);
  /** Number of the last snapshot that had the pair. */
  snapshot = new Float64Array(0);
  /** In the dictionary; -1: not in it. */
  index = new Int32Array(0);

  append(): number {
    if (this.size === this.network.length) this.#grow(Math.max(64, this.size * 2));
    return this.size++;
  }

  reset(row: number, network: number, source: number, destination: number, nowMs: number): void {
    this.network[row] = network;
    this.source[row] = source;
    this.destination[row] = destination;
    this.lastFrames[row] = this.lastBytes[row] = this.frames[row] = this.bytes[row] = 0;
    this.heardMs[row] = nowMs;
    this.index[row] = NONE;
  }

  release(row: number): void {
    this.source[row] = Number.NaN;
  }

  isUsed(row: number): boolean {
    return !Number.isNaN(this.source[row]);
  }

  is(row: number, network: number, source: number, destination: number): boolean {
    return (
      row >= 0 &&
      this.source[row] === source &&
      this.destination[row] === destination &&
      this.network[row] === network
    );
  }

  #grow(length: number): void {
    this.network = grown(this.network, length);
    this.source = grown(this.source, length);
    this.destination = grown(this.destination, length);
    this.lastFrames = grown(this.lastFrames, length);
    this.lastBytes = grown(this.lastBytes, length);
    this.frames = grown(this.frames, length);
    this.bytes = grown(this.bytes, length);
    this.heardMs = grown(this.heardMs, length);
    this.snapshot = grown(this.snapshot, length);
    this.index = grown(this.index, length);
  }
}

function grown<Column extends Float64Array | Int32Array>(column: Column, length: number): Column {
  const Type = column.constructor as new (length: number) => Column;
  const larger = new Type(length);
  larger.set(column);
  return larger;
}
