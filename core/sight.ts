/**
 * What VTTIF shows: the traffic among the VMs as it is now, and the topology inferred from it (Virtuoso, section 4).
 * docs/sight.md explains the method; `vttif` is the method; the Proxy feeds it.
 */
import type { MacAddress } from './mac.js';

/** Settable while the overlay runs. */
export interface SightParameters {
  /** Update rate, as the period between two reports of a daemon, milliseconds. 20 to 60 000; default 200. */
  updateMs: number;
  /** Smoothing interval: rates are means over this window, milliseconds. 4 `updateMs` to 600 000; default 1000. */
  smoothingMs: number;
  /** Detection threshold: pairs below this fraction of the busiest pair are pruned. Above 0, at most 1; default 0.1. */
  detectionThreshold: number;
  /** Share of each link that measurement may add to it. 0 (only what traffic shows by itself) to 0.1; default 0.01. */
  probeShare: number;
  /** True: `updateMs` and `smoothingMs` follow the configuration time (Virtuoso 3.2, last primitive). */
  derived: boolean;
}

export const DEFAULT_SIGHT: SightParameters = {
  updateMs: 200,
  smoothingMs: 1000,
  detectionThreshold: 0.1,
  probeShare: 0.01,
  derived: false,
};

/** Pairs of one answer of the API; the busiest come first. */
export const MATRIX_PAIRS_MAX = 10_000;

export interface PairTraffic {
  source: MacAddress;
  destination: MacAddress;
  /** The VMs' names; for an address that belongs to none its text. */
  from: string;
  to: string;
  /** Means over the smoothing interval. Bits count the Ethernet frame without FCS. */
  bitsPerSecond: number;
  packetsPerSecond: number;
  /** Since the pair was first seen. */
  bytes: number;
  packets: number;
}

/** The global traffic matrix of one network. Group addresses are left out. */
export interface MatrixView {
  at: string;
  network: string;
  parameters: SightParameters;
  /** Busiest first, as many as were asked for, at most MATRIX_PAIRS_MAX. */
  pairs: PairTraffic[];
  /** All that are known, whatever is listed. */
  pairsTotal: number;
}

export type PatternKind =
  | 'pair'
  | 'star'
  | 'bus'
  | 'ring'
  | 'mesh'
  | 'torus'
  | 'hypercube'
  | 'binary-tree'
  | 'all-to-all'
  | 'bipartite'
  | 'multi-tier';

/** A name for a graph; a graph may have several (a ring of four is a 2 x 2 mesh and a hypercube of 2). */
export interface PatternName {
  kind: PatternKind;
  /** As people write it: `torus 4x4`, `star around web`, `multi-tier 2-3-1`. */
  text: string;
  /** mesh, torus: sides; hypercube: one number; multi-tier, bipartite: VMs a tier. */
  dimensions?: number[];
  /** The order in which VMs fill the pattern: along the ring or bus, row by row, tier by tier, the root or hub first. */
  order: string[];
}

export interface ApplicationEdge {
  /** VM names, a < b. */
  a: string;
  b: string;
  /** Both directions. */
  bitsPerSecond: number;
  /** Of the busiest pair's rate, 0 to 1. */
  weight: number;
}

/** VMs that talk to each other, directly or by others: one connected part of the pruned matrix. */
export interface ApplicationView {
  /** Sorted. */
  vms: string[];
  edges: ApplicationEdge[];
  /** Best first; empty: the graph has no name here. */
  names: PatternName[];
  /** In `names[0]` (in the graph itself where there is none), 0 to 1: how clearly kept pairs stand apart from pruned ones. */
  confidence: number;
}

export interface TopologyView {
  at: string;
  network: string;
  parameters: SightParameters;
  /**
   * `silent`: no traffic. `settling`: changed, not yet for long enough. `settled`. `union`: topologies change faster
   * than they can be told apart; what is shown holds the edges of all of them.
   */
  state: 'silent' | 'settling' | 'settled' | 'union';
  /** When this state was declared. */
  since: string;
  /** Counts declared topologies. */
  serial: number;
  applications: ApplicationView[];
  /** Pairs seen in the window, and those of them below the threshold. */
  pairs: number;
  pruned: number;
}

/** One step of the matrix's history, as `vnet record` writes it: what was counted since the step before. */
export interface TrafficStep {
  serial: number;
  /** Milliseconds since the epoch, by the Proxy's clock. */
  atMs: number;
  network: string;
  /** VM name or address text, the same, octets, frames. */
  pairs: [from: string, to: string, bytes: number, packets: number][];
}

export interface TrafficHistory {
  /** Ask for what comes after this. */
  next: number;
  /** Steps that were dropped before they were asked for: the history is bounded. */
  missed: number;
  steps: TrafficStep[];
}
