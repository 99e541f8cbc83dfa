/** Which networks need a new epoch for a change to be consistent: fewer is faster. Pure. */
import type { HostConfig, Rule } from '../../core/index.js';
import { differingSpan, isGroupRule } from '../lowering/index.js';

/** A host whose part changes. */
export interface PartChange {
  installed: HostConfig;
  /** Absent: it is no host of the topology any more. */
  target: HostConfig | undefined;
}

interface Changed {
  host: string;
  rule: Rule;
}

/** What every known host runs, and what all will. */
export interface Everybody {
  before: Iterable<HostConfig>;
  after: Iterable<HostConfig>;
}

/**
 * A change needs no epoch of its own where every frame's path changes at one host at most (replacing there is
 * atomic), where nobody could send to the destination before or can afterwards, and where only the star's own
 * group and default rules change: they form a tree before, between and after. Linear in the parts that change;
 * `everybody` is looked through only where destinations come or go at several hosts.
 */
export function networksToSwitch(parts: readonly PartChange[], everybody: () => Everybody): Set<number> {
  const changed = new Map<number, Changed[]>();
  for (const part of parts) {
    for (const rule of changedRules(part)) {
      const list = changed.get(rule.network);
      if (list) list.push({ host: part.installed.host, rule });
      else changed.set(rule.network, [{ host: part.installed.host, rule }]);
    }
  }
  const switching = new Set<number>();
  for (const [network, list] of changed) {
    if (movesGroups(list) || crossesHosts(list, network, everybody)) switching.add(network);
  }
  return switching;
}

/** Rules that come or go. */
function changedRules(part: PartChange): Rule[] {
  const { gone, come } = ruleChange(part);
  return [...gone, ...come];
}

export function ruleChange({ installed, target }: PartChange): { gone: Rule[]; come: Rule[] } {
  const after = target?.rules ?? [];
  const isSame = (a: Rule, b: Rule) => a.id === b.id && a.toEpoch === undefined;
  const { start, endBefore, endAfter } = differingSpan(installed.rules, after, isSame);
  const standing = installed.rules.slice(start, endBefore).filter(({ toEpoch }) => toEpoch === undefined);
  const wanted = after.slice(start, endAfter);
  const [before, next] = [new Set(standing.map(({ id }) => id)), new Set(wanted.map(({ id }) => id))];
  return {
    gone: standing.filter(({ id }) => !next.has(id)),
    come: wanted.filter(({ id }) => !before.has(id)),
  };
}

function isTree({ origin, destination }: Rule): boolean {
  return origin === 'auto' && (destination.kind === 'group' || destination.kind === 'none');
}

/** Edges of the user's for group frames come or go, and the tree changes at other hosts too: two would be mixed. */
function movesGroups(changed: readonly Changed[]): boolean {
  const groups = changed.filter(({ rule }) => isGroupRule(rule));
  return hostsOf(groups).size > 1 && groups.some(({ rule }) => rule.origin !== 'auto');
}

function crossesHosts(all: readonly Changed[], network: number, everybody: () => Everybody): boolean {
  const changed = all.filter(({ rule }) => !isTree(rule));
  if (hostsOf(changed).size <= 1) return false;
  if (changed.some(({ rule }) => rule.destination.kind !== 'exact')) return true;
  const byDestination = new Map<string, Changed[]>();
  for (const change of changed) {
    const mac = 'mac' in change.rule.destination ? change.rule.destination.mac : '';
    const list = byDestination.get(mac);
    if (list) list.push(change);
    else byDestination.set(mac, [change]);
  }
  const moved = [...byDestination].filter(([, list]) => oneFrameMeetsTwoHosts(list)).map(([mac]) => mac);
  if (moved.length === 0) return false;
  const { before, after } = everybody();
  const known = named(before, network, new Set(moved));
  return known.size > 0 && named(after, network, known).size > 0;
}

function oneFrameMeetsTwoHosts(changed: readonly Changed[]): boolean {
  const hostsBySource = new Map<string, Set<string>>();
  for (const { host, rule } of changed) {
    const source = rule.source.kind === 'exact' ? rule.source.mac : 'any';
    hostsBySource.set(source, (hostsBySource.get(source) ?? new Set()).add(host));
  }
  if (hostsBySource.has('any')) return hostsOf(changed).size > 1;
  return [...hostsBySource.values()].some((hosts) => hosts.size > 1);
}

function hostsOf(changed: readonly Changed[]): Set<string> {
  return new Set(changed.map(({ host }) => host));
}

/** Those of the addresses that some rule of the network names as a destination. */
function named(configs: Iterable<HostConfig>, network: number, macs: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (const { rules } of configs) {
    for (const { network: own, destination, toEpoch } of rules) {
      if (destination.kind !== 'exact' || own !== network || toEpoch !== undefined) continue;
      if (macs.has(destination.mac)) found.add(destination.mac);
      if (found.size === macs.size) return found;
    }
  }
  return found;
}
