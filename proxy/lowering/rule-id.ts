/** Names of rules that depend on nothing but what the rule says. */
import type { DestinationMatcher, Rule } from '../../core/index.js';
import type { RuleDraft } from './model.js';

/**
 * 16 hexadecimal digits over network, host, matchers, origin and actions (FNV-1a, twice 32 bits with different
 * starts). The actions are part of it because the old and the new version of a rule stand side by side, in
 * different epochs, while a path changes.
 */
export function ruleId(host: string, rule: RuleDraft & Pick<Rule, 'network'>): string {
  const actions = rule.actions.map((action) => {
    if (action.kind === 'edge') return `>${action.peer}`;
    return action.kind === 'port' ? `#${action.port}` : action.kind;
  });
  const matchers = `${matcherText(rule.source)}|${matcherText(rule.destination)}`;
  return digest(`${rule.network}|${host}|${matchers}|${rule.origin}|${actions.join(' ')}`);
}

/** The rule as the host gets it. */
export function wholeRule(host: string, network: number, draft: RuleDraft): Rule {
  const { source, destination, actions, origin } = draft;
  const owner = origin === 'auto' || origin === 'adapt' ? origin : 'user';
  const whole = { network, source, destination, actions, owner, origin, fromEpoch: 0 } as const;
  return { id: ruleId(host, whole), ...whole };
}

/** Two rules of one network and equal keys match the same frames with the same strength. */
export function strengthKey({ network, origin, source, destination }: Rule): string {
  return `${network} ${origin} ${matchersText({ source, destination })}`;
}

export function matchersText({ source, destination }: Pick<Rule, 'source' | 'destination'>): string {
  return `${matcherText(source)} -> ${matcherText(destination)}`;
}

function digest(text: string): string {
  let [high, low] = [0x811c9dc5, 0x9747b28c];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x85ebca6b) ^ (high >>> 15);
  }
  return hex(high) + hex(low);
}

/** `any`, `not 02:...`: equal texts, equal matchers. */
export function matcherText(matcher: DestinationMatcher): string {
  return 'mac' in matcher ? `${matcher.kind} ${matcher.mac}` : matcher.kind;
}

function hex(bits: number): string {
  return (bits >>> 0).toString(16).padStart(8, '0');
}
