/**
 * The boundary between deciding (TypeScript) and moving frames. `memory` (vnetd/memory-plane) and `user`
 * (native) implement it and share one conformance suite (test/conformance).
 *
 * Identifiers of ports, links, edges and networks are unsigned 32-bit numbers that the caller chooses;
 * ports and edges share one number space, since both are an ingress. Addresses are 48-bit numbers (mac.ts).
 * What crosses: open, close and configure; cache deltas; snapshots; bounded batches of events, of missed keys and of
 * arrivals (header and timestamp, for Wren).
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
  /** `port`: where the frame is meant for; it counts what waits, and what is lost of it. */
  | { kind: 'hold'; port?: number };

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
  /** To a group address (IEEE 802-2014, 8.2.2). */
  group?: true;
  /** With an action that leads to this port, or holds for it. */
  port?: number;
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
  /** `tap:`, `bridge:`, `packet:`, `unix:` or `unix-connect:` and a name; `memory:` in the memory plane. */
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
  noteRate: 22, // more notes on a link than NOTES_PER_SECOND_MAX, or more echoes to answer than allowed
} as const;
export type DropReason = (typeof DROP_REASONS)[keyof typeof DROP_REASONS];
export const DROP_REASON_COUNT = 23;

export type PlaneEvent =
  | { kind: 'link'; link: number; up: boolean; reason: string; rttUs: number; remote: string }
  | { kind: 'port'; port: number; up: boolean; reason: string }
  /** A source not admitted at a guarded port, or new (or moved here) at a learning one; rate-limited. `announced`: by a
   * RARP request or a gratuitous ARP (RFC 903, RFC 5227). */
  | { kind: 'source'; port: number; source: number; admitted: boolean; announced: boolean }
  /** The other end's `sendNote`. */
  | { kind: 'note'; link: number; note: Uint8Array }
  /** A `sendEcho` of ours was answered; `hops`: links that it crossed on the way there. */
  | { kind: 'echo'; echo: number; rttUs: number; hops: number };

/** Copies of what left by a port. */
export const SENT_FRAMES_MAX = 2048;
export const SENT_BYTES_MAX = 2 * 1024 * 1024;
/** A hypervisor tells that a VM stopped only when its CPUs have come to rest, and gives the VM no frame meanwhile. */
export const RECALL_DOUBT_MS = 5;

/** Trains, records and notes (below) are bounded by these. */
export const TRAIN_PACKETS_MAX = 256;
/** All links of a daemon together. */
export const RECORDS_PER_SECOND_MAX = 20_000;
export const NOTE_BYTES_MAX = 512;
export const NOTES_PER_SECOND_MAX = 50;

/** Packets sent one by one at given distances, to see at which they arrive (self-induced congestion). UDP links only. */
export interface PlaneTrain {
  link: number;
  /** 1 to 2^32 - 1; travels with each packet. */
  train: number;
  /** Octets of each packet as the underlay's link carries it, IP and UDP headers included: 64 (over IPv6 84) to the
   * path's size. */
  sizes: number[];
  /** From the start of packet i to the start of packet i + 1, nanoseconds; one less than `sizes`, 1 s in all at most. Kept
   * as exactly as the machine allows: what counts is the time each packet was sent, which it carries. Packets of one
   * size at distance 0 may leave in one system call, eight at a time, with one time stamp. */
  gapsNs: number[];
}

/**
 * Datagrams that arrived on UDP links, in order of arrival. Columns: row i of each array belongs together. Arrivals come
 * in unbroken runs: between two rows of one run nothing else arrived on that link.
 */
export interface Arrivals {
  rows: number;
  link: Uint32Array;
  /** Numbers the runs of a link. A train is a run of its own. */
  run: Uint32Array;
  /** 0: traffic; otherwise the number of the train. */
  train: Uint32Array;
  /** Packets in the train, lost ones included; 0 for traffic. */
  trainPackets: Uint32Array;
  /** The link's sequence (modulo 2^32); in a train the place in it, from 0. */
  sequence: Uint32Array;
  /** The sender's clock, nanoseconds, one for all links from one host: only differences mean something. */
  sentNs: Float64Array;
  /** By the kernel's receive time stamp, nanoseconds since the plane opened. Datagrams that the kernel coalesced share one. */
  arrivedNs: Float64Array;
  /** As the underlay's link carries it, IP and UDP headers included. */
  bytes: Uint32Array;
}

/** An overlay ping: travels as a unicast frame from the port would, by the same rules, and is answered by the data plane
 * where it would leave at a port. No VM sees it, no pair's counter counts it. */
export interface PlaneEcho {
  /** Comes back in the event; 1 to 2^32 - 1. */
  echo: number;
  port: number;
  source: number;
  destination: number;
  /** Of the frame, header included: 60 to the network's MTU + 14. */
  bytes: number;
}

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
  /** Datagrams of the peer that arrived, over all sessions; trains not counted. */
  arrived: number;
  /** Missing in the peer's sequence by now; one that comes late is taken back. UDP only. */
  lost: number;
  /** Arrived after one that was sent later. UDP only. */
  late: number;
  /** TCP links: what the kernel says of the connection (`TCP_INFO`, tcp(7)). */
  tcp?: TcpState;
}

export interface TcpState {
  rttUs: number;
  rttVarUs: number;
  minRttUs: number;
  /** The most recent delivery rate; low where `appLimited`. */
  deliveryBitsPerSecond: number;
  appLimited: boolean;
  /** Since the connection opened. */
  sentSegments: number;
  retransmittedSegments: number;
  congestionWindowBytes: number;
  unsentBytes: number;
}

export interface PortState extends EndCounters {
  /** Frames that waited in an entry that says hold and names this port. */
  held: number;
  /** Frames that were read within RECALL_DOUBT_MS before the moment of a `recall`: some may have been read too late. */
  doubtful: number;
}

export interface PlaneSnapshot {
  pairs: PairCounters;
  links: LinkState[];
  ports: PortState[];
  /** Indexed by drop reason. */
  drops: number[];
  flowEntries: number;
}

/** Called with bounded batches, never from within a call to the plane. */
export interface PlaneHandlers {
  misses(misses: FlowMiss[]): void;
  events(events: PlaneEvent[]): void;
  /** Bounded by RECORDS_PER_SECOND_MAX; the arrays are the handler's to keep. Absent: nothing is recorded. */
  arrivals?(arrivals: Arrivals): void;
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
  /** Which share of the link's arrivals is reported, in runs of up to 256, records a second; 0 (as opened): none, not even
   * trains. A train is always reported whole, within RECORDS_PER_SECOND_MAX. */
  setRecording(link: number, recordsPerSecond: number): void;
  /** One train at a time leaves a link; throws VNET_ERR_LIMIT while one does, VNET_ERR_UNREACHABLE while the link is down. */
  sendTrain(train: PlaneTrain): void;
  /** One message to the daemon at the link's other end, unreliable, at most NOTE_BYTES_MAX; dropped while the link is down. */
  sendNote(link: number, note: Uint8Array): void;
  /** Answered by an `echo` event, or never. The source need not be admitted at the port. */
  sendEcho(echo: PlaneEcho): void;
  /** A RARP request for this address (RFC 903, as QEMU sends it) enters at the port as if the VM had sent it: bridges and
   * LANs along the way learn where it is. No pair's counter counts it. */
  announce(port: number, source: number): void;
  /** Copies of the unicast frames that leave by the port are kept for `recall`, SENT_FRAMES_MAX and SENT_BYTES_MAX at
   * most; false: forgotten. For while a VM there may stop at any time. */
  keepSent(port: number, kept: boolean): void;
  /** Of the copies, what whoever reads the port's device had not read `agoMs` ago (0 or more) is decided on anew, in order,
   * before what waits. The `user` plane asks `unix:` sockets each 0.2 ms, and takes other devices, as `memory` does, to be
   * read at once. What was read shortly before is counted as doubtful; what there was no room to keep, as `holdLimit`. */
  recall(port: number, agoMs: number): void;
  close(): void;
}
