/** For the tests: a Proxy with five hosts, one topology and another whose paths differ at many hosts. */
import {
  type ChangeResult,
  type Clock,
  emptyChange,
  emptyTopology,
  type LinkType,
  macFromNumber,
  MemoryStore,
  networkId,
  type Store,
  type Topology,
} from '../core/index.js';
import { FakeHost } from './fake-fleet.js';
import { createProxy, type Proxy, type ProxyOptions } from './index.js';

/** Time runs faster here, so that waiting for a host that hangs is short. */
export const FASTER = 20;
export const clock: Clock = {
  now: () => performance.now() * FASTER,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs / FASTER);
    return () => clearTimeout(timer);
  },
};
export const LAB = networkId({ name: 'lab' });
export const NAMES = ['home', 'a', 'b', 'c', 'd'];
export const mac = (index: number) => macFromNumber(0x020000000000 + index);
/** Long enough for what hosts that were lost, or that the drain of a switch, set off. */
const SETTLE_MS = 30;
/** On a busy machine it takes longer. */
const SETTLE_MAX_MS = 3000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export function base(): Topology {
  return {
    ...emptyTopology(),
    networks: [{ name: 'lab' }],
    hosts: NAMES.map((name, i) => ({
      name,
      endpoint: { address: `10.0.0.${i + 1}`, port: 7700 },
      ...(i === 0 ? { proxy: true } : {}),
    })),
    vms: ['a', 'b', 'c', 'd'].map((host, i) => ({
      name: `vm-${host}`,
      network: 'lab',
      host,
      macs: [mac(i + 1)],
    })),
    shapes: [{ kind: 'line', type: 'udp', network: 'lab', hosts: ['a', 'b', 'c', 'd'] }],
  };
}

/** The same, with a tree of group frames of the user's own along the line. */
export function withTree(): Topology {
  const topology = base();
  const line = ['a', 'b', 'c', 'd'];
  topology.rules = line.map((host, i) => ({
    network: 'lab',
    host,
    source: { kind: 'any' },
    destination: { kind: 'group' },
    actions: [line[i - 1], line[i + 1]].flatMap((peer) =>
      peer === undefined ? [] : [{ kind: 'edge' as const, peer }],
    ),
  }));
  return topology;
}

/** Another shape the other way round, and a VM elsewhere: paths change at many hosts. */
export function changed(): Topology {
  const topology = base();
  topology.shapes = [{ kind: 'ring', type: 'udp', network: 'lab', hosts: ['a', 'c', 'b', 'd'] }];
  topology.vms = topology.vms.map((vm) => (vm.name === 'vm-d' ? { ...vm, host: 'b' } : vm));
  return topology;
}

export class Fleet {
  readonly hosts: Map<string, FakeHost>;
  private constructor(
    readonly proxy: Proxy,
    hosts: Iterable<FakeHost>,
  ) {
    this.hosts = new Map([...hosts].map((host) => [host.host, host]));
  }

  static async start(
    store: Store = new MemoryStore(),
    hosts = NAMES.map((name) => new FakeHost(name)),
    time = clock,
    more: Partial<ProxyOptions> = {},
  ): Promise<Fleet> {
    let seed = 1;
    const secret = (octets: number) =>
      new Uint8Array(octets).map(() => (seed = (seed * 48271) % 2147483647) & 255);
    const fleet = new Fleet(await createProxy({ name: 'home', store, clock: time, secret, ...more }), hosts);
    for (const host of fleet.hosts.values())
      host.onLinks = (links) => {
        for (const { peer, type } of links) fleet.link(host.host, peer, true, type);
      };
    // Links for a while, to measure what they would carry, would be changes that nobody here asked for.
    await fleet.proxy.setSight({ probeShare: 0 });
    await Promise.all([...fleet.hosts.values()].map((host) => fleet.join(host)));
    return fleet;
  }

  /** What `host` says of its link. */
  link(host: string, peer: string, up: boolean, type: LinkType = 'udp'): void {
    const at = new Date().toISOString();
    this.proxy.reportEvent(host, { at, kind: 'link', host, peer, type, up, reason: 'test' });
  }

  /** Until the tree of group frames has fallen, or has not. */
  async untilFallen(fallen: boolean): Promise<boolean> {
    const until = performance.now() + SETTLE_MAX_MS;
    while ((await this.isFallen()) !== fallen && performance.now() < until) await sleep(5);
    await this.settle();
    return (await this.isFallen()) === fallen;
  }

  async isFallen(): Promise<boolean> {
    return ((await this.proxy.overview()).fallenTrees ?? []).length > 0;
  }

  join(host: FakeHost): Promise<void> {
    host.vms.tell = (report) => this.proxy.vmReport(host.host, report);
    return this.proxy.attach(host, host.report());
  }

  target(topology: Topology): Promise<ChangeResult> {
    return this.proxy.apply({ kind: 'target', topology });
  }

  /** Until the Proxy has nothing to do, and connected hosts have no more rules that are leaving. */
  async settle(): Promise<void> {
    await sleep(SETTLE_MS);
    const until = performance.now() + SETTLE_MAX_MS;
    for (let quiet = 0; quiet < 2 && performance.now() < until; ) {
      await this.#idle();
      quiet = this.#isDraining() ? 0 : quiet + 1;
      await sleep(1);
    }
  }

  /** Whatever was asked for before is done: jobs are done in order, this one is in vain. */
  async #idle(): Promise<void> {
    await this.proxy.apply({ kind: 'change', change: emptyChange() }).catch(() => {});
  }

  #isDraining(): boolean {
    return [...this.hosts.values()].some(
      ({ closed, config }) =>
        !closed &&
        (config.rules.some(({ toEpoch }) => toEpoch !== undefined) ||
          config.networks.some(({ epoch, oldestEpoch }) => epoch !== oldestEpoch)),
    );
  }

  gists(): Record<string, string> {
    return Object.fromEntries([...this.hosts].map(([name, host]) => [name, host.gist()]));
  }

  rules(): Record<string, string[]> {
    return Object.fromEntries(
      [...this.hosts].map(([name, { config }]) => [name, config.rules.map(({ id }) => id).sort()]),
    );
  }

  host(name: string): FakeHost {
    return this.hosts.get(name) as FakeHost;
  }
}
