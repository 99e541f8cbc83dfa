/** The host's ports: opened in the data plane, kept open, their guard and their state. */
import {
  type DataPlane,
  type EndCounters,
  type MacAddress,
  macFromNumber,
  macToNumber,
  type PlaneEvent,
  type PortConfig,
  type PortView,
  VnetError,
} from '../core/index.js';
import { type PlaneIds, portName } from './plane-ids.js';

/** A port whose device is missing is tried again after this. */
const REOPEN_MS = 1000;
/** Refused sources remembered a port, newest first. */
const REFUSED_MAX = 16;

interface OpenPort {
  config: PortConfig;
  id: number;
  inPlane: boolean;
  up: boolean;
  state: string;
  refused: MacAddress[];
}

export class Ports {
  readonly #plane: DataPlane;
  readonly #ids: PlaneIds;
  readonly #ports = new Map<string, OpenPort>();
  readonly #onForgotten: (id: number) => void;
  readonly #retry: NodeJS.Timeout;

  /** @param onForgotten the data plane's number is over, and whatever leads to it has to be decided again */
  constructor(plane: DataPlane, ids: PlaneIds, onForgotten: (id: number) => void) {
    this.#plane = plane;
    this.#ids = ids;
    this.#onForgotten = onForgotten;
    this.#retry = setInterval(() => this.#reopen(this.#ports.values()), REOPEN_MS);
    this.#retry.unref();
  }

  /**
   * Adds or changes; a change of addresses alone keeps the port open. Throws what the system says and leaves
   * what was, unless `tolerant`: then the port is kept as down and tried again.
   */
  open(config: PortConfig, tolerant: boolean): void {
    const known = this.#ports.get(config.port);
    if (known && known.config.network === config.network && known.config.role === config.role) {
      known.config = config;
      known.refused = known.refused.filter((mac) => !config.macs.includes(mac));
      if (known.inPlane) this.#plane.setPortMacs(known.id, config.macs.map(macToNumber));
      return;
    }
    if (known) this.close(config.port);
    const port: OpenPort = {
      config,
      id: this.#ids.of(portName(config.port)),
      inPlane: false,
      up: false,
      state: 'opening',
      refused: [],
    };
    try {
      this.#openInPlane(port);
    } catch (thrown) {
      if (!tolerant) {
        this.#forget(port);
        if (known) this.open(known.config, true);
        throw thrown;
      }
      port.state = explain(thrown);
    }
    this.#ports.set(config.port, port);
  }

  /** Tries a port that is not up again at once: its device has just come. */
  reopen(name: string): void {
    const port = this.#ports.get(name);
    if (!port || (port.inPlane && port.up)) return;
    if (port.inPlane) this.#plane.closePort(port.id);
    port.inPlane = false;
    this.#reopen([port]);
  }

  /** Bridges along the way learn where these addresses are; false: the port is not open. */
  announce(name: string): boolean {
    const port = this.#ports.get(name);
    if (!port?.inPlane) return false;
    for (const mac of port.config.macs) this.#plane.announce(port.id, macToNumber(mac));
    return true;
  }

  /** What leaves is kept for `recall`, or is not any more; nothing where the port is not open. */
  keepSent(name: string, kept: boolean): void {
    const port = this.#ports.get(name);
    if (port?.inPlane) this.#plane.keepSent(port.id, kept);
  }

  recall(name: string, agoMs: number): void {
    const port = this.#ports.get(name);
    if (port?.inPlane) this.#plane.recall(port.id, agoMs);
  }

  close(name: string): void {
    const port = this.#ports.get(name);
    if (!port) return;
    this.#ports.delete(name);
    if (port.inPlane) this.#plane.closePort(port.id);
    this.#forget(port);
  }

  #forget({ id, config }: OpenPort): void {
    this.#ids.forget(portName(config.port));
    this.#onForgotten(id);
  }

  /** Stops trying; ports close with the plane. */
  stop(): void {
    clearInterval(this.#retry);
  }

  configs(): PortConfig[] {
    return [...this.#ports.values()].map((port) => port.config);
  }

  /** The data plane's number of a port of this network that is open. */
  numberOf(network: number, name: string): number | undefined {
    const port = this.#ports.get(name);
    return port?.inPlane && port.config.network === network ? port.id : undefined;
  }

  report(
    event: Extract<PlaneEvent, { kind: 'port' | 'source' }>,
  ): { config: PortConfig; mac?: MacAddress } | undefined {
    for (const port of this.#ports.values()) {
      if (port.id !== event.port) continue;
      if (event.kind === 'port') {
        port.up = event.up;
        port.state = event.up ? 'up' : event.reason;
        return { config: port.config };
      }
      const mac = macFromNumber(event.source);
      if (!event.admitted) {
        port.refused = [mac, ...port.refused.filter((other) => other !== mac)].slice(0, REFUSED_MAX);
      }
      return { config: port.config, mac };
    }
    return undefined;
  }

  views(counters: EndCounters[], networkName: (id: number) => string): PortView[] {
    const byId = new Map(counters.map((row) => [row.id, row]));
    return [...this.#ports.values()].map((port) => {
      const row = byId.get(port.id);
      const { config, up, state, refused } = port;
      return {
        port: config.port,
        network: networkName(config.network),
        role: config.role,
        owner: config.owner,
        up,
        state,
        macs: config.macs,
        refused,
        inFrames: row?.inFrames ?? 0,
        inBytes: row?.inBytes ?? 0,
        outFrames: row?.outFrames ?? 0,
        outBytes: row?.outBytes ?? 0,
        drops: row?.drops ?? 0,
      };
    });
  }

  #openInPlane(port: OpenPort): void {
    const { config, id } = port;
    this.#plane.openPort({
      port: id,
      network: config.network,
      spec: config.port,
      guarded: config.role !== 'lan',
      macs: config.macs.map(macToNumber),
    });
    port.inPlane = true;
    port.up = true;
    port.state = 'up';
  }

  #reopen(ports: Iterable<OpenPort>): void {
    for (const port of ports) {
      if (port.inPlane) continue;
      try {
        this.#openInPlane(port);
      } catch (thrown) {
        port.state = explain(thrown);
      }
    }
  }
}

/** One line for a person: what the system said, and what to do. */
function explain(thrown: unknown): string {
  const { message, hint } = VnetError.from(thrown);
  return hint === undefined ? message : `${message} (${hint})`;
}
