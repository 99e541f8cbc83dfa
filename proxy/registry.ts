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
import { differingSpan, type Place } from './lowering/index.js';

/** A learnt address that is not seen again is forgotten after this. */
export const LEARNT_AGE_MS = 300_000;
/** Learnt addresses of one port; further ones are counted and left to the LAN's default path. */
export const LEARNT_PER_PORT_MAX = 4096;
/** Addresses that guards refused, of the whole overlay; the oldest go first. */
export const REFUSED_MAX = 1024;

/** Places as they were asked for last, and what for. */
interface Placed {
  version: number;
  topology: Topology;
  ofVms: Place[];
  all: Place[];
}

interface Learnt {
  network: string;
  host: string;
  port: string;
  mac: MacAddress;
  seenAt: number;
  /** The same object as long as it is where it is. */
  place: Place;
}

/** A source that a guarded port refused: with `vm NAME on HOST mac MAC port PORT` it would be admitted. */
export interface RefusedSource {
  host: string;
  port: string;
  mac: MacAddress;
  at: string;
}

/** Where a VM is, other than its statement says. */
interface Whereabouts {
  host: string;
  /** Its port there; absent: that of its statement. */
  port?: string;
  /** What the statement said then: with another one, that one counts. */
  start: string;
  /** It runs there: whatever its statement says now, only a move changes its place. */
  runs?: true;
}

/** As it is stored: times are of one process, ages begin anew. */
export interface RegistryState {
  /** VMs that are not where their statement starts them, or run where they are. */
  moved: Record<string, Whereabouts>;
  learnt: Omit<Learnt, 'seenAt' | 'place'>[];
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
  readonly #moved: Map<string, Whereabouts>;
  /** Of VMs that move: the second port that admits them. */
  readonly #alsoAt = new Map<string, { host: string; port: string }>();
  readonly #learnt = new Map<string, Learnt>();
  readonly #refused = new Map<string, RefusedSource>();
  readonly #autoHosts: Map<string, Host>;
  #hostsVersion = 0;
  #overLimit = 0;
  /** Of what is not in the topology: a place may be another with it. */
  #version = 0;
  #placed: Placed | undefined;

  constructor(clock: Clock, limits: Partial<RegistryLimits> = {}, state?: RegistryState) {
    this.#clock = clock;
    this.#limits = { learntAgeMs: LEARNT_AGE_MS, learntPerPort: LEARNT_PER_PORT_MAX, ...limits };
    this.#moved = new Map(Object.entries(state?.moved ?? {}));
    this.#autoHosts = new Map((state?.autoHosts ?? []).map((host) => [host.name, host]));
    for (const learnt of state?.learnt ?? []) {
      const { network, host, port, mac } = learnt;
      this.#learnt.set(learntKey(network, mac), learntAt(network, host, port, mac, clock.now()));
    }
  }

  get autoHosts(): ReadonlyMap<string, Host> {
    return this.#autoHosts;
  }

  /** Another number whenever `autoHosts` is another. */
  get hostsVersion(): number {
    return this.#hostsVersion;
  }

  /** Sources that were not learnt because their port is full. */
  get overLimit(): number {
    return this.#overLimit;
  }

  addHost(host: Host): void {
    this.#autoHosts.set(host.name, host);
    this.#hostsVersion += 1;
  }

  removeHost(name: string): void {
    this.#autoHosts.delete(name);
    this.#hostsVersion += 1;
  }

  /** The host a VM is on: where it runs or was moved, unless it is pinned or its statement has changed since. */
  hostOf(vm: Vm): string {
    return this.#whereabouts(vm)?.host ?? vm.host;
  }

  /** The port its frames enter at there. */
  portOf(vm: Vm): string {
    return this.#whereabouts(vm)?.port ?? vm.port ?? `tap:${vm.name}`;
  }

  #whereabouts(vm: Vm): Whereabouts | undefined {
    const moved = this.#moved.get(vm.name);
    return moved && (moved.runs || (!vm.pinned && moved.start === vm.host)) ? moved : undefined;
  }

  /** `port`: default that of its statement. `runs`: known to run there, so that its statement alone moves it no more. */
  place(vm: Vm, host: string, { port, runs = false }: { port?: string; runs?: boolean } = {}): void {
    if (vm.pinned && host !== vm.host && !runs) {
      throw new VnetError('VNET_ERR_REFUSED', `${vm.name} is pinned on ${vm.host}`, {
        hint: `write "vm ${vm.name} on ${vm.host}" without "pinned" first`,
      });
    }
    this.#version += 1;
    const own = port !== undefined && port !== (vm.port ?? `tap:${vm.name}`) ? { port } : {};
    if (host === vm.host && !('port' in own) && !runs) this.#moved.delete(vm.name);
    else this.#moved.set(vm.name, { host, start: vm.host, ...own, ...(runs ? { runs } : {}) });
  }

  /** It is known to run there; `port` undefined: whichever. */
  runsAt(vm: Vm, host: string, port: string | undefined): boolean {
    const isThere = this.hostOf(vm) === host && (port === undefined || this.portOf(vm) === port);
    return isThere && this.#moved.get(vm.name)?.runs === true;
  }

  /** It does not run any more: its statement counts again where it says another host than it did. */
  rest(name: string): void {
    const { runs: _, ...moved } = this.#moved.get(name) ?? { host: '', start: '' };
    if (moved.host === '') return;
    this.#version += 1;
    if (moved.host === moved.start && moved.port === undefined) this.#moved.delete(name);
    else this.#moved.set(name, moved);
  }

  hasAlsoAt(name: string): boolean {
    return this.#alsoAt.has(name);
  }

  /** Opens a second port for a VM that moves; undefined: closes it. True: something changed. */
  setAlsoAt(name: string, at: { host: string; port: string } | undefined): boolean {
    const known = this.#alsoAt.get(name);
    if (known?.host === at?.host && known?.port === at?.port) return false;
    if (at) this.#alsoAt.set(name, at);
    else this.#alsoAt.delete(name);
    this.#version += 1;
    return true;
  }

  /**
   * Everybody of a topology and everybody learnt, but for addresses that a VM has since been given. Whoever is where
   * he was is the same object, asked for one topology after the other.
   */
  places(topology: Topology): readonly Place[] {
    const before = this.#placed;
    const isSame = before?.version === this.#version && before.topology.hosts === topology.hosts;
    if (isSame && before.topology.vms === topology.vms && before.topology.ports === topology.ports)
      return before.all;
    const ofVms = isSame
      ? this.#replace(before, topology)
      : this.#vmPlaces(topology, topology.vms, before?.ofVms ?? []);
    const all = this.#learnt.size === 0 ? ofVms : [...ofVms, ...this.#learntPlaces(topology)];
    this.#placed = { version: this.#version, topology, ofVms, all };
    return all;
  }

  /** The places of before, those of other statements replaced. */
  #replace(before: Placed, topology: Topology): Place[] {
    const { start, endBefore, endAfter } = differingSpan(before.topology.vms, topology.vms, Object.is);
    const changed = this.#vmPlaces(
      topology,
      topology.vms.slice(start, endAfter),
      before.ofVms.slice(start, endBefore),
    );
    return [...before.ofVms.slice(0, start), ...changed, ...before.ofVms.slice(endBefore)];
  }

  #vmPlaces(topology: Topology, vms: readonly Vm[], before: readonly Place[]): Place[] {
    const hosts = vms.some((vm) => this.hostOf(vm) !== vm.host)
      ? new Set(topology.hosts.map(({ name }) => name))
      : undefined;
    const known = new Map(before.map((place) => [place.name, place]));
    return vms.map((vm) => {
      const now = this.hostOf(vm);
      const { name, network, macs } = vm;
      const isKnown = now === vm.host || (hosts?.has(now) ?? false);
      const [host, port] = isKnown ? [now, this.portOf(vm)] : [vm.host, vm.port ?? `tap:${name}`];
      const alsoAt = this.#alsoAt.get(name);
      const old = known.get(name);
      const isThere = old?.macs === macs && old.host === host && old.port === port && old.network === network;
      if (isThere && old.alsoAt === alsoAt) return old;
      return { name, network, macs, port, host, learnt: false, ...(alsoAt ? { alsoAt } : {}) };
    });
  }

  #learntPlaces({ ports, vms }: Topology): Place[] {
    const lanPorts = new Set(
      ports
        .filter(({ role }) => role === 'lan')
        .map(({ network, host, port }) => `${network} ${host} ${port}`),
    );
    const registered = new Set(
      vms.flatMap(({ network, macs }) => macs.map((mac) => learntKey(network, mac))),
    );
    return [...this.#learnt.values()]
      .filter(
        ({ network, host, port, mac }) =>
          lanPorts.has(`${network} ${host} ${port}`) && !registered.has(learntKey(network, mac)),
      )
      .map(({ place }) => place);
  }

  views(topology: Topology): VmView[] {
    const vms = new Map(topology.vms.map((vm) => [vm.name, vm]));
    return this.places(topology).map(({ learnt, alsoAt: _, ...place }) => ({
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
    this.#learnt.set(key, learntAt(network, host, port, mac, seenAt));
    this.#version += 1;
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
    const isChanged = this.#learnt.size < before;
    if (isChanged) this.#version += 1;
    return isChanged;
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
      this.places(topology).flatMap(({ host, port, macs, alsoAt }) =>
        [{ host, port }, ...(alsoAt ? [alsoAt] : [])].flatMap((at) =>
          macs.map((mac) => `${at.host} ${at.port} ${mac}`),
        ),
      ),
    );
    return [...this.#refused]
      .filter(([key]) => !admitted.has(key))
      .map(([, source]) => source)
      .reverse();
  }

  /** Drops what the topology no longer has a use for, and returns what to store. */
  state(topology: Topology): RegistryState {
    const starts = new Map(topology.vms.map(({ name, host }) => [name, host]));
    for (const [name, { start, runs }] of this.#moved)
      if (!starts.has(name) || (starts.get(name) !== start && !runs)) this.#moved.delete(name);
    return {
      moved: Object.fromEntries(this.#moved),
      learnt: [...this.#learnt.values()].map(({ seenAt: _, place: __, ...learnt }) => learnt),
      autoHosts: [...this.#autoHosts.values()],
    };
  }
}

function learntAt(network: string, host: string, port: string, mac: MacAddress, seenAt: number): Learnt {
  const place = { name: mac, network, host, port, macs: [mac], learnt: true };
  return { network, host, port, mac, seenAt, place };
}

function learntKey(network: string, mac: MacAddress): string {
  return `${network} ${mac}`;
}
