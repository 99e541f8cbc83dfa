/** For the tests: hosts that keep their configuration as a daemon does, and can be told to misbehave. */
import {
  type EchoRequest,
  type EchoResult,
  type HostConfig,
  type HostDelta,
  type HostReport,
  type HostSession,
  type LocalView,
  type ReachRequest,
  type ReachResult,
  type SightParameters,
  VnetError,
} from '../core/index.js';
import { ForwardingTable } from '../vnetd/index.js';
import { type FakeVms, FakeVmWorld } from './fake-vms.js';

/** What the next steps of a host meet; the first entry is for the next step. */
export type Mishap = 'ok' | 'refuse' | 'hang' | 'vanish' | 'late-vanish';

export class FakeHost implements HostSession {
  readonly host: string;
  config: HostConfig;
  table = new ForwardingTable();
  mishaps: Mishap[] = [];
  closed = false;
  readonly vms: FakeVms;
  /** What it was told of sight, in order. */
  parameters: SightParameters[] = [];
  steps = 0;
  /** Called with links that are made: where it is set, they come up at once. */
  onLinks: ((links: HostConfig['links']) => void) | undefined;
  /** Called after a step has taken effect, before it is answered. */
  onStep: (() => void) | undefined;

  constructor(host: string, config?: HostConfig, world = new FakeVmWorld()) {
    this.host = host;
    this.vms = world.of(host);
    this.config = config ?? { host, revision: 0, networks: [], links: [], ports: [], rules: [] };
    this.table.replaceAll(this.config.rules);
  }

  /** What it says of itself when it connects. */
  report(): HostReport {
    const { host, config, vms } = this;
    const { revision } = config;
    return { host, version: '1', revision, dataPort: 7700, machine: vms.capabilities(), vms: vms.said() };
  }

  async configure(config: HostConfig): Promise<void> {
    await this.#meet(() => {
      this.table.replaceAll(config.rules);
      this.config = structuredClone(config);
      this.onLinks?.(config.links);
    });
  }

  async apply(delta: HostDelta): Promise<void> {
    await this.#meet(() => {
      if (delta.revision <= this.config.revision)
        throw new VnetError('VNET_ERR_CONFLICT', 'the revision goes back');
      this.table.apply({ add: delta.rules ?? [], remove: delta.removeRules ?? [] });
      const { networks, links, ports, rules, cpu = [] } = this.config;
      this.config = {
        host: this.host,
        revision: delta.revision,
        networks: merge(networks, delta.networks, delta.removeNetworks, ({ id }) => id),
        links: merge(links, delta.links, delta.removeLinks, ({ id }) => id),
        ports: merge(ports, delta.ports, delta.removePorts, ({ port }) => port),
        rules: merge(rules, delta.rules, delta.removeRules, ({ id }) => id),
        cpu: merge(cpu, delta.cpu, delta.removeCpu, ({ vm }) => vm),
      };
      this.onLinks?.(delta.links ?? []);
    });
  }

  async view(): Promise<LocalView> {
    throw new VnetError('VNET_ERR_UNSUPPORTED', `no view of ${this.host}`);
  }

  async sight(parameters: SightParameters): Promise<void> {
    this.parameters.push(parameters);
  }

  async echo({ count }: EchoRequest): Promise<EchoResult> {
    return { rttUs: Array.from({ length: count }, () => 100), hops: 1 };
  }

  async reach({ addresses }: ReachRequest): Promise<ReachResult[]> {
    return addresses.map((address) => ({ address, reachable: true, rttUs: 200, pathMtuBytes: 1500 }));
  }

  close(): void {
    this.closed = true;
  }

  async #meet(step: () => void): Promise<void> {
    this.steps += 1;
    const mishap = this.mishaps.shift() ?? 'ok';
    await new Promise((resolve) => setImmediate(resolve));
    if (mishap === 'refuse') throw new VnetError('VNET_ERR_PRIVILEGE', 'tap0 cannot be opened');
    if (mishap === 'hang') await new Promise(() => {});
    if (mishap === 'vanish') throw new VnetError('VNET_ERR_UNREACHABLE', 'gone');
    step();
    this.onStep?.();
    if (mishap === 'late-vanish') throw new VnetError('VNET_ERR_UNREACHABLE', 'gone');
  }

  /** What matters of the configuration, as text: two hosts that run the same give the same. */
  gist(): string {
    const { networks, links, ports, rules, cpu = [] } = this.config;
    const sorted = (items: object[]) => items.map((item) => JSON.stringify(item)).sort();
    const lasting = rules.map(({ fromEpoch: _, ...rule }) => rule);
    return [sorted(networks), sorted(links), sorted(ports), sorted(lasting), sorted(cpu)].flat().join('\n');
  }
}

function merge<T, K>(current: T[], set: T[] = [], removed: K[] = [], key: (item: T) => K): T[] {
  const byKey = new Map(current.map((item) => [key(item), item]));
  for (const gone of removed) byKey.delete(gone);
  for (const item of set) byKey.set(key(item), item);
  return [...byKey.values()];
}
