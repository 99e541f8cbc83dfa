/**
 * Adaptation as people and programs see it (VADAPT, Virtuoso 6): what it may do, what it would do and why, what it did
 * and what came of it. `vadapt` decides, proxy/adaptation carries it out; docs/adaptation.md explains.
 */
import type { LinkType, Route } from './topology.js';

export type AdaptMode =
  /** Nothing is planned. */
  | 'off'
  /** Plans stand to be looked at and applied. */
  | 'advise'
  /** Plans that are worth it are carried out. */
  | 'auto';

export const ADAPT_MECHANISMS = ['migration', 'topology', 'reservation', 'cpu'] as const;
/** Of Virtuoso 6.1: VMs move; links and routes are made; bandwidth is reserved (VRESERVE); CPU is (VSched). */
export type AdaptMechanism = (typeof ADAPT_MECHANISMS)[number];

/** Of `vadapt`, which explains them: what is maximised. */
export const ADAPT_OBJECTIVES = ['residual', 'single-hop', 'tight-fit', 'latency', 'combined'] as const;

/** Settable while the overlay runs; kept in the Proxy's store. */
export interface AdaptSettings {
  mode: AdaptMode;
  /** What it may use. Default: migration and topology. */
  mechanisms: AdaptMechanism[];
  /** One of ADAPT_OBJECTIVES. Default `residual`. */
  objective: string;
  /** A name of a solver. Default `auto`: by the size of the problem. */
  solver: string;
  /** Wall time of one search, milliseconds, 10 to 60 000; default 200. */
  budgetMs: number;
  /** Predicted rates of the flows must grow by this share before anything is done. 0 to 10; default 0.1. */
  gainThreshold: number;
  /** After a change, nothing is decided for so long, milliseconds; default 5000. The largest rate of change is one in this time. */
  settleMs: number;
  /** The same better plan must have been found for so long, milliseconds; default 1000. */
  confirmMs: number;
  /** For which a change is expected to pay, milliseconds; default 300 000. */
  horizonMs: number;
  /** Fast-path links of adaptation a host has, 0 to 64; default 8. */
  linksPerHost: number;
  /** Of the links that it makes. Default `udp`. */
  linkType: LinkType;
  /** VMs that it moves in one change; default 16. */
  movesMax: number;
}

export const DEFAULT_ADAPT: AdaptSettings = {
  mode: 'off',
  mechanisms: ['migration', 'topology'],
  objective: 'residual',
  solver: 'auto',
  budgetMs: 200,
  gainThreshold: 0.1,
  settleMs: 5000,
  confirmMs: 1000,
  horizonMs: 300_000,
  linksPerHost: 8,
  linkType: 'udp',
  movesMax: 16,
};

/** What adaptation owns in the overlay: beside the user's intent, never in it. Lists are sets. */
export interface Adapted {
  links: AdaptedLink[];
  /** Of two VMs; where the user has a route for the pair, theirs counts. */
  routes: Route[];
  linkReservations: LinkReservation[];
  cpuReservations: CpuReservation[];
}
export const NOTHING_ADAPTED: Adapted = { links: [], routes: [], linkReservations: [], cpuReservations: [] };

/** Identity: type and the unordered pair. */
export interface AdaptedLink {
  type: LinkType;
  a: string;
  b: string;
}

/** Bandwidth on the underlay for one direction of a link (VRESERVE). Identity: type, from, to. */
export interface LinkReservation {
  type: LinkType;
  from: string;
  to: string;
  /** Of IP packets. */
  bitsPerSecond: number;
}

/** CPU for a VM, in the periodic real-time model (VSched). Identity: vm. */
export interface CpuReservation {
  vm: string;
  /** 1000 to 1 000 000. */
  periodUs: number;
  /** In each period, at most `periodUs` x the host's CPUs. */
  sliceUs: number;
}

export type AdaptAction =
  | { kind: 'move'; vm: string; from: string; to: string }
  | { kind: 'link'; sign: '+' | '-'; link: AdaptedLink }
  | { kind: 'route'; sign: '+' | '-'; route: Route }
  | { kind: 'reserve-link'; sign: '+' | '-'; reservation: LinkReservation }
  | { kind: 'reserve-cpu'; sign: '+' | '-'; reservation: CpuReservation };

/** A measurement that a decision stands on. */
export interface Evidence {
  /** `a1 sends b1 12.3 Mbit/s`, a sentence. */
  text: string;
  /** How old it was when it was used. */
  ageMs: number;
  /** 0 to 1. */
  confidence: number;
}

export interface PlannedAction {
  action: AdaptAction;
  /** In a sentence. */
  why: string;
  evidence: Evidence[];
}

/** What one flow gets: measured now, and by max-min fair shares of the paths now and then. Bits a second. */
export interface FlowPrediction {
  from: string;
  to: string;
  measured: number;
  fairNow: number;
  fairThen: number;
  /** Hosts, ends included. */
  pathNow: string[];
  pathThen: string[];
}

export interface AdaptPlan {
  /** Of this start of the Proxy's: `apply` takes it while nothing it stands on has changed. */
  id: string;
  at: string;
  network: string;
  /** Of the intent. */
  revision: number;
  objective: string;
  solver: string;
  actions: PlannedAction[];
  /** Of the objective, bits a second. */
  valueNow: number;
  valueThen: number;
  /** Nothing can be better than this. */
  bound: number;
  /** Of the change, bits a second spread over the horizon. */
  cost: number;
  /** Predicted: rates of the flows then over now, less 1, the cost taken off. */
  gain: number;
  flows: FlowPrediction[];
  /** True: it passes the threshold. */
  worthIt: boolean;
  /** Why it is, or is not, carried out; a sentence. */
  verdict: string;
  solveMs: number;
  /** What is missing or too old to decide by. */
  notes: string[];
}

export type AdaptOutcome =
  | 'applied'
  /** It brought what was promised, or nothing worse than before. */
  | 'kept'
  /** It made things worse, and was undone. */
  | 'taken-back'
  /** A step failed, and all was undone. */
  | 'failed'
  /** A person changed what it had made: theirs counts. */
  | 'overruled';

export interface AdaptRecord {
  id: string;
  at: string;
  network: string;
  by: 'auto' | 'user';
  outcome: AdaptOutcome;
  /** Why, in a sentence. */
  reason: string;
  actions: AdaptAction[];
  predictedGain: number;
  /** Delivered rates of its flows over those before, less 1; absent: not measured yet. */
  measuredGain?: number;
  /** From the decision to the last step. */
  tookMs: number;
}
/** Records that the Proxy keeps. */
export const ADAPT_HISTORY_MAX = 1000;

export interface AdaptView {
  settings: AdaptSettings;
  /** `off`, `settling until ...`, `nothing better by 10 %`, `acting`: a sentence. */
  state: string;
  adapted: Adapted;
  /** The last plan, a network. */
  plans: AdaptPlan[];
  /** Newest first. */
  history: AdaptRecord[];
}

export interface AdaptPlanRequest {
  network?: string;
  /** For this plan alone. */
  settings?: Partial<
    Pick<AdaptSettings, 'mechanisms' | 'objective' | 'solver' | 'budgetMs' | 'linksPerHost'>
  >;
}

/** Why something is where it is. */
export interface AdaptReason {
  /** As asked: a VM, or `a b` for a link. */
  subject: string;
  /** `user`: a person said so, and adaptation leaves it alone. */
  owner: 'user' | 'adapt' | 'auto';
  text: string;
  record?: AdaptRecord;
  evidence: Evidence[];
}

/** What the Proxy offers; part of the control API. */
export interface AdaptAuthority {
  /** `history`: of records, 0 to ADAPT_HISTORY_MAX, default 20. */
  adaptation(history?: number): Promise<AdaptView>;
  /** What is not given stays. Throws VNET_ERR_INVALID outside the ranges; nothing changes then. */
  setAdaptation(settings: Partial<AdaptSettings>): Promise<AdaptSettings>;
  /** Decides now, and does nothing. */
  planAdaptation(request?: AdaptPlanRequest): Promise<AdaptPlan>;
  /** Exactly that plan. VNET_ERR_CONFLICT where what it stands on has changed since; VNET_ERR_NOT_FOUND for an unknown one. */
  applyAdaptation(plan: string, progress?: (progress: AdaptProgress) => void): Promise<AdaptRecord>;
  whyAdapted(subject: string): Promise<AdaptReason>;
  /** Removes what adaptation made: links, routes, reservations. VMs stay where they are. */
  clearAdaptation(): Promise<AdaptRecord | undefined>;
}

export interface AdaptProgress {
  step: 'reserve' | 'link' | 'move' | 'route' | 'remove' | 'undo' | 'done';
  done: number;
  total: number;
  /** What is being done, a few words. */
  text: string;
}

/** What a host says of its load, for placement; every few seconds, over the control channel. */
export interface HostLoad {
  /** CPUs that the host may use: its quota, or those of the machine. */
  cpus: number;
  /** Of these, busy; whoever uses them. */
  busyCpus: number;
  /** VM to CPUs that it uses; those the daemon can tell. */
  vmCpus: Record<string, number>;
  /** VM to the share of the time that it waited for a CPU, 0 to 1 (PSI, cgroups). */
  vmWaits: Record<string, number>;
}
export const HOST_LOAD_PERIOD_MS = 2000;
