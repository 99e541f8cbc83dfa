/** A whole overlay in one process: real daemons, real control channels on loopback, frames in memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import {
  connectControl,
  type ControlClient,
  type MacAddress,
  MemoryStore,
  type PlaneHandlers,
  type DataPlane,
  seededRandom,
  type Store,
  systemClock,
  type Topology,
  type VmDriver,
  emptyTopology,
} from '../../core/index.js';
import { createProxy, type ProxyOptions } from '../../proxy/index.js';
import { Daemon } from '../../vnetd/index.js';
import { createMemoryPlane, MemoryFabric } from '../../vnetd/memory-plane/index.js';

const TOKEN = 'a token of the test, long enough';
/** `VNET_TEST_LOG=info` shows what the daemons say. */
const LOGGER = pino({ level: process.env['VNET_TEST_LOG'] ?? 'silent' });
const WAIT_MS = 5000;
const POLL_MS = 5;

export const BROADCAST_FRAME_TO = 'ff:ff:ff:ff:ff:ff' as MacAddress;

export interface Node {
  /** On loopback, one a node: what the fabric's paths are named by. */
  address: string;
  daemon: Daemon;
  plane: DataPlane;
  client: ControlClient;
  store: Store;
}

export class OverlayBed {
  readonly fabric = new MemoryFabric({ clock: systemClock, random: seededRandom(7) });
  readonly directory = mkdtempSync(join(tmpdir(), 'vnet-test-'));
  readonly nodes = new Map<string, Node>();
  /** What runs VMs on a host, by its name; nothing unless set. */
  driversOf: ((host: string) => VmDriver[]) | undefined;
  readonly #stores = new Map<string, Store>();
  readonly #addresses = new Map<string, string>();
  #proxyPort = 0;

  async startProxy(name: string, options: Partial<ProxyOptions> = {}): Promise<Node> {
    const store = this.#store(name);
    const role = await createProxy({ name, store, clock: systemClock, log: LOGGER, ...options });
    const node = await this.#start(name, store, { role, port: this.#proxyPort || (await freePortPair()) });
    this.#proxyPort = node.daemon.dataPort;
    return node;
  }

  async startHost(name: string): Promise<Node> {
    return this.#start(name, this.#store(name), { port: await freePortPair() });
  }

  async stop(name: string): Promise<void> {
    const node = this.nodes.get(name);
    this.nodes.delete(name);
    node?.client.close();
    await node?.daemon.close();
  }

  /** What a script of this overlay looks like: endpoints on loopback. */
  topology(parts: Partial<Topology>): Topology {
    const hosts = [...this.nodes].map(([name, { daemon, address }]) => ({
      name,
      endpoint: { address, port: daemon.dataPort },
      ...(name === 'home' ? { proxy: true } : {}),
    }));
    const networks = [{ name: 'lab' }];
    return { ...emptyTopology(), networks, hosts, ...parts };
  }

  /** Cuts or restores the underlay between two nodes. */
  setPath(a: string, b: string, up: boolean): void {
    this.fabric.setPath(this.#addresses.get(a) ?? '', this.#addresses.get(b) ?? '', { up });
  }

  node(name: string): Node {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`no node ${name}`);
    return node;
  }

  port(host: string, name: string) {
    return this.fabric.port(this.node(host).plane, name);
  }

  async close(): Promise<void> {
    for (const name of [...this.nodes.keys()].reverse()) await this.stop(name);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #store(name: string): Store {
    const store = this.#stores.get(name) ?? new MemoryStore();
    this.#stores.set(name, store);
    return store;
  }

  async #start(
    name: string,
    store: Store,
    extra: { role?: Awaited<ReturnType<typeof createProxy>>; port: number },
  ) {
    const address = this.#addresses.get(name) ?? `127.0.0.${2 + this.#addresses.size}`;
    this.#addresses.set(name, address);
    const socketPath = join(this.directory, `${name}.sock`);
    let plane: DataPlane | undefined;
    const daemon = await Daemon.start({
      host: name,
      version: '0.0.0-test',
      listen: { address, port: extra.port },
      socketPath,
      store,
      token: TOKEN,
      insecure: false,
      ...(extra.role
        ? { role: extra.role }
        : { proxy: { address: this.#addresses.get('home') ?? '', port: this.#proxyPort } }),
      random: seededRandom(name.length),
      logger: LOGGER,
      ...(this.driversOf ? { loadDrivers: async () => this.driversOf?.(name) ?? [] } : {}),
      createPlane: (handlers: PlaneHandlers) => {
        plane = createMemoryPlane(handlers, this.fabric, {
          clock: systemClock,
          random: seededRandom(name.length + 1),
        });
        return plane;
      },
    });
    const node = { address, daemon, plane: plane as DataPlane, client: connectControl(socketPath), store };
    this.nodes.set(name, node);
    return node;
  }
}

/** Polls until `check` gives something truthy; says `what` was awaited when it does not. */
export async function until<T>(what: string, check: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const value = await check();
    if (value) return value as NonNullable<T>;
    if (performance.now() > deadline) throw new Error(`waited ${WAIT_MS} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A port whose successor is free too: data links and the control channel after them. */
async function freePortPair(): Promise<number> {
  const { createServer } = await import('node:net');
  const bind = (port: number) =>
    new Promise<{ port: number; close(): Promise<void> } | undefined>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(undefined));
      server.listen(port, '127.0.0.1', () => {
        const bound = (server.address() as { port: number }).port;
        resolve({ port: bound, close: () => new Promise((done) => server.close(() => done())) });
      });
    });
  for (;;) {
    const first = await bind(0);
    const second = first && first.port < 65535 ? await bind(first.port + 1) : undefined;
    await first?.close();
    await second?.close();
    if (first && second) return first.port;
  }
}

/** An Ethernet frame with a payload, local experimental EtherType 1 (IEEE 802). */
export function frame(destination: MacAddress, source: MacAddress, payload: string): Uint8Array {
  const octets = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');
  return Buffer.concat([
    octets(destination),
    octets(source),
    Buffer.from([0x88, 0xb5]),
    Buffer.from(payload.padEnd(46)),
  ]);
}

export function payloadOf(octets: Uint8Array): string {
  return Buffer.from(octets.subarray(14)).toString().trim();
}
