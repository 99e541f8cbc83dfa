/**
 * Busy sections of traffic. Traffic comes as it likes: datagrams that were sent as one pass a shaper and arrive as one,
 * and a small one behind a large one says by itself nothing of either. So a section is judged whole, from the moment
 * a queue stands to the moment it may be gone, across as many batches of records as the run lasts.
 *
 * Between the arrivals of two datagrams a wire serves the second, a token bucket in debt (HTB) the first. Counting half
 * of each is right for both, but for the ends of a section: these are cut back until they are alike.
 */
import type { Row } from './row.js';
import {
  DENSE_BELOW,
  emptyStretch,
  QUEUE_NOISE_NS,
  type Sections,
  type Step,
  type Stretch,
  sum,
} from './sections.js';

/** First and last may differ by this share of what the section carried, twice. */
const ENDS_DIFFER_MAX = 0.15;
/** A section that lasts is judged in parts. */
const SECTION_STEPS_MAX = 512;
/**
 * A section begins behind what made the queue, which is not counted, and shorter ones are mostly such beginnings: of so
 * many full packets of others' one is lost.
 */
const SPARSE_PACKETS_MIN = 16;
const OTHERS_PACKET_BYTES = 1500;

export class BusyTraffic {
  #run: number | undefined;
  /** Complete steps of the section that is open; the last may be the only one. */
  #section: Step[] = [];
  /** More datagrams may come that arrived with it. */
  #newest: Step | undefined;
  #closed = empty();
  #sparseMinNs = 0;

  /**
   * @param rows of one run, in the order sent; a run may come in several pieces
   * @param nsPerByte of the bottleneck, where it is known
   */
  take(run: number, rows: readonly Row[], leastDelayNs: number, nsPerByte = 0): void {
    this.#sparseMinNs = SPARSE_PACKETS_MIN * OTHERS_PACKET_BYTES * nsPerByte;
    if (run !== this.#run) this.#begin(leastDelayNs);
    this.#run = run;
    for (const row of rows) {
      const newest = this.#newest;
      if (newest && row.arrivedNs <= newest.arrivedNs) {
        newest.bytes += row.bytes;
        newest.datagrams++;
        newest.sentNs = Math.max(newest.sentNs, row.sentNs);
        continue;
      }
      this.#complete(leastDelayNs);
      const { sentNs, arrivedNs, bytes } = row;
      this.#newest = { sentNs, arrivedNs, bytes, datagrams: 1 };
    }
  }

  /** What was seen since the last time. A section under way is judged as far as it came, and goes on. */
  drain(): Sections {
    const last = this.#section.at(-1);
    this.#judge();
    if (last) this.#section = [last];
    const closed = this.#closed;
    this.#closed = empty();
    return closed;
  }

  #begin(leastDelayNs: number): void {
    this.#complete(leastDelayNs);
    this.#judge();
    this.#newest = undefined;
  }

  #complete(leastDelayNs: number): void {
    const [from, to] = [this.#section.at(-1), this.#newest];
    if (!to) return;
    this.#closed.peakNs = Math.max(this.#closed.peakNs, to.arrivedNs - to.sentNs - leastDelayNs);
    const waitNs = from ? from.arrivedNs - from.sentNs - leastDelayNs : 0;
    // Entered before the one ahead had left: the queue cannot have been empty in between.
    const isBusy = from !== undefined && waitNs > QUEUE_NOISE_NS && to.sentNs - from.sentNs < waitNs;
    if (!isBusy || this.#section.length >= SECTION_STEPS_MAX) this.#judge();
    this.#section.push(to);
  }

  /** Ends the section. A large datagram at one end and a small one at the other are cut back to what is alike. */
  #judge(): void {
    const steps = this.#section;
    this.#section = [];
    while (steps.length > 2) {
      const [first, last] = [steps[0] as Step, steps.at(-1) as Step];
      const stretch = stretchOf(steps);
      if (Math.abs(first.bytes - last.bytes) / 2 <= ENDS_DIFFER_MAX * stretch.bytes)
        return this.#keep(stretch);
      if (first.bytes > last.bytes) steps.pop();
      else steps.shift();
    }
  }

  #keep(stretch: Stretch): void {
    const part = stretch.sentNs < DENSE_BELOW * stretch.arrivedNs ? 'dense' : 'sparse';
    if (part === 'sparse' && stretch.arrivedNs < this.#sparseMinNs) return;
    this.#closed[part] = sum(this.#closed[part], stretch);
  }
}

const empty = (): Sections => ({ dense: emptyStretch(), sparse: emptyStretch(), peakNs: 0 });

function stretchOf(steps: readonly Step[]): Stretch {
  const [first, last] = [steps[0] as Step, steps.at(-1) as Step];
  const all = steps.reduce(
    (total, { bytes, datagrams }) => ({ bytes: total.bytes + bytes, datagrams: total.datagrams + datagrams }),
    { bytes: 0, datagrams: 0 },
  );
  return {
    steps: steps.length - 1,
    datagrams: all.datagrams - (first.datagrams + last.datagrams) / 2,
    bytes: all.bytes - (first.bytes + last.bytes) / 2,
    sentNs: last.sentNs - first.sentNs,
    arrivedNs: last.arrivedNs - first.arrivedNs,
  };
}
