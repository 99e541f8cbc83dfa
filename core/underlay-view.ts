/**
 * What Wren shows: the network underneath, as the links' own traffic tells it (Virtuoso, section 5). The receiving
 * daemon estimates; the Proxy holds the snapshot that people and VADAPT read. docs/sight.md explains the methods.
 */
import type { LinkType } from './topology.js';

export type EstimateMethod =
  /** Self-induced congestion on traffic's own trains. */
  | 'traffic'
  /** The same on trains sent for it. */
  | 'probe'
  /** What the kernel knows of a TCP link. */
  | 'tcp-info'
  | 'keep-alive'
  | 'sequence'
  | 'path-probe'
  | 'icmp';

export interface Estimate {
  value: number;
  /** Since the last sample that went in, milliseconds. */
  ageMs: number;
  method: EstimateMethod;
  /** 0 to 1. */
  confidence: number;
  /** True where only a bound is known: the value was never seen exceeded (available bandwidth above what could be tried). */
  atLeast?: boolean;
}

/** One direction of a link, as its receiving end sees it. Absent: not known yet. */
export interface LinkEstimate {
  /** LinkConfig's. */
  link: string;
  from: string;
  to: string;
  type: LinkType;
  /** What more could be sent without queueing, bits a second of IP packets. */
  availableBitsPerSecond?: Estimate;
  /** Of the narrowest link of the path, bits a second. */
  capacityBitsPerSecond?: Estimate;
  /** What the overlay itself sends on it now. */
  throughputBitsPerSecond: Estimate;
  rttUs?: Estimate;
  /** Least round trip seen lately: no queues. */
  minRttUs?: Estimate;
  /** Mean difference of one-way delays of consecutive datagrams (RFC 3550, 6.4.1), microseconds. */
  delayVariationUs?: Estimate;
  /** Fraction of datagrams. */
  lossRatio?: Estimate;
  /** Octets of an IP packet that the path carries. */
  pathMtuBytes?: Estimate;
}

/**
 * Queueing delay over time, for finding links with a bottleneck in common: bins of QUEUE_BIN_MS, the newest last;
 * NaN (null in JSON): nothing arrived. `clock` says by whose clock the bins are numbered.
 */
export interface QueueSeries {
  link: string;
  from: string;
  to: string;
  /** Number of the first bin, by the sender's and by the receiver's monotonic clock. */
  sentBin: number;
  arrivedBin: number;
  /** Microseconds above the least one-way delay. */
  sentUs: (number | null)[];
  arrivedUs: (number | null)[];
}
export const QUEUE_BIN_MS = 100;

/** What one daemon sends to the Proxy of the links that arrive at it. */
export interface UnderlayReport {
  links: LinkEstimate[];
  queues: QueueSeries[];
  /** Trouble that a person should know of: a peer whose time stamps cannot be true, and the like. */
  notes: string[];
}

/** Two hosts that may have no link. */
export interface PathEstimate {
  from: string;
  to: string;
  /** Present where a link joins them. */
  link?: LinkEstimate;
  /** False: tried, and no answer. Absent: not tried. */
  reachable?: boolean;
  rttUs?: Estimate;
  availableBitsPerSecond?: Estimate;
  lossRatio?: Estimate;
  pathMtuBytes?: Estimate;
}

/** Links that share their narrowest part: what one takes the others lose. */
export interface BottleneckGroup {
  /** `leaving a`, `arriving at b`, or `shared`. */
  where: string;
  /** Directions, as `from to`. */
  members: string[];
  /** Of the part they share, all together. */
  capacityBitsPerSecond?: Estimate;
  /** 0 to 1. */
  confidence: number;
}

export interface UnderlayView {
  at: string;
  hosts: string[];
  paths: PathEstimate[];
  bottlenecks: BottleneckGroup[];
  notes: string[];
}
