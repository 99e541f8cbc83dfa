/** Where every VM is now, who was learnt at LAN ports, and which hosts came without being named. */
import {
  type Clock,
  type Host,
  isGroup,
  type MacAddress,
  type Topology,
  type Vm,
  type VmView,
  VnetError,
} from '../core/index.js';
import type { Place } from './lowering/index.js';

/** A learnt address that is not seen again is forgotten after this. */
export const LEARNT_AGE_MS = 300_000;
/** Learnt addresses of one port; further ones are counted and left to the LAN's default path. */
export const LEARNT_PER_PORT_MAX = 4096;
/** Addresses that guards refused, of the whole overlay; the oldest go first. */
export const REFUSED_MAX = 1024;

interface Learnt {
  network: string;
  host: string;
  port: string;
  mac: MacAddress;
  seenAt: number;
}

/** A source that a guarded port refused: with `vm NAME on HOST mac MAC port PORT` it would be admitted. */
export interface RefusedSource {
  host: string;
  port: string;
  mac: MacAddress;
  at: string;
}

/** As it is stored: times are of one process, ages begin anew. */
export interface RegistryState {
  /** VMs that are not where their statement starts them; `start` is what the statement said then. */
  moved: Record<string, { host: string; start: string }>;
  learnt: Omit<Learnt, 'seenAt'>[];
  /** Hosts that joined by their token, without a statement. */
  autoHosts: Host[];
}

export interface RegistryLimits {
  learntAgeMs: number;
  learntPerPort: number;
}

export class Registry {
  readonly #clock: Clock;
  readonly #limits: RegistryLimits;
  readonly #moved: Map<string, { host: string; start: string }>;
  readonly #learnt = new Map<string, Learnt>();
  readonly #refused = new Map<string, RefusedSource>();
  readonly #autoHosts: Map<string, Host>;
  #overLimit = 0;

  constructor(clock: Clock, limits: Partial<RegistryLimits> = {}, state?: RegistryState) {
    this.#clock = clock;
    this.#limits = { learntAgeMs: LEARNT_AGE_MS, learntPerPort: LEARNT_PER_PORT_MAX, ...limits };
    this.#moved = new Map(Object.entries(state?.moved ?? {}));
    this.#autoHosts = new Map((state?.autoHosts ?? []).map((host) => [host.name, host]));
    for (const learnt of state?.learnt ?? []) {
      this.#learnt.set(learntKey(learnt.network, learnt.mac), { ...learnt, seenAt: clock.now() });
    }
  }

  get autoHosts(): ReadonlyMap<string, Host> {
    return this.#autoHosts;
  }

  /** Sources that were not learnt because their port is full. */
  get overLimit(): number {
    return this.#overLimit;
  }

  addHost(host: Host): void {
    this.#autoHosts.set(host.name, host);
  }

  removeHost(name: string): void {
    this.#autoHosts.delete(name);
  }

  /** The host a VM is on: where it was moved, unless it is pinned or its statement has changed since. */
  hostOf(vm: Vm): string {
    const moved = this.#moved.get(vm.name);
    return moved && !vm.pinned && moved.start === vm.host ? moved.host : vm.host;
  }

  place(vm: Vm, host: string): void {
    if (vm.pinned && host !== vm.host) {
      throw new VnetError('VNET_ERR_REFUSED', `${vm.name} is pinned on ${vm.host}`, {
        hint: `write "vm ${vm.name} on ${vm.host}" without "pinned" first`,
      });
    }
    if (host === vm.host) this.#moved.delete(vm.name);
    else this.#moved.set(vm.name, { host, start: vm.host });
  }

  /** Everybody of a topology and everybody learnt, but for addresses that a VM has since been given. */
  places(topology: Topology): Place[] {
    const hosts = new Set(topology.hosts.map(({ name }) => name));
    const lanPorts = new Set(
      topology.ports
        .filter(({ role }) => role === 'lan')
        .map(({ network, host, port }) => `${network} ${host} ${port}`),
    );
    const registered = new Set(
      topology.vms.flatMap(({ network, macs }) => macs.map((mac) => learntKey(network, mac))),
    );
    const vms = topology.vms.map((vm) => {
      const now = this.hostOf(vm);
      const { name, network, macs, port } = vm;
      return {
        name,
        network,
        macs,
        port: port ?? `tap:${name}`,
        host: hosts.has(now) ? now : vm.host,
        learnt: false,
      };
    });
    const learnt = [...this.#learnt.values()].filter(
      ({ network, host, port, mac }) =>
        lanPorts.has(`${network} ${host} ${port}`) && !registered.has(learntKey(network, mac)),
    );
    const pseudo = learnt.map(({ mac, network, host, port }) => ({
      name: mac,
      network,
      host,
      port,
      macs: [mac],
      learnt: true,
    }));
    return [...vms, ...pseudo];
  }

  views(topology: Topology): VmView[] {
    const vms = new Map(topology.vms.map((vm) => [vm.name, vm]));
    return this.places(topology).map(({ learnt, ...place }) => ({
      ...place,
      learnt,
      owner: learnt ? 'auto' : 'user',
      pinned: vms.get(place.name)?.pinned ?? false,
    }));
  }

  /** True: paths change by it. Seen again where it was, only its age begins anew. */
  learn(network: string, host: string, port: string, mac: MacAddress): boolean {
    if (isGroup(mac)) return false;
    const key = learntKey(network, mac);
    const known = this.#learnt.get(key);
    const seenAt = this.#clock.now();
    if (known && known.host === host && known.port === port) {
      known.seenAt = seenAt;
      return false;
    }
    if (this.#countAt(host, port) >= this.#limits.learntPerPort) {
      this.#overLimit += 1;
      return false;
    }
    this.#learnt.set(key, { network, host, port, mac, seenAt });
    return true;
  }

  #countAt(host: string, port: string): number {
    let count = 0;
    for (const learnt of this.#learnt.values()) if (learnt.host === host && learnt.port === port) count += 1;
    return count;
  }

  /** Forgets who was not seen for too long. True: somebody. */
  age(): boolean {
    const oldest = this.#clock.now() - this.#limits.learntAgeMs;
    const before = this.#learnt.size;
    for (const [key, { seenAt }] of this.#learnt) if (seenAt <= oldest) this.#learnt.delete(key);
    return this.#learnt.size < before;
  }

  refuse(source: RefusedSource): void {
    const key = `${source.host} ${source.port} ${source.mac}`;
    this.#refused.delete(key);
    this.#refused.set(key, source);
    const [oldest] = this.#refused.keys();
    if (this.#refused.size > REFUSED_MAX && oldest !== undefined) this.#refused.delete(oldest);
  }

  /** Newest first, without those that have been admitted since. */
  refused(topology: Topology): RefusedSource[] {
    const admitted = new Set(
      this.places(topology).flatMap(({ host, port, macs }) => macs.map((mac) => `${host} ${port} ${mac}`)),
    );
    return [...this.#refused]
      .filter(([key]) => !admitted.has(key))
      .map(([, source]) => source)
      .reverse();
  }

  /** Drops what the topology no longer has a use for, and returns what to store. */
  state(topology: Topology): RegistryState {
    const starts = new Map(topology.vms.map(({ name, host }) => [name, host]));
    for (const [name, { start }] of this.#moved) if (starts.get(name) !== start) this.#moved.delete(name);
    return {
      moved: Object.fromEntries(this.#moved),
      learnt: [...this.#learnt.values()].map(({ seenAt: _, ...learnt }) => learnt),
      autoHosts: [...this.#autoHosts.values()],
    };
  }
}

function learntKey(network: string, mac: MacAddress): string {
  return `${network} ${mac}`;
}
