/**
 * A topology as people write it: the intent. The Proxy lowers it to links and rules (see proxy/lowering).
 *
 * Lists are sets: their order carries no meaning, and `canonical` (topology-diff.ts) sorts them. Names are
 * unique a kind: hosts among hosts, VMs among VMs, networks among networks.
 */
import type { CpuReservation, LinkReservation } from './adapt.js';
import type { MacAddress } from './mac.js';
import type { VmMachine } from './vm.js';

export interface Topology {
  networks: Network[];
  hosts: Host[];
  vms: Vm[];
  /** Ports that belong to no VM: a LAN, a bridge with many VMs behind it, an interface of the paper's form. */
  ports: PortStatement[];
  links: LinkStatement[];
  shapes: Shape[];
  routes: Route[];
  rules: RuleStatement[];
  /** Bandwidth of the underlay for links (VRESERVE). */
  linkReservations: LinkReservation[];
  /** CPU for VMs (VSched). */
  cpuReservations: CpuReservation[];
  /** What adaptation keeps to when it places VMs. */
  constraints: Constraint[];
}

export interface Network {
  name: string;
  /** 32-bit identifier in every header; default: derived from the name (`networkId`). */
  id?: number;
  /** Largest frame payload a VM may send, in octets (its interface's MTU); default 1500. */
  mtu?: number;
}

export interface Endpoint {
  /** A host name or an IP address, without brackets. */
  address: string;
  /** UDP and TCP port of the data links; the control channel listens on the TCP port after it. */
  port: number;
}

export interface Host {
  name: string;
  /** True for the one host that is the Proxy. */
  proxy?: boolean;
  /** Absent: behind NAT, dials out. */
  endpoint?: Endpoint;
  /** Account on the host, for whoever starts its daemon (Figure 5's username). */
  user?: string;
  /** For VMs; default: what its daemon says of the machine. */
  memoryBytes?: number;
  cpus?: number;
}

export interface Vm {
  name: string;
  network: string;
  host: string;
  /** `pinned on`: adaptation never moves it. */
  pinned?: boolean;
  macs: MacAddress[];
  /** Port specification on its host, as in `tap:web0`. */
  port?: string;
  memoryBytes?: number;
  cpus?: number;
  /** Hosts that adaptation may move it to, that of the statement included; absent: all. */
  among?: string[];
  /** Absent: somebody else runs it. */
  machine?: VmMachine;
}

export type PortRole =
  /** A LAN or any segment we do not own: learns addresses with ageing, exempt from the spoofing guard. */
  | 'lan'
  /** Admits only what is registered for it. */
  | 'vm'
  /** A place that VMs of the whole network move to, whoever moves them: who is announced here has moved. */
  | 'vms';

export interface PortStatement {
  network: string;
  host: string;
  /** As in `bridge:br0`. */
  port: string;
  role: PortRole;
}

export type LinkType = 'udp' | 'tcp';

/** A link joins two different hosts; (type, unordered pair) is its identity. */
export interface LinkStatement {
  type: LinkType;
  /** In the paper's form, the daemon that makes the link; default: whichever side can. */
  madeBy?: string;
  a: string;
  b: string;
}

export type ShapeKind = 'star' | 'mesh' | 'ring' | 'line' | 'tree' | 'torus' | 'hypercube';

export interface Shape {
  kind: ShapeKind;
  type: LinkType;
  network: string;
  /** In order (a ring's neighbours, a tree by levels); empty: every host, in the order of their names. */
  hosts: string[];
  /** `torus`: the sides; `hypercube`: one entry, the dimension; `tree`: one entry, the arity (default 2). */
  dimensions?: number[];
}

export interface Route {
  network: string;
  /** VM names. */
  from: string;
  to: string;
  /** `<->`: both directions over the same hosts. */
  both: boolean;
  /** Every host of the path, ends included. */
  via: string[];
}

/** Names of VMs; a set. */
export type Constraint =
  /** No two of them on one host; or all on one. */
  | { kind: 'apart' | 'together'; vms: string[] }
  /** Frames between the two, each way, take paths whose latency is no more than this, microseconds. */
  | { kind: 'within'; vms: string[]; maxLatencyUs: number };

export type SourceMatcher =
  | { kind: 'exact'; mac: MacAddress }
  | { kind: 'not'; mac: MacAddress }
  | { kind: 'any' };

export type DestinationMatcher =
  | SourceMatcher
  /** Every broadcast and multicast address. */
  | { kind: 'group' }
  /** The default rule: matches everything, weakest of all. */
  | { kind: 'none' };

/** What a rule does. An edge is named by the neighbour at its other end. */
export type RuleAction = { kind: 'edge'; peer: string } | { kind: 'port'; port: string } | { kind: 'drop' };

export interface RuleStatement {
  network: string;
  host: string;
  source: SourceMatcher;
  destination: DestinationMatcher;
  actions: RuleAction[];
}

export const DEFAULT_PORT = 7700;
export const DEFAULT_MTU = 1500;
export const DEFAULT_NETWORK = 'default';

export function emptyTopology(): Topology {
  return {
    networks: [],
    hosts: [],
    vms: [],
    ports: [],
    links: [],
    shapes: [],
    routes: [],
    rules: [],
    linkReservations: [],
    cpuReservations: [],
    constraints: [],
  };
}

/** FNV-1a over the UTF-8 name, never zero: stable everywhere without a registry; clashes are refused by `lang`. */
export function networkId(network: Network): number {
  if (network.id !== undefined) return network.id;
  let hash = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(network.name)) {
    hash = Math.imul(hash ^ octet, 0x01000193) >>> 0;
  }
  return hash === 0 ? 1 : hash;
}
