/**
 * The Proxy's role: it holds the intent, knows where everybody is, and makes the daemons equal to what both mean.
 * No sockets of its own: it is asked as an `Authority` and acts through the `HostSession`s it is handed.
 */
import { randomBytes } from 'node:crypto';
import {
  type AdaptPlan,
  type AdaptPlanRequest,
  type AdaptProgress,
  type AdaptReason,
  type AdaptRecord,
  type AdaptSettings,
  type AdaptView,
  type Authority,
  canonical,
  type ChangeProgress,
  type ChangeRequest,
  type ChangeResult,
  type Clock,
  type EchoOptions,
  type EchoResult,
  type Endpoint,
  type HostReport,
  type HostSession,
  isEmptyChange,
  type LocalView,
  type MatrixView,
  type MoveView,
  type MoveResult,
  type MoveRequest,
  type MoveOptions,
  networkId,
  type OverlayEvent,
  type OverlayView,
  parseMac,
  type Plan,
  type RouteView,
  type SightParameters,
  type SightReports,
  type Store,
  type TopologyView,
  type TrafficHistory,
  type UnderlayView,
  type VmCheck,
  type VmReport,
  type VmStatus,
  VnetError,
} from '../core/index.js';
import { Adaptation, type LoadController, loadController, overrule } from './adaptation/index.js';
import { breath, isLargeRequest, type Wanted } from './change-job.js';
import { followVms } from './following-world.js';
import { loadIntent } from './intent.js';
import { Learning } from './learning.js';
import { Membership } from './membership.js';
import { bearing, Vms } from './migration/index.js';
import { type Log, Overlay, type SecretSource } from './overlay.js';
import { findPlace, isMacText } from './places.js';
import { Placing } from './placing.js';
import { planEffects, type Proposal, propose } from './planning.js';
import {
  LEARNT_AGE_MS,
  LEARNT_PER_PORT_MAX,
  type RefusedSource,
  Registry,
  type RegistryState,
} from './registry.js';
import { Sight } from './sight/sight.js';
import { trace } from './tracing.js';
import { TREE_DEAD_MS, TREE_SETTLE_MS, type TreeTimers } from './tree-watch.js';

export interface ProxyOptions {
  /** Of the host the Proxy runs on. */
  name: string;
  /** Where its data links are reached, for scripts that do not say. */
  endpoint?: Endpoint;
  store: Store;
  clock: Clock;
  /** Default: silent. */
  log?: Log;
  /** Octets for link identities and secrets. Default: the system's. */
  secret?: SecretSource;
  /** A learnt address not seen again is forgotten after this, milliseconds; default 300 000. */
  learntAgeMs?: number;
  /** Learnt addresses a port; default 4096. */
  learntPerPort?: number;
  /** When a tree of group frames falls to the star and returns; defaults `TREE_DEAD_MS`, `TREE_SETTLE_MS`. */
  treeTimers?: Partial<TreeTimers>;
  /** Default: that of `vadapt`, imported when it is first needed. */
  loadController?: LoadController;
}

const SILENT: Log = { info() {}, warn() {}, error() {} };

/** Reads the store; a change that was not finished when the last process ended is completed or undone. */
export async function createProxy(options: ProxyOptions): Promise<Proxy> {
  const { store, clock, name, endpoint, log = SILENT, secret = randomBytes } = options;
  const { learntAgeMs = LEARNT_AGE_MS, learntPerPort = LEARNT_PER_PORT_MAX } = options;
  const { intent, unfinished } = await loadIntent(store);
  if (unfinished) {
    const { hosts, outcome } = unfinished;
    log.warn({ hosts }, `a change was under way when the Proxy stopped: it is ${outcome}`);
  }
  const state = (await store.read('registry')) as RegistryState | undefined;
  const registry = new Registry(clock, { learntAgeMs, learntPerPort }, state);
  const overlay = new Overlay({
    name,
    endpoint,
    store,
    clock,
    log,
    secret,
    intent,
    registry,
    uncertain: unfinished?.hosts ?? [],
    treeTimers: { deadMs: TREE_DEAD_MS, settleMs: TREE_SETTLE_MS, ...options.treeTimers },
  });
  const placing = new Placing(overlay);
  const sight = await Sight.create(overlay);
  const vms = await Vms.create(
    overlay,
    placing,
    bearing(clock, () => sight.underlayView()),
  );
  const adaptation = await Adaptation.create(
    { overlay, sight, vms },
    options.loadController ?? loadController,
  );
  return new Proxy(overlay, { learntAgeMs, sight, placing, vms, adaptation });
}

interface ProxyParts {
  learntAgeMs: number;
  sight: Sight;
  placing: Placing;
  vms: Vms;
  adaptation: Adaptation;
}

export class Proxy implements Authority {
  readonly #overlay: Overlay;
  readonly #placing: Placing;
  readonly #vms: Vms;
  readonly #membership: Membership;
  readonly #learning: Learning;
  readonly #following: ReturnType<typeof followVms>;
  readonly #sight: Sight;
  readonly #adaptation: Adaptation;

  /** Use `createProxy`. */
  constructor(overlay: Overlay, { learntAgeMs, sight, placing, vms, adaptation }: ProxyParts) {
    this.#adaptation = adaptation;
    this.#sight = sight;
    this.#placing = placing;
    this.#vms = vms;
    this.#overlay = overlay;
    this.#membership = new Membership(overlay);
    this.#learning = new Learning(overlay, learntAgeMs);
    this.#following = followVms(overlay);
  }

  /** A daemon is connected. Resolves when it runs its part; see `Membership.attach` for what rejects. */
  async attach(session: HostSession, report: HostReport): Promise<void> {
    await this.#vms.attach(report, () => this.#membership.attach(session, report));
    this.#sight.connected(session);
  }

  /** Where daemons' reports of traffic and underlay go. */
  get reports(): SightReports {
    return this.#sight;
  }

  /** Its control channel is closed. Its links may well stand. */
  detach(host: string): void {
    this.#sight.disconnected(host);
    this.#membership.detach(host);
    this.#vms.detached(host);
  }

  /** One of the host's VMs changed, or its move got on. */
  vmReport(host: string, report: VmReport): void {
    this.#vms.report(host, report);
  }

  /** What a daemon saw. */
  reportEvent(host: string, event: OverlayEvent): void {
    if (event.kind === 'link') this.#overlay.liveness.report(event, event.up);
    if (event.kind === 'source') this.#learning.source({ ...event, host });
    if (event.kind === 'source') this.#following.source({ ...event, host });
    this.#overlay.announcer.publish(event);
  }

  onEvent(listener: (event: OverlayEvent) => void): () => void {
    return this.#overlay.onEvent(listener);
  }

  /** Sources that guarded ports refused and still would, newest first. */
  refused(): RefusedSource[] {
    return this.#overlay.registry.refused(this.#overlay.topology);
  }

  async overview(): Promise<OverlayView> {
    const { intent, topology, registry, members, suspended } = this.#overlay;
    const hosts = topology.hosts.map(({ name, proxy = false }) => {
      const revision = members.get(name)?.installed?.revision ?? 0;
      return { name, proxy, revision, ...this.#overlay.announcer.phaseOf(name) };
    });
    return {
      revision: intent.revision,
      topology: canonical(intent.topology),
      hosts: hosts.sort((a, b) => (a.name < b.name ? -1 : 1)),
      vms: registry.views(topology),
      suspended: [...suspended],
      fallenTrees: this.#overlay.trees.views(intent.fallen),
      configurationTime: this.#overlay.configurationTime,
    };
  }

  async plan(request: ChangeRequest): Promise<Plan> {
    const { intent, members } = this.#overlay;
    const proposal = this.#propose(request);
    const { change, steps } = proposal;
    if (isEmptyChange(change) && steps.length === 0)
      return { revision: intent.revision, change, steps, effects: [] };
    const unusable = this.#overlay.unusable();
    const before = this.#overlay.lower(intent, unusable, this.#overlay.identities);
    const after = this.#overlay.lower({ ...intent, ...proposal }, unusable, this.#overlay.identities);
    const effects = planEffects(before.configs, after.configs, (host) => !members.get(host)?.ready);
    return { revision: intent.revision, change, steps, effects };
  }

  apply(request: ChangeRequest, progress?: (progress: ChangeProgress) => void): Promise<ChangeResult> {
    return this.#overlay.enqueue(() => this.#apply(request, progress));
  }

  async #apply(request: ChangeRequest, progress?: (progress: ChangeProgress) => void): Promise<ChangeResult> {
    const { clock } = this.#overlay.options;
    const startedMs = clock.now();
    // Reading it took its time already: heartbeats of the channels come between.
    if (isLargeRequest(request)) await breath();
    const proposal = this.#propose(request);
    this.#vms.refuseChange(proposal.change);
    progress?.({ phase: 'validate', done: 1, total: 1 });
    this.#forgetHosts(request);
    let pending: string[] = [];
    if (!isEmptyChange(proposal.change) || proposal.steps.length > 0) {
      if (this.#overlay.suspended.length + this.#overlay.unusable().size > 0)
        this.#overlay.refuseClashes(proposal.topology);
      pending = await this.#overlay.transition(proposal, progress);
      this.#vms.changed();
      this.#overlay.saveRegistrySoon();
      this.#overlay.emit({
        kind: 'change',
        revision: this.#overlay.intent.revision,
        steps: proposal.steps.length,
      });
    }
    const tookMs = clock.now() - startedMs;
    this.#overlay.measured(tookMs);
    progress?.({ phase: 'done', done: 1, total: 1 });
    return { revision: this.#overlay.intent.revision, steps: proposal.steps, tookMs, pending };
  }

  /** Theirs wins over what adaptation made. */
  #propose(request: ChangeRequest): Proposal & Required<Wanted> {
    const { intent, complete } = this.#overlay;
    const proposal = propose(intent, request, complete);
    const after = complete(proposal.topology);
    const { adapted, steps } = overrule(intent.adapted, request, proposal.change, after);
    return { ...proposal, adapted, steps: [...proposal.steps, ...steps] };
  }

  /** Removing a host that nobody named and that is away means forgetting it. */
  #forgetHosts(request: ChangeRequest): void {
    if (request.kind !== 'change') return;
    for (const { name } of request.change.remove.hosts) {
      if (!this.#overlay.registry.autoHosts.has(name) || this.#overlay.members.get(name)?.session) continue;
      this.#overlay.registry.removeHost(name);
      this.#overlay.reconcile();
    }
  }

  /** Where a VM is now, whoever moved it; paths follow as one change. Rejects for a pinned VM and unknown names. */
  async placeVm(name: string, host: string, port?: string): Promise<void> {
    await this.#placing.place(name, host, port === undefined ? {} : { port });
    await this.#overlay.saveRegistry();
  }

  vms(): Promise<VmStatus[]> {
    return this.#vms.vms();
  }

  startVm(vm: string, options?: { host?: string; fence?: string[] }): Promise<VmStatus> {
    return this.#vms.startVm(vm, options);
  }

  stopVm(vm: string, options?: { graceMs?: number; fence?: string[] }): Promise<VmStatus> {
    return this.#vms.stopVm(vm, options);
  }

  checkVm(vm: string, host: string): Promise<VmCheck> {
    return this.#vms.checkVm(vm, host);
  }

  moveVms(request: MoveRequest, progress?: (move: MoveView) => void): Promise<MoveResult[]> {
    return this.#vms.moveVms(request, progress);
  }

  cancelMove(vm: string): Promise<void> {
    return this.#vms.cancelMove(vm);
  }

  drainHost(host: string, options?: MoveOptions, progress?: (move: MoveView) => void): Promise<MoveResult[]> {
    return this.#vms.drainHost(host, options, progress);
  }

  async route(from: string, to: string, network?: string): Promise<RouteView> {
    const { topology, registry, members } = this.#overlay;
    const places = registry
      .places(topology)
      .filter((place) => network === undefined || place.network === network);
    const [source, target] = [findPlace(places, from), findPlace(places, to)];
    if (!source) throw notFound(from, 'a frame starts at a VM, or at an address that was seen');
    const destination = target && !isMacText(to) ? target.macs[0] : isMacText(to) ? parseMac(to) : undefined;
    const mac = isMacText(from) ? parseMac(from) : source.macs[0];
    if (destination === undefined || mac === undefined) throw notFound(to, 'name a VM, or write an address');
    if (target && target.network !== source.network && !isMacText(to)) {
      throw new VnetError(
        'VNET_ERR_INVALID',
        `${from} is in network ${source.network}, ${to} in ${target.network}`,
      );
    }
    const id = networkId(
      topology.networks.find(({ name }) => name === source.network) ?? { name: source.network },
    );
    const { host, port } = source;
    const found = trace({
      network: id,
      source: mac,
      destination,
      host,
      port,
      configOf: (name) => members.get(name)?.installed,
      isLive: (name, peer) => this.#overlay.liveness.isLive(name, peer),
    });
    return { network: source.network, source: mac, destination, ...found };
  }

  async hostView(host: string): Promise<LocalView> {
    const member = this.#overlay.members.get(host);
    if (!member) {
      const known = [...this.#overlay.members.keys()].sort().join(', ');
      throw new VnetError('VNET_ERR_NOT_FOUND', `no host is called ${host}`, { hint: `there are: ${known}` });
    }
    if (!member.session) {
      throw new VnetError(
        'VNET_ERR_UNREACHABLE',
        `host ${host} is ${this.#overlay.announcer.phaseOf(host).phase}`,
        {
          hint: 'start its daemon, or see its log for why it cannot connect',
        },
      );
    }
    return member.session.view();
  }

  async setConfigurationTime(boundMs: number): Promise<void> {
    if (!Number.isFinite(boundMs) || boundMs <= 0) {
      throw new VnetError('VNET_ERR_INVALID', `the configuration time cannot be ${boundMs} milliseconds`, {
        hint: 'give a number above zero',
      });
    }
    await this.#overlay.enqueue(async () => {
      await this.#overlay.write({ boundMs });
      await this.#sight.configurationTimeChanged();
    });
  }

  async inferredTopology(network?: string): Promise<TopologyView> {
    return this.#sight.topology(network);
  }

  async matrix(network?: string, limit?: number): Promise<MatrixView> {
    return this.#sight.matrix(network, limit);
  }

  async history(after: number): Promise<TrafficHistory> {
    return this.#sight.history(after);
  }

  async underlay(): Promise<UnderlayView> {
    return this.#sight.underlayView();
  }

  async sight(): Promise<SightParameters> {
    return this.#sight.parameters;
  }

  setSight(parameters: Partial<SightParameters>): Promise<SightParameters> {
    return this.#overlay.enqueue(() => this.#sight.set(parameters));
  }

  echo(from: string, to: string, options: EchoOptions): Promise<EchoResult> {
    return this.#sight.echo(from, to, options);
  }

  adaptation(history?: number): Promise<AdaptView> {
    return this.#adaptation.adaptation(history);
  }

  setAdaptation(settings: Partial<AdaptSettings>): Promise<AdaptSettings> {
    return this.#adaptation.setAdaptation(settings);
  }

  planAdaptation(request?: AdaptPlanRequest): Promise<AdaptPlan> {
    return this.#adaptation.planAdaptation(request);
  }

  applyAdaptation(plan: string, progress?: (progress: AdaptProgress) => void): Promise<AdaptRecord> {
    return this.#adaptation.applyAdaptation(plan, progress);
  }

  whyAdapted(subject: string): Promise<AdaptReason> {
    return this.#adaptation.whyAdapted(subject);
  }

  clearAdaptation(): Promise<AdaptRecord | undefined> {
    return this.#adaptation.clearAdaptation();
  }

  /** Waits for the change under way and stores what is not stored yet. Idempotent; daemons go on by themselves. */
  async close(): Promise<void> {
    if (this.#overlay.closed) return;
    this.#learning.close();
    await this.#adaptation.close();
    await this.#vms.close();
    this.#following.close();
    this.#sight.close();
    await this.#overlay.close();
  }
}

function notFound(text: string, hint: string): VnetError {
  return new VnetError('VNET_ERR_NOT_FOUND', `no VM or known address is called ${text}`, { hint });
}
