/** What is allowed and yet seldom meant. Looked for only where nothing is wrong; none of it ever blocks. */
import {
  type DestinationMatcher,
  isGroup,
  type RuleStatement,
  type SourceMatcher,
  type Topology,
} from '../core/index.js';
import type { CheckContext } from './check-context.js';
import { writeMatcher } from './values.js';
import * as words from './wording.js';

export function checkWarnings(context: CheckContext): void {
  // In the paper's form every host has an interface, and the form knows no other kind of port.
  if (context.options.form !== 'paper') warnOfLans(context);
  warnOfLinks(context);
  warnOfCoveredRules(context);
  warnOfIdleHosts(context);
}

/** A second LAN of one network is fine, unless the two are one LAN. */
function warnOfLans(context: CheckContext): void {
  const first = new Map<string, Topology['ports'][number]>();
  const warned = new Set<string>();
  for (const port of context.topology.ports) {
    if (port.role !== 'lan') continue;
    const other = first.get(port.network);
    if (other === undefined) first.set(port.network, port);
    else if (port.host !== other.host && !warned.has(port.network)) {
      warned.add(port.network);
      context.report(port, 'port', words.twoLans(port.network, other, port), other);
    }
  }
}

function warnOfLinks(context: CheckContext): void {
  for (const link of context.topology.links) {
    const ends = [link.a, link.b].map((name) => context.hosts.get(name));
    if (ends.every((host) => host !== undefined && host.endpoint === undefined)) {
      context.report(link, 'head', words.linkUndialled(link.a, link.b));
    }
  }
}

/**
 * A rule that decides of no frame, since stronger ones of the same host do. One with ports is passed over: group
 * frames go to the ports of all rules; so is one for groups, whose edges add up. Not complete: it takes rules of
 * one class, not every mixture of two.
 */
function warnOfCoveredRules(context: CheckContext): void {
  const tables = groupBy(context.topology.rules, ({ network, host }) => `${network} ${host}`);
  for (const table of tables.values()) {
    for (const [rule, covers] of coveredRules(table)) {
      context.report(rule, 'head', words.ruleCovered(rule.host, covers.map(ruleText)));
    }
  }
}

/** The rules of one host and network that decide nothing, each with those that decide instead. */
export function coveredRules(table: readonly RuleStatement[]): [RuleStatement, RuleStatement[]][] {
  const byDestination = groupBy(table, ({ destination }) => writeMatcher(destination));
  return table.flatMap((rule): [RuleStatement, RuleStatement[]][] => {
    if (rule.actions.some(({ kind }) => kind === 'port') || isForGroups(rule)) return [];
    const covers = coversOf(rule, table, byDestination.get(writeMatcher(rule.destination)) ?? []);
    return covers.length === 0 ? [] : [[rule, covers]];
  });
}

const ruleText = ({ source, destination }: RuleStatement): string =>
  `from ${writeMatcher(source)} to ${writeMatcher(destination)}`;

const isForGroups = ({ destination }: RuleStatement): boolean =>
  destination.kind === 'group' || (destination.kind === 'exact' && isGroup(destination.mac));

/** The stronger rules that together match all that this one matches; empty: some frame is left to it. */
function coversOf(
  { source, destination }: RuleStatement,
  table: readonly RuleStatement[],
  sameDestination: readonly RuleStatement[],
): RuleStatement[] {
  if (destination.kind === 'none' || destination.kind === 'any') {
    const wider = table.filter((other) => contains(other.source, source));
    const any = wider.find((other) => other.destination.kind === 'any');
    if (destination.kind === 'none' && any !== undefined) return [any];
    const pair = coveringPair(wider, (other) => other.destination);
    if (pair.length > 0) return pair;
  }
  return source.kind === 'any' ? coveringPair(sameDestination, (other) => other.source) : [];
}

/** `not X` with `X`, or with `not Y`: between them every address. */
function coveringPair(
  rules: readonly RuleStatement[],
  matcherOf: (rule: RuleStatement) => SourceMatcher | DestinationMatcher,
): RuleStatement[] {
  const not = rules.find((rule) => matcherOf(rule).kind === 'not');
  if (not === undefined) return [];
  const left = macOf(matcherOf(not));
  const rest = rules.find((rule) => {
    const matcher = matcherOf(rule);
    return (matcher.kind === 'exact') === (macOf(matcher) === left) && macOf(matcher) !== undefined;
  });
  return rest === undefined || rest === not ? [] : [not, rest];
}

const macOf = (matcher: SourceMatcher | DestinationMatcher): string | undefined =>
  'mac' in matcher ? matcher.mac : undefined;

const sameMatcher = (a: SourceMatcher | DestinationMatcher, b: SourceMatcher | DestinationMatcher): boolean =>
  a.kind === b.kind && macOf(a) === macOf(b);

/** True: every source that `inner` matches, `outer` matches too. */
function contains(outer: SourceMatcher, inner: SourceMatcher): boolean {
  if (outer.kind === 'any' || sameMatcher(outer, inner)) return true;
  return outer.kind === 'not' && inner.kind === 'exact' && outer.mac !== inner.mac;
}

/** A host that nothing names: one of a star of all hosts is as idle as before. */
function warnOfIdleHosts(context: CheckContext): void {
  const { hosts, vms, ports, links, shapes, routes, rules } = context.topology;
  const busy = new Set<string>([
    ...[...vms, ...ports, ...rules].map(({ host }) => host),
    ...vms.flatMap(({ among = [] }) => among),
    ...links.flatMap(({ a, b }) => [a, b]),
    ...routes.flatMap(({ via }) => via),
    ...shapes.flatMap((shape) => shape.hosts),
  ]);
  if (shapes.some((shape) => shape.kind !== 'star' && shape.hosts.length === 0)) return;
  const idle = hosts.filter((host) => host.proxy !== true && !busy.has(host.name));
  const [first] = idle;
  // A script of hosts alone is about to be filled.
  if (first === undefined || vms.length + ports.length === 0) return;
  context.report(first, 'name', words.idleHosts(idle.map(({ name }) => name)));
}

function groupBy<T>(list: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
