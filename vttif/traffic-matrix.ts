/**
 * The global traffic matrix (Virtuoso 4.1), of all networks: what every daemon counted, smoothed over a sliding window.
 *
 * A pair is counted where it enters, so a VM that moves is counted at two hosts in turn, and the matrix adds them up.
 * Time: an update covers the interval between two readings of its daemon's own clock, whose length is exact whatever
 * the clocks say; it is put onto the Proxy's time by the least delay seen of late, and spread evenly. An update that is
 * late, or a burst of updates after a stall, lands where it belongs; one that is later than two update periods counts
 * as if it were two periods late, so nothing is lost to the window. The window begins a smoothing interval ago and ends
 * where the reports of all hosts that keep up reach: no stretch of it is untold by some host, and what is older than the
 * interval is gone from it at once, not an update period later.
 */
import { isGroupNumber, type TrafficUpdate, VnetError } from '../core/index.js';
import { HostFeed } from './host-feed.js';
import {
  BUCKETS_MAX,
  BUCKETS_PER_UPDATE,
  DICTIONARY_ROWS_MAX,
  HOSTS_MAX,
  MATRIX_SLOTS_MAX,
  PAIR_AGE_MS,
} from './limits.js';
import { PairSlots } from './pair-slots.js';
import { SlidingWindow, type Spread } from './sliding-window.js';

export type IsSource = (host: string, network: number, source: number) => boolean;

export interface Smoothing {
  /** Milliseconds, as in SightParameters. */
  updateMs: number;
  smoothingMs: number;
}

/** A row of a dictionary that no slot is kept for: to a group, or to itself. */
const IGNORED = -2;
/** Nor, until places change, where the source is not at the host that counts it. */
const FOREIGN = -3;
const AGEING_MS = 5000;

export class TrafficMatrix {
  readonly slots = new PairSlots();
  /** Octets and frames of each slot in the window, since the last `advance`. */
  windowBytes = new Float64Array(0);
  windowFrames = new Float64Array(0);
  /** Octets in the last part of the window: what happens now. */
  recentBytes = new Float64Array(0);
  /** The window, by the Proxy's clock. */
  beginMs = Number.NEGATIVE_INFINITY;
  endMs = Number.NEGATIVE_INFINITY;
  readonly #isSource: IsSource;
  #foreignRows = 0;
  #smoothing: Smoothing;
  #window: SlidingWindow;
  readonly #feeds = new Map<string, HostFeed>();
  #dictionaryRows = 0;
  #nextAgeingMs = Number.NEGATIVE_INFINITY;

  /**
   * `isSource`: whether frames of an address can enter at a host, since a daemon is believed about those only. Asked
   * when a row is first counted, and again after `placesChanged`; where it was so once, it stays so.
   */
  constructor(smoothing: Smoothing, isSource: IsSource = () => true) {
    this.#isSource = isSource;
    this.#smoothing = { ...smoothing };
    this.#window = this.#emptyWindow();
  }

  /** What is known of the smoothing interval: it begins so long ago, and ends where the reports reach. */
  get windowMs(): number {
    return Number.isFinite(this.endMs) ? this.endMs - this.beginMs : this.#smoothing.smoothingMs;
  }

  /** Length of what counts as now: two periods, or half the window where that is shorter; at least one period. */
  get recentMs(): number {
    const periodMs = periodMsOf(this.#smoothing);
    return Math.max(periodMs, Math.min(2 * periodMs, this.windowMs / 2));
  }

  /** Changes the smoothing; the new window holds what the old one held. */
  setSmoothing(smoothing: Smoothing): void {
    const same =
      smoothing.updateMs === this.#smoothing.updateMs &&
      smoothing.smoothingMs === this.#smoothing.smoothingMs;
    this.#smoothing = { updateMs: smoothing.updateMs, smoothingMs: smoothing.smoothingMs };
    if (same) return;
    const before = this.#window;
    this.#window = this.#emptyWindow();
    this.#window.carry(before, this.slots.size);
  }

  /**
   * Throws VNET_ERR_INVALID, _CONFLICT (ask for a full update) or _LIMIT; nothing has changed then.
   * @returns how many more pairs of this host are left out because their sources are elsewhere
   */
  report(host: string, update: TrafficUpdate, nowMs: number): number {
    this.#foreignRows = 0;
    const known = this.#feeds.get(host);
    if (!known && this.#feeds.size >= HOSTS_MAX) throw limit(`more than ${HOSTS_MAX} hosts report traffic`);
    const feed = known ?? new HostFeed(host);
    feed.check(update, nowMs);
    this.#checkRoom(feed, update);
    this.#feeds.set(host, feed);
    const rowsBefore = feed.rows;
    feed.apply(update, nowMs, 2 * this.#smoothing.updateMs, (fromMs, toMs) => {
      const spread = this.#window.spread(fromMs, toMs);
      return (row, bytes, frames) => this.#count(feed, row, spread, bytes, frames, nowMs);
    });
    this.#dictionaryRows += feed.rows - rowsBefore;
    return this.#foreignRows;
  }

  /** `isSource` may have other answers now. */
  placesChanged(): void {
    for (const { slot, rows } of this.#feeds.values()) {
      for (let row = 0; row < rows; row++) if (slot[row] === FOREIGN) slot[row] = -1;
    }
  }

  /** Counts traffic that no daemon told of (a recorded step), over an interval of the Proxy's time. */
  count(pair: [network: number, source: number, destination: number], counted: Interval): void {
    if (this.slots.room === 0 && this.slots.find(...pair) === undefined) throw tooManyPairs();
    const slot = this.slots.take(...pair, counted.toMs);
    this.#window.grow(this.slots.capacity);
    const spread = this.#window.spread(counted.fromMs, counted.toMs);
    this.#add(slot, spread, counted.bytes, counted.frames, counted.toMs);
  }

  /** A host is gone for good, or its daemon is to begin anew. What it counted stays. */
  forget(host: string): void {
    this.#dictionaryRows -= this.#feeds.get(host)?.rows ?? 0;
    this.#feeds.delete(host);
  }

  /** Moves the window to now and forgets pairs that were silent for long. */
  advance(nowMs: number): void {
    const { smoothingMs } = this.#smoothing;
    if (this.windowBytes.length < this.slots.capacity) {
      this.windowBytes = new Float64Array(this.slots.capacity);
      this.windowFrames = new Float64Array(this.slots.capacity);
      this.recentBytes = new Float64Array(this.slots.capacity);
    }
    this.endMs = Math.max(this.endMs, this.#coveredMs(nowMs));
    this.beginMs = Math.min(nowMs - smoothingMs, this.endMs - leastWindowMsOf(this.#smoothing));
    const { size } = this.slots;
    this.#window.sum(this.beginMs, this.endMs, size, this.windowBytes, this.windowFrames);
    this.#window.sum(this.endMs - this.recentMs, this.endMs, size, this.recentBytes);
    if (nowMs >= this.#nextAgeingMs) this.#age(nowMs);
  }

  /** How far the reports of all hosts that keep up reach; those further behind than two periods are not waited for. */
  #coveredMs(nowMs: number): number {
    const oldestMs = nowMs - 2 * this.#smoothing.updateMs;
    let coveredMs = nowMs;
    for (const feed of this.#feeds.values()) {
      if (feed.coveredMs >= oldestMs) coveredMs = Math.min(coveredMs, feed.coveredMs);
    }
    return coveredMs;
  }

  #count(feed: HostFeed, row: number, spread: Spread, bytes: number, frames: number, nowMs: number): void {
    let slot = feed.slot[row] ?? -1;
    if (slot === IGNORED || slot === FOREIGN) return;
    if (slot < 0 || feed.slotGeneration[row] !== this.slots.generation[slot]) {
      const [source, destination] = [feed.source[row] ?? 0, feed.destination[row] ?? 0];
      if (isIgnored(source, destination)) {
        feed.slot[row] = IGNORED;
        return;
      }
      if (!this.#isSource(feed.host, feed.network[row] ?? 0, source)) {
        feed.slot[row] = FOREIGN;
        this.#foreignRows++;
        return;
      }
      slot = this.slots.take(feed.network[row] ?? 0, source, destination, nowMs);
      this.#window.grow(this.slots.capacity);
      feed.slot[row] = slot;
      feed.slotGeneration[row] = this.slots.generation[slot] ?? 0;
    }
    this.#add(slot, spread, bytes, frames, nowMs);
  }

  #add(slot: number, spread: Spread, bytes: number, frames: number, nowMs: number): void {
    const { slots } = this;
    slots.bytes[slot] = (slots.bytes[slot] ?? 0) + bytes;
    slots.frames[slot] = (slots.frames[slot] ?? 0) + frames;
    slots.heardMs[slot] = nowMs;
    this.#window.add(spread, slot, bytes, frames);
  }

  #checkRoom(feed: HostFeed, update: TrafficUpdate): void {
    const rows = this.#dictionaryRows + feed.rowsAfter(update) - feed.rows;
    if (rows > DICTIONARY_ROWS_MAX)
      throw limit(`all hosts together tell of more than ${DICTIONARY_ROWS_MAX} pairs`);
    // Every counted row could need a slot: only near the limit is it worth looking which ones do.
    if (update.counts.rows > this.slots.room && this.#slotsNeeded(feed, update) > this.slots.room) {
      throw tooManyPairs();
    }
  }

  #slotsNeeded(feed: HostFeed, { full, pairs, counts }: TrafficUpdate): number {
    let needed = 0;
    for (let row = 0; row < pairs.rows; row++) {
      const [source, destination] = [pairs.source[row] ?? 0, pairs.destination[row] ?? 0];
      if (isIgnored(source, destination)) continue;
      if (this.slots.find(pairs.network[row] ?? 0, source, destination) === undefined) needed++;
    }
    if (full) return needed;
    for (const index of counts.index) {
      const slot = index < feed.rows ? (feed.slot[index] ?? 0) : IGNORED;
      if (slot === IGNORED || slot === FOREIGN) continue;
      if (slot < 0 || feed.slotGeneration[index] !== this.slots.generation[slot]) needed++;
    }
    return needed;
  }

  #age(nowMs: number): void {
    this.#nextAgeingMs = nowMs + AGEING_MS;
    const { slots } = this;
    const ageMs = Math.max(PAIR_AGE_MS, 2 * this.#smoothing.smoothingMs);
    for (let slot = 0; slot < slots.size; slot++) {
      if (slots.used[slot] !== 1 || nowMs - (slots.heardMs[slot] ?? 0) < ageMs) continue;
      slots.release(slot);
      this.#window.clear(slot);
      this.windowBytes[slot] = this.windowFrames[slot] = this.recentBytes[slot] = 0;
    }
  }

  #emptyWindow(): SlidingWindow {
    return new SlidingWindow(spanMsOf(this.#smoothing), bucketMsOf(this.#smoothing), this.slots.capacity);
  }
}

/** The window, and as late as its end may be. */
const spanMsOf = ({ updateMs, smoothingMs }: Smoothing): number => smoothingMs + 2 * updateMs;

/** A third of an update period: what was counted blurs by no more. Longer where a window would need too many. */
const bucketMsOf = (smoothing: Smoothing): number =>
  Math.max(smoothing.updateMs / BUCKETS_PER_UPDATE, spanMsOf(smoothing) / BUCKETS_MAX);

/** An update period, or what of time the window can tell apart where that is longer. */
export const periodMsOf = (smoothing: Smoothing): number =>
  Math.max(smoothing.updateMs, 2 * bucketMsOf(smoothing));

/** However late reports are, rates are means over half the smoothing interval, and over one period. */
const leastWindowMsOf = (smoothing: Smoothing): number =>
  Math.max(smoothing.smoothingMs / 2, periodMsOf(smoothing));

export interface Interval {
  fromMs: number;
  toMs: number;
  bytes: number;
  frames: number;
}

const isIgnored = (source: number, destination: number): boolean =>
  source === destination || isGroupNumber(destination) || isGroupNumber(source);

const limit = (what: string): VnetError =>
  new VnetError('VNET_ERR_LIMIT', what, { hint: 'look for a host that makes up addresses' });

const tooManyPairs = (): VnetError => limit(`more than ${MATRIX_SLOTS_MAX} pairs have traffic at a time`);
