/**
 * Lowering kept up to date: what `lower` gives, at the cost of what changed since the input before. The input is
 * compared by identity, list by list; each piece (the links of a key, the ports of a host, the rules that a place,
 * a statement, a route or a host causes) is made anew only where something it depends on changed; a host none of
 * whose pieces changed keeps its configuration, the same object.
 *
 * Inputs may go back and forth (a plan is lowered and dropped): going back costs what going there did.
 */
import {
  type Adapted,
  emptyTopology,
  type HostConfig,
  type NetworkConfig,
  networkId,
  NOTHING_ADAPTED,
  type Topology,
} from '../../core/index.js';
import { CpuPart } from './cpu-part.js';
import { HostParts, type Work } from './host-part.js';
import { LinkPart } from './link-part.js';
import { type ListChange, listChange } from './list-change.js';
import { clashError, networkConfigs, proxyOf } from './lower.js';
import { idOf, type Lowered, type LoweringInput, type Place } from './model.js';
import { NetworkPart } from './network-part.js';
import { PortPart } from './port-part.js';

export class Lowering {
  #state: LoweredState | undefined;

  /** Of everything since the beginning of the present state. */
  get work(): Readonly<Work> {
    return this.#state?.work ?? { rules: 0, links: 0, configs: 0 };
  }

  /** As `lower`, and throws what it throws. */
  lower(input: LoweringInput): Lowered {
    const state = this.#state?.serves(input) ? this.#state : new LoweredState(input);
    this.#state = undefined; // Not to be used again where it stops half way.
    state.moveTo(input);
    this.#state = state;
    return state.result();
  }
}

const NOTHING: Omit<LoweringInput, 'secret'> = {
  topology: emptyTopology(),
  places: [],
  epochs: new Map(),
  identities: new Map(),
  unusable: new Set(),
};

/** Networks and the Proxy stay the same as long as one state serves. */
class LoweredState {
  readonly #proxy: string;
  readonly #parts = new HostParts();
  readonly #links: LinkPart;
  readonly #ports: PortPart;
  readonly #cpu: CpuPart;
  readonly #networks: NetworkPart[];
  #input: Omit<LoweringInput, 'secret'> = NOTHING;
  #networkConfigs: NetworkConfig[] = [];
  #configs = new Map<string, HostConfig>();
  /** Who was unusable, as it was: the set of the input may be added to. */
  #unusable: ReadonlySet<string> = new Set();

  constructor({ topology }: LoweringInput) {
    this.#proxy = proxyOf(topology);
    const ids = new Map(topology.networks.map((network) => [network.name, networkId(network)]));
    this.#links = new LinkPart(this.#parts, this.#proxy);
    this.#ports = new PortPart(this.#parts, (name) => ids.get(name) ?? idOf(topology, name));
    this.#cpu = new CpuPart(this.#parts);
    this.#networks = topology.networks.map(
      (network) => new NetworkPart(network, this.#proxy, this.#parts, this.#links.hasEdge),
    );
    this.#input = { ...NOTHING, topology: { ...NOTHING.topology, networks: topology.networks } };
  }

  get work(): Readonly<Work> {
    return this.#parts.work;
  }

  serves({ topology }: LoweringInput): boolean {
    const { networks, hosts } = this.#input.topology;
    const isSame =
      topology.networks.length === networks.length &&
      topology.networks.every((network, i) => network === networks[i]);
    return isSame && (topology.hosts === hosts || proxyOf(topology) === this.#proxy);
  }

  moveTo(input: LoweringInput): void {
    const { topology: before, places: placesBefore, adapted: adaptedBefore = NOTHING_ADAPTED } = this.#input;
    const { topology, adapted = NOTHING_ADAPTED } = input;
    const unusable = new Set(input.unusable);
    const change = <K extends keyof Topology>(list: K) =>
      listChange<Topology[K][number]>(before[list], topology[list]);
    const adaptedChange = <K extends keyof Adapted>(list: K) =>
      listChange<Adapted[K][number]>(adaptedBefore[list], adapted[list]);
    const reservations = <K extends 'linkReservations' | 'cpuReservations'>(list: K) => ({
      users: change(list) as ListChange<Adapted[K][number]>,
      adapted: adaptedChange(list),
    });
    const hosts = change('hosts');
    const shapes = change('shapes');
    const places = listChange<Place>(placesBefore, input.places);
    const edges = this.#links.update(input, {
      hosts,
      shapes,
      links: change('links'),
      adapted: adaptedChange('links'),
      reservations: reservations('linkReservations'),
    });
    this.#cpu.update(reservations('cpuReservations'), places);
    const ports = this.#ports.update(change('ports'), places);
    const names = hostNames(hosts);
    const usability = difference(this.#unusable, unusable);
    const changes = { hosts: names, shapes, places, ports, edges, usability };
    const statements = {
      routes: change('routes'),
      adaptedRoutes: adaptedChange('routes'),
      rules: change('rules'),
    };
    for (const network of this.#networks)
      network.update({ ...input, unusable }, { ...changes, ...statements });
    for (const host of names.removed) this.#parts.forget(host);
    const { secret: _, ...kept } = input;
    this.#input = kept;
    this.#unusable = unusable;
    this.#assemble(names);
  }

  result(): Lowered {
    const isThere = (host: string) => this.#configs.has(host);
    const error = this.#ports.conflict(isThere) ?? this.#networks.find((network) => network.error)?.error;
    if (error) throw error;
    const [clashing] = [...this.#parts.clashing].filter(isThere).sort();
    const clash = clashing === undefined ? undefined : this.#parts.of(clashing).clash;
    if (clashing !== undefined && clash) throw clashError(clashing, clash);
    const { routes } = this.#input.topology;
    return {
      configs: this.#configs,
      identities: this.#links.identities,
      suspended: this.#networks.flatMap((network) => network.suspended(routes)),
    };
  }

  /** A map that was handed out is never changed. */
  #assemble(hosts: ListChange<string>): void {
    const networks = networkConfigs(this.#input);
    const networksChanged = JSON.stringify(networks) !== JSON.stringify(this.#networkConfigs);
    if (networksChanged) this.#networkConfigs = networks;
    const configOf = (host: string) => this.#parts.of(host).config(this.#networkConfigs, this.#parts.work);
    const { touched } = this.#parts;
    if (networksChanged || hosts.removed.length + hosts.added.length > 0) {
      const names = this.#input.topology.hosts.map(({ name }) => name).sort();
      this.#configs = new Map(names.map((host) => [host, configOf(host)]));
    } else if (touched.size > 0) {
      this.#configs = new Map(this.#configs);
      for (const host of touched) if (this.#configs.has(host)) this.#configs.set(host, configOf(host));
    }
    touched.clear();
  }
}

/** A host whose statement is another now has neither come nor gone. */
function hostNames({ removed, added }: ListChange<{ name: string }>): ListChange<string> {
  const [gone, come] = [new Set(removed.map(({ name }) => name)), new Set(added.map(({ name }) => name))];
  return {
    removed: [...gone].filter((name) => !come.has(name)),
    added: [...come].filter((name) => !gone.has(name)),
  };
}

/** What is in one of the two. */
function difference(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (const item of a) if (!b.has(item)) found.add(item);
  for (const item of b) if (!a.has(item)) found.add(item);
  return found;
}
