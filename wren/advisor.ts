/**
 * The receiver's advice: how large the next burst of the sender should be, and for how long to watch the queue drain.
 * Large enough to stand out of the noise of time stamps and of a token bucket in the way, and no larger.
 */
import type { Bandwidth } from './bandwidth.js';
import { BURST_PACKETS_MAX, BURST_PACKETS_MIN } from './train-plan.js';
import { CLEAR_NS, type TrainResult } from './train-result.js';

export interface Advice {
  burstBytes: number;
  spanNs: number;
  /** The newest train contradicts what was believed: send the next at once. */
  urgent: boolean;
}

/** The queue that a burst shall make: this long, this many of its own packets, and on slow links more while it is short. */
const QUEUE_TARGET_NS = 3e6;
const QUEUE_TARGET_PACKETS = 4;
const QUEUE_TARGET_PACKETS_SHORT = 8;
const QUEUE_SHORT_NS = 5e6;
/** The tail is watched for this many times the drain that is expected. */
const SPAN_FACTOR = 3;
const SPAN_MIN_NS = 3e6;
const SPAN_MAX_NS = 300e6;
const SPAN_FIRST_NS = 100e6;
const FREE_EXPECTED_MIN = 0.05;
/** Of the difference between the queue wanted and the queue seen. */
const GAIN = 0.7;
const FIRST_BURST_PACKETS = 16;
/**
 * A burst this much larger than one that met a queue, and yet without one, contradicts what was known; so do as many
 * of any size one after the other. Near the edge of a token bucket chance decides on single ones.
 */
const CONTRADICTS_FACTOR = 1.3;
const CLEAR_TO_FORGET = 6;
const BOUNDS_KEPT = 8;

export class Advisor {
  #burstBytes: number | undefined;
  #packetBytes = 1500;
  #queuedBurst = 0;
  #clear = 0;
  #urgent = false;
  #bounds: number[] = [];

  /** No queue was ever made by bursts of this rate; undefined once one was. */
  get clearBitsPerSecond(): number | undefined {
    const sorted = [...this.#bounds].sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
  }

  reset(): void {
    this.#burstBytes = undefined;
    this.#queuedBurst = 0;
    this.#clear = 0;
    this.#urgent = false;
    this.#bounds = [];
  }

  /** @param add takes the train into `bandwidth`; false: it told nothing */
  take(result: TrainResult, bandwidth: Bandwidth, add: () => boolean): void {
    this.#packetBytes = result.packetBytes;
    if (result.peakNs < CLEAR_NS && result.lostPackets === 0) this.#tookClear(result, bandwidth);
    else {
      this.#clear = 0;
      this.#bounds = [];
      this.#queuedBurst = result.burstBytes;
      const told = add();
      // Too short a queue where a longer one was meant to be: the path got faster.
      const missed = !told && result.lostPackets === 0 && bandwidth.nsPerByte !== undefined;
      this.#burstBytes = missed
        ? this.#bounded(2 * result.burstBytes)
        : this.#nextBurst(result, bandwidth.nsPerByte);
      this.#urgent = missed || bandwidth.suspect;
    }
  }

  advice(bandwidth: Bandwidth): Advice {
    const burstBytes = this.#burstBytes ?? FIRST_BURST_PACKETS * this.#packetBytes;
    return { burstBytes, spanNs: this.#span(bandwidth), urgent: this.#urgent };
  }

  #tookClear(result: TrainResult, bandwidth: Bandwidth): void {
    const known = bandwidth.nsPerByte !== undefined;
    const contradicts = known && result.burstBytes >= CONTRADICTS_FACTOR * this.#queuedBurst;
    this.#clear++;
    this.#urgent = known && this.#clear === 1;
    if (contradicts || this.#clear >= CLEAR_TO_FORGET) bandwidth.reset();
    if (bandwidth.nsPerByte === undefined && result.burstBitsPerSecond > 0) {
      this.#bounds = [...this.#bounds, result.burstBitsPerSecond].slice(-BOUNDS_KEPT);
    }
    this.#burstBytes = this.#bounded(result.burstBytes * 2);
  }

  #nextBurst(result: TrainResult, nsPerByte: number | undefined): number {
    if (nsPerByte === undefined) return this.#bounded(result.burstBytes * 2);
    if (result.lostPackets > 0) return this.#bounded(0.8 * result.burstBytes);
    const missingNs = this.#queueTargetNs(nsPerByte) - result.queueNs;
    return this.#bounded(result.burstBytes + (GAIN * missingNs) / nsPerByte);
  }

  #bounded(bytes: number): number {
    const most = BURST_PACKETS_MAX * this.#packetBytes;
    return Math.round(Math.min(Math.max(bytes, BURST_PACKETS_MIN * this.#packetBytes), most));
  }

  #span(bandwidth: Bandwidth): number {
    const { nsPerByte, load } = bandwidth;
    if (nsPerByte === undefined || load === undefined) return SPAN_FIRST_NS;
    const drainNs = this.#queueTargetNs(nsPerByte) / Math.max(1 - load, FREE_EXPECTED_MIN);
    return Math.min(Math.max(SPAN_FACTOR * drainNs, SPAN_MIN_NS), SPAN_MAX_NS);
  }

  #queueTargetNs(nsPerByte: number): number {
    const packetNs = this.#packetBytes * nsPerByte;
    const short = Math.min(QUEUE_TARGET_PACKETS_SHORT * packetNs, QUEUE_SHORT_NS);
    return Math.max(QUEUE_TARGET_NS, QUEUE_TARGET_PACKETS * packetNs, short);
  }
}
