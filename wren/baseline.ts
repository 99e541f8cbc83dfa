/**
 * The least one-way delay of a direction, in which the unknown offset of the two clocks hides: what a datagram took
 * beyond it, it waited in queues. Clocks also run at different speeds; the line under the least delays is the drift.
 */

/** Delays are binned by arrival ... */
const BIN_NS = 500e6;
/** ... the drift is read off this many bins (60 s) ... */
const DRIFT_BINS = 120;
/** ... and the least delay off these (5 s): a path that got longer is believed after that. */
const LEAST_BINS = 10;
/** Less history says nothing of drift. */
const DRIFT_BINS_MIN = 24;
/** Quartz is better than 200 ppm; a slope beyond is a queue that grows. */
const DRIFT_MAX = 200e-6;
/** Both halves of the history must say the same, or one of them met queues throughout: what was read before stays. */
const DRIFT_AGREES = 15e-6;

interface Bin {
  index: number;
  arrivedNs: number;
  delayNs: number;
}

export class Baseline {
  #bins: Bin[] = [];
  #drift = 0;

  reset(): void {
    this.#bins = [];
    this.#drift = 0;
  }

  add(sentNs: number, arrivedNs: number): void {
    const delayNs = arrivedNs - sentNs;
    const index = Math.floor(arrivedNs / BIN_NS);
    const last = this.#bins.at(-1);
    if (!last || index > last.index) {
      this.#bins.push({ index, arrivedNs, delayNs });
      while ((this.#bins[0]?.index ?? index) <= index - DRIFT_BINS) this.#bins.shift();
      this.#drift = this.#slope();
    } else if (delayNs < last.delayNs) {
      last.arrivedNs = arrivedNs;
      last.delayNs = delayNs;
    }
  }

  /** The least delay as it is to be expected at this time; undefined before anything came. */
  at(arrivedNs: number): number | undefined {
    const oldest = Math.floor(arrivedNs / BIN_NS) - LEAST_BINS;
    let least: number | undefined;
    for (let i = this.#bins.length - 1; i >= 0; i--) {
      const bin = this.#bins[i] as Bin;
      if (bin.index <= oldest && least !== undefined) break;
      const here = bin.delayNs + this.#drift * (arrivedNs - bin.arrivedNs);
      if (least === undefined || here < least) least = here;
    }
    return least;
  }

  /** Between the least delays of each third: those are likeliest to have met no queue. */
  #slope(): number {
    const bins = this.#bins;
    if (bins.length < DRIFT_BINS_MIN) return this.#drift;
    const third = Math.floor(bins.length / 3);
    const early = least(bins.slice(0, third));
    const middle = least(bins.slice(third, -third));
    const late = least(bins.slice(-third));
    const agree = Math.abs(slope(early, middle) - slope(middle, late)) <= DRIFT_AGREES;
    const whole = slope(early, late);
    return agree && Math.abs(whole) <= DRIFT_MAX ? whole : this.#drift;
  }
}

const least = (part: readonly Bin[]): Bin =>
  part.reduce((best, bin) => (bin.delayNs < best.delayNs ? bin : best));

const slope = (from: Bin, to: Bin): number => (to.delayNs - from.delayNs) / (to.arrivedNs - from.arrivedNs);
