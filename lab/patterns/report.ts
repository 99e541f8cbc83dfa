/** What the generator says of a run: one JSON object a line. */
import type { PatternOperation } from './shape.js';

/** Rates and shares over a span: a report interval, a phase of the schedule, the whole run. */
export interface PatternsFigures {
  seconds: number;
  iterations: number;
  /** Supersteps a second: the application's performance. */
  iterationsPerSecond: number;
  /** Shares of the span's time, 0 to 1, of this rank. Waiting for slower ranks counts as communication. */
  computeShare: number;
  communicationShare: number;
  pauseShare: number;
  /** Making connections, at the start and when the shape changes. */
  connectShare: number;
  /** Of one iteration; within 3%. 0 while there was none. */
  medianUs: number;
  p95Us: number;
}

interface Head {
  rank: number;
  /** When it was written: milliseconds since 1970. */
  unixMs: number;
  /** Counted from 0 through all cycles of the schedule. */
  phase: number;
  shape: string;
  operation: PatternOperation;
}

/** Rank 0's, every `reportMs` and at the end of each phase. */
export interface PatternsReport extends Head, PatternsFigures {
  kind: 'interval' | 'phase';
}

/** Each rank's, of the whole run; `shape` and `operation` are those of the last phase. */
export interface PatternsEnd extends Head, PatternsFigures {
  kind: 'end';
  /** Of this CPU, measured at the start: turns `flops` and `ratio` into time. */
  flopsPerSecond: number;
  /** What it exchanged with whom: octets of messages and of the protocol's own headers. */
  peers: { rank: number; sentBytes: number; receivedBytes: number }[];
}

export type PatternsLine = PatternsReport | PatternsEnd;
