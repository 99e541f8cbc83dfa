/** Names of rules that depend on nothing but what the rule says. */
import type { DestinationMatcher, Rule } from '../../core/index.js';

/**
 * 16 hexadecimal digits over network, host, matchers, origin and actions (FNV-1a, twice 32 bits with different
 * starts). The actions are part of it because the old and the new version of a rule stand side by side, in
 * different epochs, while a path changes.
 */
export function ruleId(
  host: string,
  rule: Pick<Rule, 'network' | 'source' | 'destination' | 'actions' | 'origin'>,
): string {
  const actions = rule.actions.map((action) => {
    if (action.kind === 'edge') return `>${action.peer}`;
    return action.kind === 'port' ? `#${action.port}` : action.kind;
  });
  const matchers = `${matcherText(rule.source)}|${matcherText(rule.destination)}`;
  const text = `${rule.network}|${host}|${matchers}|${rule.origin}|${actions.join(' ')}`;
  const known = KNOWN_IDS.get(text);
  if (known !== undefined) return known;
  if (KNOWN_IDS.size >= KNOWN_IDS_MAX) KNOWN_IDS.clear();
  const id = digest(text);
  KNOWN_IDS.set(text, id);
  return id;
}

/** The intent is lowered anew with every change, and most rules are those of before. */
const KNOWN_IDS = new Map<string, string>();
const KNOWN_IDS_MAX = 200_000;

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
