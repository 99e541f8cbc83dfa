/**
 * Capacity and available bandwidth of one direction, from busy stretches of trains and of traffic: two unknowns
 * (the time an octet takes, the share others take), each the weighted mean of samples that agree (recent-mean).
 *
 * Weighting by duration makes the load a ratio of sums. A drain is watched until the queue is nearly gone, which takes
 * longer the more others send; a mean of ratios would be biased by that, a ratio of sums is not (Wald).
 */
import { type RecentMean, recentMean, type RecentMeanOptions } from './recent-mean.js';
import type { Sections, Stretch } from './sections.js';

export interface BandwidthSample {
  atMs: number;
  sections: Sections;
  from: 'traffic' | 'probe';
  /** What the overlay itself sent meanwhile outside of this sample, bits a second: to a train it looks like others' load. */
  ownBitsPerSecond: number;
}

/** Of what a sample told. */
export interface Told {
  service: boolean;
  load: boolean;
}

export interface BandwidthEstimate {
  capacityBitsPerSecond: number;
  capacityError: number;
  /** Left by others, before the overlay's own throughput. */
  freeBitsPerSecond: number;
  /** Relative. */
  freeError: number;
  samples: number;
  newestMs: number;
  method: 'traffic' | 'probe';
}

/** Older samples are forgotten in any case. */
const MEMORY_MS = 120_000;
const MEMORY_SAMPLES = 160;
/** Shorter stretches are all noise. Of a train: it is made to tell. */
const TRAIN_MIN: StretchMin = { ns: 250e3, steps: 1, datagrams: 1, bytes: 3000 };
/** Of traffic, whose queues may be no more than a machine that was busy with something else. */
const TRAFFIC_MIN: StretchMin = { ns: 2e6, steps: 8, datagrams: 8, bytes: 12_000 };
/** Datagrams that were sent as one pass a shaper as one: fewer steps, of more. */
const COALESCED_MIN: StretchMin = { ns: 4e6, steps: 3, datagrams: 24, bytes: 30_000 };
/** The load of unresponsive traffic cannot leave less than this share: the rest is noise. */
const FREE_SHARE_MIN = 0.005;

const LOAD: RecentMeanOptions = { deviation: 0.15, deviationMin: 0.015, changeMin: 0.05, trimMin: 0.3 };
/** Relative, of the logarithm of nanoseconds per octet. */
const SERVICE: RecentMeanOptions = { deviation: 0.15, deviationMin: 0.015, changeMin: 0.07, trimMin: 0.6 };
const REFINEMENTS = 2;
/** A dense stretch is sent in less than half its service: others take no more of it than this leaves. */
const DENSE_SERVED_MIN = 0.3;

/** On a slow path the share buys one sample in ten seconds: what changed is measured on credit until it is known. */
const AFTER_CHANGE_SAMPLES = 3;

interface StretchMin {
  ns: number;
  steps: number;
  datagrams: number;
  bytes: number;
}

interface Held {
  atMs: number;
  stretch: Stretch;
  from: 'traffic' | 'probe';
  ownBytesPerNs: number;
}

export class Bandwidth {
  #dense: Held[] = [];
  #sparse: Held[] = [];
  #nsPerByte: number | undefined;
  #servedMs = Number.NEGATIVE_INFINITY;
  #load = 0;
  /** The past was forgotten for the sake of newer samples. */
  #changed = false;
  #service: RecentMean | undefined;
  #loadMean: RecentMean | undefined;

  get nsPerByte(): number | undefined {
    return this.#nsPerByte;
  }

  /** Others' share of the capacity, the overlay's own traffic left out; undefined before any drain was seen. */
  get load(): number | undefined {
    return this.#loadMean ? this.#load : undefined;
  }

  /** When a sample last told of the capacity. */
  get servedMs(): number {
    return this.#servedMs;
  }

  /** The newest sample contradicts the others, alone, or has done away with them: worth a check at once. */
  get suspect(): boolean {
    const isNew = this.#changed && this.#sparse.length < AFTER_CHANGE_SAMPLES;
    return isNew || (this.#service?.suspect ?? false) || (this.#loadMean?.suspect ?? false);
  }

  reset(): void {
    this.#dense = [];
    this.#sparse = [];
    this.#nsPerByte = undefined;
    this.#servedMs = Number.NEGATIVE_INFINITY;
    this.#load = 0;
    this.#changed = false;
    this.#service = undefined;
    this.#loadMean = undefined;
  }

  add(sample: BandwidthSample): Told {
    const { dense, sparse } = sample.sections;
    const held = (stretch: Stretch): Held => ({
      atMs: sample.atMs,
      stretch,
      from: sample.from,
      ownBytesPerNs: sample.ownBitsPerSecond / 8e9,
    });
    const min = sample.from === 'probe' ? TRAIN_MIN : TRAFFIC_MIN;
    const tellsService = isEnough(dense, min) || isEnough(dense, COALESCED_MIN);
    const tellsLoad =
      sparse.sentNs >= min.ns && sparse.steps >= min.steps && (this.#nsPerByte !== undefined || tellsService);
    if (tellsService) {
      this.#dense.push(held(dense));
      this.#servedMs = sample.atMs;
    }
    if (tellsLoad) this.#sparse.push(held(sparse));
    if (tellsService || tellsLoad) {
      this.#forget(sample.atMs);
      this.#refine();
    }
    return { service: tellsService, load: tellsLoad };
  }

  estimate(): BandwidthEstimate | undefined {
    const { nsPerByte } = this;
    const newest = this.#sparse.at(-1);
    if (nsPerByte === undefined || !newest || !this.#service || !this.#loadMean) return undefined;
    const free = Math.max(1 - this.#load, FREE_SHARE_MIN);
    const capacity = 8e9 / nsPerByte;
    return {
      capacityBitsPerSecond: capacity,
      capacityError: this.#service.standardError,
      freeBitsPerSecond: capacity * free,
      freeError: Math.hypot(this.#service.standardError, this.#loadMean.standardError / free),
      samples: this.#sparse.length,
      newestMs: newest.atMs,
      method: newest.from,
    };
  }

  #forget(nowMs: number): void {
    const young = (held: Held) => nowMs - held.atMs <= MEMORY_MS;
    this.#dense = this.#dense.filter(young).slice(-MEMORY_SAMPLES);
    this.#sparse = this.#sparse.filter(young).slice(-MEMORY_SAMPLES);
  }

  /**
   * Either unknown needs the other. Two rounds settle them: dense stretches barely feel the load, and the next sample
   * goes on from here.
   */
  #refine(): void {
    let load = this.#load;
    let nsPerByte = this.#nsPerByte;
    for (let round = 0; round < REFINEMENTS; round++) {
      const service = recentMean(
        this.#dense.map((held) => ({
          value: Math.log(serviceNsPerByte(held, load)),
          weight: held.stretch.bytes,
        })),
        SERVICE,
      );
      if (this.#dense.length > 0) nsPerByte = Math.exp(service.mean);
      this.#service = service;
      if (nsPerByte === undefined) return;
      if (this.#sparse.length === 0) break;
      const perByte = nsPerByte;
      this.#loadMean = recentMean(
        this.#sparse.map((held) => ({ value: loadOf(held, perByte), weight: held.stretch.sentNs })),
        LOAD,
      );
      load = Math.min(Math.max(this.#loadMean.mean, 0), 1);
    }
    this.#nsPerByte = nsPerByte;
    this.#load = load;
    this.#dropWhatChanged();
  }

  /** Another capacity makes the old drains meaningless; another load does not touch the capacity. */
  #dropWhatChanged(): void {
    const service = this.#service?.from ?? 0;
    const load = this.#loadMean?.from ?? 0;
    if (service > 0) {
      const since = this.#dense[service]?.atMs ?? 0;
      this.#dense = this.#dense.slice(service);
      this.#sparse = this.#sparse.filter((held) => held.atMs >= since);
    } else if (load > 0) this.#sparse = this.#sparse.slice(load);
    if (service === 0 && load === 0) return;
    this.#changed = true;
    this.#refine();
  }
}

const serviceNsPerByte = ({ stretch, ownBytesPerNs }: Held, load: number): number => {
  // In a dense stretch all that others send in it is load * sentNs; the overlay's own share of it rides along.
  const own = ownBytesPerNs * stretch.sentNs;
  const servedNs = Math.max(stretch.arrivedNs - load * stretch.sentNs, DENSE_SERVED_MIN * stretch.arrivedNs);
  return servedNs / (stretch.bytes + own);
};

const loadOf = ({ stretch, ownBytesPerNs }: Held, nsPerByte: number): number =>
  (stretch.arrivedNs - nsPerByte * stretch.bytes) / stretch.sentNs - nsPerByte * ownBytesPerNs;

const isEnough = (stretch: Stretch, min: StretchMin): boolean =>
  stretch.arrivedNs >= min.ns &&
  stretch.steps >= min.steps &&
  stretch.datagrams >= min.datagrams &&
  stretch.bytes >= min.bytes;
