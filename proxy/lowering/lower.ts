/**
 * From the intent to each host's part of it, whole and at once: what `Lowering` keeps up to date piece by piece,
 * and what its tests hold it against. Pure: the same input gives the same output, but for new secrets.
 */
import {
  DEFAULT_MTU,
  type HostConfig,
  type Network,
  type NetworkConfig,
  networkId,
  NOTHING_ADAPTED,
  type PortConfig,
  type Route,
  type Rule,
  type Topology,
  VnetError,
} from '../../core/index.js';
import { directionsOf, leftOf } from './adapted-routes.js';
import { hostCpu, reservedCpu } from './cpu.js';
import { groupWay } from './groups.js';
import { identifyLinks, linkEnds, planLinks, reservedRates } from './links.js';
import {
  edgeKey,
  idOf,
  type Lowered,
  type LoweringInput,
  type Placed,
  type SuspendedRoute,
} from './model.js';
import { isGroupRule, rawRule, type RouteOrigin, routeRules, ShapeGraph, whySuspended } from './paths.js';
import { hostPorts, hostsOf, servedPorts } from './ports.js';
import { matchersText, strengthKey, wholeRule } from './rule-id.js';
import { hostRules, placeRules } from './star.js';

/**
 * Lowers a topology that has been checked. Linear in hosts x addresses.
 *
 * @throws VNET_ERR_EXISTS where two statements of one strength match the same frames at a host, or one port
 * belongs to two networks; VNET_ERR_INVALID where group rules make a cycle, or no host is the Proxy.
 */
export function lower(input: LoweringInput): Lowered {
  const { topology, adapted = NOTHING_ADAPTED } = input;
  const proxy = proxyOf(topology);
  const configs = emptyConfigs(input);
  const planned = planLinks(topology, adapted, input.trials);
  const identities = identifyLinks(planned.values(), input.identities, input.secret);
  const endpoints = new Map(topology.hosts.map(({ name, endpoint }) => [name, endpoint]));
  const rates = reservedRates(topology.linkReservations, adapted.linkReservations);
  const cpu = reservedCpu(topology.cpuReservations, adapted.cpuReservations);
  for (const link of planned.values()) {
    const identity = identities.get(link.key);
    if (!identity) continue;
    const ends = linkEnds(
      link,
      identity,
      (name) => endpoints.get(name),
      (direction) => rates.get(direction),
    );
    for (const { host, config } of ends) configs.get(host)?.links.push(config);
  }
  for (const [host, config] of configs) {
    const { statements, places: here } = standingAt(host, input);
    config.ports = hostPorts(host, statements, here, (name) => idOf(topology, name));
    const reserved = hostCpu(host, here, cpu);
    if (reserved) config.cpu = reserved;
  }
  const edges = new Set([...planned.values()].flatMap(({ a, b, trial }) => (trial ? [] : [edgeKey(a, b)])));
  const suspended = topology.networks.flatMap((network) =>
    lowerNetwork(input, network, proxy, configs, (key) => edges.has(key)),
  );
  for (const config of configs.values()) config.rules = withoutRepeats(config);
  return { configs, identities, suspended };
}

export function proxyOf(topology: Topology): string {
  const proxy = topology.hosts.find((host) => host.proxy)?.name;
  if (proxy === undefined) throw new VnetError('VNET_ERR_INVALID', 'no host of the topology is the Proxy');
  return proxy;
}

function lowerNetwork(
  input: LoweringInput,
  network: Network,
  proxy: string,
  configs: ReadonlyMap<string, HostConfig>,
  hasEdge: (key: string) => boolean,
): SuspendedRoute[] {
  const { topology, unusable } = input;
  const { name } = network;
  const id = networkId(network);
  const fallen = input.fallen?.has(name) ?? false;
  const places = input.places.filter((place) => place.network === name);
  const ports = portsByHost(input, configs, id);
  const hosts = topology.hosts.map((host) => host.name);
  const add = (placed: Placed[]) => {
    for (const { host, rule } of placed) configs.get(host)?.rules.push(wholeRule(host, id, rule));
  };
  const rules = topology.rules.filter((rule) => rule.network === name);
  const scope = { network: name, rules: rules.filter(isGroupRule), hosts, proxy };
  const { ownTree, error } = groupWay({ ...scope, withPorts: new Set(ports.keys()) }, fallen);
  if (error) throw error;
  for (const host of hosts) {
    const star = { host, proxy, ports: ports.get(host) ?? [], ownTree, withPorts: [...ports.keys()] };
    add(hostRules(star).map((rule) => ({ host, rule })));
  }
  const graph = new ShapeGraph(topology, name, unusable);
  for (const place of places) add([...placeRules(place, proxy), ...graph.rulesTo(place)]);
  for (const rule of rules) add(rawRule(rule, fallen));
  const vms = new Map(places.filter(({ learnt }) => !learnt).map((place) => [place.name, place]));
  const lay = (route: Route, origin: RouteOrigin): string | undefined => {
    const [from, to] = [vms.get(route.from), vms.get(route.to)];
    const reason = whySuspended({ unusable, hasEdge }, route, from, to);
    if (reason === undefined && from && to) add(routeRules(route, from, to, origin));
    return reason;
  };
  const users = topology.routes.filter((route) => route.network === name);
  const directions = new Set(users.flatMap(directionsOf));
  for (const route of input.adapted?.routes ?? []) {
    const left = leftOf(route, (direction) => directions.has(direction));
    if (left && route.network === name) lay(left, 'adapt');
  }
  return users.flatMap((route) => {
    const reason = lay(route, 'route');
    return reason === undefined ? [] : [{ from: route.from, to: route.to, reason }];
  });
}

function emptyConfigs(input: LoweringInput): Map<string, HostConfig> {
  const networks = networkConfigs(input);
  const names = input.topology.hosts.map(({ name }) => name).sort();
  return new Map(
    names.map((host) => [host, { host, revision: 0, networks, links: [], ports: [], rules: [] }]),
  );
}

/** The same at every host. */
export function networkConfigs({
  topology,
  epochs,
}: Pick<LoweringInput, 'topology' | 'epochs'>): NetworkConfig[] {
  return topology.networks.map((network) => {
    const id = networkId(network);
    const epoch = epochs.get(id) ?? 0;
    return { id, name: network.name, mtu: network.mtu ?? DEFAULT_MTU, epoch, oldestEpoch: epoch };
  });
}

/** What ports of a host stand for. */
function standingAt(host: string, { topology, places }: LoweringInput) {
  return {
    statements: topology.ports.filter((port) => port.host === host),
    places: places.filter((place) => hostsOf(place).includes(host)),
  };
}

/** Those that paths lead to. */
function portsByHost(
  input: LoweringInput,
  configs: ReadonlyMap<string, HostConfig>,
  network: number,
): Map<string, PortConfig[]> {
  const byHost = new Map<string, PortConfig[]>();
  for (const [host, config] of configs) {
    const { statements, places } = standingAt(host, input);
    const served = servedPorts(host, config.ports, statements, places);
    const ports = served.filter((port) => port.network === network);
    if (ports.length > 0) byHost.set(host, ports);
  }
  return byHost;
}

/** The same statement twice is one; two rules of one strength with different actions are an error. */
function withoutRepeats({ host, rules }: HostConfig): Rule[] {
  const byStrength = new Map<string, Rule>();
  for (const rule of rules) {
    const key = strengthKey(rule);
    const other = byStrength.get(key);
    if (other && other.id !== rule.id) throw clashError(host, rule);
    byStrength.set(key, rule);
  }
  return byStrength.size < rules.length ? [...byStrength.values()] : rules;
}

export function clashError(host: string, rule: Rule): VnetError {
  return new VnetError(
    'VNET_ERR_EXISTS',
    `host ${host} gets two rules of one strength for ${matchersText(rule)}`,
    { hint: 'remove one of the two routes or rules that say so' },
  );
}
