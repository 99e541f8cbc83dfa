/**
 * The `user` data plane: the addon (native/src) behind core's DataPlane. This file checks what it is given and keeps
 * the books that turn a second use of a name into an error; frames never come here.
 */
import { createRequire } from 'node:module';
import {
  type DataPlane,
  type FlowDelta,
  type FlowMiss,
  type PlaneEvent,
  type PlaneHandlers,
  type PlaneLink,
  type PlaneNetwork,
  type PlanePort,
  type PlaneSnapshot,
  type ErrorCode,
  VnetError,
} from '../core/index.js';

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
  close(): void;
}

type Handler = (
  misses: FlowMiss[],
  events: PlaneEvent[],
  snapshots: { ticket: number; snapshot: PlaneSnapshot }[],
) => void;

interface Addon {
  Plane: new (handler: Handler) => NativePlane;
}

/** Seen from native/ and from out/native/. */
const ADDON_PATHS = ['./build/Release/vnet.node', '../../native/build/Release/vnet.node'];
const MAX_ID = 2 ** 32 - 1;
const MAX_MAC = 2 ** 48 - 1;
const LEAST_MTU = 576;
const MOST_MTU = 65_000;
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

function check(good: boolean, what: string, hint?: string): void {
  if (!good) throw new VnetError('VNET_ERR_INVALID', what, hint === undefined ? {} : { hint });
}

function checkNumber(value: number, name: string, most: number, least = 0): void {
  check(
    Number.isInteger(value) && value >= least && value <= most,
    `${name} is ${String(value)}, not a whole number from ${least} to ${most}`,
  );
}

function checkMacs(macs: number[]): void {
  for (const mac of macs) checkNumber(mac, 'a MAC address', MAX_MAC);
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
  readonly #ports = new Map<number, string>();
  readonly #links = new Map<number, string>();
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
      () => new Plane((misses, events, snapshots) => this.#deliver(misses, events, snapshots)),
    );
  }

  #deliver(misses: FlowMiss[], events: PlaneEvent[], snapshots: Parameters<Handler>[2]): void {
    for (const { ticket, snapshot } of snapshots) {
      this.#tickets.get(ticket)?.resolve(snapshot);
      this.#tickets.delete(ticket);
    }
    // Either handler may close the plane, and then the rest is nobody's any more.
    if (events.length > 0 && !this.#closed) this.#handlers.events(events);
    if (misses.length > 0 && !this.#closed) this.#handlers.misses(misses);
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
    checkNumber(network.network, 'network', MAX_ID);
    checkNumber(network.mtu, 'mtu', MOST_MTU, LEAST_MTU);
    checkNumber(network.epoch, 'epoch', MAX_ID);
    checkNumber(network.oldestEpoch, 'oldestEpoch', network.epoch);
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
    for (const [id, spec] of this.#ports) {
      if (id === port.port || spec === port.spec) {
        throw new VnetError('VNET_ERR_EXISTS', `port ${id} is open on ${spec} already`, {
          hint: 'close it first, or choose another',
        });
      }
    }
    native(() => plane.openPort(port, this.#networks.get(port.network)?.mtu ?? 0));
    this.#ports.set(port.port, port.spec);
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
    checkNumber(link.link, 'link', MAX_ID);
    checkNumber(link.edge, 'edge', MAX_ID);
    check(link.type === 'udp' || link.type === 'tcp', `a link is udp or tcp, not ${String(link.type)}`);
    check(link.id.length === 8, `a link's id has 8 octets, not ${link.id.length}`);
    check(link.secret.length === 16, `a link's secret has 16 octets, not ${link.secret.length}`);
    if (link.dial) checkNumber(link.dial.port, 'the port', 65_535, 1);
    checkNumber(link.keepAliveMs, 'keepAliveMs', 3_600_000, 1);
    checkNumber(link.deadAfterMs, 'deadAfterMs', 3_600_000, 1);
    checkNumber(link.backoffCapMs, 'backoffCapMs', 3_600_000, 1);
    const id = Buffer.from(link.id).toString('hex');
    for (const [other, otherId] of this.#links) {
      if (other === link.link || otherId === id) {
        throw new VnetError('VNET_ERR_EXISTS', `link ${other} is open with id ${otherId} already`);
      }
    }
    native(() => plane.openLink(link));
    this.#links.set(link.link, id);
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

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#native.close();
    for (const { reject } of this.#tickets.values()) {
      reject(new VnetError('VNET_ERR_CLOSED', 'the data plane was closed'));
    }
    this.#tickets.clear();
  }

  #known(map: Map<number, string>, id: number, what: string): void {
    if (!map.has(id)) throw new VnetError('VNET_ERR_NOT_FOUND', `there is no ${what} ${id}`);
  }
}

/**
 * Opens a data plane with one I/O thread of its own. Handlers get at most 256 misses or events a call, on the event
 * loop, never from within a call to the plane. Keeps the process alive until `close`.
 *
 * @throws VnetError `VNET_ERR_UNSUPPORTED` when the addon is not built, `VNET_ERR_LIMIT` without free descriptors.
 */
export function createUserPlane(handlers: PlaneHandlers): DataPlane {
  return new UserPlane(handlers);
}
