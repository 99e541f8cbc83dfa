/** What can be seen of the way between two VMs at one time: all that a diagnosis is made from. */
import type {
  HostPhase,
  LinkEstimate,
  LinkView,
  MacAddress,
  PortView,
  RouteView,
  VmView,
} from '../../core/index.js';
import type { EchoStats } from '../echoes.js';

/** One of the two VMs. */
export interface End {
  /** As the person wrote it. */
  text: string;
  /** Absent: nobody registered or learnt it. */
  vm?: VmView;
  /** The nearest name, where `text` is none. */
  near?: string;
  /** Guarded ports where this address is refused. */
  refusedAt: { host: string; port: string; mac: MacAddress }[];
  phase?: HostPhase;
  /** The VM's port as its host says; absent: it has none, or the host did not answer. */
  port?: PortView;
  /** Meanwhile: frames that the VM sent, and what its port dropped. */
  sentFrames?: number;
  portDrops?: number;
}

/** A crossing from one host to the next. */
export interface Hop {
  from: string;
  to: string;
  way: 'there' | 'back';
  /** The frame goes by the star since its own edge is dead. */
  ground: boolean;
  /** The live link that it takes; absent: the host did not answer. */
  link?: LinkView;
  estimate?: LinkEstimate;
  /** Meanwhile: what the link dropped, and its datagrams as the other end counted them. */
  linkDrops: number;
  arrivals?: { arrived: number; lost: number };
  /** Other pairs known to cross here the same way, busiest first. */
  rivals: { from: string; to: string; bitsPerSecond: number }[];
}

/** An edge that the forwarding tables want, and that has no live link. */
export interface DeadEdge {
  from: string;
  to: string;
  way: 'there' | 'back';
  /** Of its links; empty: there is none. */
  states: string[];
  /** It belongs to the star: there is nothing to fall back to. */
  star: boolean;
  /** A link is up again by now. */
  back: boolean;
}

export interface HostOnPath {
  host: string;
  answered: boolean;
  phase?: HostPhase;
  /** By reason, meanwhile, most first. */
  drops: [reason: string, frames: number][];
  /** Of one CPU, and how late its event loop ran, over the last 10 to 20 s; absent: no answer. */
  cpuShare?: number;
  eventLoopDelayP99Ms?: number;
}

export interface PairObservation {
  from: End;
  to: End;
  network?: string;
  /** Of the network, octets. */
  mtu?: number;
  there?: RouteView;
  back?: RouteView;
  hops: Hop[];
  deadEdges: DeadEdge[];
  hosts: HostOnPath[];
  /** Means of this pair, bits a second; absent: no matrix. */
  rate?: { there: number; back: number };
  /** Frames of the least size, and of the network's largest. */
  echoes?: { small: EchoStats; full: EchoStats };
  /** Between the two looks at the counters. */
  overMs: number;
  /** What could not be seen, and why. */
  unseen: string[];
}
