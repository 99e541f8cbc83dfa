/** What goes into lowering and what comes out. */
import type { Adapted, HostConfig, MacAddress, Rule, Topology } from '../../core/index.js';
import { networkId } from '../../core/index.js';

/** Where a VM, or a machine learnt at a LAN port, is now. */
export interface Place {
  /** The VM's name; for a learnt address its text. */
  name: string;
  /** By name. */
  network: string;
  host: string;
  port: string;
  macs: MacAddress[];
  learnt: boolean;
  /** A second port that admits the VM while it moves; no path leads there, not even of group frames. */
  alsoAt?: { host: string; port: string };
}

/** What both ends of a link know it by. */
export interface LinkIdentity {
  /** 16 hexadecimal digits. */
  id: string;
  /** 32 hexadecimal digits. */
  secret: string;
}

/** By link key: `udp a b`, the ends sorted. */
export type LinkIdentities = ReadonlyMap<string, LinkIdentity>;

/** Nothing of it is ever changed in place: what is the same object is the same. */
export interface LoweringInput {
  /** Complete: with the Proxy, every known host and every network that is named. */
  topology: Topology;
  /** Beside it; where the user owns the same, theirs counts. Default: nothing. */
  adapted?: Adapted;
  places: readonly Place[];
  /** By network identifier; absent: 0. */
  epochs: ReadonlyMap<number, number>;
  /** From before; links that have none get one from `secret`. */
  identities: LinkIdentities;
  /** Random octets, for people who may not guess them. */
  secret(octets: number): Uint8Array;
  /** Hosts that paths must not lead through: away without their part of the intent. */
  unusable: ReadonlySet<string>;
  /** Names of networks whose group frames take the star, though the user's rules have edges for them. Default: none. */
  fallen?: ReadonlySet<string>;
  /** Pairs of hosts to join by a UDP link for a while, to see what it would carry: no path uses it. Default: none. */
  trials?: readonly Trial[];
}

export type Trial = readonly [a: string, b: string];
export const NO_TRIALS: readonly Trial[] = [];

export interface SuspendedRoute {
  from: string;
  to: string;
  reason: string;
}

export interface Lowered {
  /** Every host's part, revision 0, by host name in order. Rules hold from epoch 0 on. */
  configs: Map<string, HostConfig>;
  /** Of the links there are now. */
  identities: LinkIdentities;
  /** Of the user's routes. */
  suspended: SuspendedRoute[];
}

/** A rule without what follows from where it stands. */
export type RuleDraft = Pick<Rule, 'source' | 'destination' | 'actions' | 'origin'>;

/** A rule at its host. */
export interface Placed {
  host: string;
  rule: RuleDraft;
}

export const ANY = { kind: 'any' } as const;
export const GROUP = { kind: 'group' } as const;
export const NONE = { kind: 'none' } as const;

export const exactly = (mac: MacAddress) => ({ kind: 'exact', mac }) as const;
export const edgeTo = (peer: string) => ({ kind: 'edge', peer }) as const;

/** An edge has no direction. */
export function edgeKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** The identifier of a network that the topology names. */
export function idOf(topology: Topology, name: string): number {
  return networkId(topology.networks.find((network) => network.name === name) ?? { name });
}
