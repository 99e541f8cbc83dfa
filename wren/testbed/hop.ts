/**
 * One bottleneck, packet by packet: first in, first out, a byte-limited queue, cross traffic, and optionally a token
 * bucket in front (as HTB and TBF shape; the virtual scheduling form of ITU-T I.371's GCRA).
 */
import type { CrossTraffic } from './cross-traffic.js';

export interface HopOptions {
  rateBitsPerSecond: number;
  /** Octets that may pass at once after a pause; 0: a plain wire. */
  burstBytes?: number;
  /** Default: 100 ms at the rate, at least 96 KiB. */
  queueBytes?: number;
  propagationNs?: number;
  cross?: CrossTraffic;
}

const QUEUE_MS = 100;
const QUEUE_MIN_BYTES = 96 * 1024;

export class Hop {
  readonly cross: CrossTraffic | undefined;
  readonly propagationNs: number;
  crossBytes = 0;
  #rate: number;
  #burstBytes: number;
  #queueBytes: number | undefined;
  /** When the link would be free were it a plain wire (the theoretical arrival time of GCRA). */
  #dueNs = 0;
  #lastNs = 0;

  constructor(options: HopOptions) {
    this.#rate = options.rateBitsPerSecond;
    this.#burstBytes = options.burstBytes ?? 0;
    this.#queueBytes = options.queueBytes;
    this.propagationNs = options.propagationNs ?? 0;
    this.cross = options.cross;
  }

  get rateBitsPerSecond(): number {
    return this.#rate;
  }

  setRate(rateBitsPerSecond: number, burstBytes = this.#burstBytes): void {
    this.#rate = rateBitsPerSecond;
    this.#burstBytes = burstBytes;
  }

  /** When the packet has left; undefined: dropped. Calls come in the order of time. */
  pass(atNs: number, bytes: number): number | undefined {
    const { cross } = this;
    while (cross && cross.nextNs <= atNs) {
      this.#enter(cross.nextNs, cross.bytes);
      this.crossBytes += cross.bytes;
      cross.step();
    }
    return this.#enter(atNs, bytes);
  }

  #enter(atNs: number, bytes: number): number | undefined {
    const serviceNs = (bytes * 8e9) / this.#rate;
    const toleranceNs = (this.#burstBytes * 8e9) / this.#rate;
    const startNs = Math.max(atNs, this.#lastNs, this.#dueNs - toleranceNs);
    const limit = this.#queueBytes ?? Math.max((this.#rate * QUEUE_MS) / 8e3, QUEUE_MIN_BYTES);
    if (((startNs - atNs) * this.#rate) / 8e9 > limit) return undefined;
    this.#dueNs = Math.max(this.#dueNs, startNs) + serviceNs;
    this.#lastNs = this.#burstBytes > 0 ? startNs : startNs + serviceNs;
    return this.#lastNs;
  }
}
