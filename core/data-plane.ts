/**
 * The boundary between deciding (TypeScript) and moving frames. `memory` (vnetd/memory-plane) and `user`
 * (native) implement it and share one conformance suite (test/conformance).
 *
 * Identifiers of ports, links, edges and networks are unsigned 32-bit numbers that the caller chooses;
 * ports and edges share one number space, since both are an ingress. Addresses are 48-bit numbers (mac.ts).
 * What crosses: open, close and configure; cache deltas; snapshots; bounded batches of events and missed keys.
 */
import type { LinkType } from './topology.js';

/** A port or an edge: where a frame came in. */
export type Ingress = number;

export interface FlowKey {
  network: number;
  /** 1: the frame carries the ground bit. */
  ground: 0 | 1;
  ingress: Ingress;
  source: number;
  destination: number;
}

/** `ground`: set the ground bit and look up again. An `edge` without a live link becomes `ground` for a unicast frame
 * without the bit, and a drop otherwise. Several actions: the frame is copied to each. */
export type PlaneAction =
  | { kind: 'port'; port: number }
  | { kind: 'edge'; edge: number }
  | { kind: 'ground' }
  | { kind: 'drop'; reason: DropReason }
  | { kind: 'hold' };

export interface FlowEntry extends FlowKey {
  /** Holds for frames of epochs in [fromEpoch, toEpoch). */
  fromEpoch: number;
  toEpoch: number;
  actions: PlaneAction[];
}

/** A missed key, with the epoch of the frame that missed. The frame waits in the plane, in order. */
export interface FlowMiss extends FlowKey {
  epoch: number;
}

/** Which entries a change of rules touches. Absent fields match everything. */
export interface FlowScope {
  network?: number;
  source?: number;
  destination?: number;
}

export interface FlowDelta {
  /** The forwarding table's. An install older than the newest delta seen is ignored: its key misses again. */
  generation: number;
  invalidate: FlowScope[];
  install: FlowEntry[];
}

export interface PlaneNetwork {
  network: number;
  /** Largest payload of a frame, in octets, without the 14 of its header and 4 of an 802.1Q tag. */
  mtu: number;
  /** Stamped on what enters at ports. */
  epoch: number;
  /** Frames from links with an epoch outside [oldestEpoch, epoch + 1] get the ground bit. */
  oldestEpoch: number;
}

export interface PlanePort {
  port: number;
  network: number;
  /** `tap:`, `bridge:`, `packet:` or `unix:` and a name; `memory:` in the memory plane. */
  spec: string;
  /** True: only `macs` may be a source here (the spoofing guard). False: sources are learnt and reported. */
  guarded: boolean;
  macs: number[];
}

export interface PlaneLink {
  link: number;
  edge: number;
  type: LinkType;
  /** 8 octets, the same at both ends. */
  id: Uint8Array;
  /** 16 octets. */
  secret: Uint8Array;
  /** True at the end whose dialled connection is kept when both ends dial. */
  initiator: boolean;
  /** An IP literal; absent: wait for the peer. */
  dial?: { address: string; port: number };
  keepAliveMs: number;
  deadAfterMs: number;
  /** Reconnection back-off: from 50 ms, doubled, jittered, up to this. */
  backoffCapMs: number;
}

/** Numbers are never reused. docs/wire.md explains each. */
export const DROP_REASONS = {
  noMatch: 1, // no rule matched
  rule: 2, // a rule says drop
  guard: 3, // the source is not admitted at the port
  hopLimit: 4,
  oversize: 5, // larger than the network's MTU
  runt: 6, // shorter than an Ethernet header
  malformed: 7, // a datagram that does not decode
  unknownNetwork: 8,
  unknownPeer: 9, // a datagram from an address that no link belongs to
  missQueue: 10, // the FIFO of a pending key, or the number of pending keys, is full
  missTimeout: 11, // the answer did not come in time
  portQueue: 12, // the port's device does not take more
  linkQueue: 13, // the link's socket does not take more
  groupEdgeDead: 14, // a group frame over an edge without a live link
  groundDead: 15, // a ground frame over an edge without a live link
  joinTimeout: 16, // not all fragments came
  joinLimit: 17, // too many half-joined frames
  portClosed: 18,
  holdLimit: 19, // the hold buffer is full, or the hold took too long
  handshake: 20, // a handshake that does not prove the secret
  loop: 21, // the only action left was the ingress
} as const;
export type DropReason = (typeof DROP_REASONS)[keyof typeof DROP_REASONS];
export const DROP_REASON_COUNT = 22;

export type PlaneEvent =
  | { kind: 'link'; link: number; up: boolean; reason: string; rttUs: number; remote: string }
  | { kind: 'port'; port: number; up: boolean; reason: string }
  /** A source not admitted at a guarded port, or new (or moved here) at a learning one; rate-limited. */
  | { kind: 'source'; port: number; source: number; admitted: boolean };

/** Columns: row i of each array belongs together. Counts are since the plane opened; eviction folds them in. */
export interface PairCounters {
  rows: number;
  network: Float64Array;
  source: Float64Array;
  destination: Float64Array;
  /** Counted once, where the frame enters at a port, after the guard. */
  inFrames: Float64Array;
  inBytes: Float64Array;
  /** Left at a port here: what was delivered. */
  outFrames: Float64Array;
  outBytes: Float64Array;
}

export interface EndCounters {
  id: number;
  inFrames: number;
  inBytes: number;
  outFrames: number;
  outBytes: number;
  drops: number;
}

export interface LinkState extends EndCounters {
  up: boolean;
  /** Smoothed over keep-alives, microseconds; 0: not measured yet. */
  rttUs: number;
  /** Largest datagram the path is known to carry (UDP), octets after the IP and UDP headers; 0 for TCP. */
  datagramBytes: number;
}

export interface PlaneSnapshot {
  pairs: PairCounters;
  links: LinkState[];
  ports: EndCounters[];
  /** Indexed by drop reason. */
  drops: number[];
  flowEntries: number;
}

/** Called with bounded batches, never from within a call to the plane. */
export interface PlaneHandlers {
  misses(misses: FlowMiss[]): void;
  events(events: PlaneEvent[]): void;
}

/**
 * Every method but `snapshot` returns at once; failures of configuration throw a VnetError with the system's
 * reason and what to do, and change nothing. `close` is idempotent; any other call after it throws
 * `VNET_ERR_CLOSED`.
 */
export interface DataPlane {
  readonly kind: 'memory' | 'user';
  /** Where links arrive: one UDP and one TCP socket, dual stack. */
  listen(address: string, port: number): { port: number };
  /** Adds or changes. */
  setNetwork(network: PlaneNetwork): void;
  removeNetwork(network: number): void;
  openPort(port: PlanePort): void;
  setPortMacs(port: number, macs: number[]): void;
  closePort(port: number): void;
  openLink(link: PlaneLink): void;
  closeLink(link: number): void;
  /** The edge's links, best first; the plane uses the first live one. */
  setEdge(edge: number, links: number[]): void;
  removeEdge(edge: number): void;
  applyFlows(delta: FlowDelta): void;
  snapshot(): Promise<PlaneSnapshot>;
  close(): void;
}
