/**
 * The configurations a host passes through while a change is made, and the deltas between them. Pure. What did not
 * change is at the beginning and the end of the lists, the same objects: it is passed over without a look inside.
 */
import type {
  CpuConfig,
  HostConfig,
  HostDelta,
  LinkConfig,
  NetworkConfig,
  PortConfig,
  Rule,
} from '../../core/index.js';
import { differingSpan } from '../lowering/index.js';
import { enterPorts, leavePorts } from './moving-ports.js';

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
    rules: enterPorts(installed, preparedRules(installed, target, switching, draining), switching),
    ...preparedCpu(installed, target),
  };
}

function preparedCpu({ cpu: before }: HostConfig, { cpu: after }: HostConfig): Pick<HostConfig, 'cpu'> {
  return before || after ? { cpu: union(before ?? [], after ?? [], ({ vm }) => vm) } : {};
}

/** What is stamped at ingress moves on; the old epoch stays known until its frames are gone. */
export function switchedConfig(
  installed: HostConfig,
  target: HostConfig,
  switching: ReadonlySet<number>,
): HostConfig {
  const networks = installed.networks.map((network) =>
    switching.has(network.id)
      ? { ...network, epoch: network.epoch + 1, oldestEpoch: network.epoch }
      : network,
  );
  return { ...installed, networks, rules: leavePorts(installed, target, switching) };
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
  const epochs = new Map(installed.networks.map((network) => [network.id, network]));
  const parts = compareRules(installed, target);
  const known = new Map(parts.installed.map((rule) => [rule.id, rule]));
  const rules = parts.target.map((rule) => {
    const standing = known.get(rule.id);
    return standing && isStanding(standing, presentEpoch(epochs, rule)) ? standing : rule;
  });
  if (!draining) return { ...target, rules: parts.join(rules) };
  const wanted = new Set(parts.target.map(({ id }) => id));
  const leaving = parts.installed.filter(
    (rule) => isLeaving(rule, presentEpoch(epochs, rule)) && !wanted.has(rule.id),
  );
  const networks = target.networks.map((network) => keepEpoch(network, epochs.get(network.id)));
  return { ...target, networks, rules: parts.join(rules, leaving) };
}

function preparedRules(
  installed: HostConfig,
  target: HostConfig,
  switching: ReadonlySet<number>,
  draining: boolean,
): Rule[] {
  const epochs = new Map(installed.networks.map((network) => [network.id, network]));
  const parts = compareRules(installed, target);
  const standing = new Map(parts.installed.map((rule) => [rule.id, rule]));
  const wanted = new Set(parts.target.map(({ id }) => id));
  const rules = parts.target.map((rule) => {
    const known = standing.get(rule.id);
    const epoch = presentEpoch(epochs, rule);
    if (switching.has(rule.network)) return known ? forEver(known) : { ...rule, fromEpoch: epoch + 1 };
    if (known && isStanding(known, epoch)) return known;
    // A rule that is leaving may hold until the present epoch; its successor begins there.
    return draining && !known ? { ...rule, fromEpoch: epoch } : rule;
  });
  const leaving = parts.installed.flatMap((rule) => {
    if (wanted.has(rule.id)) return [];
    const epoch = presentEpoch(epochs, rule);
    if (isLeaving(rule, epoch)) return [rule];
    return switching.has(rule.network) && rule.fromEpoch <= epoch ? [{ ...rule, toEpoch: epoch + 1 }] : [];
  });
  return parts.join(rules, leaving);
}

type Epochs = ReadonlyMap<number, NetworkConfig>;

const presentEpoch = (epochs: Epochs, { network }: Rule): number => epochs.get(network)?.epoch ?? 0;

/** The rules that may differ, and how a list is made whole again: what stands and is wanted stays around them. */
function compareRules(installed: HostConfig, target: HostConfig) {
  const epochs: Epochs = new Map(installed.networks.map((network) => [network.id, network]));
  const { start, endBefore, endAfter } = differingSpan(
    installed.rules,
    target.rules,
    (a, b) => a.id === b.id && isStanding(a, presentEpoch(epochs, a)),
  );
  return {
    installed: installed.rules.slice(start, endBefore),
    target: target.rules.slice(start, endAfter),
    join: (middle: Rule[], more: Rule[] = []): Rule[] =>
      start === endBefore && middle.length + more.length === 0
        ? installed.rules
        : [...installed.rules.slice(0, start), ...middle, ...installed.rules.slice(endBefore), ...more],
  };
}

/** Holds now, and for ever. */
function isStanding({ fromEpoch, toEpoch }: Rule, epoch: number): boolean {
  return toEpoch === undefined && fromEpoch <= epoch;
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
  if (!known || (known.epoch === network.epoch && known.oldestEpoch === network.oldestEpoch)) return network;
  return { ...network, epoch: known.epoch, oldestEpoch: known.oldestEpoch };
}

function union<T, K>(from: T[], to: T[], key: (item: T) => K): T[] {
  const { start, endBefore, endAfter } = differingSpan(from, to, Object.is);
  if (start === endBefore) return to;
  const taken = new Set(to.slice(start, endAfter).map(key));
  const more = from.slice(start, endBefore).filter((item) => !taken.has(key(item)));
  return more.length > 0 ? [...to, ...more] : to;
}

/** The delta that turns `from` into `to`, revision `to`'s; undefined: they are the same. */
export function configDelta(from: HostConfig, to: HostConfig): HostDelta | undefined {
  const networks = difference(from.networks, to.networks, ({ id }) => id, sameJson<NetworkConfig>);
  const links = difference(from.links, to.links, ({ id }) => id, sameJson<LinkConfig>);
  const ports = difference(from.ports, to.ports, ({ port }) => port, sameJson<PortConfig>);
  const rules = difference(from.rules, to.rules, ({ id }) => id, sameValidity);
  const cpu = difference(from.cpu ?? [], to.cpu ?? [], ({ vm }) => vm, sameJson<CpuConfig>);
  const parts = {
    ...(networks.set.length > 0 ? { networks: networks.set } : {}),
    ...(networks.removed.length > 0 ? { removeNetworks: networks.removed } : {}),
    ...(links.set.length > 0 ? { links: links.set } : {}),
    ...(links.removed.length > 0 ? { removeLinks: links.removed } : {}),
    ...(ports.set.length > 0 ? { ports: ports.set } : {}),
    ...(ports.removed.length > 0 ? { removePorts: ports.removed } : {}),
    ...(rules.set.length > 0 ? { rules: rules.set } : {}),
    ...(rules.removed.length > 0 ? { removeRules: rules.removed } : {}),
    ...(cpu.set.length > 0 ? { cpu: cpu.set } : {}),
    ...(cpu.removed.length > 0 ? { removeCpu: cpu.removed } : {}),
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
  const { start, endBefore, endAfter } = differingSpan(from, to, Object.is);
  const before = new Map(from.slice(start, endBefore).map((item) => [key(item), item]));
  const set: T[] = [];
  for (const item of to.slice(start, endAfter)) {
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
