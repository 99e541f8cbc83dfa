/**
 * The `user` data plane: the addon (native/src) behind core's DataPlane. This file keeps the books that turn a second
 * use of a name into an error (arguments.ts checks the rest); frames never come here.
 */
import { createRequire } from 'node:module';
import {
  type Arrivals,
  type DataPlane,
  type FlowDelta,
  type FlowMiss,
  type LinkType,
  type PlaneEcho,
  type PlaneEvent,
  type PlaneHandlers,
  type PlaneLink,
  type PlaneNetwork,
  type PlanePort,
  type PlaneSnapshot,
  type PlaneTrain,
  type ErrorCode,
  VnetError,
} from '../core/index.js';
import {
  check,
  checkAgo,
  checkEcho,
  checkLink,
  checkMacs,
  checkNetwork,
  checkNote,
  checkNumber,
  checkRate,
  checkSource,
  checkTrain,
  MAX_ID,
} from './arguments.js';

interface NativePlane {
  listen(address: string, port: number): number;
  setNetwork(network: PlaneNetwork): void;
  removeNetwork(network: number): void;
  openPort(port: PlanePort, mtu: number): void;
  setPortMacs(port: number, macs: number[]): void;
  closePort(port: number): void;
  openLink(link: PlaneLink): void;
  closeLink(link: number): void;
  setEdge(edge: number, links: number[]): void;
  removeEdge(edge: number): void;
  applyFlows(delta: FlowDelta): void;
  snapshot(ticket: number): void;
  setRecording(link: number, recordsPerSecond: number): void;
  sendTrain(train: PlaneTrain): void;
  sendNote(link: number, note: Uint8Array): void;
  sendEcho(echo: PlaneEcho & { network: number }): void;
  announce(port: number, source: number): void;
  keepSent(port: number, kept: boolean): void;
  recall(port: number, agoMs: number): void;
  close(): void;
}

type Handler = (
  misses: FlowMiss[],
  events: PlaneEvent[],
  snapshots: { ticket: number; snapshot: PlaneSnapshot }[],
  arrivals: Arrivals | undefined,
) => void;

interface Addon {
  Plane: new (handler: Handler) => NativePlane;
}

/** Seen from native/ and from out/native/. */
const ADDON_PATHS = ['./build/Release/vnet.node', '../../native/build/Release/vnet.node'];
const MOST_SNAPSHOTS = 64;

let addon: Addon | undefined;

function loadAddon(): Addon {
  if (addon) return addon;
  const require = createRequire(import.meta.url);
  let cause: unknown;
  for (const path of ADDON_PATHS) {
    try {
      addon = require(path) as Addon;
      return addon;
    } catch (error) {
      // A file that is there and does not load says more than one that is not there.
      if (cause === undefined || (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') cause = error;
    }
  }
  const missing = (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
  throw new VnetError(
    'VNET_ERR_UNSUPPORTED',
    missing
      ? 'the native data plane is not built'
      : `the native data plane does not load: ${(cause as Error).message}`,
    { hint: 'run `npm run build`', cause },
  );
}

/** Runs a call of the addon; its errors carry a code and a hint already. */
function native<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { code, hint, message } = error as Error & { code?: string; hint?: string };
    if (code?.startsWith('VNET_ERR_') !== true) throw VnetError.from(error);
    throw new VnetError(code as ErrorCode, message, hint === undefined ? {} : { hint });
  }
}

class UserPlane implements DataPlane {
  readonly kind = 'user';
  readonly #native: NativePlane;
  readonly #handlers: PlaneHandlers;
  readonly #networks = new Map<number, PlaneNetwork>();
  readonly #ports = new Map<number, { spec: string; network: number }>();
  readonly #links = new Map<number, { wireId: string; type: LinkType }>();
  readonly #tickets = new Map<
    number,
    { resolve: (snapshot: PlaneSnapshot) => void; reject: (error: VnetError) => void }
  >();
  #nextTicket = 1;
  #listening: number | undefined;
  #closed = false;

  constructor(handlers: PlaneHandlers) {
    this.#handlers = handlers;
    const { Plane } = loadAddon();
    this.#native = native(
      () =>
        new Plane((misses, events, snapshots, arrivals) =>
          this.#deliver(misses, events, snapshots, arrivals),
        ),
    );
  }

  #deliver(...[misses, events, snapshots, arrivals]: Parameters<Handler>): void {
    for (const { ticket, snapshot } of snapshots) {
      this.#tickets.get(ticket)?.resolve(snapshot);
      this.#tickets.delete(ticket);
    }
    // Any handler may close the plane, and then the rest is nobody's any more.
    if (events.length > 0 && !this.#closed) this.#handlers.events(events);
    if (misses.length > 0 && !this.#closed) this.#handlers.misses(misses);
    if (arrivals && !this.#closed) this.#handlers.arrivals?.(arrivals);
  }

  #open(): NativePlane {
    if (this.#closed) throw new VnetError('VNET_ERR_CLOSED', 'the data plane is closed');
    return this.#native;
  }

  listen(address: string, port: number): { port: number } {
    const plane = this.#open();
    checkNumber(port, 'the port', 65_535);
    if (this.#listening !== undefined) {
      throw new VnetError('VNET_ERR_EXISTS', `the data plane listens on port ${this.#listening} already`);
    }
    this.#listening = native(() => plane.listen(address, port));
    return { port: this.#listening };
  }

  setNetwork(network: PlaneNetwork): void {
    const plane = this.#open();
    checkNetwork(network);
    this.#networks.set(network.network, { ...network });
    plane.setNetwork(network);
  }

  removeNetwork(network: number): void {
    const plane = this.#open();
    checkNumber(network, 'network', MAX_ID);
    this.#networks.delete(network);
    plane.removeNetwork(network);
  }

  openPort(port: PlanePort): void {
    const plane = this.#open();
    checkNumber(port.port, 'port', MAX_ID);
    checkNumber(port.network, 'network', MAX_ID);
    checkMacs(port.macs);
    for (const [id, { spec }] of this.#ports) {
      if (id === port.port || spec === port.spec) {
        throw new VnetError('VNET_ERR_EXISTS', `port ${id} is open on ${spec} already`, {
          hint: 'close it first, or choose another',
        });
      }
    }
    native(() => plane.openPort(port, this.#networks.get(port.network)?.mtu ?? 0));
    this.#ports.set(port.port, { spec: port.spec, network: port.network });
  }

  setPortMacs(port: number, macs: number[]): void {
    const plane = this.#open();
    checkMacs(macs);
    this.#known(this.#ports, port, 'port');
    plane.setPortMacs(port, macs);
  }

  closePort(port: number): void {
    const plane = this.#open();
    if (this.#ports.delete(port)) plane.closePort(port);
  }

  openLink(link: PlaneLink): void {
    const plane = this.#open();
    checkLink(link);
    const id = Buffer.from(link.id).toString('hex');
    for (const [other, { wireId: otherId }] of this.#links) {
      if (other === link.link || otherId === id) {
        throw new VnetError('VNET_ERR_EXISTS', `link ${other} is open with id ${otherId} already`);
      }
    }
    native(() => plane.openLink(link));
    this.#links.set(link.link, { wireId: id, type: link.type });
  }

  closeLink(link: number): void {
    const plane = this.#open();
    if (this.#links.delete(link)) plane.closeLink(link);
  }

  setEdge(edge: number, links: number[]): void {
    const plane = this.#open();
    checkNumber(edge, 'edge', MAX_ID);
    for (const link of links) checkNumber(link, 'link', MAX_ID);
    plane.setEdge(edge, links);
  }

  removeEdge(edge: number): void {
    const plane = this.#open();
    checkNumber(edge, 'edge', MAX_ID);
    plane.removeEdge(edge);
  }

  applyFlows(delta: FlowDelta): void {
    const plane = this.#open();
    native(() => plane.applyFlows(delta));
  }

  snapshot(): Promise<PlaneSnapshot> {
    const plane = this.#open();
    if (this.#tickets.size >= MOST_SNAPSHOTS) {
      return Promise.reject(new VnetError('VNET_ERR_LIMIT', `${MOST_SNAPSHOTS} snapshots are under way`));
    }
    const ticket = this.#nextTicket++;
    const promise = new Promise<PlaneSnapshot>((resolve, reject) => {
      this.#tickets.set(ticket, { resolve, reject });
    });
    plane.snapshot(ticket);
    return promise;
  }

  setRecording(link: number, recordsPerSecond: number): void {
    const plane = this.#open();
    this.#known(this.#links, link, 'link');
    checkRate(recordsPerSecond);
    if (this.#handlers.arrivals) plane.setRecording(link, recordsPerSecond);
  }

  /** Sizes below 84 octets become 84 over IPv6, whose headers are longer. */
  sendTrain(train: PlaneTrain): void {
    const plane = this.#open();
    const { type } = this.#known(this.#links, train.link, 'link');
    checkTrain(train);
    check(type === 'udp', `link ${train.link} is TCP`, 'trains leave on UDP links only');
    native(() => plane.sendTrain(train));
  }

  sendNote(link: number, note: Uint8Array): void {
    const plane = this.#open();
    this.#known(this.#links, link, 'link');
    checkNote(note);
    plane.sendNote(link, note);
  }

  sendEcho(echo: PlaneEcho): void {
    const plane = this.#open();
    const network = this.#known(this.#ports, echo.port, 'port').network;
    const mtu = this.#known(this.#networks, network, 'network').mtu;
    checkEcho(echo, mtu);
    native(() => plane.sendEcho({ ...echo, network }));
  }

  announce(port: number, source: number): void {
    const plane = this.#open();
    this.#known(this.#ports, port, 'port');
    checkSource(source);
    plane.announce(port, source);
  }

  keepSent(port: number, kept: boolean): void {
    const plane = this.#open();
    this.#known(this.#ports, port, 'port');
    plane.keepSent(port, kept);
  }

  recall(port: number, agoMs: number): void {
    const plane = this.#open();
    this.#known(this.#ports, port, 'port');
    checkAgo(agoMs);
    plane.recall(port, agoMs);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#native.close();
    for (const { reject } of this.#tickets.values()) {
      reject(new VnetError('VNET_ERR_CLOSED', 'the data plane was closed'));
    }
    this.#tickets.clear();
  }

  #known<T>(map: Map<number, T>, id: number, what: string): T {
    const found = map.get(id);
    if (found === undefined) throw new VnetError('VNET_ERR_NOT_FOUND', `there is no ${what} ${id}`);
    return found;
  }
}

/**
 * Opens a data plane with an I/O thread of its own, and another that sends trains, once there is one. Handlers get at
 * most 256 misses or events and 20,000 arrivals a call, on the event loop, never from within a call to the plane. Keeps
 * the process alive until `close`.
 *
 * @throws VnetError `VNET_ERR_UNSUPPORTED` when the addon is not built, `VNET_ERR_LIMIT` without free descriptors.
 */
export function createUserPlane(handlers: PlaneHandlers): DataPlane {
  return new UserPlane(handlers);
}
