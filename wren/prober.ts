/** The sending side of one UDP link: which train leaves when, within the share that measurement may take. */
import { type PlaneTrain, type Random, TRAIN_PACKETS_MAX } from '../core/index.js';
import type { Note } from './note.js';
import {
  type BurstPlan,
  burstTrain,
  burstTrainBytes,
  isLarge,
  SMALL_BYTES,
  soundingTrain,
  trainBytes,
  trainDurationMs,
} from './train-plan.js';

/**
 * Before the capacity is known there is no share to keep to. A link may then be sent this much, in bursts that double
 * only while they meet no queue (so a slow link gets the first burst, 24 kB, and a little for the next trains), once
 * in START_UP_EVERY_MS.
 */
export const START_UP_BYTES = 4 * 1500 * TRAIN_PACKETS_MAX;
export const START_UP_EVERY_MS = 15_000;
/** A link that has just come up may go again, and who made it is busy: measuring waits so long. */
const SETTLE_MS = 250;
/** Once the capacity is known, credit for this many trains, so that the first estimate does not rest on one. */
const START_UP_TRAINS = 2;
/** However fast the receiver says the path is. */
export const PROBE_RATE_MAX = 10e6;
/** Savings are bounded. A surprise is checked on credit, which the trains after it pay back. */
const SAVED_TRAINS = 1.2;
const DEBT_TRAINS = 2.5;
/** An answer that does not come by then was lost. */
const ANSWER_MS = 400;
const UNANSWERED_MAX = 4;
/** A peer that does not answer is asked again this often, with the smallest burst. */
const SILENT_EVERY_MS = 10_000;
const SILENT_BURST_PACKETS = 16;
/** A burst without advice is watched this long. */
const FIRST_SPAN_NS = 50e6;
/** The plane may be a little late with the last packets. */
const TRAIN_MARGIN_MS = 2;
const SOUNDING_GAP_MS = 45;
const SOUNDING_GAP_MAX_MS = 1000;
/** Of the share. */
const SOUNDING_PART = 0.1;
/** Trains of several links shall not march in step. */
const JITTER = 0.1;

export class Prober {
  #advice: Extract<Note, { kind: 'advice' }> | undefined;
  #tokens = 0;
  #startUp = 0;
  #startUpAtMs = Number.NEGATIVE_INFINITY;
  #capacity = 0;
  #refilledMs: number;
  #busyUntilMs = Number.NEGATIVE_INFINITY;
  #waitUntilMs = Number.NEGATIVE_INFINITY;
  #soundedMs = Number.NEGATIVE_INFINITY;
  #awaiting = false;
  #awaited = 0;
  #unanswered = 0;
  #serial: number;
  #urgent = false;
  sentBytes = 0;

  constructor(
    readonly link: number,
    nowMs: number,
    private readonly random: Random,
  ) {
    this.#refilledMs = nowMs;
    this.#serial = 1 + Math.floor(random() * 0x7fffffff);
  }

  /** The link came up: what is known of the path may be wrong now. */
  up(nowMs: number): void {
    this.#awaiting = false;
    this.#unanswered = 0;
    this.#capacity = 0;
    this.#advice = undefined;
    this.#tokens = 0;
    this.#refilledMs = nowMs;
    this.#busyUntilMs = nowMs + SETTLE_MS;
    this.#allowStartUp(nowMs);
  }

  advice(note: Extract<Note, { kind: 'advice' }>, packetBytes: number, nowMs: number): void {
    // A path that was known and now shows no bottleneck is another one, and faster.
    if (note.bound && this.#advice?.bound === false) this.#allowStartUp(nowMs);
    this.#advice = note;
    this.#urgent = note.urgent;
    // Advice that answers no train of ours does not show that they arrive.
    if (note.train === this.#awaited) {
      this.#unanswered = 0;
      this.#awaiting = false;
      this.#waitUntilMs = Number.NEGATIVE_INFINITY;
    }
    if (this.#startUp > 0 && !note.bound) {
      this.#tokens = Math.min(this.#startUp, START_UP_TRAINS * burstTrainBytes(note.burstBytes, packetBytes));
      this.#startUp = 0;
    }
    this.#capacity = note.capacityBitsPerSecond;
  }

  /**
   * The train that shall leave now, if any; it counts when `sent` is called.
   * @param mayBurst false: only what takes no time
   */
  next(nowMs: number, packetBytes: number, share: number, mayBurst: boolean): PlaneTrain | undefined {
    this.#refill(nowMs, packetBytes, share);
    if (share === 0 || nowMs < this.#busyUntilMs || this.#advice?.refused) return undefined;
    if (this.#awaiting && nowMs >= this.#waitUntilMs) {
      this.#awaiting = false;
      this.#unanswered++;
    }
    if (this.#awaiting) return this.#sounding(nowMs, share);
    return (mayBurst ? this.#burst(nowMs, packetBytes) : undefined) ?? this.#sounding(nowMs, share);
  }

  sent(train: PlaneTrain, nowMs: number): void {
    this.#serial = (this.#serial % 0xffffffff) + 1;
    const bytes = trainBytes(train);
    this.sentBytes += bytes;
    if (this.#startUp >= bytes) this.#startUp -= bytes;
    else {
      this.#startUp = 0;
      this.#tokens -= bytes;
    }
    this.#busyUntilMs = nowMs + trainDurationMs(train) + TRAIN_MARGIN_MS;
    this.#soundedMs = nowMs;
    if (train.sizes.some(isLarge)) {
      this.#awaiting = true;
      this.#awaited = train.train;
      this.#urgent = false;
      this.#waitUntilMs = this.#busyUntilMs + ANSWER_MS;
    }
  }

  #allowStartUp(nowMs: number): void {
    if (nowMs - this.#startUpAtMs < START_UP_EVERY_MS) return;
    this.#startUpAtMs = nowMs;
    this.#startUp = START_UP_BYTES;
  }

  #refill(nowMs: number, packetBytes: number, share: number): void {
    const elapsedMs = Math.max(nowMs - this.#refilledMs, 0);
    this.#refilledMs = nowMs;
    if (this.#startUp > 0) return;
    const rate = Math.min(share * this.#capacity, PROBE_RATE_MAX);
    const most = SAVED_TRAINS * burstTrainBytes(this.#advice?.burstBytes ?? 0, packetBytes);
    if (this.#tokens < most) this.#tokens = Math.min(this.#tokens + (rate * elapsedMs) / 8e3, most);
  }

  #burst(nowMs: number, packetBytes: number): PlaneTrain | undefined {
    const plan = this.#plan(nowMs, packetBytes);
    if (!plan) return undefined;
    return burstTrain(this.link, this.#serial, packetBytes, plan, this.random);
  }

  #plan(nowMs: number, packetBytes: number): BurstPlan | undefined {
    const advice = this.#advice;
    if (!advice || this.#unanswered >= UNANSWERED_MAX) return this.#planUnadvised(nowMs, packetBytes);
    if (advice.hold) return undefined;
    const cost = burstTrainBytes(advice.burstBytes, packetBytes);
    if (this.#startUp < cost) this.#startUp = 0;
    const credit = this.#urgent ? DEBT_TRAINS * cost : 0;
    const have = Math.max(this.#tokens + credit, this.#startUp);
    if (have < cost * (this.#urgent ? 1 : 1 + JITTER * this.random())) {
      return this.#capacity > 0 ? undefined : this.#planUnadvised(nowMs, packetBytes);
    }
    return { burstBytes: advice.burstBytes, spanNs: advice.spanUs * 1e3 };
  }

  /** Nobody has answered yet, or nobody does any more. */
  #planUnadvised(nowMs: number, packetBytes: number): BurstPlan | undefined {
    const plan = { burstBytes: SILENT_BURST_PACKETS * packetBytes, spanNs: FIRST_SPAN_NS };
    if (this.#unanswered < UNANSWERED_MAX && this.#startUp >= plan.burstBytes) return plan;
    if (nowMs - this.#busyUntilMs < SILENT_EVERY_MS) return undefined;
    return plan;
  }

  #sounding(nowMs: number, share: number): PlaneTrain | undefined {
    if (this.#capacity === 0 || this.#unanswered > 0 || this.#advice?.hold) return undefined;
    const bytesPerMs = (Math.min(share * this.#capacity, PROBE_RATE_MAX) * SOUNDING_PART) / 8e3;
    const gapMs = Math.max(SMALL_BYTES / bytesPerMs, SOUNDING_GAP_MS);
    if (gapMs > SOUNDING_GAP_MAX_MS || nowMs - this.#soundedMs < gapMs) return undefined;
    return soundingTrain(this.link, this.#serial);
  }
}
