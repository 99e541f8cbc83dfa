/**
 * What joins memory planes in one process: an underlay of addresses with paths that can be cut, restored and
 * delayed, and the far ends of the planes' ports.
 */
import { type Clock, type DataPlane, type Random, VnetError } from '../../core/index.js';
import { type Datagram, type Endpoint, formatEndpoint, sizeOf } from './datagram.js';
import { PATH_QUEUE_DATAGRAMS, PORT_QUEUE_FRAMES } from './limits.js';
import { describeFrame, Trace } from './trace.js';

export interface PathState {
  /** Default true. */
  up?: boolean;
  /** One way, milliseconds; default 0: at once, but never within the sender's call. */
  delayMs?: number;
  /** Of datagrams sent, how many never arrive: 0 (default) to 1. */
  lossRatio?: number;
  /** Milliseconds, at most, by which a datagram takes longer, at random: they overtake each other; default 0. */
  jitterMs?: number;
  /** At which datagrams leave, one after the other, each way; default: no limit. */
  bitsPerSecond?: number;
}

/** The far end of a port: where a VM would be. */
export interface FabricPort {
  readonly spec: string;
  /** Frames the plane delivered, oldest first; the reader may empty it. */
  readonly received: Uint8Array[];
  /** Into the plane; false where the port is not open. The octets are not to be changed afterwards. */
  send(frame: Uint8Array): boolean;
}

/** A plane as the fabric sees it. */
export interface Station {
  readonly name: string;
  /** Where its datagrams come from. */
  endpoint(): Endpoint;
  /** `atMs`: when it arrived, which may be a little ago. */
  receive(from: Endpoint, datagram: Datagram, atMs: number): void;
  /** False: no such port is open. */
  ingest(spec: string, frame: Uint8Array): boolean;
}

interface Path {
  up: boolean;
  delayMs: number;
  lossRatio: number;
  jitterMs: number;
  bitsPerSecond: number;
  /** When the last datagram will have left. */
  freeAtMs: number;
  /** Under way. */
  queued: number;
}

const OPEN_PATH: Required<PathState> = {
  up: true,
  delayMs: 0,
  lossRatio: 0,
  jitterMs: 0,
  bitsPerSecond: Number.POSITIVE_INFINITY,
};
const FIRST_EPHEMERAL_PORT = 49_152;

export class MemoryFabric {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #trace = new Trace();
  readonly #stations = new Map<DataPlane, Station>();
  readonly #bound = new Map<string, Station>();
  readonly #ports = new Map<string, FabricPort>();
  readonly #paths = new Map<string, Path>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor({ clock, random }: { clock: Clock; random: Random }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Changes both directions between two addresses; what is absent goes back to its default. */
  setPath(a: string, b: string, state: PathState): void {
    for (const path of [this.#path(a, b), this.#path(b, a)]) Object.assign(path, OPEN_PATH, state);
  }

  /** The far end of a plane's port, by specification or by the name behind `memory:`; also before it is opened. */
  port(plane: DataPlane, name: string): FabricPort {
    const station = this.#stations.get(plane);
    if (!station) throw new VnetError('VNET_ERR_NOT_FOUND', 'this plane is not of this fabric');
    return this.#portOf(station, name.includes(':') ? name : `memory:${name}`);
  }

  /** Octets of a stranger to a plane's socket. */
  inject(to: Endpoint, bytes: Uint8Array, from: Endpoint = { address: 'stranger', port: 1 }): void {
    this.#bound.get(formatEndpoint(to))?.receive(from, { kind: 'noise', bytes }, this.#clock.now());
  }

  /** The packets so far as a diagram: a column a plane, keep-alives left out. */
  trace(): string {
    return this.#trace.print();
  }

  clearTrace(): void {
    this.#trace.clear();
  }

  /** For planes. */
  attach(plane: DataPlane, station: Station): void {
    this.#stations.set(plane, station);
    this.#bound.set(formatEndpoint(station.endpoint()), station);
    this.#trace.column(station.name);
  }

  /** For planes: throws VNET_ERR_EXISTS where another listens. Port 0: any that is free. */
  bind(station: Station, { address, port }: Endpoint): number {
    const chosen = port === 0 ? this.#nextPort++ : port;
    const place = formatEndpoint({ address, port: chosen });
    if (this.#bound.has(place)) {
      throw new VnetError('VNET_ERR_EXISTS', `${place} is in use`, { hint: 'choose another port' });
    }
    this.#bound.set(place, station);
    return chosen;
  }

  /** For planes. */
  detach(plane: DataPlane, station: Station): void {
    this.#stations.delete(plane);
    for (const [place, bound] of this.#bound) if (bound === station) this.#bound.delete(place);
  }

  /** For planes: false where the path's queue is full. Lost silently where nobody listens or the path is cut. */
  send(station: Station, to: Endpoint, datagram: Datagram): boolean {
    const from = station.endpoint();
    const path = this.#path(from.address, to.address);
    if (path.queued >= PATH_QUEUE_DATAGRAMS) return false;
    path.queued += 1;
    const lost = path.lossRatio > 0 && this.#random() < path.lossRatio;
    const delayMs = this.#transitMs(path, datagram);
    const atMs = this.#clock.now() + delayMs;
    const arrive = () => {
      path.queued -= 1;
      const receiver = path.up && !lost ? this.#bound.get(formatEndpoint(to)) : undefined;
      this.#note(station.name, receiver?.name, datagram);
      receiver?.receive(from, datagram, atMs);
    };
    if (delayMs > 0) this.#clock.after(delayMs, arrive);
    else queueMicrotask(arrive);
    return true;
  }

  /** Until it has arrived: its turn and its time on the wire, and what the path takes. */
  #transitMs(path: Path, datagram: Datagram): number {
    const now = this.#clock.now();
    const wireMs = (sizeOf(datagram) * 8000) / path.bitsPerSecond;
    path.freeAtMs = Math.max(now, path.freeAtMs) + wireMs;
    const jitterMs = path.jitterMs > 0 ? this.#random() * path.jitterMs : 0;
    return path.freeAtMs - now + path.delayMs + jitterMs;
  }

  /** For planes: false where the reader does not keep up. */
  deliver(station: Station, spec: string, frame: Uint8Array): boolean {
    const { received } = this.#portOf(station, spec);
    if (received.length >= PORT_QUEUE_FRAMES) return false;
    received.push(frame);
    this.note(station, `out ${spec}: ${describeFrame(frame)}`);
    return true;
  }

  /** For planes: something that happened at one. */
  note(station: Station, text: string): void {
    this.#trace.add({ atMs: this.#clock.now(), from: station.name, to: station.name, text });
  }

  #note(from: string, to: string | undefined, datagram: Datagram): void {
    if (datagram.kind === 'ping' || datagram.kind === 'pong') return;
    const what = datagram.kind === 'frame' ? frameText(datagram.bytes, datagram.ground) : datagram.kind;
    this.#trace.add({ atMs: this.#clock.now(), from, to: to ?? from, text: to ? what : `${what}: lost` });
  }

  #portOf(station: Station, spec: string): FabricPort {
    const key = `${station.name} ${spec}`;
    const known = this.#ports.get(key);
    if (known) return known;
    const made: FabricPort = {
      spec,
      received: [],
      send: (frame) => {
        this.note(station, `in ${spec}: ${describeFrame(frame)}`);
        return station.ingest(spec, frame);
      },
    };
    this.#ports.set(key, made);
    return made;
  }

  #path(from: string, to: string): Path {
    const key = `${from} ${to}`;
    const known = this.#paths.get(key);
    if (known) return known;
    const made: Path = { ...OPEN_PATH, freeAtMs: 0, queued: 0 };
    this.#paths.set(key, made);
    return made;
  }
}

function frameText(bytes: Uint8Array, ground: 0 | 1): string {
  return `${describeFrame(bytes)}${ground === 1 ? ', ground' : ''}`;
}
