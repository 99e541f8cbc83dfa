/** The configurations a host passes through while a change is made, and the deltas between them. Pure. */
import type { HostConfig, HostDelta, LinkConfig, NetworkConfig, PortConfig, Rule } from '../../core/index.js';

/** What is added is there, what goes is still there: rules of a network that switches wait for the next epoch. */
export function preparedConfig(
  installed: HostConfig,
  target: HostConfig,
  switching: ReadonlySet<number>,
  draining: boolean,
): HostConfig {
  const epochs = new Map(installed.networks.map((network) => [network.id, network]));
  const networks = target.networks.map((network) => keepEpoch(network, epochs.get(network.id)));
  return {
    ...target,
    networks: union(installed.networks, networks, ({ id }) => id),
    links: union(installed.links, target.links, ({ id }) => id),
    ports: union(installed.ports, target.ports, ({ port }) => port),
    rules: preparedRules(installed, target, switching, draining),
  };
}

/** What is stamped at ingress moves on; the old epoch stays known until its frames are gone. */
export function switchedConfig(installed: HostConfig, switching: ReadonlySet<number>): HostConfig {
  const networks = installed.networks.map((network) =>
    switching.has(network.id)
      ? { ...network, epoch: network.epoch + 1, oldestEpoch: network.epoch }
      : network,
  );
  return { ...installed, networks };
}

/** The other way, when a change is undone: frames of the epoch taken back are still known for a while. */
export function unswitchedConfig(installed: HostConfig, before: HostConfig): HostConfig {
  const epochs = new Map(before.networks.map((network) => [network.id, network]));
  return {
    ...installed,
    networks: installed.networks.map((network) => keepEpoch(network, epochs.get(network.id))),
  };
}

/** Nothing but the target. `draining`: rules and epochs of the last switch that frames may still need stay. */
export function finalConfig(installed: HostConfig, target: HostConfig, draining: boolean): HostConfig {
  const known = new Map(installed.rules.map((rule) => [rule.id, rule]));
  const epochs = new Map(installed.networks.map((network) => [network.id, network]));
  const presentEpoch = ({ network }: Rule) => epochs.get(network)?.epoch ?? 0;
  const rules = target.rules.map((rule) => {
    const standing = known.get(rule.id);
    return standing && standing.toEpoch === undefined && standing.fromEpoch <= presentEpoch(rule)
      ? standing
      : rule;
  });
  if (!draining) return { ...target, rules };
  const wanted = new Set(target.rules.map(({ id }) => id));
  const leaving = installed.rules.filter(
    (rule) => isLeaving(rule, presentEpoch(rule)) && !wanted.has(rule.id),
  );
  const networks = target.networks.map((network) => keepEpoch(network, epochs.get(network.id)));
  return { ...target, networks, rules: [...rules, ...leaving] };
}

function preparedRules(
  installed: HostConfig,
  target: HostConfig,
  switching: ReadonlySet<number>,
  draining: boolean,
): Rule[] {
  const epochs = new Map(installed.networks.map(({ id, epoch }) => [id, epoch]));
  const standing = new Map(installed.rules.map((rule) => [rule.id, rule]));
  const wanted = new Set(target.rules.map(({ id }) => id));
  const rules = target.rules.map((rule) => {
    const known = standing.get(rule.id);
    const epoch = epochs.get(rule.network) ?? 0;
    if (switching.has(rule.network)) return known ? forEver(known) : { ...rule, fromEpoch: epoch + 1 };
    if (known && known.toEpoch === undefined && known.fromEpoch <= epoch) return known;
    // A rule that is leaving may hold until the present epoch; its successor begins there.
    return draining && !known ? { ...rule, fromEpoch: epoch } : rule;
  });
  for (const rule of installed.rules) {
    if (wanted.has(rule.id)) continue;
    const epoch = epochs.get(rule.network) ?? 0;
    if (isLeaving(rule, epoch)) rules.push(rule);
    else if (switching.has(rule.network) && rule.fromEpoch <= epoch)
      rules.push({ ...rule, toEpoch: epoch + 1 });
  }
  return rules;
}

/** Holds for frames of past epochs only. A later end is of a switch that was given up. */
function isLeaving({ toEpoch }: Rule, epoch: number): boolean {
  return toEpoch !== undefined && toEpoch <= epoch;
}

function forEver(rule: Rule): Rule {
  if (rule.toEpoch === undefined) return rule;
  const { toEpoch: _, ...rest } = rule;
  return rest;
}

function keepEpoch(network: NetworkConfig, known: NetworkConfig | undefined): NetworkConfig {
  return known ? { ...network, epoch: known.epoch, oldestEpoch: known.oldestEpoch } : network;
}

function union<T, K>(from: readonly T[], to: readonly T[], key: (item: T) => K): T[] {
  const taken = new Set(to.map(key));
  return [...from.filter((item) => !taken.has(key(item))), ...to];
}

/** The delta that turns `from` into `to`, revision `to`'s; undefined: they are the same. */
export function configDelta(from: HostConfig, to: HostConfig): HostDelta | undefined {
  const networks = difference(from.networks, to.networks, ({ id }) => id, sameJson<NetworkConfig>);
  const links = difference(from.links, to.links, ({ id }) => id, sameJson<LinkConfig>);
  const ports = difference(from.ports, to.ports, ({ port }) => port, sameJson<PortConfig>);
  const rules = difference(from.rules, to.rules, ({ id }) => id, sameValidity);
  const parts = {
    ...(networks.set.length > 0 ? { networks: networks.set } : {}),
    ...(networks.removed.length > 0 ? { removeNetworks: networks.removed } : {}),
    ...(links.set.length > 0 ? { links: links.set } : {}),
    ...(links.removed.length > 0 ? { removeLinks: links.removed } : {}),
    ...(ports.set.length > 0 ? { ports: ports.set } : {}),
    ...(ports.removed.length > 0 ? { removePorts: ports.removed } : {}),
    ...(rules.set.length > 0 ? { rules: rules.set } : {}),
    ...(rules.removed.length > 0 ? { removeRules: rules.removed } : {}),
  };
  return Object.keys(parts).length === 0 ? undefined : { revision: to.revision, ...parts };
}

/** The same id means the same rule; only when it holds can differ. */
function sameValidity(a: Rule, b: Rule): boolean {
  return a === b || (a.fromEpoch === b.fromEpoch && a.toEpoch === b.toEpoch);
}

function sameJson<T>(a: T, b: T): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function difference<T, K>(
  from: readonly T[],
  to: readonly T[],
  key: (item: T) => K,
  same: (a: T, b: T) => boolean,
) {
  const before = new Map(from.map((item) => [key(item), item]));
  const set: T[] = [];
  for (const item of to) {
    const known = before.get(key(item));
    if (known === undefined || !same(known, item)) set.push(item);
    before.delete(key(item));
  }
  return { set, removed: [...before.keys()] };
}

/** True where the host runs what the target says, whenever its rules began to hold. */
export function runsTarget(installed: HostConfig, target: HostConfig): boolean {
  return configDelta(installed, finalConfig(installed, target, false)) === undefined;
}
