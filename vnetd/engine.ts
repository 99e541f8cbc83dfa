/**
 * One host's forwarding: the configuration it runs from, carried out on the table, the links, the ports and the
 * data plane. Applies a delta whole or not at all. No network, no disk: `Daemon` adds those.
 */
import type {
  Arrivals,
  DataPlane,
  HostConfig,
  HostDelta,
  LinkConfig,
  LinkView,
  MacAddress,
  NetworkConfig,
  PlaneEvent,
  PlaneHandlers,
  PlaneSnapshot,
  PortConfig,
  PortView,
  Rule,
} from '../core/index.js';
import { DROP_REASONS } from '../core/index.js';
import { diffHostConfig, mergeHostDelta } from './config-delta.js';
import { Flows } from './flows.js';
import { ForwardingTable } from './forwarding/index.js';
import { Links, type LinkTimers, type NumberedLink } from './links.js';
import { PlaneIds } from './plane-ids.js';
import { Ports } from './ports.js';

export interface EngineOptions {
  host: string;
  insecure: boolean;
  timers: LinkTimers;
  createPlane(handlers: PlaneHandlers): DataPlane;
  listen: { address: string; port: number };
  onEvent(event: EngineEvent): void;
  /** What measures. Default: nobody, and nothing is recorded. */
  sight?: SightHandlers;
}

/** What the data plane says for those who measure (vnetd/sight). */
export interface SightHandlers {
  arrivals(arrivals: Arrivals): void;
  event(event: Extract<PlaneEvent, { kind: 'note' | 'echo' }>): void;
  /** Links were opened or closed. */
  linksChanged(): void;
  linkChanged(link: number, up: boolean): void;
}

export type EngineEvent =
  | { kind: 'link'; link: LinkConfig; up: boolean; reason: string }
  | { kind: 'port'; port: PortConfig; up: boolean; reason: string }
  | { kind: 'source'; port: PortConfig; mac: MacAddress; admitted: boolean; announced: boolean };

export class Engine {
  readonly plane: DataPlane;
  /** Where links arrive; the one asked for, or the one the system chose for 0. */
  readonly dataPort: number;
  readonly #options: EngineOptions;
  readonly #ids = new PlaneIds();
  readonly #table = new ForwardingTable();
  readonly #flows: Flows;
  readonly #links: Links;
  readonly #ports: Ports;
  #config: HostConfig;

  /** Throws where the data plane cannot listen. */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.#config = { host: options.host, revision: 0, networks: [], links: [], ports: [], rules: [] };
    this.plane = options.createPlane({
      misses: (misses) => this.#flows.resolve(misses),
      events: (events) => {
        for (const event of events) this.#report(event);
      },
      ...(options.sight ? { arrivals: (arrivals) => options.sight?.arrivals(arrivals) } : {}),
    });
    try {
      this.dataPort = this.plane.listen(options.listen.address, options.listen.port).port;
    } catch (thrown) {
      this.plane.close();
      throw thrown;
    }
    this.#flows = new Flows(this.#table, this.plane, this.#ids, (network) => this.#oldestEpoch(network));
    this.#links = new Links({ ...options, plane: this.plane, ids: this.#ids });
    this.#ports = new Ports(this.plane, this.#ids, (id) => this.#flows.invalidate([{ port: id }]));
  }

  get config(): HostConfig {
    return this.#config;
  }

  /** Makes the host equal to `config`. A port whose device is missing is kept as down and tried again. */
  configure(config: HostConfig): void {
    this.#carryOut(diffHostConfig(this.#config, config), true);
  }

  /** Throws and changes nothing where the rules clash or a port cannot be opened. */
  apply(delta: HostDelta): void {
    this.#carryOut(delta, false);
  }

  async snapshot(): Promise<PlaneSnapshot> {
    return this.plane.snapshot();
  }

  views(snapshot: PlaneSnapshot): { links: LinkView[]; ports: PortView[]; drops: Record<string, number> } {
    const networkName = (id: number) =>
      this.#config.networks.find((network) => network.id === id)?.name ?? String(id);
    return {
      links: this.#links.views(snapshot.links),
      ports: this.#ports.views(snapshot.ports, networkName),
      drops: Object.fromEntries(
        Object.entries(DROP_REASONS)
          .map(([name, reason]) => [name, snapshot.drops[reason] ?? 0] as const)
          .filter(([, count]) => count > 0),
      ),
    };
  }

  /** As last reported; counters are zero. */
  linkStates(): LinkView[] {
    return this.#links.views([]);
  }

  /** Where the link's peer was seen, as `ADDRESS:PORT`; undefined: it was not up yet. */
  remoteOf(link: string): string | undefined {
    return this.#links.remoteOf(link);
  }

  isLinkedTo(peer: string): boolean {
    return this.#links.isUp(peer);
  }

  /** By the data plane's numbers. */
  numberedLinks(): NumberedLink[] {
    return this.#links.numbered();
  }

  /** The data plane's number of a port of this network that is open. */
  portNumber(network: number, port: string): number | undefined {
    return this.#ports.numberOf(network, port);
  }

  /**
   * While held, frames for the port wait (bounded: docs/wire.md, `holdLimit`), whatever happens to the port and to the
   * rules; released, each is decided again, in order, before newer ones.
   */
  holdPort(port: string, held: boolean): void {
    this.#flows.hold(port, held);
  }

  /** Whether what leaves by the port is kept for `recallPort`; while its VM may stop at any time. */
  keepSent(port: string, kept: boolean): void {
    this.#ports.keepSent(port, kept);
  }

  /** What its reader had not read so long ago waits again, before what waits for the port. */
  recallPort(port: string, agoMs: number): void {
    this.#ports.recall(port, agoMs);
  }

  /** Says where the VMs of this port are, as they would themselves; false: it is not open. */
  announcePort(port: string): boolean {
    return this.#ports.announce(port);
  }

  /** Its device has just come: a port that is not up is tried again now. */
  reopenPort(port: string): void {
    this.#ports.reopen(port);
  }

  rules(): Rule[] {
    return this.#config.rules;
  }

  close(): void {
    this.#ports.stop();
    this.#links.stop();
    this.plane.close();
  }

  #carryOut(delta: HostDelta, tolerant: boolean): void {
    const next = mergeHostDelta(this.#config, delta);
    const newNetworks = (delta.networks ?? []).filter(
      (network) => !this.#config.networks.some((known) => known.id === network.id),
    );
    for (const network of newNetworks) this.#setNetwork(network);
    const opened: string[] = [];
    let scopes: ReturnType<ForwardingTable['apply']>;
    try {
      for (const port of delta.ports ?? []) {
        // A VM that is on its way may bring the device with it.
        this.#ports.open(port, tolerant || this.#flows.isHeld(port.port));
        opened.push(port.port);
      }
      scopes = this.#table.apply({ add: delta.rules ?? [], remove: delta.removeRules ?? [] });
    } catch (thrown) {
      this.#restorePorts(opened);
      for (const network of newNetworks) this.plane.removeNetwork(network.id);
      throw thrown;
    }
    // Nothing below can fail.
    for (const link of delta.links ?? []) this.#links.open(link);
    this.#flows.invalidate(scopes);
    for (const network of delta.networks ?? []) this.#setNetwork(network);
    for (const port of delta.removePorts ?? []) this.#ports.close(port);
    for (const link of delta.removeLinks ?? []) this.#links.close(link);
    for (const network of delta.removeNetworks ?? []) this.plane.removeNetwork(network);
    this.#config = next;
    if (delta.links || delta.removeLinks) this.#options.sight?.linksChanged();
  }

  #restorePorts(opened: string[]): void {
    for (const name of opened) {
      const before = this.#config.ports.find((port) => port.port === name);
      if (before) this.#ports.open(before, true);
      else this.#ports.close(name);
    }
  }

  #oldestEpoch(network: number): number {
    return this.#config.networks.find(({ id }) => id === network)?.oldestEpoch ?? 0;
  }

  #setNetwork(network: NetworkConfig): void {
    const { id, mtu, epoch, oldestEpoch } = network;
    this.plane.setNetwork({ network: id, mtu, epoch, oldestEpoch });
  }

  #report(event: PlaneEvent): void {
    if (event.kind === 'link') {
      const known = this.#links.report(event);
      if (known) this.#options.sight?.linkChanged(event.link, event.up);
      if (known)
        this.#options.onEvent({ kind: 'link', link: known.config, up: event.up, reason: event.reason });
      return;
    }
    if (event.kind === 'note' || event.kind === 'echo') {
      this.#options.sight?.event(event);
      return;
    }
    const known = this.#ports.report(event);
    if (!known) return;
    if (event.kind === 'port') {
      this.#options.onEvent({ kind: 'port', port: known.config, up: event.up, reason: event.reason });
    } else if (known.mac) {
      const { admitted, announced } = event;
      this.#options.onEvent({ kind: 'source', port: known.config, mac: known.mac, admitted, announced });
    }
  }
}
