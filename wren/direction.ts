/** The receiving side of one UDP link: all that its arrivals tell. */
import type { Estimate, QueueSeries } from '../core/index.js';
import { Advisor } from './advisor.js';
import { Bandwidth, type BandwidthEstimate, type Told } from './bandwidth.js';
import { Baseline } from './baseline.js';
import { BusyTraffic } from './busy-traffic.js';
import type { Note } from './note.js';
import { QueueBins } from './queue-bins.js';
import { RecentTraffic } from './recent-traffic.js';
import { inOrderSent, type Row, type RowBlock } from './row.js';
import { isLarge } from './train-plan.js';
import { trainResult } from './train-result.js';
import { Trust } from './trust.js';
import { DelayVariation } from './variation.js';

/** A train whose end was lost is judged when nothing of it came for so long. */
const TRAIN_END_MS = 250;
/** Two clocks whose difference leaps by this have been set, or are others. */
const LEAP_NS = 10e9;
/** Traffic is summed over this time into one sample, on slow links over the time that so many full packets take. */
const TRAFFIC_SAMPLE_MS = 250;
const TRAFFIC_SAMPLE_BYTES = 50 * 1500;
/** Traffic that told of the load within this time makes bursts needless ... */
const TRAFFIC_ENOUGH_MS = 1500;
/** ... while the capacity was seen within this. Traffic that the path itself paces tells of the two only together. */
const CAPACITY_ENOUGH_MS = 2500;

/** While no bottleneck shows, only this part of the rate tried counts for the share: a token bucket may hide one. */
const CLEAR_PART = 0.3;

const BOUND_CONFIDENCE = 0.2;

interface OpenTrain {
  train: number;
  packets: number;
  rows: Row[];
  newestMs: number;
}

export class Direction {
  readonly variation = new DelayVariation();
  readonly queues = new QueueBins();
  readonly bandwidth = new Bandwidth();
  readonly trust = new Trust();
  readonly #advisor = new Advisor();
  readonly #baseline = new Baseline();
  #open: OpenTrain | undefined;
  #busy = new BusyTraffic();
  readonly #recent = new RecentTraffic();
  #sampledMs = Number.NEGATIVE_INFINITY;
  #toldByTrafficMs = Number.NEGATIVE_INFINITY;
  #clearMs = 0;
  #answer: number | undefined;
  #nowNs = 0;

  /** The link came up, maybe on another path and with another clock at its end. */
  restart(): void {
    this.#advisor.reset();
    this.#baseline.reset();
    this.bandwidth.reset();
    this.variation.reset();
    this.queues.reset();
    this.trust.restart();
    this.#open = undefined;
    this.#busy = new BusyTraffic();
    this.#recent.reset();
  }

  get refused(): string | undefined {
    return this.trust.refused(this.#nowNs);
  }

  take(block: RowBlock, nowMs: number, ownBitsPerSecond: number): void {
    const last = block.rows.at(-1);
    if (!last) return;
    this.#nowNs = Math.max(this.#nowNs, last.arrivedNs);
    const leastNs = this.#baseline.at(last.arrivedNs);
    if (leastNs !== undefined && Math.abs(last.arrivedNs - last.sentNs - leastNs) > LEAP_NS) {
      this.#baseline.reset();
      this.queues.reset();
      this.trust.leap(last.arrivedNs);
      this.trust.restart();
    }
    for (const row of block.rows) this.#baseline.add(row.sentNs, row.arrivedNs);
    if (block.train === 0) this.#takeTraffic(block, nowMs);
    else this.#takeTrain(block, nowMs, ownBitsPerSecond);
  }

  /** Closes what waits for more: call it now and then. */
  settle(nowMs: number, ownBitsPerSecond: number): void {
    if (this.#open && nowMs - this.#open.newestMs >= TRAIN_END_MS) this.#close(nowMs, ownBitsPerSecond);
  }

  /** What the sender should know by now; undefined: nothing new. */
  advice(nowMs: number): Extract<Note, { kind: 'advice' }> | undefined {
    if (this.#answer === undefined) return undefined;
    const { burstBytes, spanNs, urgent } = this.#advisor.advice(this.bandwidth);
    const { nsPerByte } = this.bandwidth;
    const bound = (this.#advisor.clearBitsPerSecond ?? 0) * CLEAR_PART;
    const note = {
      kind: 'advice' as const,
      train: this.#answer,
      burstBytes,
      spanUs: Math.round(spanNs / 1e3),
      capacityBitsPerSecond: nsPerByte === undefined ? bound : 8e9 / nsPerByte,
      bound: nsPerByte === undefined,
      urgent,
      hold:
        nowMs - this.#toldByTrafficMs < TRAFFIC_ENOUGH_MS &&
        nowMs - this.bandwidth.servedMs < CAPACITY_ENOUGH_MS,
      refused: this.refused !== undefined,
    };
    this.#answer = undefined;
    return note;
  }

  /** Asks for advice to be sent although no train came. */
  prompt(): void {
    this.#answer ??= 0;
  }

  estimate(): BandwidthEstimate | undefined {
    return this.refused === undefined ? this.bandwidth.estimate() : undefined;
  }

  /** A rate at which no queue was ever made. */
  bound(nowMs: number): Estimate | undefined {
    const value = this.#advisor.clearBitsPerSecond;
    if (value === undefined || this.refused !== undefined) return undefined;
    return {
      value,
      ageMs: nowMs - this.#clearMs,
      method: 'probe',
      confidence: BOUND_CONFIDENCE,
      atLeast: true,
    };
  }

  series(): Omit<QueueSeries, 'link' | 'from' | 'to'> {
    return this.queues.series();
  }

  #takeTraffic({ rows, run }: RowBlock, nowMs: number): void {
    this.trust.traffic(rows);
    this.variation.add(rows, nowMs);
    const leastNs = this.#least(rows);
    this.queues.add(rows, leastNs);
    if (this.refused !== undefined) return;
    this.#busy.take(run, inOrderSent(rows), leastNs, this.bandwidth.nsPerByte);
    this.#recent.add(rows);
    const sampleMs = (TRAFFIC_SAMPLE_BYTES * (this.bandwidth.nsPerByte ?? 0)) / 1e6;
    if (nowMs - this.#sampledMs < Math.max(TRAFFIC_SAMPLE_MS, sampleMs)) return;
    this.#sampledMs = nowMs;
    const sample = {
      atMs: nowMs,
      sections: this.#busy.drain(),
      from: 'traffic' as const,
      ownBitsPerSecond: 0,
    };
    if (this.bandwidth.add(sample).load) {
      this.#toldByTrafficMs = nowMs;
      this.prompt();
    }
  }

  #takeTrain(block: RowBlock, nowMs: number, ownBitsPerSecond: number): void {
    if (this.#open && this.#open.train !== block.train) this.#close(nowMs, ownBitsPerSecond);
    this.#open ??= { train: block.train, packets: block.trainPackets, rows: [], newestMs: nowMs };
    this.#open.rows.push(...block.rows);
    this.#open.newestMs = nowMs;
    if (this.#open.rows.length >= this.#open.packets) this.#close(nowMs, ownBitsPerSecond);
  }

  #close(nowMs: number, ownBitsPerSecond: number): void {
    const open = this.#open;
    this.#open = undefined;
    if (!open || open.rows.length === 0) return;
    const rows = inOrderSent(open.rows);
    this.trust.train(rows);
    const leastNs = this.#least(rows);
    const loaded = rows.findIndex((row) => isLarge(row.bytes));
    const unloaded = loaded < 0 ? rows : rows.slice(0, loaded);
    this.queues.add(unloaded, leastNs);
    this.variation.add(unloaded, nowMs);
    if (this.refused !== undefined) {
      if (loaded >= 0) this.#answer = open.train;
      return;
    }
    const result = trainResult(open.train, open.packets, rows, leastNs);
    if (result.burstBytes === 0) return;
    this.#answer = open.train;
    this.#clearMs = nowMs;
    const { sections, drainFromNs } = result;
    const own = this.#recent.bitsPerSecond(
      drainFromNs,
      sections.sparse.sentNs,
      rows.at(-1)?.arrivedNs ?? 0,
      ownBitsPerSecond,
    );
    this.#advisor.take(result, this.bandwidth, () =>
      told(this.bandwidth.add({ atMs: nowMs, sections, from: 'probe', ownBitsPerSecond: own })),
    );
  }

  #least(rows: readonly Row[]): number {
    const last = rows.at(-1);
    return last ? (this.#baseline.at(last.arrivedNs) ?? last.arrivedNs - last.sentNs) : 0;
  }
}

const told = ({ service, load }: Told): boolean => service || load;
