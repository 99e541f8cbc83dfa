/** Host configurations and their differences. Pure. */
import type { HostConfig, HostDelta } from '../core/index.js';

/** The configuration after the delta. */
export function mergeHostDelta(config: HostConfig, delta: HostDelta): HostConfig {
  const cpu = merge(config.cpu ?? [], delta.cpu, delta.removeCpu, ({ vm }) => vm);
  return {
    host: config.host,
    revision: delta.revision,
    networks: merge(config.networks, delta.networks, delta.removeNetworks, (network) => network.id),
    links: merge(config.links, delta.links, delta.removeLinks, (link) => link.id),
    ports: merge(config.ports, delta.ports, delta.removePorts, (port) => port.port),
    rules: merge(config.rules, delta.rules, delta.removeRules, (rule) => rule.id),
    ...(cpu.length > 0 ? { cpu } : {}),
  };
}

/** The delta that turns `from` into `to`. */
export function diffHostConfig(from: HostConfig, to: HostConfig): HostDelta {
  const networks = difference(from.networks, to.networks, (network) => network.id);
  const links = difference(from.links, to.links, (link) => link.id);
  const ports = difference(from.ports, to.ports, (port) => port.port);
  const rules = difference(from.rules, to.rules, (rule) => rule.id);
  const cpu = difference(from.cpu ?? [], to.cpu ?? [], ({ vm }) => vm);
  return {
    revision: to.revision,
    networks: networks.set,
    removeNetworks: networks.removed,
    links: links.set,
    removeLinks: links.removed,
    ports: ports.set,
    removePorts: ports.removed,
    rules: rules.set,
    removeRules: rules.removed,
    cpu: cpu.set,
    removeCpu: cpu.removed,
  };
}

function merge<T, K>(current: T[], set: T[] = [], removed: K[] = [], key: (item: T) => K): T[] {
  if (set.length === 0 && removed.length === 0) return current;
  const byKey = new Map(current.map((item) => [key(item), item]));
  for (const id of removed) byKey.delete(id);
  for (const item of set) byKey.set(key(item), item);
  return [...byKey.values()];
}

function difference<T, K>(from: T[], to: T[], key: (item: T) => K): { set: T[]; removed: K[] } {
  const before = new Map(from.map((item) => [key(item), JSON.stringify(item)]));
  const after = new Set(to.map(key));
  return {
    set: to.filter((item) => before.get(key(item)) !== JSON.stringify(item)),
    removed: from.map(key).filter((id) => !after.has(id)),
  };
}
