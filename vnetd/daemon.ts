/**
 * The daemon of one host: its engine, its control API, its place in the overlay. With a `ProxyRole` it is the
 * Proxy's daemon and accepts the others' control channels; without, it dials the Proxy for ever.
 */
import { randomInt } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import {
  type Authority,
  type DataPlane,
  type Endpoint,
  type HostConfig,
  type HostDelta,
  type HostReport,
  type HostSession,
  type LocalView,
  type OverlayEvent,
  type PlaneHandlers,
  type Random,
  type Store,
  systemClock,
  TrafficReporter,
  type VmDriver,
  VnetError,
  type VmReport,
} from '../core/index.js';
import { WrenAgent } from '../wren/index.js';
import { BULK_KINDS, ChannelDialer, type ChannelPeer } from './channel/index.js';
import { openCpuHierarchy } from './cgroup/index.js';
import { type CommitmentMeans, Commitments } from './commitments.js';
import { mergeHostDelta } from './config-delta.js';
import { ConfigSaver } from './config-saver.js';
import { serveControl } from './control/index.js';
import { Engine, type EngineEvent } from './engine.js';
import { answerHostCall } from './host-session.js';
import { instanceOf } from './instance.js';
import { listInterfaces } from './interfaces.js';
import { LinkInterfaces, tellSharedPorts } from './link-interfaces.js';
import { DEFAULT_LINK_TIMERS, type LinkTimers } from './links.js';
import { ProcessLoad } from './process-load.js';
import { LoadReporting, processesOf } from './load/index.js';
import { Machines } from './machines/index.js';
import { portHolderOf } from './port-holding.js';
import { refuseOpenAddress } from './private-address.js';
import type { ProxyRole } from './proxy-role.js';
import { Reception } from './reception.js';
import { remoteAuthority } from './remote-authority.js';
import { Sight } from './sight/index.js';

export interface DaemonOptions extends Pick<CommitmentMeans, 'reserve' | 'cpu'> {
  host: string;
  version: string;
  listen: { address: string; port: number };
  socketPath: string;
  store: Store;
  token: string;
  /** Use addresses that are not private, though nothing is sealed yet. */
  insecure: boolean;
  /** The Proxy's data endpoint; its control channel listens on the TCP port after it. */
  proxy?: Endpoint;
  role?: ProxyRole;
  timers?: Partial<LinkTimers>;
  random: Random;
  logger: FastifyBaseLogger;
  createPlane(handlers: PlaneHandlers): DataPlane;
  /** What runs VMs here; called once. Default: nothing, VMs are run by others. */
  loadDrivers?(): Promise<readonly VmDriver[]>;
  /** Asked for over the API; the caller ends the process after `close`. */
  onShutdown?(): void;
}

/** A start of a daemon is told from another by a number below this. */
const BOOT_END = 2 ** 32;

type EventBody = OverlayEvent extends infer E ? (E extends OverlayEvent ? Omit<E, 'at'> : never) : never;

export class Daemon {
  readonly engine: Engine;
  readonly #options: DaemonOptions;
  readonly #startedAt = performance.now();
  readonly #sight: Sight;
  readonly #load = new ProcessLoad();
  readonly #machines: Machines;
  readonly #hostLoad: LoadReporting;
  readonly #commitments: Commitments;
  readonly #session: HostSession;
  readonly #linkInterfaces = new LinkInterfaces();
  readonly #listeners = new Set<(event: OverlayEvent) => void>();
  readonly #log: FastifyBaseLogger;
  #authority: Authority;
  #dialer: ChannelDialer | undefined;
  #reception: Reception | undefined;
  #server: FastifyInstance | undefined;
  #instance = '';
  #proxyName = '';
  #proxyState = 'not connected yet';
  readonly #saver: ConfigSaver;
  #closed = false;

  private constructor(options: DaemonOptions) {
    this.#options = options;
    this.#log = options.logger;
    const hierarchy = openCpuHierarchy();
    this.#commitments = new Commitments(
      { ...options, hierarchy },
      {
        clock: systemClock,
        config: () => this.engine.config,
        remoteOf: (link) => this.engine.remoteOf(link),
        handles: () => this.#machines.handles(),
        onProblem: (error) => this.#problem(error),
      },
    );
    this.#saver = new ConfigSaver(
      options.store,
      () => ({ config: this.engine.config, proxyName: this.#proxyName }),
      (thrown) =>
        this.#log.error({ err: thrown }, 'cannot save the configuration; a restart will wait for the Proxy'),
    );
    this.engine = new Engine({
      ...options,
      timers: { ...DEFAULT_LINK_TIMERS, ...options.timers },
      onEvent: (event) => this.#engineEvent(event),
      sight: {
        arrivals: (arrivals) => this.#sight.arrivals(arrivals),
        event: (event) => this.#sight.event(event),
        linksChanged: () => this.#sight.linksChanged(),
        linkChanged: (link, up) => this.#sight.linkChanged(link, up),
      },
    });
    this.#sight = new Sight({
      clock: systemClock,
      plane: this.engine.plane,
      reporter: new TrafficReporter({ boot: randomInt(BOOT_END) }),
      links: () => this.engine.numberedLinks(),
      createAgent: (plane) =>
        new WrenAgent({ host: options.host, plane, clock: systemClock, random: options.random }),
      portOf: (network, port) => this.engine.portNumber(network, port),
      log: this.#log,
    });
    this.#machines = new Machines({
      clock: systemClock,
      store: options.store,
      ports: portHolderOf(this.engine),
      loadDrivers: options.loadDrivers ?? (async () => []),
      onReport: (report, what) => this.#vmReport(report, what),
      log: this.#log,
    });
    this.#hostLoad = new LoadReporting({
      clock: systemClock,
      hierarchy,
      vms: () => processesOf(this.#machines.handles(), (vm) => this.#commitments.groupOf(vm)),
      log: this.#log,
    });
    this.#session = this.#ownSession();
    this.#authority =
      options.role ??
      remoteAuthority(
        () => this.#dialer?.peer,
        () => this.#proxyState,
      );
  }

  /** Serving when it resolves; connecting goes on by itself. Throws, with nothing left open, where it cannot start. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    refuseOpenAddress(options);
    const daemon = new Daemon(options);
    try {
      await daemon.#start();
      return daemon;
    } catch (thrown) {
      await daemon.close();
      throw thrown;
    }
  }

  get dataPort(): number {
    return this.engine.dataPort;
  }

  async #start(): Promise<void> {
    const { host, role, proxy, listen, token, random, socketPath } = this.#options;
    const saved = await this.#saver.load();
    await this.#machines.load();
    await this.#commitments.clear();
    if (saved && saved.config.host === host) {
      this.#proxyName = saved.proxyName;
      await this.#configure(saved.config);
    }
    await this.#machines.find();
    this.#commitments.vmsChanged();
    this.#server = await serveControl(
      socketPath,
      {
        authority: this.#authority,
        local: () => this.local(),
        notReady: () => this.#notReady(),
        subscribe: (listener) => this.#subscribe(listener),
        shutdown: () => this.#options.onShutdown?.(),
      },
      this.#log,
    );
    if (role) {
      this.#proxyName = host;
      role.onEvent((event) => this.#broadcast(event));
      this.#reception = await Reception.open({
        host,
        role,
        token,
        listen: { address: listen.address, port: this.dataPort + 1 },
        log: this.#log,
      });
      this.#sight.connect({
        congested: () => false,
        send: (update) => role.reports.traffic(host, update),
        underlay: (report) => role.reports.underlay(host, report),
      });
      this.#hostLoad.connect((load) => role.reports.load(host, load));
      await role.attach(this.#session, await this.#report());
    } else if (proxy) {
      this.#instance = await instanceOf(this.#options.store);
      this.#dialer = new ChannelDialer({
        address: proxy.address,
        port: proxy.port + 1,
        token,
        host,
        random,
        onCall: (name, args) => {
          // It may be read in one go with the answer to `hello`, before whoever awaits that runs on.
          if (name === 'configure') this.#proxyName = String(args[1]);
          return answerHostCall(this.#session, name, args);
        },
        onNotice: (name, body) => {
          if (name === 'event') this.#broadcast(body as OverlayEvent);
        },
        onUp: (peer) => void this.#greet(peer),
        onDown: (reason) => this.#channelDown(reason),
      });
    }
  }

  async local(): Promise<LocalView> {
    const snapshot = await this.engine.snapshot();
    const { host, version, role, listen } = this.#options;
    const views = this.engine.views(snapshot);
    const remotes = views.links.flatMap(({ remote }) => (remote === undefined ? [] : [remote]));
    const interfaces = await this.#linkInterfaces.mark(await listInterfaces(), listen.address, remotes);
    return {
      host,
      version,
      revision: this.engine.config.revision,
      role: role ? 'proxy' : 'host',
      uptimeMs: Math.round(performance.now() - this.#startedAt),
      residentBytes: process.memoryUsage.rss(),
      cpuShare: this.#load.cpuShare,
      eventLoopDelayP99Ms: this.#load.loopDelayP99Ms,
      probes: this.#sight.probes,
      pairsReported: this.#sight.pairs,
      updatesSkipped: this.#sight.skippedUpdates,
      proxy: {
        name: this.#proxyName,
        connected: role ? true : !!this.#dialer?.peer,
        state: role ? 'here' : this.#proxyState,
      },
      sealed: { links: false, control: false },
      networks: this.engine.config.networks.map(({ id, name, mtu, epoch }) => ({ id, name, mtu, epoch })),
      interfaces,
      rules: this.engine.rules(),
      flowEntries: snapshot.flowEntries,
      reservations: this.#commitments.views(),
      ...views,
      ports: tellSharedPorts(views.ports, interfaces),
    };
  }

  /** Idempotent. Links and ports close; TAPs that are persistent stay. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#sight.close();
    this.#hostLoad.disconnect();
    this.#dialer?.close();
    this.#reception?.close();
    await this.#server?.close();
    await this.#options.role?.close();
    await this.#machines.close();
    await this.#saver.settled();
    this.#load.close();
    this.engine.close();
    await this.#commitments.close();
  }

  async #greet(peer: ChannelPeer): Promise<void> {
    try {
      const report = await this.#report();
      const told = this.#machines.changes;
      const { proxy } = await peer.call<{ proxy: string }>('hello', [report, this.#instance]);
      this.#proxyName = proxy;
      this.#proxyState = 'connected';
      this.#log.info({ proxy }, 'connected to the Proxy');
      this.#sight.connect({
        congested: () => peer.congested,
        send: (update) => peer.sendBulk(BULK_KINDS.traffic, update),
        underlay: (report) => peer.notify('underlay', report),
      });
      this.#hostLoad.connect((load) => {
        if (!peer.congested) peer.notify('load', load);
      });
      if (this.#listeners.size > 0) peer.notify('listen', true);
      // Before the answer the Proxy took no notice of us.
      for (const changed of this.#machines.changedSince(told)) peer.notify('vm', changed);
      // As they are at this moment: an event that is on its way must not be followed by what was before it.
      for (const link of this.engine.linkStates()) {
        peer.notify(
          'event',
          this.#stamp(linkEvent(this.#options.host, link.peer, link.type, link.up, link.state)),
        );
      }
    } catch (thrown) {
      const error = VnetError.from(thrown);
      if (this.#proxyState !== error.message)
        this.#log.error({ err: error, hint: error.hint }, 'the Proxy refused us');
      this.#proxyState = error.message;
      peer.close(error.message);
    }
  }

  #channelDown(reason: string): void {
    this.#sight.disconnect();
    this.#hostLoad.disconnect();
    if (this.#proxyState !== reason) this.#log.warn({ reason }, 'no control channel to the Proxy');
    this.#proxyState = reason;
  }

  #configure(config: HostConfig): Promise<void> {
    const next = { ...config, links: this.#withProxyAddress(config.links) };
    const carryOut = () => {
      this.engine.configure(next);
      this.#saver.changed();
      this.#machines.portsChanged();
    };
    return this.#commitments.carry({ ...next, next: () => next, carryOut, tolerant: true });
  }

  #apply(given: HostDelta): Promise<void> {
    const delta = given.links ? { ...given, links: this.#withProxyAddress(given.links) } : given;
    const carryOut = () => {
      this.engine.apply(delta);
      this.#saver.changed();
      if (delta.ports || delta.removePorts) this.#machines.portsChanged();
    };
    const next = () => mergeHostDelta(this.engine.config, delta);
    return this.#commitments.carry({ ...delta, next, carryOut, tolerant: false });
  }

  /** The address that the control channel dials is known to work from here; the script's may not be. */
  #withProxyAddress(links: HostConfig['links']): HostConfig['links'] {
    const { proxy } = this.#options;
    if (!proxy) return links;
    return links.map((link) => (link.peer === this.#proxyName ? { ...link, dial: proxy } : link));
  }

  #ownSession(): HostSession {
    return {
      host: this.#options.host,
      configure: (config) => this.#configure(config),
      apply: (delta) => this.#apply(delta),
      view: () => this.local(),
      sight: async (parameters) => this.#sight.set(parameters),
      echo: (request) => this.#sight.echo(request),
      reach: (request) => this.#sight.reach(request),
      vms: this.#machines,
      close: () => {},
    };
  }

  async #report(): Promise<HostReport> {
    const { host, version } = this.#options;
    const machine = await this.#machines.facts();
    // Nothing is waited for between reading these and sending them.
    return {
      host,
      version,
      revision: this.engine.config.revision,
      dataPort: this.dataPort,
      machine,
      vms: this.#machines.allReports(),
    };
  }

  /** While the Proxy is away nothing is kept: it gets all reports when it is back. */
  #vmReport(report: VmReport, what: 'state' | 'progress'): void {
    if (what === 'state') setImmediate(() => this.#commitments.vmsChanged());
    const { host, role } = this.#options;
    if (role) return role.vmReport(host, report);
    const peer = this.#dialer?.peer;
    if (what === 'state' || !peer?.congested) peer?.notify('vm', report);
  }

  #engineEvent(event: EngineEvent): void {
    const { host } = this.#options;
    const body: EventBody =
      event.kind === 'link'
        ? linkEvent(host, event.link.peer, event.link.type, event.up, event.reason)
        : event.kind === 'port'
          ? { kind: 'port', host, port: event.port.port, up: event.up, reason: event.reason }
          : sourceEvent(host, event);
    if (event.kind === 'link' && event.up) this.#commitments.linkUp(event.link.id);
    this.#log.info(body, 'event');
    this.#say(body);
  }

  #problem(error: VnetError): void {
    this.#log.error({ err: error, hint: error.hint }, 'a promise cannot be kept');
    this.#say({ kind: 'error', host: this.#options.host, error: error.toBody() });
  }

  #say(body: EventBody): void {
    const { host, role } = this.#options;
    const stamped = this.#stamp(body);
    if (role) role.reportEvent(host, stamped);
    else {
      this.#dialer?.peer?.notify('event', stamped);
      this.#broadcast(stamped);
    }
  }

  #stamp(body: EventBody): OverlayEvent {
    return { at: new Date().toISOString(), ...body } as OverlayEvent;
  }

  #subscribe(listener: (event: OverlayEvent) => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#dialer?.peer?.notify('listen', true);
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0)
        this.#dialer?.peer?.notify('listen', false);
    };
  }

  #broadcast(event: OverlayEvent): void {
    for (const listener of this.#listeners) listener(event);
    this.#reception?.broadcast(event);
  }

  #notReady(): string | undefined {
    if (this.#options.role) return undefined;
    if (this.engine.config.revision === 0) return 'no configuration from the Proxy yet';
    if (!this.#dialer?.peer) return `no control channel: ${this.#proxyState}`;
    return this.engine.isLinkedTo(this.#proxyName) ? undefined : 'no live link to the Proxy';
  }
}

function linkEvent(host: string, peer: string, type: 'udp' | 'tcp', up: boolean, reason: string): EventBody {
  return { kind: 'link', host, peer, type, up, reason };
}

function sourceEvent(host: string, event: Extract<EngineEvent, { kind: 'source' }>): EventBody {
  const { port, mac, admitted, announced } = event;
  return { kind: 'source', host, port: port.port, mac, admitted, ...(announced ? { announced } : {}) };
}
