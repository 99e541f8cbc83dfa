/**
 * An overlay in numbers, for tests and figures: hosts, a network underneath, applications whose flows are fluid, and
 * measurements with noise. The controller acts on it as it acts on the Proxy. Nothing here is shared with the planner:
 * paths, fair rates and what an application makes of them are worked out anew, so that a slip there does not hide here.
 */
import {
  type AdaptAction,
  type Adapted,
  type AdaptProgress,
  type AdaptRecord,
  type BottleneckGroup,
  type Clock,
  DEFAULT_SIGHT,
  emptyTopology,
  type Estimate,
  type HostLoad,
  type LinkType,
  type MacAddress,
  NOTHING_ADAPTED,
  type PathEstimate,
  type Random,
  type Topology,
  type VmDriverKind,
} from '../../core/index.js';
import type { Snapshot, SnapshotVm } from '../planner/index.js';
import type { FluidNetwork } from './fluid-network.js';
import type { AdaptWorld, ControllerMemory } from '../controller/index.js';

export interface SimulatedHost {
  name: string;
  /** Default 8. */
  cpus?: number;
  /** Default: any. */
  memoryBytes?: number;
  /** CPUs that others use there. */
  outsideCpus?: number;
}

export interface SimulatedVm {
  name: string;
  host: string;
  /** CPUs that it uses while it has them. Default 0. */
  cpus?: number;
  /** Default 64 MiB. */
  memoryBytes?: number;
  pinned?: boolean;
}

export interface SimulatedFlow {
  from: string;
  to: string;
  /** What it wants, bits a second; Infinity: all it can get. */
  wants: number;
}

/** Either flows that each go as fast as they can, or steps: compute, send, wait for all (BSP). */
export interface SimulatedApplication {
  flows: SimulatedFlow[];
  /** Seconds of computing in a step, with CPU as asked for; each flow then sends `wants` bits. Absent: independent flows. */
  computeSeconds?: number;
}

export interface SimulationOptions {
  clock: Clock;
  random: Random;
  hosts: SimulatedHost[];
  /** The first host is the Proxy unless named. */
  proxy?: string;
  network: FluidNetwork;
  vms: SimulatedVm[];
  applications: SimulatedApplication[];
  /** Relative standard deviation of what is measured. Default 0. */
  noise?: number;
  /** Default `netns`: moves copy nothing. */
  driver?: VmDriverKind;
  /** Simulated time of a move. Default 300. */
  moveMs?: number;
}

const MEMORY_BYTES = 64 * 2 ** 20;
const NETWORK = 'sim';
/** Use of a pipe from which it has a queue that can be seen. */
const QUEUES_AT = 0.4;
/** Between two states of the simulation. */
export const TICK_MS = 250;

export class Simulation implements AdaptWorld {
  readonly topology: Topology;
  adapted: Adapted = NOTHING_ADAPTED;
  applications: SimulatedApplication[];
  settled = true;
  revision = 1;
  noise: number;
  /** What adaptation did, in order. */
  readonly changes: { atMs: number; actions: readonly AdaptAction[] }[] = [];
  readonly announced: AdaptRecord[] = [];
  memory: ControllerMemory | undefined;
  /** Thrown by the next change; undefined: it works. */
  failure: Error | undefined;
  /** Carried out before the next change, as a person would meanwhile. */
  meanwhile: (() => void) | undefined;
  /** `vm`: reason for which it stays. */
  readonly stays = new Map<string, string>();
  readonly places: Map<string, string>;
  readonly outsideCpus: Map<string, number>;
  readonly away = new Set<string>();
  readonly unreachable = new Set<string>();
  /** Links that are there and do not work: `a b`, a < b. */
  readonly down = new Set<string>();
  readonly proxy: string;
  /** Bits delivered so far, of all flows. */
  deliveredBits = 0;
  #window: { atMs: number; rates: ReadonlyMap<string, number> }[] = [];
  readonly #options: SimulationOptions;

  constructor(options: SimulationOptions) {
    const { hosts, vms, applications, noise = 0 } = options;
    this.#options = options;
    this.applications = applications;
    this.noise = noise;
    this.proxy = options.proxy ?? (hosts[0]?.name as string);
    this.places = new Map(vms.map(({ name, host }) => [name, host]));
    this.outsideCpus = new Map(hosts.map(({ name, outsideCpus = 0 }) => [name, outsideCpus]));
    this.topology = {
      ...emptyTopology(),
      networks: [{ name: NETWORK }],
      hosts: hosts.map(({ name, memoryBytes }) => ({
        name,
        proxy: name === this.proxy,
        endpoint: { address: `${name}.example`, port: 7700 },
        ...(memoryBytes !== undefined && { memoryBytes }),
      })),
      vms: vms.map(({ name, host, pinned = false }) => ({ name, network: NETWORK, host, pinned, macs: [] })),
    };
  }

  /** Goes on by one tick, which has just passed. */
  tick(): void {
    const rates = this.rates();
    for (const rate of rates.values()) this.deliveredBits += (rate * TICK_MS) / 1000;
    const atMs = this.#options.clock.now();
    this.#window.push({ atMs, rates });
    this.#window = this.#window.filter((one) => one.atMs > atMs - DEFAULT_SIGHT.smoothingMs);
  }

  /** By `from to`, what each flow gets now. */
  rates(): Map<string, number> {
    return this.#options.network.rates(
      this.applications,
      (from, to) => this.path(from, to),
      (vm) => this.pace(vm),
    );
  }

  /** Together, bits a second. */
  total(): number {
    return [...this.rates().values()].reduce((sum, rate) => sum + rate, 0);
  }

  /** Hosts that the pair's frames pass: a user's route, adaptation's, the star. */
  path(from: string, to: string): string[] {
    const [at, target] = [this.places.get(from) as string, this.places.get(to) as string];
    for (const routes of [this.topology.routes, this.adapted.routes]) {
      for (const route of routes) {
        const back = route.both && route.from === to && route.to === from;
        if (!back && !(route.from === from && route.to === to)) continue;
        const via = back ? [...route.via].reverse() : route.via;
        const linked = via.every((host, i) => i === 0 || this.isLinked(via[i - 1] as string, host));
        if (via[0] === at && via.at(-1) === target && linked) return via;
      }
    }
    return at === target ? [at] : [...new Set([at, this.proxy, target])];
  }

  isLinked(a: string, b: string): boolean {
    if (this.down.has([a, b].sort().join(' '))) return false;
    const joins = (link: { a: string; b: string }) =>
      (link.a === a && link.b === b) || (link.a === b && link.b === a);
    return (
      a === this.proxy || b === this.proxy || [...this.topology.links, ...this.adapted.links].some(joins)
    );
  }

  /** Of the CPU that a VM asks for, what it gets. */
  pace(name: string): number {
    const host = this.places.get(name) as string;
    const { hosts, vms } = this.#options;
    const asked = vms
      .filter((vm) => this.places.get(vm.name) === host)
      .reduce((sum, { cpus = 0 }) => sum + cpus, 0);
    const has = (hosts.find((one) => one.name === host)?.cpus ?? 8) - (this.outsideCpus.get(host) ?? 0);
    return asked <= has ? 1 : Math.max(0.01, has / asked);
  }

  /** A person moves a VM. */
  moveByHand(vm: string, host: string): void {
    this.places.set(vm, host);
  }

  networks(): string[] {
    return [NETWORK];
  }

  snapshot(network: string): Snapshot | undefined {
    if (network !== NETWORK) return undefined;
    const { clock } = this.#options;
    return {
      atMs: clock.now(),
      network,
      revision: this.revision,
      topology: this.topology,
      adapted: this.adapted,
      matrix: {
        at: '',
        network,
        parameters: DEFAULT_SIGHT,
        pairs: this.#pairs(),
        pairsTotal: 0,
      },
      settled: this.settled,
      underlay: {
        at: '',
        hosts: this.#hosts(),
        paths: this.#paths(),
        bottlenecks: this.#bottlenecks(),
        notes: [],
      },
      ready: this.#hosts().filter((host) => !this.away.has(host)),
      loads: new Map(this.#hosts().map((host) => [host, { load: this.#load(host), ageMs: 500 }])),
      vms: this.#vms(),
      links: this.#links(),
    };
  }

  async carryOut(
    _network: string,
    actions: readonly AdaptAction[],
    adapted: Adapted,
    progress?: (progress: AdaptProgress) => void,
  ): Promise<{ stayed: { vm: string; host: string; reason: string }[] }> {
    const { clock, moveMs = 300 } = this.#options;
    this.meanwhile?.();
    this.meanwhile = undefined;
    const moves = actions.filter((action) => action.kind === 'move');
    const before = this.adapted;
    this.adapted = { ...adapted, routes: before.routes };
    if (moves.length > 0) await new Promise<void>((resolve) => clock.after(moveMs, resolve));
    if (this.failure) {
      const failure = this.failure;
      this.failure = undefined;
      this.adapted = before;
      throw failure;
    }
    const stayed = [];
    for (const { vm, from, to } of moves) {
      const reason = this.stays.get(vm);
      if (reason !== undefined) stayed.push({ vm, host: from, reason });
      else this.places.set(vm, to);
    }
    this.adapted = adapted;
    this.changes.push({ atMs: clock.now(), actions });
    progress?.({ step: 'done', done: actions.length, total: actions.length, text: '' });
    return { stayed };
  }

  async save(memory: ControllerMemory): Promise<void> {
    this.memory = JSON.parse(JSON.stringify(memory)) as ControllerMemory;
  }

  announce(record: AdaptRecord): void {
    this.announced.push(record);
  }

  /** As of the last tick. */
  #ratesNow(): ReadonlyMap<string, number> {
    return this.#window.at(-1)?.rates ?? this.rates();
  }

  #hosts(): string[] {
    return this.#options.hosts.map(({ name }) => name);
  }

  /** Means over the window, as VTTIF has them. */
  #pairs(): Snapshot['matrix']['pairs'] {
    const sums = new Map<string, number>();
    for (const { rates } of this.#window)
      for (const [key, rate] of rates) sums.set(key, (sums.get(key) ?? 0) + rate);
    return [...sums].map(([key, sum]) => {
      const [from, to] = key.split(' ') as [string, string];
      const bitsPerSecond = (sum / this.#window.length) * this.#error(0.25);
      return {
        source: from as MacAddress,
        destination: to as MacAddress,
        from,
        to,
        bitsPerSecond,
        packetsPerSecond: bitsPerSecond / 8000,
        bytes: 0,
        packets: 0,
      };
    });
  }

  #paths(): PathEstimate[] {
    const { network } = this.#options;
    const rates = this.#ratesNow();
    const pathOf = (from: string, to: string) => this.path(from, to);
    const used = network.used(rates, pathOf);
    return this.#hosts().flatMap((from) =>
      this.#hosts().flatMap((to): PathEstimate[] => {
        if (from === to || this.away.has(from) || this.away.has(to)) return [];
        if (this.unreachable.has(`${from} ${to}`)) return [{ from, to, reachable: false }];
        const available = this.#estimate(network.available(from, to, used));
        const rttUs = this.#estimate(2 * network.latencyUs(from, to));
        const path = { from, to, reachable: true, availableBitsPerSecond: available, rttUs };
        if (!this.isLinked(from, to)) return [path];
        const throughput = this.#estimate(network.onLink(from, to, rates, pathOf));
        const type: LinkType = 'udp';
        return [
          { ...path, link: { link: `${from}-${to}`, from, to, type, throughputBitsPerSecond: throughput } },
        ];
      }),
    );
  }

  /** Links with an end in common that wait in one queue, as Wren tells them. */
  #bottlenecks(): BottleneckGroup[] {
    const { network } = this.#options;
    const used = network.used(this.#ratesNow(), (from, to) => this.path(from, to));
    const groups = new Map<string, string[]>();
    for (const from of this.#hosts()) {
      for (const to of this.#hosts()) {
        if (from === to || !this.isLinked(from, to)) continue;
        const { pipe, busy } = network.tightest(from, to, used);
        if (busy < QUEUES_AT) continue;
        for (const where of [`leaving ${from}`, `arriving at ${to}`]) {
          const key = `${where}|${pipe}`;
          groups.set(key, [...(groups.get(key) ?? []), `${from} ${to}`]);
        }
      }
    }
    return [...groups]
      .filter(([, members]) => members.length > 1)
      .map(([key, members]) => ({ where: key.split('|')[0] as string, members, confidence: 0.8 }));
  }

  #load(host: string): HostLoad {
    const { hosts, vms } = this.#options;
    const cpus = hosts.find(({ name }) => name === host)?.cpus ?? 8;
    const here = vms.filter(({ name }) => this.places.get(name) === host);
    const uses = (vm: SimulatedVm) => (vm.cpus ?? 0) * this.pace(vm.name);
    const own = here.reduce((sum, vm) => sum + uses(vm), 0);
    return {
      cpus,
      busyCpus: Math.min(cpus, own + (this.outsideCpus.get(host) ?? 0)),
      vmCpus: Object.fromEntries(here.map((vm) => [vm.name, uses(vm)])),
      vmWaits: Object.fromEntries(here.map((vm) => [vm.name, 1 - this.pace(vm.name)])),
    };
  }

  #vms(): SnapshotVm[] {
    return this.#options.vms.map(({ name, memoryBytes = MEMORY_BYTES, cpus = 0, pinned = false }) => ({
      vm: name,
      network: NETWORK,
      host: this.places.get(name) as string,
      pinned,
      driver: this.#options.driver ?? 'netns',
      state: 'running',
      memoryBytes,
      cpus: Math.max(1, cpus),
      mayRunOn: [this.places.get(name) as string],
      learnt: false,
      refusedBy: {},
    }));
  }

  #links(): Snapshot['links'] {
    const star = this.#hosts()
      .filter((host) => host !== this.proxy)
      .map((host) => ({ type: 'tcp' as const, a: host, b: this.proxy, up: !this.away.has(host) }));
    const others = [...this.topology.links, ...this.adapted.links].map(({ type, a, b }) => ({
      type,
      a,
      b,
      up: this.isLinked(a, b),
    }));
    return [...star, ...others];
  }

  #estimate(value: number): Estimate {
    return { value: value * this.#error(1), ageMs: 500, method: 'traffic', confidence: 0.9 };
  }

  /** A factor, normal around 1. */
  #error(share: number): number {
    if (this.noise === 0) return 1;
    const { random } = this.#options;
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0.05, 1 + share * this.noise * normal);
  }
}
