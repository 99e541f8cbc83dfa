/**
 * Rules of one network by their matchers: a hash a class, so that a lookup visits the rules that match and at
 * most one that does not, however many there are.
 */
import type { DestinationMatcher, MacAddress, Rule, SourceMatcher } from '../../core/index.js';

/** Values by matcher. A source never has `group` or `none`. */
class MatcherIndex<Value> {
  readonly #exact = new Map<MacAddress, Value>();
  readonly #not = new Map<MacAddress, Value>();
  readonly #whole = new Map<'any' | 'group' | 'none', Value>();

  get(matcher: DestinationMatcher): Value | undefined {
    if (matcher.kind === 'exact') return this.#exact.get(matcher.mac);
    if (matcher.kind === 'not') return this.#not.get(matcher.mac);
    return this.#whole.get(matcher.kind);
  }

  set(matcher: DestinationMatcher, value: Value): void {
    if (matcher.kind === 'exact') this.#exact.set(matcher.mac, value);
    else if (matcher.kind === 'not') this.#not.set(matcher.mac, value);
    else this.#whole.set(matcher.kind, value);
  }

  delete(matcher: DestinationMatcher): void {
    if (matcher.kind === 'exact') this.#exact.delete(matcher.mac);
    else if (matcher.kind === 'not') this.#not.delete(matcher.mac);
    else this.#whole.delete(matcher.kind);
  }

  get empty(): boolean {
    return this.#exact.size + this.#not.size + this.#whole.size === 0;
  }

  visit(mac: MacAddress, group: boolean, found: (value: Value) => void): void {
    const exact = this.#exact.get(mac);
    if (exact !== undefined) found(exact);
    for (const [other, value] of this.#not) if (other !== mac) found(value);
    for (const [kind, value] of this.#whole) if (kind !== 'group' || group) found(value);
  }
}

export class RuleIndex {
  readonly #destinations = new MatcherIndex<MatcherIndex<Rule[]>>();

  get empty(): boolean {
    return this.#destinations.empty;
  }

  /** The rules with exactly these matchers, of whatever origin and epochs. */
  equals(source: SourceMatcher, destination: DestinationMatcher): readonly Rule[] {
    return this.#destinations.get(destination)?.get(source) ?? [];
  }

  add(rule: Rule): void {
    let sources = this.#destinations.get(rule.destination);
    if (!sources) {
      sources = new MatcherIndex();
      this.#destinations.set(rule.destination, sources);
    }
    const bucket = sources.get(rule.source);
    if (bucket) bucket.push(rule);
    else sources.set(rule.source, [rule]);
  }

  remove(rule: Rule): void {
    const sources = this.#destinations.get(rule.destination);
    const bucket = sources?.get(rule.source);
    if (!sources || !bucket) return;
    const left = bucket.filter((other) => other.id !== rule.id);
    if (left.length > 0) sources.set(rule.source, left);
    else sources.delete(rule.source);
    if (sources.empty) this.#destinations.delete(rule.destination);
  }

  /** Every rule whose matchers hold for the pair, whatever its epochs, in no order. */
  matching(source: MacAddress, destination: MacAddress, group: boolean): Rule[] {
    const found: Rule[] = [];
    this.#destinations.visit(destination, group, (sources) => {
      sources.visit(source, false, (bucket) => {
        for (const rule of bucket) found.push(rule);
      });
    });
    return found;
  }
}
