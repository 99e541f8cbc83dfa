/** Decisions in words, for `vnet route` and error messages. */
import type { DestinationMatcher, RouteHop, Rule } from '../../core/index.js';
import { DROP_REASONS } from '../../core/index.js';
import type { Decision, TableAction } from './decision.js';

/** `rule web-db: 02:00:00:00:00:01 -> any, edge proxy (route, epochs 3 to 7)`: one line, no full stop. */
export function describeRule(rule: Rule): string {
  const actions = rule.actions.map(describeAction).join(' and ');
  const forEver = rule.fromEpoch === 0 && rule.toEpoch === undefined;
  const last = rule.toEpoch === undefined ? 'on' : `to ${rule.toEpoch - 1}`;
  const epochs = forEver ? '' : `, epochs ${rule.fromEpoch} ${last}`;
  return `rule ${rule.id}: ${describeMatcher(rule.source)} -> ${describeMatcher(rule.destination)}, ${actions} (${rule.origin}${epochs})`;
}

/**
 * What a frame meets at one host, a line each: where it goes, the rules that decided and why, then the weaker
 * ones, strongest first.
 */
export function explain(decision: Decision): string[] {
  return [
    `goes to: ${decision.actions.map((action) => describeTarget(action, decision)).join(', ')}`,
    ...decision.rules.map((rule) => `won:     ${describeRule(rule)}`),
    `because: ${decision.why}`,
    ...decision.others.map((rule) => `matched: ${describeRule(rule)}`),
  ];
}

/** The decision as hops of a route, one for each copy; `ground` as the frame carries it here. */
export function routeHops(host: string, ground: boolean, decision: Decision): RouteHop[] {
  return decision.actions.map((action) => {
    const rule = decision.rules.find((candidate) => gives(candidate, action)) ?? decision.rules[0];
    const shared = { host, ground, why: decision.why, others: decision.others, ...(rule ? { rule } : {}) };
    if (action.kind === 'port') return { ...shared, verdict: 'port', to: action.port };
    if (action.kind === 'edge') return { ...shared, verdict: 'edge', to: action.peer };
    if (action.kind === 'ground') return { ...shared, verdict: 'ground', to: 'ground' };
    return { ...shared, verdict: 'drop', to: action.kind === 'hold' ? 'held' : dropName(decision) };
  });
}

function describeMatcher(matcher: DestinationMatcher): string {
  if (matcher.kind === 'exact') return matcher.mac;
  return matcher.kind === 'not' ? `not ${matcher.mac}` : matcher.kind;
}

function describeAction(action: TableAction): string {
  if (action.kind === 'port') return `port ${action.port}`;
  return action.kind === 'edge' ? `edge ${action.peer}` : action.kind;
}

function describeTarget(action: TableAction, decision: Decision): string {
  return action.kind === 'drop' ? `drop (${dropName(decision)})` : describeAction(action);
}

function dropName({ dropReason }: Decision): string {
  const named = Object.entries(DROP_REASONS).find(([, number]) => number === dropReason);
  return named?.[0] ?? 'rule';
}

function gives(rule: Rule, action: TableAction): boolean {
  return rule.actions.some((own) => describeAction(own) === describeAction(action));
}
