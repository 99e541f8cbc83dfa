/**
 * A data plane whose frames are arrays and whose underlay is a MemoryFabric: for tests and simulation.
 * What a frame meets is in mover.ts; here is what is configured.
 */
import {
  type Clock,
  type DataPlane,
  DROP_REASONS,
  type FlowDelta,
  type PlaneEcho,
  type PlaneHandlers,
  type PlaneLink,
  type PlaneNetwork,
  type PlanePort,
  type PlaneSnapshot,
  type PlaneTrain,
  type Random,
  VnetError,
} from '../../core/index.js';
import {
  checkAgo,
  checkDelta,
  checkEcho,
  checkLink,
  checkMacs,
  checkNetwork,
  checkNote,
  checkNumber,
  checkPort,
  checkRate,
  checkSource,
  checkTrain,
} from './checks.js';
import type { Datagram, Endpoint } from './datagram.js';
import type { MemoryFabric, Station } from './fabric.js';
import { Handover } from './handover.js';
import { DATAGRAM_BYTES } from './limits.js';
import { LinkEnd } from './link-end.js';
import { Mover } from './mover.js';
import { PortEnd } from './plane-port.js';
import { Recorder } from './recorder.js';

export interface MemoryPlaneOptions {
  clock: Clock;
  random: Random;
  /** In traces; also its address on the fabric while it does not listen. Default `plane1`, `plane2`, ... */
  name?: string;
  /** What listening on `0.0.0.0` or `::` means; default: its name. */
  address?: string;
}

let made = 0;

/** A plane joined to the fabric until it is closed. */
export function createMemoryPlane(
  handlers: PlaneHandlers,
  fabric: MemoryFabric,
  options: MemoryPlaneOptions,
): DataPlane {
  made += 1;
  return new MemoryPlane(handlers, fabric, { name: `plane${made}`, ...options });
}

const WILDCARDS = ['0.0.0.0', '::', ''];

class MemoryPlane implements DataPlane {
  readonly kind = 'memory';
  readonly #fabric: MemoryFabric;
  readonly #options: MemoryPlaneOptions & { name: string };
  readonly #handover: Handover;
  readonly #mover: Mover;
  readonly #records: boolean;
  readonly #recorder: Recorder;
  readonly #station: Station;
  readonly #linksById = new Map<string, LinkEnd>();
  #endpoint: Endpoint;
  #closed = false;

  constructor(handlers: PlaneHandlers, fabric: MemoryFabric, options: MemoryPlaneOptions & { name: string }) {
    this.#fabric = fabric;
    this.#options = options;
    this.#endpoint = { address: options.address ?? options.name, port: 0 };
    this.#handover = new Handover(handlers);
    this.#records = handlers.arrivals !== undefined;
    this.#recorder = new Recorder(options.clock, (arrivals) => this.#handover.arrivals(arrivals));
    this.#station = {
      name: options.name,
      endpoint: () => this.#endpoint,
      receive: (from, datagram, atMs) => this.#receive(from, datagram, atMs),
      ingest: (spec, frame) => this.#ingest(spec, frame),
    };
    this.#mover = new Mover(options.clock, this.#handover, {
      deliver: (spec, frame) => fabric.deliver(this.#station, spec, frame),
      note: (text) => fabric.note(this.#station, text),
    });
    fabric.attach(this, this.#station);
  }

  listen(address: string, port: number): { port: number } {
    this.#use();
    const own = WILDCARDS.includes(address) ? (this.#options.address ?? this.#options.name) : address;
    const chosen = this.#fabric.bind(this.#station, { address: own, port });
    this.#endpoint = { address: own, port: chosen };
    return { port: chosen };
  }

  setNetwork(network: PlaneNetwork): void {
    this.#use();
    checkNetwork(network);
    this.#mover.networks.set(network.network, { ...network });
  }

  removeNetwork(network: number): void {
    this.#use();
    this.#mover.networks.delete(network);
    this.#mover.reconsider(this.#mover.flows.invalidate([{ network }]));
  }

  openPort(port: PlanePort): void {
    this.#use();
    checkPort(port);
    const { ports, edges } = this.#mover;
    const taken = ports.has(port.port) || edges.has(port.port);
    if (taken) throw exists(`the number ${port.port} is a port or an edge already`);
    for (const { config } of ports.values()) {
      if (config.spec === port.spec) throw exists(`port ${port.spec} is open already`);
    }
    ports.set(port.port, new PortEnd({ ...port }));
    this.#handover.event({ kind: 'port', port: port.port, up: true, reason: 'open' });
  }

  setPortMacs(port: number, macs: number[]): void {
    this.#use();
    checkMacs(macs);
    known(this.#mover.ports, port, 'port').setMacs(macs);
  }

  closePort(port: number): void {
    this.#use();
    this.#mover.ports.delete(port);
    this.#mover.reconsider(this.#mover.flows.forget(port));
  }

  openLink(link: PlaneLink): void {
    this.#use();
    checkLink(link);
    const id = Buffer.from(link.id).toString('hex');
    const { links, ports } = this.#mover;
    if (links.has(link.link) || this.#linksById.has(id))
      throw exists(`link ${link.link} (${id}) is open already`);
    if (ports.has(link.edge)) throw exists(`the number ${link.edge} is a port, not an edge`);
    const end = new LinkEnd(
      { ...link },
      {
        clock: this.#options.clock,
        random: this.#options.random,
        send: (to, datagram) => this.#fabric.send(this.#station, to, datagram),
        event: (event) => this.#handover.event(event),
        dropped: (reason) => {
          end.tally.drops += 1;
          this.#mover.counters.dropped(reason);
        },
        recorder: this.#recorder,
      },
    );
    links.set(link.link, end);
    this.#linksById.set(id, end);
  }

  closeLink(link: number): void {
    this.#use();
    const end = this.#mover.links.get(link);
    if (!end) return;
    end.close();
    this.#mover.links.delete(link);
    this.#linksById.delete(end.id);
  }

  setEdge(edge: number, links: number[]): void {
    this.#use();
    checkNumber('edge', edge);
    if (this.#mover.ports.has(edge)) throw exists(`the number ${edge} is a port, not an edge`);
    this.#mover.edges.set(edge, [...links]);
  }

  removeEdge(edge: number): void {
    this.#use();
    this.#mover.edges.delete(edge);
    this.#mover.reconsider(this.#mover.flows.forget(edge));
  }

  applyFlows(delta: FlowDelta): void {
    this.#use();
    checkDelta(delta);
    this.#mover.apply(delta);
  }

  async snapshot(): Promise<PlaneSnapshot> {
    this.#use();
    const { counters, flows, links, ports } = this.#mover;
    return {
      pairs: counters.pairs(),
      links: [...links.values()].map(({ config, tally, up, rttUs, window }) => {
        const udp = config.type === 'udp';
        const [lost, late] = udp ? [window.lost, window.late] : [0, 0];
        const datagramBytes = udp ? DATAGRAM_BYTES : 0;
        return { id: config.link, ...tally, up, rttUs, datagramBytes, arrived: window.arrived, lost, late };
      }),
      ports: [...ports.values()].map(({ config, tally, held }) => ({
        id: config.port,
        ...tally,
        held,
        doubtful: 0,
      })),
      drops: counters.drops(),
      flowEntries: flows.size,
    };
  }

  setRecording(link: number, recordsPerSecond: number): void {
    this.#use();
    checkRate(recordsPerSecond);
    const { record } = known(this.#mover.links, link, 'link');
    if (this.#records) record.setRate(recordsPerSecond);
  }

  sendTrain(train: PlaneTrain): void {
    this.#use();
    const link = known(this.#mover.links, train.link, 'link');
    checkTrain(train, link.config.type);
    link.sendTrain({ ...train, sizes: [...train.sizes], gapsNs: [...train.gapsNs] });
  }

  sendNote(link: number, note: Uint8Array): void {
    this.#use();
    checkNote(note);
    known(this.#mover.links, link, 'link').sendNote(note);
  }

  sendEcho(echo: PlaneEcho): void {
    this.#use();
    const { config } = known(this.#mover.ports, echo.port, 'port');
    checkEcho(echo, known(this.#mover.networks, config.network, 'network').mtu);
    this.#mover.sendEcho(echo);
  }

  announce(port: number, source: number): void {
    this.#use();
    known(this.#mover.ports, port, 'port');
    checkSource(source);
    this.#mover.announce(port, source);
  }

  keepSent(port: number, kept: boolean): void {
    this.#use();
    known(this.#mover.ports, port, 'port').keepSent(kept);
  }

  recall(port: number, agoMs: number): void {
    this.#use();
    checkAgo(agoMs);
    this.#mover.recall(known(this.#mover.ports, port, 'port'), agoMs);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#recorder.close();
    for (const link of this.#mover.links.values()) link.close();
    this.#mover.close();
    this.#handover.close();
    this.#fabric.detach(this, this.#station);
  }

  #use(): void {
    if (this.#closed) throw new VnetError('VNET_ERR_CLOSED', 'the data plane is closed');
  }

  #ingest(spec: string, frame: Uint8Array): boolean {
    for (const port of this.#mover.ports.values()) {
      if (port.config.spec !== spec) continue;
      this.#mover.fromPort(port, frame);
      return true;
    }
    return false;
  }

  #receive(from: Endpoint, datagram: Datagram, atMs: number): void {
    const { counters } = this.#mover;
    if (datagram.kind === 'noise') {
      counters.dropped(DROP_REASONS.malformed);
      return;
    }
    const link = this.#linksById.get(datagram.id);
    if (!link) counters.dropped(DROP_REASONS.unknownPeer);
    else if (datagram.kind === 'hello') {
      if (!link.hello(from, datagram)) counters.dropped(DROP_REASONS.handshake);
    } else if (!link.heard(from, datagram, atMs)) counters.dropped(DROP_REASONS.unknownPeer);
    else if (datagram.kind === 'frame') this.#mover.fromLink(link, datagram);
  }
}

function known<T>(map: Map<number, T>, id: number, what: string): T {
  const found = map.get(id);
  if (!found)
    throw new VnetError('VNET_ERR_NOT_FOUND', `there is no ${what} ${id}`, { hint: 'open it first' });
  return found;
}

function exists(message: string): VnetError {
  return new VnetError('VNET_ERR_EXISTS', message, { hint: 'close it first, or choose another' });
}
