/**
 * One daemon's dictionary and last counters. An update is judged whole before anything of it counts: `check` throws,
 * `apply` cannot fail. Codes tell the Proxy what to do: VNET_ERR_CONFLICT means "ask for a full update", the others
 * mean that this daemon is to be distrusted or is too fast.
 */
import { PAIRS_PER_HOST_MAX, type TrafficUpdate, VnetError } from '../core/index.js';
import { Allowance } from './allowance.js';
import { ClockOffset } from './clock-offset.js';
import { PAIR_BITS_PER_SECOND_MAX, ROWS_PER_SECOND_MAX, UPDATES_PER_SECOND_MAX } from './limits.js';
import { extended } from './pair-slots.js';

/** A daemon's clock must move by as much between two updates. */
const STEP_MS_MIN = 1;
const ROWS_MIN = 64;

/** What a daemon counted of a pair, as differences. */
export type Counted = (row: number, bytes: number, frames: number) => void;

export class HostFeed {
  readonly host: string;
  /** The Proxy's time up to which this host's traffic is known. */
  coveredMs = Number.NEGATIVE_INFINITY;
  /** Of the dictionary. */
  rows = 0;
  network = new Uint32Array(ROWS_MIN);
  source = new Float64Array(ROWS_MIN);
  destination = new Float64Array(ROWS_MIN);
  /** The matrix's place of a row and its generation, as the matrix left them. */
  slot = new Int32Array(ROWS_MIN);
  slotGeneration = new Uint32Array(ROWS_MIN);
  #frames = new Float64Array(ROWS_MIN);
  #bytes = new Float64Array(ROWS_MIN);
  #boot = -1;
  #bootBefore = -1;
  #sequence = 0;
  #atMs = Number.NEGATIVE_INFINITY;
  #clock = new ClockOffset();
  readonly #updates = new Allowance(UPDATES_PER_SECOND_MAX);
  readonly #updateRows = new Allowance(ROWS_PER_SECOND_MAX);

  constructor(host: string) {
    this.host = host;
  }

  /** Throws for an update that is not to count. Takes from the host's allowance, changes nothing else. */
  check(update: TrafficUpdate, nowMs: number): void {
    this.#checkPace(update, nowMs);
    this.#checkOrder(update);
    this.#checkIndices(update);
    this.#checkRates(update);
  }

  /** Rows that `update` would leave in the dictionary. */
  rowsAfter({ full, pairs }: TrafficUpdate): number {
    const last = pairs.rows === 0 ? 0 : (pairs.index[pairs.rows - 1] ?? 0) + 1;
    return full ? last : Math.max(this.rows, last);
  }

  /**
   * Takes a checked update in and gives what was counted since the one before, with the interval of the Proxy's time
   * that it covers. `lateMs`: however late an update is, it ends no longer than this before now.
   */
  apply(
    update: TrafficUpdate,
    nowMs: number,
    lateMs: number,
    begin: (fromMs: number, toMs: number) => Counted,
  ): void {
    const fresh = update.boot !== this.#boot;
    if (fresh) this.#clock = new ClockOffset();
    const toMs = Math.max(update.atMs + this.#clock.sample(nowMs, update.atMs), nowMs - lateMs);
    const tookMs = fresh ? 0 : update.atMs - this.#atMs;
    if (update.full) this.#beginAnew(update, fresh);
    else this.#addPairs(update);
    // The first update of a boot tells where the counters stand, not since when.
    if (fresh) this.#settle(update);
    else this.#difference(update, begin(toMs - tookMs, toMs));
    if (fresh) this.#bootBefore = this.#boot;
    this.#boot = update.boot;
    this.#sequence = update.sequence;
    this.#atMs = update.atMs;
    this.coveredMs = Math.max(toMs, this.coveredMs);
  }

  #checkPace(update: TrafficUpdate, nowMs: number): void {
    const rows = update.pairs.rows + update.counts.rows;
    if (!this.#updates.take(1, nowMs)) {
      throw this.#refuse('VNET_ERR_LIMIT', `sends more than ${UPDATES_PER_SECOND_MAX} updates a second`);
    }
    if (!this.#updateRows.take(rows, nowMs)) {
      throw this.#refuse('VNET_ERR_LIMIT', `sends more than ${ROWS_PER_SECOND_MAX} pairs a second`);
    }
  }

  #checkOrder({ boot, sequence, atMs, full }: TrafficUpdate): void {
    if (boot !== this.#boot) {
      if (boot === this.#bootBefore) {
        throw this.#refuse('VNET_ERR_INVALID', 'sent an update from before its restart');
      }
      if (!full) throw this.#refuse('VNET_ERR_CONFLICT', 'began without its dictionary', ASK_FULL);
      return;
    }
    if (sequence <= this.#sequence) {
      throw this.#refuse('VNET_ERR_INVALID', `sent update ${sequence} after update ${this.#sequence}`);
    }
    if (atMs - this.#atMs < STEP_MS_MIN) {
      throw this.#refuse('VNET_ERR_INVALID', `says its clock went from ${this.#atMs} to ${atMs} ms`);
    }
    if (!full && sequence !== this.#sequence + 1) {
      throw this.#refuse(
        'VNET_ERR_CONFLICT',
        `sent update ${sequence} where ${this.#sequence + 1} was due`,
        ASK_FULL,
      );
    }
  }

  /** They ascend (the codec saw to it), so looking at neighbours is enough. */
  #checkIndices(update: TrafficUpdate): void {
    const { full, pairs, counts } = update;
    let next = full ? 0 : this.rows;
    for (let row = 0; row < pairs.rows; row++) {
      const index = pairs.index[row] ?? 0;
      if (index > next)
        throw this.#refuse('VNET_ERR_CONFLICT', `left out index ${next} of its dictionary`, ASK_FULL);
      if (index === next) next++;
    }
    const last = counts.rows === 0 ? -1 : (counts.index[counts.rows - 1] ?? 0);
    if (last >= next) {
      throw this.#refuse('VNET_ERR_CONFLICT', `counts index ${last}, its dictionary has ${next}`, ASK_FULL);
    }
    if (next > PAIRS_PER_HOST_MAX) {
      throw this.#refuse('VNET_ERR_LIMIT', `has more than ${PAIRS_PER_HOST_MAX} pairs`);
    }
  }

  #checkRates({ boot, full, atMs, pairs, counts }: TrafficUpdate): void {
    if (boot !== this.#boot) return;
    const bytesMax = (PAIR_BITS_PER_SECOND_MAX / 8 / 1000) * (atMs - this.#atMs);
    // A full update numbers pairs anew: what they had is found by their addresses.
    const before = full ? this.#countersByPair() : undefined;
    let added = 0;
    for (let row = 0; row < counts.rows; row++) {
      const index = counts.index[row] ?? 0;
      while (added < pairs.rows && (pairs.index[added] ?? 0) < index) added++;
      const isNew = added < pairs.rows && pairs.index[added] === index;
      const last = before
        ? (before.get(pairKey(pairs, added))?.bytes ?? 0)
        : isNew
          ? 0
          : (this.#bytes[index] ?? 0);
      if ((counts.bytes[row] ?? 0) - last > bytesMax) {
        throw this.#refuse(
          'VNET_ERR_INVALID',
          `counts ${(counts.bytes[row] ?? 0) - last} octets of one pair in ${atMs - this.#atMs} ms`,
        );
      }
    }
  }

  #countersByPair(): Map<string, { bytes: number; frames: number }> {
    const counters = new Map<string, { bytes: number; frames: number }>();
    for (let row = 0; row < this.rows; row++) {
      counters.set(pairKey(this, row), { bytes: this.#bytes[row] ?? 0, frames: this.#frames[row] ?? 0 });
    }
    return counters;
  }

  /** Keeps the counters of pairs that were known; of a boot's first update none were. */
  #beginAnew(update: TrafficUpdate, fresh: boolean): void {
    const before = fresh ? undefined : this.#countersByPair();
    this.rows = 0;
    this.#addPairs(update);
    for (let row = 0; row < this.rows; row++) {
      const known = before?.get(pairKey(this, row));
      this.#bytes[row] = known?.bytes ?? 0;
      this.#frames[row] = known?.frames ?? 0;
    }
  }

  #addPairs(update: TrafficUpdate): void {
    const { pairs } = update;
    const rows = this.rowsAfter(update);
    if (rows > this.network.length) this.#grow(Math.max(rows, this.network.length * 2));
    this.rows = rows;
    for (let row = 0; row < pairs.rows; row++) {
      const index = pairs.index[row] ?? 0;
      this.network[index] = pairs.network[row] ?? 0;
      this.source[index] = pairs.source[row] ?? 0;
      this.destination[index] = pairs.destination[row] ?? 0;
      this.#bytes[index] = this.#frames[index] = 0;
      this.slot[index] = -1;
    }
  }

  #settle({ counts }: TrafficUpdate): void {
    for (let row = 0; row < counts.rows; row++) {
      const index = counts.index[row] ?? 0;
      this.#bytes[index] = counts.bytes[row] ?? 0;
      this.#frames[index] = counts.frames[row] ?? 0;
    }
  }

  #difference({ counts }: TrafficUpdate, counted: Counted): void {
    for (let row = 0; row < counts.rows; row++) {
      const index = counts.index[row] ?? 0;
      const [bytes, frames] = [counts.bytes[row] ?? 0, counts.frames[row] ?? 0];
      const grownBytes = bytes - (this.#bytes[index] ?? 0);
      const grownFrames = frames - (this.#frames[index] ?? 0);
      this.#bytes[index] = bytes;
      this.#frames[index] = frames;
      // Counters that fell without a new boot are a new beginning: one update of one pair does not count.
      if (grownBytes < 0 || grownFrames < 0 || grownBytes + grownFrames === 0) continue;
      counted(index, grownBytes, grownFrames);
    }
  }

  #grow(length: number): void {
    this.network = extended(this.network, length);
    this.source = extended(this.source, length);
    this.destination = extended(this.destination, length);
    this.slot = extended(this.slot, length);
    this.slotGeneration = extended(this.slotGeneration, length);
    this.#frames = extended(this.#frames, length);
    this.#bytes = extended(this.#bytes, length);
  }

  #refuse(
    code: 'VNET_ERR_INVALID' | 'VNET_ERR_CONFLICT' | 'VNET_ERR_LIMIT',
    what: string,
    hint?: string,
  ): VnetError {
    return new VnetError(code, `traffic of host "${this.host}" is refused: it ${what}`, {
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

interface PairColumns {
  network: ArrayLike<number>;
  source: ArrayLike<number>;
  destination: ArrayLike<number>;
}

const ASK_FULL = 'ask the daemon for a full update';

const pairKey = ({ network, source, destination }: PairColumns, row: number): string =>
  `${network[row]}/${source[row]}/${destination[row]}`;
