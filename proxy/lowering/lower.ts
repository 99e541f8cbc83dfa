/** From the intent to each host's part of it. Pure: the same input gives the same output, but for new secrets. */
import {
  DEFAULT_MTU,
  type Endpoint,
  type HostConfig,
  networkId,
  type PortConfig,
  type Rule,
  type Topology,
  VnetError,
} from '../../core/index.js';
import { groupCycles } from './group-tree.js';
import { identifyLinks, linkEnds, planLinks } from './links.js';
import { edgeKey, idOf, type Lowered, type LoweringInput, type NetworkDraft, type Place } from './model.js';
import { rawRules, routeRules, shapeRules } from './paths.js';
import { matcherText, ruleId } from './rule-id.js';
import { starRules } from './star.js';

/**
 * Lowers a topology that has been checked. Linear in hosts x addresses.
 *
 * @throws VNET_ERR_EXISTS where two statements of one strength match the same frames at a host, or one port
 * belongs to two networks; VNET_ERR_INVALID where group rules make a cycle, or no host is the Proxy.
 */
export function lower(input: LoweringInput): Lowered {
  const { topology } = input;
  const proxy = topology.hosts.find((host) => host.proxy)?.name;
  if (proxy === undefined) throw new VnetError('VNET_ERR_INVALID', 'no host of the topology is the Proxy');
  const configs = emptyConfigs(input);
  const planned = planLinks(topology);
  const identities = identifyLinks(planned.values(), input.identities, input.secret);
  addLinks(configs, topology, planned, identities);
  addPorts(configs, topology, input.places);
  const edges = new Set([...planned.values()].map(({ a, b }) => edgeKey(a, b)));
  const suspended = topology.networks.flatMap((network) => {
    const id = networkId(network);
    const draft: NetworkDraft = {
      network,
      id,
      topology,
      proxy,
      edges,
      places: input.places.filter((place) => place.network === network.name),
      unusable: input.unusable,
      ports: portsByHost(configs, id),
      add: (host, rule) => addRule(configs, host, id, rule),
    };
    return lowerNetwork(draft);
  });
  for (const config of configs.values()) refuseClashes(config);
  return { configs, identities, suspended };
}

function lowerNetwork(draft: NetworkDraft) {
  const [cycle] = groupCycles(draft.topology, draft);
  if (cycle !== undefined) {
    const what = cycle === 'group' ? 'group frames' : `frames to ${cycle}`;
    throw new VnetError(
      'VNET_ERR_INVALID',
      `the rules of network ${draft.network.name} send ${what} in a cycle`,
      {
        hint: 'let the edges of group rules form a tree that reaches every host with ports, or leave groups to the star',
      },
    );
  }
  starRules(draft);
  shapeRules(draft);
  rawRules(draft);
  return routeRules(draft);
}

function emptyConfigs({ topology, epochs }: LoweringInput): Map<string, HostConfig> {
  const networks = topology.networks.map((network) => {
    const id = networkId(network);
    const epoch = epochs.get(id) ?? 0;
    return { id, name: network.name, mtu: network.mtu ?? DEFAULT_MTU, epoch, oldestEpoch: epoch };
  });
  const names = topology.hosts.map(({ name }) => name).sort();
  return new Map(
    names.map((host) => [
      host,
      {
        host,
        revision: 0,
        networks: networks.map((network) => ({ ...network })),
        links: [],
        ports: [],
        rules: [],
      },
    ]),
  );
}

function addLinks(
  configs: ReadonlyMap<string, HostConfig>,
  topology: Topology,
  planned: ReturnType<typeof planLinks>,
  identities: ReturnType<typeof identifyLinks>,
): void {
  const endpoints = new Map<string, Endpoint>();
  for (const { name, endpoint } of topology.hosts) if (endpoint) endpoints.set(name, endpoint);
  for (const link of planned.values()) {
    const identity = identities[link.key];
    if (!identity) continue;
    for (const { host, config } of linkEnds(link, identity, endpoints)) configs.get(host)?.links.push(config);
  }
}

/** A port carries the addresses of every VM behind it; a `lan` statement wins over the guard. */
function addPorts(
  configs: ReadonlyMap<string, HostConfig>,
  topology: Topology,
  places: readonly Place[],
): void {
  const make = (host: string, port: string, network: string): PortConfig | undefined => {
    const config = configs.get(host);
    const id = idOf(topology, network);
    const known = config?.ports.find((other) => other.port === port);
    if (known && known.network !== id) {
      throw new VnetError('VNET_ERR_EXISTS', `port ${port} of host ${host} belongs to two networks`, {
        hint: 'give each network a port of its own',
      });
    }
    if (known || !config) return known;
    const made: PortConfig = { port, network: id, role: 'vm', owner: 'user', macs: [] };
    config.ports.push(made);
    return made;
  };
  for (const { host, port, network, role } of topology.ports) {
    const made = make(host, port, network);
    if (made) made.role = role;
  }
  for (const place of places)
    if (!place.learnt) make(place.host, place.port, place.network)?.macs.push(...place.macs);
  for (const { ports } of configs.values()) {
    ports.sort((a, b) => (a.port < b.port ? -1 : 1));
    for (const port of ports) port.macs = [...new Set(port.macs)].sort();
  }
}

function portsByHost(configs: ReadonlyMap<string, HostConfig>, network: number): NetworkDraft['ports'] {
  const byHost = new Map<string, PortConfig[]>();
  for (const [host, config] of configs) {
    const ports = config.ports.filter((port) => port.network === network);
    if (ports.length > 0) byHost.set(host, ports);
  }
  return byHost;
}

function addRule(
  configs: ReadonlyMap<string, HostConfig>,
  host: string,
  network: number,
  rule: Pick<Rule, 'source' | 'destination' | 'actions' | 'origin'>,
): void {
  const owner = rule.origin === 'auto' ? 'auto' : rule.origin === 'adapt' ? 'adapt' : 'user';
  const { source, destination, actions, origin } = rule;
  const whole = { network, source, destination, actions, owner, origin, fromEpoch: 0 } as const;
  configs.get(host)?.rules.push({ id: ruleId(host, whole), ...whole });
}

/** Two rules of one origin and equal matchers: the same statement twice is one, different actions are an error. */
function refuseClashes(config: HostConfig): void {
  const byMatchers = new Map<string, Rule>();
  for (const rule of config.rules) {
    const matchers = `${matcherText(rule.source)} -> ${matcherText(rule.destination)}`;
    const key = `${rule.network} ${rule.origin} ${matchers}`;
    const other = byMatchers.get(key);
    if (other && other.id !== rule.id) {
      throw new VnetError(
        'VNET_ERR_EXISTS',
        `host ${config.host} gets two rules of one strength for ${matchers}`,
        {
          hint: 'remove one of the two routes or rules that say so',
        },
      );
    }
    byMatchers.set(key, rule);
  }
  if (byMatchers.size < config.rules.length) config.rules = [...byMatchers.values()];
}
