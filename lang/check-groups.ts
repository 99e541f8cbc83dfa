/** Group frames must not run in a cycle: the very check that the Proxy makes before it touches anything. */
import { groupCycles, type RuleStatement } from '../core/index.js';
import type { CheckContext } from './check-context.js';
import * as words from './wording.js';

export function checkGroupCycles(context: CheckContext): void {
  // What is missing may be what makes the rules a tree.
  if (context.options.partial) return;
  const { hosts, rules } = context.topology;
  const names = hosts.map(({ name }) => name);
  const proxy = hosts.find((host) => host.proxy)?.name;
  const blamed = new Set<RuleStatement>();
  for (const network of context.networks) {
    const scope = { network, rules, hosts: names, proxy, withPorts: context.hostsWithPorts(network) };
    for (const { rule, action, peer, withStar } of groupCycles(scope)) {
      if (blamed.has(rule)) continue;
      blamed.add(rule);
      const wording = withStar ? words.groupCycleWithStar : words.groupCycle;
      context.report(rule, `action:${action}`, wording(network, rule.host, peer));
    }
  }
}
