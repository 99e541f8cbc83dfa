/** One datagram's arrival, out of the plane's columns. */
import type { Arrivals } from '../core/index.js';

export interface Row {
  /** The link's sequence, or in a train the place in it. */
  sequence: number;
  /** By the sender's clock. */
  sentNs: number;
  arrivedNs: number;
  /** As the underlay carries it, IP header included. */
  bytes: number;
}

/** Rows that stand together: of one run of traffic, or of one train, as far as one batch holds it. */
export interface RowBlock {
  link: number;
  run: number;
  train: number;
  trainPackets: number;
  rows: Row[];
}

/** Cuts a batch where link, run or train changes. */
export function rowBlocks(batch: Arrivals): RowBlock[] {
  const blocks: RowBlock[] = [];
  let block: RowBlock | undefined;
  for (let i = 0; i < batch.rows; i++) {
    const link = batch.link[i] ?? 0;
    const run = batch.run[i] ?? 0;
    const train = batch.train[i] ?? 0;
    if (!block || block.link !== link || block.run !== run || block.train !== train) {
      block = { link, run, train, trainPackets: batch.trainPackets[i] ?? 0, rows: [] };
      blocks.push(block);
    }
    block.rows.push({
      sequence: batch.sequence[i] ?? 0,
      sentNs: batch.sentNs[i] ?? 0,
      arrivedNs: batch.arrivedNs[i] ?? 0,
      bytes: batch.bytes[i] ?? 0,
    });
  }
  return blocks;
}

const SEQUENCE_SPAN = 2 ** 32;

/** How far `later` is after `earlier`, modulo 2^32: negative when it is before. */
export function sequenceDistance(earlier: number, later: number): number {
  const forward = (later - earlier) % SEQUENCE_SPAN;
  const positive = forward < 0 ? forward + SEQUENCE_SPAN : forward;
  return positive >= SEQUENCE_SPAN / 2 ? positive - SEQUENCE_SPAN : positive;
}

/** In the order sent. A datagram that was overtaken goes back to its place. */
export function inOrderSent(rows: readonly Row[]): Row[] {
  const first = rows[0]?.sequence ?? 0;
  return [...rows].sort((a, b) => sequenceDistance(first, a.sequence) - sequenceDistance(first, b.sequence));
}
