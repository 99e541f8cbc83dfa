/**
 * The adaptation problem (GAPVEE, Virtuoso 8.2) as data: which host shall run which VM, and over which hosts shall each
 * flow go. RPVEE (8.3) is the case in which every VM is pinned. docs/adaptation.md explains it; instance files hold it
 * as JSON (docs/instances.md). Names are unique a kind; a name that is nobody's is refused by `compile`.
 *
 * Departures from the paper, each of which leaves its problem as a special case:
 * - A flow between two VMs on one host is worth something: it takes its host's local capacity.
 * - Several edges may share a capacity (a host's uplink, a site's): what one takes the others lose.
 * - Demand beyond a capacity, or a latency beyond its bound, is penalised (OVERLOAD), not forbidden: the present state
 *   may be such a one.
 * - A flow whose hosts nothing joins is penalised (NO_PATH); one whose hosts a path joins takes one.
 */

export interface Problem {
  hosts: readonly HostNode[];
  /** Directed. An edge that is not listed cannot be made (a firewall, no address). */
  edges: readonly EdgeCapacity[] | EdgeMatrix;
  vms: readonly VmDemand[];
  flows: readonly FlowDemand[];
  shared?: readonly SharedCapacity[];
  /** Sets of VMs, no two of which may be on one host. */
  apart?: readonly (readonly string[])[];
  /** Sets of VMs that must be on one host. */
  together?: readonly (readonly string[])[];
  /** Overlay hops of a path at most; default: any number. */
  maxHops?: number;
  /** What a missing CPU is worth, bits a second; absent: a host's `cpus` are never exceeded (the paper's constraint). */
  missingCpuBitsPerSecond?: number;
  /** How things are: for the cost of change, and to begin from. */
  present?: PresentState;
}

export interface HostNode {
  name: string;
  /** For VMs. Default: any number. */
  cpus?: number;
  memoryBytes?: number;
  /** What flows within the host can have, all together, bits a second. Default LOCAL_BITS_PER_SECOND. */
  localBitsPerSecond?: number;
  /** False: no path leads through it. Default true. */
  relays?: boolean;
}
/** About what two VMs on one host exchange over the data plane. */
export const LOCAL_BITS_PER_SECOND = 10e9;

export interface EdgeCapacity {
  from: string;
  to: string;
  /** What the overlay may put on it: available bandwidth, and what the overlay itself puts on it now. */
  bitsPerSecond: number;
  latencyUs: number;
}

/** The same for many hosts, row by row (`from` x hosts + `to`); 0 bits a second: no edge. The diagonal is not read. */
export interface EdgeMatrix {
  bitsPerSecond: ArrayLike<number>;
  latencyUs: ArrayLike<number>;
}

export interface VmDemand {
  name: string;
  /** Default 0. */
  cpus?: number;
  memoryBytes?: number;
  /** It is on this host and stays there, whatever `allowed` says. */
  pinned?: string;
  /** Where it can run at all; absent: everywhere. */
  allowed?: readonly string[];
  /** How fast it writes to its memory: what makes a move long. Default 0. */
  dirtyBytesPerSecond?: number;
}

export interface FlowDemand {
  /** VMs, two different ones. */
  from: string;
  to: string;
  bitsPerSecond: number;
  /** Of the whole path; absent: none. */
  maxLatencyUs?: number;
}

export interface SharedCapacity {
  name: string;
  bitsPerSecond: number;
  /** Edges `[from, to]`, no local capacities. A flow that crosses two of them takes it twice. */
  edges: readonly (readonly [from: string, to: string])[];
}

export interface PresentState {
  /** VM to host. A VM that is not named is nowhere yet: to place it costs nothing. */
  mapping: Readonly<Record<string, string>>;
  /** Edges that have a link, each direction for itself; absent: not known, and links cost nothing. */
  links?: readonly (readonly [from: string, to: string])[];
}

/** Bits a second below zero count so many times: what does not fit is worse than what is left is good. */
export const OVERLOAD = 10;

/**
 * What a flow without a path loses, in units of its demand: so much that VMs are placed where they can talk, also where
 * the other terms are against it (a latency of a second, say).
 */
export const NO_PATH = 1000;

/** A part of the answer, by index into the problem's lists. */
export interface Placement {
  /** VM to host. */
  mapping: Int32Array;
  /**
   * Flow to the hosts it passes, ends included, without repeats: `[h]` within a host, empty where no path exists
   * (and only there: `whyInvalid`).
   */
  paths: readonly Int32Array[];
}
