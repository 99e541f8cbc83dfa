/**
 * The Proxy's eyes: the traffic among the VMs (VTTIF) and the network underneath (Wren), from what the daemons report.
 * It decides what is reported and how often; the methods are pure and live in `vttif` and `wren`.
 */
import {
  DEFAULT_NETWORK,
  type EchoOptions,
  type EchoResult,
  type HostLoad,
  type HostSession,
  type LinkEstimate,
  type MatrixView,
  networkId,
  type SightParameters,
  type SightReports,
  type TopologyView,
  type TrafficHistory,
  type UnderlayReport,
  type UnderlayView,
  VnetError,
} from '../../core/index.js';
import { TrafficSight } from '../../vttif/index.js';
import { type HostUnderlay, underlayView } from '../../wren/index.js';
import type { Overlay } from '../overlay.js';
import { echoRequest } from './echo.js';
import { Names } from './names.js';
import { changedSight, loadSight, storeSight } from './parameters.js';
import { Survey } from './survey.js';
import { Trials } from './trials.js';
import { Troubles } from './trouble.js';

/** A daemon whose updates do not follow from one another is asked for a whole one, at most this often. */
const ASK_ANEW_MS = 1000;
/** After the last change, or host that came or went, links for a while are made again. */
const CALM_MS = 3000;

const notThere = (pairs: number): VnetError =>
  new VnetError('VNET_ERR_INVALID', `${pairs} more pairs with a source that is not at this host`);

/** With its notes saying who says it: each daemon speaks of its own links only. */
const signed = (host: string, report: UnderlayReport): UnderlayReport => ({
  ...report,
  notes: report.notes.map((note) => `${host}: ${note}`),
});

export class Sight implements SightReports {
  readonly #overlay: Overlay;
  readonly #names: Names;
  readonly #traffic: TrafficSight;
  readonly #underlay = new Map<string, HostUnderlay>();
  readonly #survey: Survey;
  readonly #trials: Trials;
  readonly #troubles: Troubles;
  readonly #loads = new Map<string, { load: HostLoad; atMs: number }>();
  readonly #askedMs = new Map<string, number>();
  #parameters: SightParameters;
  #changedMs: number;
  #cancel: () => void = () => {};
  #closed = false;

  private constructor(overlay: Overlay, parameters: SightParameters) {
    const { clock, log } = overlay.options;
    this.#overlay = overlay;
    this.#parameters = parameters;
    this.#changedMs = clock.now();
    overlay.onEvent(({ kind }) => {
      if (kind === 'change' || kind === 'host' || kind === 'adaptation') this.#changedMs = clock.now();
    });
    this.#names = new Names(overlay, () => this.#traffic.renamed());
    this.#traffic = new TrafficSight({
      vmName: (network, address) => this.#names.vm(network, address),
      networkName: (network) => this.#names.network(network),
      isSource: (host, network, address) => this.#names.isSource(host, network, address),
      parameters,
      configurationMs: overlay.configurationTime.boundMs,
      epochMs: (nowMs) => Date.now() - (clock.now() - nowMs),
    });
    this.#troubles = new Troubles(clock, log);
    const hosts = () => overlay.topology.hosts;
    const enabled = () => this.#parameters.probeShare > 0;
    const isLinked = (a: string, b: string) => overlay.isLinked(a, b);
    const session = (host: string) => overlay.members.get(host)?.session;
    this.#survey = new Survey({ clock, hosts, session, isLinked, enabled });
    this.#trials = new Trials({
      clock,
      hosts,
      enabled,
      isCalm: () => clock.now() - this.#changedMs >= CALM_MS,
      isLinked,
      isReady: (host) => overlay.members.get(host)?.ready ?? false,
      estimate: (from, to) => this.#estimate(from, to),
      set: (trials) => overlay.setTrials(trials),
    });
    this.#tickLater();
  }

  static async create(overlay: Overlay): Promise<Sight> {
    return new Sight(overlay, await loadSight(overlay.options.store, overlay.configurationTime.boundMs));
  }

  /** A daemon runs its part: it is told what to report, and begins with everything. */
  connected(session: HostSession): void {
    this.#tell(session);
  }

  disconnected(host: string): void {
    this.#underlay.delete(host);
    this.#loads.delete(host);
    this.#askedMs.delete(host);
  }

  traffic(host: string, update: Uint8Array): void {
    const nowMs = this.#overlay.options.clock.now();
    try {
      const foreign = this.#traffic.report(host, update, nowMs);
      if (foreign > 0) this.refused(host, 'part of a traffic update', notThere(foreign));
    } catch (thrown) {
      const error = VnetError.from(thrown);
      this.#troubles.refused(host, 'traffic update', error);
      if (error.code === 'VNET_ERR_CONFLICT') this.#askAnew(host, nowMs);
    }
  }

  underlay(host: string, report: UnderlayReport): void {
    this.#underlay.set(host, { host, report: signed(host, report), atMs: this.#overlay.options.clock.now() });
  }

  load(host: string, load: HostLoad): void {
    this.#loads.set(host, { load, atMs: this.#nowMs });
  }

  /** What hosts that are connected said last of their load. */
  loads(): Map<string, { load: HostLoad; ageMs: number }> {
    const nowMs = this.#nowMs;
    return new Map([...this.#loads].map(([host, { load, atMs }]) => [host, { load, ageMs: nowMs - atMs }]));
  }

  refused(host: string, what: string, error: VnetError): void {
    this.#troubles.refused(host, what, error);
  }

  /** @throws VNET_ERR_INVALID for a limit that is not 1 to MATRIX_PAIRS_MAX, VNET_ERR_NOT_FOUND for the network. */
  matrix(network?: string, limit?: number): MatrixView {
    return this.#traffic.matrix(this.#network(network), this.#nowMs, limit);
  }

  topology(network?: string): TopologyView {
    return this.#traffic.topology(this.#network(network), this.#nowMs);
  }

  history(after: number): TrafficHistory {
    return this.#traffic.history(after);
  }

  underlayView(): UnderlayView {
    const hosts = this.#overlay.topology.hosts.map(({ name }) => name);
    for (const host of this.#underlay.keys()) if (!hosts.includes(host)) this.#underlay.delete(host);
    const view = underlayView({
      hosts,
      reports: [...this.#underlay.values()],
      date: new Date(),
      reached: this.#survey.results(),
      tried: this.#trials.results(),
      nowMs: this.#overlay.options.clock.now(),
    });
    return { ...view, notes: [...view.notes, ...this.#troubles.notes()] };
  }

  get parameters(): SightParameters {
    return { ...this.#parameters };
  }

  /** @throws VNET_ERR_INVALID outside the ranges; nothing changes then. */
  async set(change: Partial<SightParameters>): Promise<SightParameters> {
    await this.#adopt(changedSight(this.#parameters, change, this.#overlay.configurationTime.boundMs));
    return this.parameters;
  }

  /** The configuration time has another bound: parameters that follow it do (Virtuoso 3.2). */
  async configurationTimeChanged(): Promise<void> {
    this.#traffic.setConfigurationTime(this.#overlay.configurationTime.boundMs);
    if (this.#parameters.derived) await this.set({ derived: true });
  }

  async echo(from: string, to: string, options: EchoOptions): Promise<EchoResult> {
    const { topology, registry, members } = this.#overlay;
    const { host, request } = echoRequest(topology, registry.places(topology), from, to, options);
    const session = members.get(host)?.session;
    if (session) return session.echo(request);
    throw new VnetError('VNET_ERR_UNREACHABLE', `host ${host}, where ${from} is, is away`, {
      hint: 'start its daemon, or see its log for why it cannot connect',
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
    this.#survey.close();
    this.#trials.close();
  }

  #estimate(from: string, to: string): LinkEstimate | undefined {
    return this.#underlay
      .get(to)
      ?.report.links.find((link) => link.from === from && link.to === to && link.type === 'udp');
  }

  async #adopt(parameters: SightParameters): Promise<void> {
    await storeSight(this.#overlay.options.store, parameters);
    this.#parameters = parameters;
    this.#traffic.setParameters(parameters);
    for (const { session } of this.#overlay.members.values()) if (session) this.#tell(session);
  }

  #tell(session: HostSession): void {
    session.sight(this.#parameters).catch((thrown) => {
      // One that went away is told when it is back.
      const error = VnetError.from(thrown);
      if (error.code !== 'VNET_ERR_UNREACHABLE') this.#troubles.refused(session.host, 'answer', error);
    });
  }

  #askAnew(host: string, nowMs: number): void {
    const session = this.#overlay.members.get(host)?.session;
    if (!session || nowMs - (this.#askedMs.get(host) ?? Number.NEGATIVE_INFINITY) < ASK_ANEW_MS) return;
    this.#askedMs.set(host, nowMs);
    this.#tell(session);
  }

  #tickLater(): void {
    const { clock } = this.#overlay.options;
    this.#cancel = clock.after(this.#traffic.tickMs, () => {
      if (this.#closed) return;
      this.#tickLater();
      for (const { network, serial, state, text } of this.#traffic.tick(clock.now()))
        this.#overlay.emit({ kind: 'topology', network, serial, state, text });
    });
  }

  get #nowMs(): number {
    return this.#overlay.options.clock.now();
  }

  /** The one that is named, else the only or first one. */
  #network(name: string | undefined): number {
    const { networks } = this.#overlay.topology;
    const found = name === undefined ? networks[0] : networks.find((network) => network.name === name);
    if (found || name === undefined) return networkId(found ?? { name: DEFAULT_NETWORK });
    throw new VnetError('VNET_ERR_NOT_FOUND', `no network is called ${name}`, {
      hint: `there are: ${networks.map((network) => network.name).join(', ') || 'none'}`,
    });
  }
}
