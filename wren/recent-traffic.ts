/** The overlay's own datagrams of the last second, so that what a train met of them is not taken for others' load. */
import type { Row } from './row.js';

const KEPT_NS = 1e9;
/** Old rows go so many at a time: taking them off the front one block after the other costs more than to keep them. */
const TIDIED_ROWS = 4096;
/** Records are rationed: where so much of what the counters saw is not among them, they do not tell. */
const RECORDED_MIN = 0.7;

export class RecentTraffic {
  #rows: Row[] = [];

  add(rows: readonly Row[]): void {
    for (const row of rows) this.#rows.push(row);
    if (this.#rows.length < TIDIED_ROWS) return;
    const newestNs = rows.at(-1)?.arrivedNs ?? 0;
    this.#rows = this.#rows.filter((row) => newestNs - row.arrivedNs <= KEPT_NS);
  }

  reset(): void {
    this.#rows = [];
  }

  /**
   * What was sent from `fromNs` on for `spanNs`, by the sender's clock, as a rate.
   * @param nowNs by the receiver's clock
   * @param meanBitsPerSecond over the last second, by counters: the answer where records are too few
   */
  bitsPerSecond(fromNs: number, spanNs: number, nowNs: number, meanBitsPerSecond: number): number {
    if (spanNs <= 0) return meanBitsPerSecond;
    const bits = (rows: readonly Row[]) => rows.reduce((sum, { bytes }) => sum + 8 * bytes, 0);
    const recent = this.#rows.filter(({ arrivedNs }) => nowNs - arrivedNs <= KEPT_NS);
    if (bits(recent) < RECORDED_MIN * meanBitsPerSecond * (KEPT_NS / 1e9)) return meanBitsPerSecond;
    const meant = recent.filter(({ sentNs }) => sentNs >= fromNs && sentNs - fromNs <= spanNs);
    return (bits(meant) * 1e9) / spanNs;
  }
}
