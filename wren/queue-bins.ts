/** Mean waits over time, by the sender's and by the receiver's clock: what links with a bottleneck in common share. */
import { QUEUE_BIN_MS } from '../core/index.js';
import type { Row } from './row.js';

/** 30 s. */
export const QUEUE_BINS = 300;

interface Bin {
  sumUs: number;
  count: number;
}

export class QueueBins {
  readonly #sent = new Map<number, Bin>();
  readonly #arrived = new Map<number, Bin>();

  reset(): void {
    this.#sent.clear();
    this.#arrived.clear();
  }

  add(rows: readonly Row[], leastDelayNs: number): void {
    for (const row of rows) {
      const waitUs = Math.max(row.arrivedNs - row.sentNs - leastDelayNs, 0) / 1e3;
      count(this.#sent, row.sentNs, waitUs);
      count(this.#arrived, row.arrivedNs, waitUs);
    }
  }

  series(): { sentBin: number; arrivedBin: number; sentUs: (number | null)[]; arrivedUs: (number | null)[] } {
    const sent = columns(this.#sent);
    const arrived = columns(this.#arrived);
    return { sentBin: sent.first, arrivedBin: arrived.first, sentUs: sent.us, arrivedUs: arrived.us };
  }
}

function count(bins: Map<number, Bin>, atNs: number, waitUs: number): void {
  const index = Math.floor(atNs / (QUEUE_BIN_MS * 1e6));
  const bin = bins.get(index);
  if (bin) {
    bin.sumUs += waitUs;
    bin.count++;
    return;
  }
  bins.set(index, { sumUs: waitUs, count: 1 });
  // Time moves on: the first that came is the oldest, or nearly.
  const [oldest] = bins.keys();
  if (bins.size > QUEUE_BINS && oldest !== undefined) bins.delete(oldest);
}

function columns(bins: Map<number, Bin>): { first: number; us: (number | null)[] } {
  if (bins.size === 0) return { first: 0, us: [] };
  const newest = Math.max(...bins.keys());
  const first = Math.max(Math.min(...bins.keys()), newest - QUEUE_BINS + 1);
  const us = Array.from({ length: newest - first + 1 }, (_, i) => {
    const bin = bins.get(first + i);
    return bin ? Math.round(bin.sumUs / bin.count) : null;
  });
  return { first, us };
}
