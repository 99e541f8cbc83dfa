/** For the tests: a Proxy with five hosts, one topology and another whose paths differ at many hosts. */
import {
  type ChangeResult,
  type Clock,
  emptyTopology,
  macFromNumber,
  MemoryStore,
  networkId,
  type Store,
  type Topology,
} from '../core/index.js';
import { FakeHost } from './fake-fleet.js';
import { createProxy, type Proxy } from './index.js';

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
export const settle = () => new Promise((resolve) => setTimeout(resolve, 30));

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
  ): Promise<Fleet> {
    let seed = 1;
    const secret = (octets: number) =>
      new Uint8Array(octets).map(() => (seed = (seed * 48271) % 2147483647) & 255);
    const fleet = new Fleet(await createProxy({ name: 'home', store, clock, secret }), hosts);
    await Promise.all([...fleet.hosts.values()].map((host) => fleet.join(host)));
    return fleet;
  }

  join(host: FakeHost): Promise<void> {
    const { revision } = host.config;
    return this.proxy.attach(host, { host: host.host, version: '1', revision, dataPort: 7700 });
  }

  target(topology: Topology): Promise<ChangeResult> {
    return this.proxy.apply({ kind: 'target', topology });
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
