/**
 * A train: a few small packets that see the path as it is, a burst that fills the bottleneck's queue, and small packets
 * while the queue drains, the first right behind the burst. How fast it drains is what nobody else uses; it costs nothing to watch for longer.
 */
import { type PlaneTrain, type Random, TRAIN_PACKETS_MAX } from '../core/index.js';

export const SMALL_BYTES = 64;
/** Small packets arrive a little larger where addresses are longer; those of a burst are larger than this. */
const SMALL_BYTES_MAX = 200;
export const isLarge = (bytes: number): boolean => bytes > SMALL_BYTES_MAX;
export const LEAD_PACKETS = 3;
/** Half to one and a half of this, so that trains do not fall into step with evenly spaced traffic. */
const LEAD_GAP_NS = 500e3;
export const TAIL_PACKETS = 24;
/** Each gap of the tail is this much longer than the one before: a drain of unknown length is met somewhere. */
const TAIL_RATIO = 1.15;
const SPAN_JITTER = 0.3;
const TAIL_GAP_MIN_NS = 20e3;
/**
 * Long bursts must outrun a fast path, and one system call a packet may not: distance 0 lets the plane send several at
 * once, in whole batches of this. Short ones are kept apart, for a slow path's shaper may pass a batch in one piece.
 */
const BATCH_PACKETS = 8;
const BATCHED_FROM_PACKETS = 96;
const APART_NS = 1;
const ROOM_PACKETS = TRAIN_PACKETS_MAX - LEAD_PACKETS - TAIL_PACKETS;
export const BURST_PACKETS_MAX = ROOM_PACKETS - (ROOM_PACKETS % BATCH_PACKETS);
export const BURST_PACKETS_MIN = 8;

export interface BurstPlan {
  burstBytes: number;
  /** Of the tail. */
  spanNs: number;
}

export function burstPackets(burstBytes: number, packetBytes: number): number {
  const packets = Math.min(
    Math.max(Math.ceil(burstBytes / packetBytes), BURST_PACKETS_MIN),
    BURST_PACKETS_MAX,
  );
  return packets < BATCHED_FROM_PACKETS ? packets : Math.ceil(packets / BATCH_PACKETS) * BATCH_PACKETS;
}

export function burstTrain(
  link: number,
  train: number,
  packetBytes: number,
  plan: BurstPlan,
  random: Random,
): PlaneTrain {
  const burst = burstPackets(plan.burstBytes, packetBytes);
  const sizes = [
    ...Array.from({ length: LEAD_PACKETS }, () => SMALL_BYTES),
    ...Array.from({ length: burst }, () => packetBytes),
    ...Array.from({ length: TAIL_PACKETS }, () => SMALL_BYTES),
  ];
  const spanNs = plan.spanNs * (1 - SPAN_JITTER / 2 + SPAN_JITTER * random());
  const first = (spanNs * (TAIL_RATIO - 1)) / (TAIL_RATIO ** (TAIL_PACKETS - 1) - 1);
  const gapsNs = [
    ...Array.from({ length: LEAD_PACKETS }, () => Math.round(LEAD_GAP_NS * (0.5 + random()))),
    ...Array.from({ length: burst }, () => (burst < BATCHED_FROM_PACKETS ? APART_NS : 0)),
    ...Array.from({ length: TAIL_PACKETS - 1 }, (_, i) =>
      Math.round(Math.max(first * TAIL_RATIO ** i, TAIL_GAP_MIN_NS)),
    ),
  ];
  return { link, train, sizes, gapsNs };
}

/** One small packet: what waits in queues without our doing. */
export const soundingTrain = (link: number, train: number): PlaneTrain => ({
  link,
  train,
  sizes: [SMALL_BYTES],
  gapsNs: [],
});

/** Octets of a train with such a burst. */
export const burstTrainBytes = (burstBytes: number, packetBytes: number): number =>
  burstPackets(burstBytes, packetBytes) * packetBytes + (LEAD_PACKETS + TAIL_PACKETS) * SMALL_BYTES;

export const trainBytes = (train: PlaneTrain): number => train.sizes.reduce((sum, bytes) => sum + bytes, 0);
export const trainDurationMs = (train: PlaneTrain): number =>
  train.gapsNs.reduce((sum, gap) => sum + gap, 0) / 1e6;
