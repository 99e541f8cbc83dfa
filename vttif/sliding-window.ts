/**
 * Octets and frames of each slot over the last stretch of time: a ring of buckets. What was counted over an interval is
 * spread evenly over the buckets that the interval meets, and a stretch that ends within a bucket takes its share of
 * it, so rates have no steps at bucket borders. Sums are added up anew each time: no error piles up.
 */
import { extended } from './pair-slots.js';

interface Bucket {
  /** Times the bucket's width is when it begins. */
  number: number;
  bytes: Float64Array;
  frames: Float64Array;
}

/** The buckets that an interval meets, with its share in each. */
export interface Spread {
  buckets: Bucket[];
  shares: number[];
}

export class SlidingWindow {
  readonly #widthMs: number;
  readonly #ring: Bucket[];
  #capacity: number;
  /** Number of the newest bucket begun. */
  #newest = Number.NEGATIVE_INFINITY;

  /** Holds at least `spanMs` behind the newest moment. */
  constructor(spanMs: number, widthMs: number, capacity: number) {
    this.#widthMs = widthMs;
    this.#capacity = capacity;
    this.#ring = Array.from({ length: Math.ceil(spanMs / widthMs) + 2 }, () => ({
      number: Number.NEGATIVE_INFINITY,
      bytes: new Float64Array(capacity),
      frames: new Float64Array(capacity),
    }));
  }

  grow(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    for (const bucket of this.#ring) {
      bucket.bytes = extended(bucket.bytes, capacity);
      bucket.frames = extended(bucket.frames, capacity);
    }
  }

  /** What of the interval is older than the ring is left out: it counts in totals only. */
  spread(fromMs: number, toMs: number): Spread {
    const [first, last] = [Math.floor(fromMs / this.#widthMs), Math.floor(toMs / this.#widthMs)];
    this.#newest = Math.max(this.#newest, last);
    const spread: Spread = { buckets: [], shares: [] };
    const lengthMs = toMs - fromMs;
    for (let number = Math.max(first, this.#newest - this.#ring.length + 1); number <= last; number++) {
      const share =
        lengthMs > 0
          ? (Math.min(toMs, (number + 1) * this.#widthMs) - Math.max(fromMs, number * this.#widthMs)) /
            lengthMs
          : 1;
      if (share <= 0) continue;
      spread.buckets.push(this.#bucket(number));
      spread.shares.push(share);
    }
    return spread;
  }

  add({ buckets, shares }: Spread, slot: number, bytes: number, frames: number): void {
    for (let i = 0; i < buckets.length; i++) {
      const [bucket, share] = [buckets[i], shares[i] ?? 0];
      if (!bucket) continue;
      bucket.bytes[slot] = (bucket.bytes[slot] ?? 0) + bytes * share;
      bucket.frames[slot] = (bucket.frames[slot] ?? 0) + frames * share;
    }
  }

  /** Overwrites `bytes` and, where given, `frames` with what slots below `size` counted from `fromMs` to `toMs`. */
  sum(fromMs: number, toMs: number, size: number, bytes: Float64Array, frames?: Float64Array): void {
    bytes.fill(0);
    frames?.fill(0);
    for (const bucket of this.#ring) {
      const beginMs = bucket.number * this.#widthMs;
      const share = (Math.min(toMs, beginMs + this.#widthMs) - Math.max(fromMs, beginMs)) / this.#widthMs;
      if (!(share > 0)) continue;
      addScaled(bytes, bucket.bytes, share, size);
      if (frames) addScaled(frames, bucket.frames, share, size);
    }
  }

  /** Takes over what another window of the same slots counted, as well as its own buckets can tell it apart. */
  carry(other: SlidingWindow, size: number): void {
    for (const { number, bytes, frames } of other.#ring.toSorted((a, b) => a.number - b.number)) {
      if (!Number.isFinite(number)) continue;
      const spread = this.spread(number * other.#widthMs, (number + 1) * other.#widthMs);
      for (let slot = 0; slot < size; slot++) {
        if ((bytes[slot] ?? 0) > 0) this.add(spread, slot, bytes[slot] ?? 0, frames[slot] ?? 0);
      }
    }
  }

  /** Another pair is to have the slot. */
  clear(slot: number): void {
    for (const bucket of this.#ring) bucket.bytes[slot] = bucket.frames[slot] = 0;
  }

  #bucket(number: number): Bucket {
    const length = this.#ring.length;
    const bucket = this.#ring[((number % length) + length) % length] as Bucket;
    if (bucket.number === number) return bucket;
    bucket.number = number;
    bucket.bytes.fill(0);
    bucket.frames.fill(0);
    return bucket;
  }
}

function addScaled(sums: Float64Array, values: Float64Array, share: number, size: number): void {
  for (let slot = 0; slot < size; slot++) sums[slot] = (sums[slot] ?? 0) + (values[slot] ?? 0) * share;
}
