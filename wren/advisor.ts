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
const SPAN_FIRST_NS = 50e6;
const FREE_EXPECTED_MIN = 0.05;
/** Of the difference between the queue wanted and the queue seen; what is too much on a slow path costs seconds. */
const GAIN = 0.7;
const GAIN_SLOW = 1;
const SLOW_PACKET_NS = 2e6;
const FIRST_BURST_PACKETS = 16;
/** Bursts that should have made at least this part of the queue wanted, and made none, before the old path is forgotten. */
const EXPECTED_PART = 0.4;
const CLEAR_TO_FORGET = 2;
/** Of a new sight of a token bucket's credit. */
const CREDIT_GAIN = 0.3;
const BOUNDS_KEPT = 8;

export class Advisor {
  #burstBytes: number | undefined;
  #packetBytes = 1500;
  /** What passes before a queue begins: the credit of a token bucket; octets. */
  #creditBytes: number | undefined;
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
    this.#creditBytes = undefined;
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
      const told = add();
      this.#noteCredit(result, bandwidth);
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
    const contradicts = known && this.#expectedQueueNs(result, bandwidth) > CLEAR_NS;
    if (contradicts) this.#clear++;
    this.#urgent = contradicts;
    if (this.#clear >= CLEAR_TO_FORGET) this.#forget(bandwidth);
    if (bandwidth.nsPerByte === undefined && result.burstBitsPerSecond > 0) {
      this.#bounds = [...this.#bounds, result.burstBitsPerSecond].slice(-BOUNDS_KEPT);
    }
    this.#burstBytes = this.#bounded(result.burstBytes * 2);
  }

  #forget(bandwidth: Bandwidth): void {
    bandwidth.reset();
    this.#clear = 0;
    this.#creditBytes = undefined;
  }

  /** A queue after the burst is what came in, less the credit and less what left meanwhile. */
  #noteCredit({ burstBytes, burstSentNs, queueNs }: TrainResult, { nsPerByte, load = 0 }: Bandwidth): void {
    if (nsPerByte === undefined) return;
    const credit = Math.max(burstBytes - (queueNs + (1 - load) * burstSentNs) / nsPerByte, 0);
    this.#creditBytes = (this.#creditBytes ?? credit) * (1 - CREDIT_GAIN) + credit * CREDIT_GAIN;
  }

  /** Of a burst that met none; less than what counts is nothing. */
  #expectedQueueNs({ burstBytes, burstSentNs }: TrainResult, { nsPerByte = 0, load = 0 }: Bandwidth): number {
    const queueNs = (burstBytes - (this.#creditBytes ?? 0)) * nsPerByte - (1 - load) * burstSentNs;
    return queueNs >= EXPECTED_PART * this.#queueTargetNs(nsPerByte) ? queueNs : 0;
  }

  #nextBurst(result: TrainResult, nsPerByte: number | undefined): number {
    if (nsPerByte === undefined) return this.#bounded(result.burstBytes * 2);
    if (result.lostPackets > 0) return this.#bounded(0.8 * result.burstBytes);
    const missingNs = this.#queueTargetNs(nsPerByte) - result.queueNs;
    const isSlow = result.packetBytes * nsPerByte >= SLOW_PACKET_NS;
    return this.#bounded(result.burstBytes + ((isSlow ? GAIN_SLOW : GAIN) * missingNs) / nsPerByte);
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
