/** Which networks need a new epoch for a change to be consistent: fewer is faster. Pure. */
import type { HostConfig, Rule } from '../../core/index.js';

interface Changed {
  host: string;
  rule: Rule;
}

/**
 * A change needs no epoch of its own where every frame's path changes at one host at most (replacing there is
 * atomic), where nobody could send to the destination before or can afterwards, and where only the star's own
 * group and default rules change: they form a tree before, between and after.
 */
export function networksToSwitch(
  before: readonly HostConfig[],
  after: ReadonlyMap<string, HostConfig>,
): Set<number> {
  const changed = new Map<number, Changed[]>();
  const note = (host: string, rule: Rule) => {
    const list = changed.get(rule.network);
    if (list) list.push({ host, rule });
    else changed.set(rule.network, [{ host, rule }]);
  };
  for (const installed of before) {
    const target = after.get(installed.host);
    const standing = installed.rules.filter(({ toEpoch }) => toEpoch === undefined);
    const ids = new Set(standing.map(({ id }) => id));
    const wanted = new Set(target?.rules.map(({ id }) => id));
    for (const rule of standing) if (!wanted.has(rule.id)) note(installed.host, rule);
    for (const rule of target?.rules ?? []) if (!ids.has(rule.id)) note(installed.host, rule);
  }
  const switching = new Set<number>();
  for (const [network, list] of changed) {
    if (
      crossesHosts(
        list.filter(({ rule }) => !isTree(rule)),
        network,
        before,
        after,
      )
    )
      switching.add(network);
  }
  return switching;
}

function isTree({ origin, destination }: Rule): boolean {
  return origin === 'auto' && (destination.kind === 'group' || destination.kind === 'none');
}

function crossesHosts(
  changed: readonly Changed[],
  network: number,
  before: readonly HostConfig[],
  after: ReadonlyMap<string, HostConfig>,
): boolean {
  if (new Set(changed.map(({ host }) => host)).size <= 1) return false;
  if (changed.some(({ rule }) => rule.destination.kind !== 'exact')) return true;
  const known = reachable(before, network);
  const remain = reachable([...after.values()], network);
  const byDestination = new Map<string, Changed[]>();
  for (const change of changed) {
    const mac = 'mac' in change.rule.destination ? change.rule.destination.mac : '';
    if (!known.has(mac) || !remain.has(mac)) continue;
    byDestination.set(mac, [...(byDestination.get(mac) ?? []), change]);
  }
  return [...byDestination.values()].some(oneFrameMeetsTwoHosts);
}

function oneFrameMeetsTwoHosts(changed: readonly Changed[]): boolean {
  const hostsBySource = new Map<string, Set<string>>();
  for (const { host, rule } of changed) {
    const source = rule.source.kind === 'exact' ? rule.source.mac : 'any';
    hostsBySource.set(source, (hostsBySource.get(source) ?? new Set()).add(host));
  }
  if (hostsBySource.has('any')) return new Set(changed.map(({ host }) => host)).size > 1;
  return [...hostsBySource.values()].some((hosts) => hosts.size > 1);
}

/** Addresses that some rule of the network names as a destination. */
function reachable(configs: readonly HostConfig[], network: number): Set<string> {
  const macs = new Set<string>();
  for (const { rules } of configs) {
    for (const { network: own, destination, toEpoch } of rules) {
      if (own === network && toEpoch === undefined && destination.kind === 'exact') macs.add(destination.mac);
    }
  }
  return macs;
}
