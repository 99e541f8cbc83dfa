/** Checks of routes and raw rules: ends, edges, ports, equal rules. */
import { IDENTITY, isMac, type Route, type RuleStatement } from '../core/index.js';
import type { CheckContext } from './check-context.js';
import { checkGroupCycles } from './check-groups.js';
import * as words from './wording.js';

export function checkRoutes(context: CheckContext): void {
  const directions = new Map<string, Route>();
  for (const route of context.topology.routes) {
    const { from, to, network } = route;
    context.knows('network', network, route, 'network');
    if (from === to) context.report(route, 'to', words.routeSelf(from));
    checkEnd(context, route, 'begins');
    checkEnd(context, route, 'ends');
    checkPath(context, route);
    for (const [a, b] of route.both && from !== to
      ? ([
          [from, to],
          [to, from],
        ] as const)
      : ([[from, to]] as const)) {
      const key = `${network} ${a} ${b}`;
      const first = directions.get(key);
      if (first !== undefined && first !== route) {
        context.report(route, 'head', words.routeTwice(a, b), first);
        break;
      }
      directions.set(key, route);
    }
  }
}

function checkEnd(context: CheckContext, route: Route, end: 'begins' | 'ends'): void {
  const [name, part] = end === 'begins' ? [route.from, 'from'] : [route.to, 'to'];
  if (!context.knows('VM', name, route, part)) return;
  const vm = context.vms.get(name);
  const index = end === 'begins' ? 0 : route.via.length - 1;
  const hop = route.via[index];
  if (vm === undefined) return;
  if (vm.network !== route.network && context.networks.has(vm.network)) {
    context.report(route, part, words.routeNetwork(name, vm.network, route.network));
  }
  if (hop !== undefined && hop !== vm.host && context.hosts.has(vm.host)) {
    context.report(route, `via:${index}`, words.routeEnd(end, hop, name, vm.host));
  }
}

function checkPath(context: CheckContext, route: Route): void {
  if (route.via.length === 0) context.report(route, 'head', words.routeEmpty());
  const met = new Set<string>();
  let before: string | undefined;
  for (const [index, hop] of route.via.entries()) {
    const part = `via:${index}`;
    const isKnown = context.knows('host', hop, route, part);
    if (met.has(hop)) context.report(route, part, words.routeLoop(hop));
    else if (before !== undefined && isKnown) context.needsEdge(before, hop, route, part);
    met.add(hop);
    before = isKnown ? hop : undefined;
  }
}

export function checkRules(context: CheckContext): void {
  const { rules, ports, vms } = context.topology;
  const known = new Map<string, Set<string>>();
  for (const { network, host, port } of [...ports, ...vms]) {
    if (port === undefined) continue;
    const key = `${network} ${host}`;
    known.set(key, (known.get(key) ?? new Set()).add(port));
  }
  const seen = new Map<string, RuleStatement>();
  for (const rule of rules) {
    const first = seen.get(IDENTITY.rules(rule));
    if (first !== undefined) context.report(rule, 'head', words.equalRules(rule.host), first);
    seen.set(IDENTITY.rules(rule), first ?? rule);
    checkRule(context, rule, known.get(`${rule.network} ${rule.host}`) ?? new Set());
  }
  checkGroupCycles(context);
}

function checkRule(context: CheckContext, rule: RuleStatement, ports: Set<string>): void {
  const isHostKnown = context.knows('host', rule.host, rule, 'host');
  context.knows('network', rule.network, rule, 'network');
  if (rule.actions.length === 0) context.report(rule, 'head', words.noActions());
  for (const matcher of [rule.source, rule.destination]) {
    if ('mac' in matcher && !isMac(matcher.mac)) context.report(rule, 'head', words.badMac(matcher.mac));
  }
  for (const [index, action] of rule.actions.entries()) {
    const part = `action:${index}`;
    if (action.kind === 'edge') {
      if (action.peer === rule.host) context.report(rule, part, words.selfEdge(rule.host));
      else if (context.knows('host', action.peer, rule, part) && isHostKnown) {
        context.needsEdge(rule.host, action.peer, rule, part);
      }
    } else if (action.kind === 'port' && isHostKnown && !context.options.partial && !ports.has(action.port)) {
      context.report(
        rule,
        part,
        words.unknownPort(action.port, rule.host, context.nearest(action.port, ports), context.options.form),
      );
    }
  }
}
