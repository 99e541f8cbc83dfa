/** What one train of ours showed where it arrived. */
import { inOrderSent, type Row } from './row.js';
import { designedStretch, joined, QUEUE_NOISE_NS, type Sections } from './sections.js';
import { isLarge } from './train-plan.js';

export interface TrainResult {
  train: number;
  lostPackets: number;
  /** Of the burst, what arrived. 0: small packets only. */
  burstBytes: number;
  /** At which the burst was sent, and how long that took. */
  burstBitsPerSecond: number;
  burstSentNs: number;
  /** What its last packet waited; the queue that the burst made. */
  queueNs: number;
  /** The longest wait within it, single late packets left out. */
  peakNs: number;
  packetBytes: number;
  sections: Sections;
  /** When the first small packet behind the burst was sent; by the sender's clock. */
  drainFromNs: number;
}

/** A burst that made no more queue than this met no bottleneck. */
export const CLEAR_NS = 1.5 * QUEUE_NOISE_NS;

export function trainResult(
  train: number,
  packets: number,
  arrived: readonly Row[],
  leastDelayNs: number,
): TrainResult {
  const rows = inOrderSent(arrived);
  const burst = rows.filter((row) => isLarge(row.bytes));
  const first = burst[0];
  const last = burst.at(-1);
  const burstBytes = burst.reduce((sum, row) => sum + row.bytes, 0);
  const sentNs = first && last ? last.sentNs - first.sentNs : 0;
  const waits = burst.map((row) => row.arrivedNs - row.sentNs - leastDelayNs);
  return {
    train,
    lostPackets: Math.max(packets - rows.length, 0),
    burstBytes,
    burstBitsPerSecond: first && sentNs > 0 ? ((burstBytes - first.bytes) * 8e9) / sentNs : 0,
    burstSentNs: sentNs,
    queueNs: quantileOf(waits.slice(-END_PACKETS), 0.5),
    peakNs: quantileOf(waits, PEAK_QUANTILE),
    packetBytes: first?.bytes ?? 0,
    sections: sectionsOf(rows, leastDelayNs),
    drainFromNs: rows[rows.findLastIndex((row) => isLarge(row.bytes)) + 1]?.sentNs ?? 0,
  };
}

/**
 * The step from the last large packet to the first small one is left out: a wire serves the second in it, a token
 * bucket in debt (HTB) the first.
 */
function sectionsOf(rows: readonly Row[], leastDelayNs: number): Sections {
  const tail = rows.findLastIndex((row) => isLarge(row.bytes)) + 1;
  const head = rows.findIndex((row) => isLarge(row.bytes));
  const burst = designedStretch(rows.slice(Math.max(head, 0), tail), leastDelayNs, 'dense');
  return joined(burst, designedStretch(rows.slice(tail), leastDelayNs, 'sparse'));
}

const END_PACKETS = 5;
const PEAK_QUANTILE = 0.9;

/** Medians and quantiles: one late time stamp shall not decide. */
function quantileOf(waits: readonly number[], part: number): number {
  const sorted = [...waits].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
}
