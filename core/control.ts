/**
 * What the parts of a running overlay say to each other, as types. The control API (core/api) carries these
 * as JSON; inside one process they are called directly.
 *
 * Every daemon serves the same API. Its own state (`LocalView`) it answers itself; what concerns the intent goes
 * to the `Authority`: in the Proxy's process the Proxy itself, elsewhere the same calls over the control channel.
 */
import type { AdaptAuthority, AdaptOutcome, HostLoad } from './adapt.js';
import type { Change } from './topology-diff.js';
import type { ErrorBody, VnetError } from './errors.js';
import type { HostConfig, HostDelta } from './host-config.js';
import type { MacAddress } from './mac.js';
import type { Owner, Rule } from './rule.js';
import type { MatrixView, SightParameters, TopologyView, TrafficHistory } from './sight.js';
import type { LinkType, PortRole, Topology } from './topology.js';
import type { UnderlayReport, UnderlayView } from './underlay-view.js';
import type { HostMachine, MoveView, VmAuthority, VmHost, VmReport, VmState } from './vm.js';

/** How the Proxy reaches one connected daemon. Calls reject with a VnetError; both are idempotent. */
export interface HostSession {
  readonly host: string;
  configure(config: HostConfig): Promise<void>;
  apply(delta: HostDelta): Promise<void>;
  /** Asks a connected daemon for what only it knows. */
  view(): Promise<LocalView>;
  /** What to report and how much to probe; holds until told otherwise. */
  sight(parameters: SightParameters): Promise<void>;
  /** Overlay pings from a port of this host. */
  echo(request: EchoRequest): Promise<EchoResult>;
  /** The underlay between this host and addresses that it may have no link to. */
  reach(addresses: ReachRequest): Promise<ReachResult[]>;
  readonly vms: VmHost;
  close(): void;
}

/** By port specification, as in HostConfig. */
export interface EchoRequest {
  network: number;
  port: string;
  source: MacAddress;
  destination: MacAddress;
  /** 1 to ECHOES_MAX. */
  count: number;
  /** Of each frame; 60 to the network's MTU + 14. */
  bytes: number;
  /** Between two, milliseconds; at least 1. */
  intervalMs: number;
  /** An echo without an answer by then is lost. */
  timeoutMs: number;
}
export const ECHOES_MAX = 1000;
/** From the first echo to the last answer: the caller waits for all of them. */
export const ECHO_DURATION_MAX_MS = 10_000;

export interface EchoResult {
  /** Microseconds, in the order sent; null: lost. */
  rttUs: (number | null)[];
  /** Links crossed on the way there, of the last one answered. */
  hops?: number;
}

export interface ReachRequest {
  /** IP literals, at most 64. */
  addresses: string[];
  timeoutMs: number;
}

export interface ReachResult {
  address: string;
  reachable: boolean;
  rttUs?: number;
  /** Octets of the largest IP packet that came through. */
  pathMtuBytes?: number;
  /** Why nothing is known: no privilege, no route, no answer. */
  reason?: string;
}

/** What a daemon tells the Proxy by itself. */
export interface SightReports {
  /** An encoded TrafficUpdate; see core/traffic-update. */
  traffic(host: string, update: Uint8Array): void;
  underlay(host: string, report: UnderlayReport): void;
  load(host: string, load: HostLoad): void;
  /** A `what` of the host was left out before it came here, whole or in part: too large, too often, or nonsense. */
  refused(host: string, what: string, error: VnetError): void;
}

/** What a daemon says of itself when it connects. */
export interface HostReport {
  host: string;
  version: string;
  /** Of the HostConfig it runs from; 0: none yet. */
  revision: number;
  /** Where its data links listen. */
  dataPort: number;
  /** `drivers` are not asked for this: empty. */
  machine: HostMachine;
  vms: VmReport[];
}

export interface LinkView {
  id: string;
  peer: string;
  type: LinkType;
  owner: Owner;
  up: boolean;
  /** `connecting: refused by 10.0.0.1:7700`, `up` and the like. */
  state: string;
  remote?: string;
  /** Order among the live links to the peer: lowest first. */
  preference: number;
  rttUs: number;
  datagramBytes: number;
  /** Datagrams of the peer: arrived, missing by now, and arrived after a later one (UDP). */
  arrived: number;
  lost: number;
  late: number;
  inFrames: number;
  inBytes: number;
  outFrames: number;
  outBytes: number;
  drops: number;
}

export interface PortView {
  port: string;
  network: string;
  role: PortRole;
  owner: Owner;
  up: boolean;
  state: string;
  macs: MacAddress[];
  /** Sources seen here that the guard refuses, newest first, at most 16. */
  refused: MacAddress[];
  inFrames: number;
  inBytes: number;
  outFrames: number;
  outBytes: number;
  drops: number;
}

export interface InterfaceView {
  name: string;
  mac?: MacAddress;
  addresses: string[];
  up: boolean;
  /** Kinds of port it could be: `packet`, `bridge`. */
  usableAs: string[];
  /** Its address that this host's links use; absent: they leave by another interface. */
  linksFrom?: string;
}

/** What a host was told to reserve, and how that stands. */
export interface ReservationView {
  kind: 'link' | 'cpu';
  /** `udp b`: type and peer of a link; or the VM. */
  of: string;
  /** Of a link. */
  bitsPerSecond?: number;
  /** Of a VM's CPU. */
  periodUs?: number;
  sliceUs?: number;
  /** `waiting`: for the peer's address, or for the VM to run here. */
  state: 'held' | 'waiting' | 'failed';
  /** By what it is held, what it waits for, or why it failed; a sentence. */
  text: string;
}

/** One daemon's own state: primitives "list interfaces", "list links", "list rules" (Virtuoso 3.2). */
export interface LocalView {
  host: string;
  version: string;
  revision: number;
  role: 'host' | 'proxy';
  uptimeMs: number;
  residentBytes: number;
  /** Of one CPU, over the last 10 to 20 s: 1 is one CPU busy all the time. */
  cpuShare: number;
  /** How late the event loop ran, 99th percentile over the last 10 to 20 s. */
  eventLoopDelayP99Ms: number;
  /** Trains of measurement since the start, octets as the underlay carries them. */
  probes: { sentBytes: number; receivedBytes: number };
  /** Pairs that the Proxy is told of: they sent something from here. */
  pairsReported: number;
  /** Updates left out because the channel to the Proxy was full. */
  updatesSkipped: number;
  proxy: { name: string; connected: boolean; state: string };
  /** False until a later version seals them. */
  sealed: { links: boolean; control: boolean };
  networks: { id: number; name: string; mtu: number; epoch: number }[];
  interfaces: InterfaceView[];
  links: LinkView[];
  ports: PortView[];
  rules: Rule[];
  /** By reason name, only those above zero. */
  drops: Record<string, number>;
  flowEntries: number;
  /** Default: none. */
  reservations?: ReservationView[];
}

export interface VmView {
  /** The name in the intent, or for a learnt address its text. */
  name: string;
  network: string;
  host: string;
  port?: string;
  macs: MacAddress[];
  owner: Owner;
  pinned: boolean;
  /** Learnt at a LAN port: a pseudo-VM that ages out. */
  learnt: boolean;
}

export type HostPhase = 'ready' | 'pending' | 'away';

export interface OverlayView {
  revision: number;
  /** What the user owns, in full: printing this and applying it changes nothing. */
  topology: Topology;
  hosts: { name: string; proxy: boolean; phase: HostPhase; revision: number; since: string }[];
  vms: VmView[];
  /** Routes that their VMs' places no longer allow. */
  suspended: { from: string; to: string; reason: string }[];
  /** Networks whose group frames take the star while edges of the user's own tree have no live link. */
  fallenTrees?: { network: string; edges: [string, string][]; since: string }[];
  /** Upper bound on configuration time, milliseconds (primitive 8); `measured` from the changes made so far. */
  configurationTime: { boundMs: number; measuredMs: number };
}

/** One hop of the route a frame takes, with the rule that decided. */
export interface RouteHop {
  host: string;
  /** What the frame meets here. */
  verdict: 'edge' | 'port' | 'ground' | 'drop';
  /** Neighbour, port or reason. */
  to: string;
  ground: boolean;
  rule?: Rule;
  /** Why the rule won, in a sentence. */
  why: string;
  /** Weaker matches, strongest first. */
  others: Rule[];
}

export interface RouteView {
  network: string;
  source: MacAddress;
  destination: MacAddress;
  /** A group frame's hops form a tree, listed depth first. */
  hops: RouteHop[];
  delivered: boolean;
}

export interface PlanStep {
  sign: '+' | '-' | '~';
  kind:
    | 'network'
    | 'host'
    | 'vm'
    | 'port'
    | 'link'
    | 'shape'
    | 'route'
    | 'rule'
    | 'reservation'
    | 'constraint';
  /** The statement in the modern language form, without newline. */
  text: string;
  /** For `~`: the statement it replaces. */
  before?: string;
}

export interface Plan {
  /** Of the intent this plan was made against; `apply` refuses another. */
  revision: number;
  change: Change;
  steps: PlanStep[];
  /** What it means underneath: links and rules to make and remove, a host. */
  effects: {
    host: string;
    addLinks: number;
    removeLinks: number;
    addRules: number;
    removeRules: number;
    pending: boolean;
  }[];
}

export type ChangeRequest =
  /** Make what the user owns equal to this. */
  | { kind: 'target'; topology: Topology; revision?: number }
  /** Add and remove these statements; what is there (or gone) already is no error. */
  | { kind: 'change'; change: Change; revision?: number };

export interface ChangeProgress {
  phase: 'validate' | 'prepare' | 'switch' | 'clean' | 'undo' | 'done';
  host?: string;
  done: number;
  total: number;
}

export interface ChangeResult {
  revision: number;
  steps: PlanStep[];
  tookMs: number;
  /** Hosts that are away and get their part when they return. */
  pending: string[];
}

/** Whoever holds the intent. Rejects with `VNET_ERR_UNREACHABLE` where the Proxy is away. */
export interface Authority extends VmAuthority, AdaptAuthority {
  overview(): Promise<OverlayView>;
  plan(request: ChangeRequest): Promise<Plan>;
  /** Validated whole before the first step; undone if a step fails (the error says which and why). */
  apply(request: ChangeRequest, progress?: (progress: ChangeProgress) => void): Promise<ChangeResult>;
  /** `from`, `to`: VM names or addresses. */
  route(from: string, to: string, network?: string): Promise<RouteView>;
  /** Another daemon's own state, by host name. */
  hostView(host: string): Promise<LocalView>;
  setConfigurationTime(boundMs: number): Promise<void>;
  /** The application's topology as inferred now, a network. */
  inferredTopology(network?: string): Promise<TopologyView>;
  /** `limit`: of the busiest pairs, 1 to MATRIX_PAIRS_MAX, which is the default. */
  matrix(network?: string, limit?: number): Promise<MatrixView>;
  /** Steps after `after`; those that are still held. */
  history(after: number): Promise<TrafficHistory>;
  underlay(): Promise<UnderlayView>;
  sight(): Promise<SightParameters>;
  /** What is not given stays. Throws VNET_ERR_INVALID outside the ranges; nothing changes then. */
  setSight(parameters: Partial<SightParameters>): Promise<SightParameters>;
  /** Real frames from one VM's port to another's, answered by the data plane there; `from`, `to` as in `route`. */
  echo(from: string, to: string, options: EchoOptions): Promise<EchoResult>;
}

export interface EchoOptions {
  network?: string;
  count: number;
  bytes: number;
  intervalMs: number;
  timeoutMs: number;
}

export type OverlayEvent = { at: string } & (
  | { kind: 'host'; host: string; phase: HostPhase }
  | { kind: 'link'; host: string; peer: string; type: LinkType; up: boolean; reason: string }
  | { kind: 'port'; host: string; port: string; up: boolean; reason: string }
  | { kind: 'source'; host: string; port: string; mac: MacAddress; admitted: boolean; announced?: boolean }
  | { kind: 'vm'; name: string; change: 'added' | 'moved' | 'removed'; host: string }
  /** A VM's state changed, or its move got on. */
  | { kind: 'vm-state'; vm: string; host: string; state: VmState; reason?: string; move?: MoveView }
  /** One address is active at two places: `host` has it, `elsewhere` sends with it. */
  | { kind: 'conflict'; vm: string; mac: MacAddress; host: string; elsewhere: string }
  | { kind: 'change'; revision: number; steps: number }
  /** Group frames of a network take the star from now on (`edges` have no live link), or the user's tree again. */
  | { kind: 'tree'; network: string; fallen: boolean; edges: [string, string][] }
  /** VTTIF declared another topology: the text is what `vnet topology` heads its answer with. */
  | { kind: 'topology'; network: string; serial: number; state: TopologyView['state']; text: string }
  /** Adaptation acted, or looked at what came of it. */
  | { kind: 'adaptation'; network: string; record: string; outcome: AdaptOutcome; text: string }
  | { kind: 'error'; host: string; error: ErrorBody }
);
