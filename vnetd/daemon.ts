/**
 * The daemon of one host: its engine, its control API, its place in the overlay. With a `ProxyRole` it is the
 * Proxy's daemon and accepts the others' control channels; without, it dials the Proxy for ever.
 */
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
  VnetError,
} from '../core/index.js';
import { ChannelAcceptor, ChannelDialer, type ChannelPeer } from './channel/index.js';
import { ConfigSaver } from './config-saver.js';
import { serveControl } from './control/index.js';
import { Engine, type EngineEvent } from './engine.js';
import { instanceOf } from './instance.js';
import { listInterfaces } from './interfaces.js';
import { DEFAULT_LINK_TIMERS, type LinkTimers } from './links.js';
import { refuseOpenAddress } from './private-address.js';
import { answerAuthorityCall, AUTHORITY_CALLS, remoteAuthority } from './remote-authority.js';

/** What the Proxy's daemon drives. */
export interface ProxyRole extends Authority {
  attach(session: HostSession, report: HostReport): Promise<void>;
  detach(host: string): void;
  reportEvent(host: string, event: OverlayEvent): void;
  onEvent(listener: (event: OverlayEvent) => void): () => void;
  close(): Promise<void>;
}

export interface DaemonOptions {
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
  /** Asked for over the API; the caller ends the process after `close`. */
  onShutdown?(): void;
}

type EventBody = OverlayEvent extends infer E ? (E extends OverlayEvent ? Omit<E, 'at'> : never) : never;

export class Daemon {
  readonly engine: Engine;
  readonly #options: DaemonOptions;
  readonly #startedAt = performance.now();
  readonly #listeners = new Set<(event: OverlayEvent) => void>();
  readonly #sessions = new Map<string, { peer: ChannelPeer; instance: string }>();
  /** Channels of daemons at which somebody listens: events go to no others. */
  readonly #listening = new Set<ChannelPeer>();
  readonly #log: FastifyBaseLogger;
  #authority: Authority;
  #dialer: ChannelDialer | undefined;
  #acceptor: ChannelAcceptor | undefined;
  #server: FastifyInstance | undefined;
  #instance = '';
  #proxyName = '';
  #proxyState = 'not connected yet';
  readonly #saver: ConfigSaver;
  #closed = false;

  private constructor(options: DaemonOptions) {
    this.#options = options;
    this.#log = options.logger;
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
    });
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
    if (saved && saved.config.host === host) {
      this.#proxyName = saved.proxyName;
      this.engine.configure(saved.config);
    }
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
      this.#acceptor = await ChannelAcceptor.listen({
        address: listen.address,
        port: this.dataPort + 1,
        token,
        accept: (name, remote, peer) => this.#accept(role, name, remote, peer),
        onUp: (name) => this.#log.info({ host: name }, 'a daemon opened its control channel'),
      });
      await role.attach(this.#ownSession(), this.#report());
    } else if (proxy) {
      this.#instance = await instanceOf(this.#options.store);
      this.#dialer = new ChannelDialer({
        address: proxy.address,
        port: proxy.port + 1,
        token,
        host,
        random,
        onCall: (name, args) => this.#answer(name, args),
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
    const { host, version, role } = this.#options;
    return {
      host,
      version,
      revision: this.engine.config.revision,
      role: role ? 'proxy' : 'host',
      uptimeMs: Math.round(performance.now() - this.#startedAt),
      residentBytes: process.memoryUsage.rss(),
      proxy: {
        name: this.#proxyName,
        connected: role ? true : !!this.#dialer?.peer,
        state: role ? 'here' : this.#proxyState,
      },
      sealed: { links: false, control: false },
      networks: this.engine.config.networks.map(({ id, name, mtu, epoch }) => ({ id, name, mtu, epoch })),
      interfaces: await listInterfaces(),
      rules: this.engine.rules(),
      flowEntries: snapshot.flowEntries,
      ...this.engine.views(snapshot),
    };
  }

  /** Idempotent. Links and ports close; TAPs that are persistent stay. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#dialer?.close();
    for (const { peer } of this.#sessions.values()) peer.close('the Proxy stops');
    this.#acceptor?.close();
    await this.#server?.close();
    await this.#options.role?.close();
    await this.#saver.settled();
    this.engine.close();
  }

  // The host's side of the control channel.

  async #greet(peer: ChannelPeer): Promise<void> {
    try {
      const { proxy } = await peer.call<{ proxy: string }>('hello', [this.#report(), this.#instance]);
      this.#proxyName = proxy;
      this.#proxyState = 'connected';
      this.#log.info({ proxy }, 'connected to the Proxy');
      if (this.#listeners.size > 0) peer.notify('listen', true);
      for (const link of (await this.local()).links) {
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
    if (this.#proxyState !== reason) this.#log.warn({ reason }, 'no control channel to the Proxy');
    this.#proxyState = reason;
  }

  async #answer(name: string, args: unknown[]): Promise<unknown> {
    switch (name) {
      case 'configure':
        // It may be read in one go with the answer to `hello`, before whoever awaits that runs on.
        this.#proxyName = String(args[1]);
        return this.#configure(args[0] as HostConfig);
      case 'apply':
        return this.#apply(args[0] as HostDelta);
      case 'view':
        return this.local();
      default:
        throw new VnetError('VNET_ERR_INVALID', `no such call: ${name}`);
    }
  }

  #configure(config: HostConfig): void {
    this.engine.configure({ ...config, links: this.#withProxyAddress(config.links) });
    this.#saver.changed();
  }

  #apply(delta: HostDelta): void {
    this.engine.apply(delta.links ? { ...delta, links: this.#withProxyAddress(delta.links) } : delta);
    this.#saver.changed();
  }

  /** The address that the control channel dials is known to work from here; the script's may not be. */
  #withProxyAddress(links: HostConfig['links']): HostConfig['links'] {
    const { proxy } = this.#options;
    if (!proxy) return links;
    return links.map((link) => (link.peer === this.#proxyName ? { ...link, dial: proxy } : link));
  }

  // The Proxy's side.

  #accept(role: ProxyRole, host: string, remote: string, peer: () => ChannelPeer) {
    const onCall = async (
      name: string,
      args: unknown[],
      progress: (body: unknown) => void,
    ): Promise<unknown> => {
      if (name === 'hello')
        return this.#welcome(role, args[0] as HostReport, { host, instance: String(args[1]), peer: peer() });
      if ((AUTHORITY_CALLS as readonly string[]).includes(name))
        return answerAuthorityCall(role, name, args, progress);
      throw new VnetError('VNET_ERR_INVALID', `no such call: ${name}`);
    };
    const onNotice = (name: string, body: unknown) => {
      if (name === 'event') role.reportEvent(host, body as OverlayEvent);
      else if (name === 'listen' && body === true) this.#listening.add(peer());
      else if (name === 'listen') this.#listening.delete(peer());
    };
    this.#log.debug({ host, remote }, 'control channel');
    return { onCall, onNotice };
  }

  async #welcome(
    role: ProxyRole,
    report: HostReport,
    { host, instance, peer }: { host: string; instance: string; peer: ChannelPeer },
  ): Promise<{ proxy: string }> {
    const before = this.#sessions.get(host);
    const isProxy = host === this.#options.host || report.host !== host;
    if (isProxy || (before?.peer.open && before.instance !== instance)) {
      const holder = isProxy ? 'the Proxy itself' : 'another daemon, which is connected';
      throw new VnetError('VNET_ERR_REFUSED', `the name ${host} is taken by ${holder}`, {
        hint: 'start the daemon with another --name',
      });
    }
    this.#sessions.set(host, { peer, instance });
    // A daemon that dials anew has lost its old channel, whatever we still believe of it.
    before?.peer.close('replaced by a newer channel of the same host');
    peer.onClose = (reason) => {
      this.#listening.delete(peer);
      if (this.#sessions.get(host)?.peer !== peer) return;
      this.#sessions.delete(host);
      this.#log.warn({ host, reason }, 'a daemon is gone');
      role.detach(host);
    };
    const session: HostSession = {
      host,
      configure: (config) => peer.call('configure', [config, this.#options.host]),
      apply: (delta) => peer.call('apply', [delta]),
      view: () => peer.call<LocalView>('view', []),
      close: () => peer.close('closed by the Proxy'),
    };
    // After the answer, so that the daemon knows the Proxy's name before its first configuration.
    setImmediate(() => {
      role.attach(session, report).catch((thrown) => {
        this.#log.error({ host, err: thrown }, 'cannot configure a daemon');
        peer.close(VnetError.from(thrown).message.slice(0, 100));
      });
    });
    return { proxy: this.#options.host };
  }

  #ownSession(): HostSession {
    return {
      host: this.#options.host,
      configure: async (config) => this.#configure(config),
      apply: async (delta) => this.#apply(delta),
      view: () => this.local(),
      close: () => {},
    };
  }

  // Both.

  #report(): HostReport {
    const { host, version } = this.#options;
    return { host, version, revision: this.engine.config.revision, dataPort: this.dataPort };
  }

  #engineEvent(event: EngineEvent): void {
    const { host, role } = this.#options;
    const body: EventBody =
      event.kind === 'link'
        ? linkEvent(host, event.link.peer, event.link.type, event.up, event.reason)
        : event.kind === 'port'
          ? { kind: 'port', host, port: event.port.port, up: event.up, reason: event.reason }
          : { kind: 'source', host, port: event.port.port, mac: event.mac, admitted: event.admitted };
    this.#log.info(body, 'event');
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
    for (const peer of this.#listening) peer.notify('event', event);
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
