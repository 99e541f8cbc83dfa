/**
 * Where a queue stood, the bottleneck worked without pause. Between two datagrams of ours that it served in one such
 * stretch, it sent the second and whatever others sent in between:
 *
 *   arrived2 - arrived1 = bytes2 / capacity + load * (sent2 - sent1)
 *
 * with `load` the others' share of the capacity: the fluid model behind TOPP, IGI and BART (1 / rateOut =
 * 1 / capacity + load / rateIn), kept as sums, so that errors of single time stamps cancel. Dense stretches (a burst,
 * sent faster than served) tell the capacity, sparse ones (small packets while the queue drains) the load.
 */
import type { Row } from './row.js';

export interface Stretch {
  /** From one datagram, or several that arrived as one, to the next. */
  steps: number;
  datagrams: number;
  bytes: number;
  sentNs: number;
  arrivedNs: number;
}

export interface Sections {
  dense: Stretch;
  sparse: Stretch;
  /** Longest wait seen. */
  peakNs: number;
}

/** Waits below this are noise of time stamps. */
export const QUEUE_NOISE_NS = 100e3;
/** A step is dense when it was sent in less than this part of the time that serving it takes. */
export const DENSE_BELOW = 0.5;

/** Datagrams that share an arrival came as one, or were seen late together: the last of them is the least late. */
export interface Step {
  sentNs: number;
  arrivedNs: number;
  bytes: number;
  datagrams: number;
}

/** @param apart the first row stays a step of its own: small packets behind a burst rightly arrive all at once */
function stepsOf(rows: readonly Row[], apart: boolean): Step[] {
  const steps: Step[] = [];
  for (const row of rows) {
    const last = apart && steps.length < 2 ? undefined : steps.at(-1);
    if (last && row.arrivedNs <= last.arrivedNs) {
      last.bytes += row.bytes;
      last.datagrams++;
      last.sentNs = Math.max(last.sentNs, row.sentNs);
    } else steps.push({ sentNs: row.sentNs, arrivedNs: row.arrivedNs, bytes: row.bytes, datagrams: 1 });
  }
  return steps;
}

/** A queue grows where arrivals take longer than sending, by this factor. */
const GROWTH_MIN = 1.2;

export const emptyStretch = (): Stretch => ({ steps: 0, datagrams: 0, bytes: 0, sentNs: 0, arrivedNs: 0 });

const NOTHING: Sections = { dense: emptyStretch(), sparse: emptyStretch(), peakNs: 0 };

/**
 * The part of a train that is dense, or sparse, by design: nothing that is believed already decides which it is. A
 * burst over which the queue did not grow tells nothing.
 */
export function designedStretch(
  rows: readonly Row[],
  leastDelayNs: number,
  part: 'dense' | 'sparse',
): Sections {
  const { dense, sparse, peakNs } = busySections(rows, leastDelayNs, undefined, part === 'sparse');
  const whole = sum(dense, sparse);
  if (part === 'dense' && whole.arrivedNs < GROWTH_MIN * whole.sentNs) return { ...NOTHING, peakNs };
  return { ...NOTHING, peakNs, [part]: whole };
}

/** Of two parts that are not to be joined. */
export const joined = (a: Sections, b: Sections): Sections => ({
  dense: sum(a.dense, b.dense),
  sparse: sum(a.sparse, b.sparse),
  peakNs: Math.max(a.peakNs, b.peakNs),
});

export const sum = (a: Stretch, b: Stretch): Stretch => ({
  steps: a.steps + b.steps,
  datagrams: a.datagrams + b.datagrams,
  bytes: a.bytes + b.bytes,
  sentNs: a.sentNs + b.sentNs,
  arrivedNs: a.arrivedNs + b.arrivedNs,
});

/**
 * @param rows in the order sent, of one run
 * @param leastDelayNs see Baseline
 * @param nsPerByte of the bottleneck, where it is known already
 */
export function busySections(
  rows: readonly Row[],
  leastDelayNs: number,
  nsPerByte: number | undefined,
  firstApart = false,
): Sections {
  const steps = stepsOf(rows, firstApart);
  const sections: Sections = { dense: emptyStretch(), sparse: emptyStretch(), peakNs: 0 };
  for (let i = 1; i < steps.length; i++) {
    const from = steps[i - 1] as Step;
    const to = steps[i] as Step;
    const waitNs = from.arrivedNs - from.sentNs - leastDelayNs;
    sections.peakNs = Math.max(sections.peakNs, to.arrivedNs - to.sentNs - leastDelayNs);
    const sentNs = to.sentNs - from.sentNs;
    // Entered before the one ahead had left: the queue cannot have been empty in between.
    if (waitNs <= QUEUE_NOISE_NS || sentNs >= waitNs) continue;
    const arrivedNs = to.arrivedNs - from.arrivedNs;
    const serviceNs = nsPerByte === undefined ? arrivedNs : to.bytes * nsPerByte;
    const stretch = sentNs < DENSE_BELOW * serviceNs ? sections.dense : sections.sparse;
    stretch.steps++;
    stretch.datagrams += to.datagrams;
    stretch.bytes += to.bytes;
    stretch.sentNs += sentNs;
    stretch.arrivedNs += arrivedNs;
  }
  return sections;
}
