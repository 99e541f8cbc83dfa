/**
 * The forwarding table of one host: the only place where rules are matched. Pure: no I/O, no clock.
 * What it decides is cached by the data plane under `generation`.
 */
import { type FlowScope, isGroup, macToNumber, type Rule, VnetError } from '../../core/index.js';
import { type Decision, decide, EPOCH_END, type FrameKey } from './decision.js';
import { describeRule } from './explain.js';
import { RuleIndex } from './rule-index.js';

/** Beyond this many scopes of one network a change is said to touch the network whole: the cache scans each. */
export const MAX_SCOPES_PER_NETWORK = 64;

const NOTHING = new RuleIndex();

/** Removed first, then added; a rule whose id is there already replaces it. Ids that are not there are no error. */
export interface TableChange {
  add?: Rule[];
  remove?: string[];
}

/** Rules that were added belong to the table: they are not to be changed afterwards. */
export class ForwardingTable {
  readonly #rules = new Map<string, Rule>();
  readonly #networks = new Map<number, RuleIndex>();
  #generation = 0;

  /** Grows by one with every change that changes something. */
  get generation(): number {
    return this.#generation;
  }

  get size(): number {
    return this.#rules.size;
  }

  get(id: string): Rule | undefined {
    return this.#rules.get(id);
  }

  /** In the order they were added. */
  rules(network?: number): Rule[] {
    const all = [...this.#rules.values()];
    return network === undefined ? all : all.filter((rule) => rule.network === network);
  }

  /** As `apply` with one rule. */
  add(rule: Rule): FlowScope[] {
    return this.apply({ add: [rule] });
  }

  /** As `apply` with one id. */
  remove(id: string): FlowScope[] {
    return this.apply({ remove: [id] });
  }

  /** Makes the table hold exactly these; rules that stay the same are not touched. Errors as `apply`. */
  replaceAll(rules: Rule[]): FlowScope[] {
    const kept = new Set(rules.map((rule) => rule.id));
    return this.apply({ add: rules, remove: [...this.#rules.keys()].filter((id) => !kept.has(id)) });
  }

  /**
   * Applies a change whole or not at all, and returns which cached decisions it touches.
   *
   * @throws VNET_ERR_INVALID for a rule that cannot be right; VNET_ERR_EXISTS for two rules of one origin with
   * equal matchers and a common epoch, naming both.
   */
  apply({ add = [], remove = [] }: TableChange): FlowScope[] {
    const added = new Map<string, Rule>();
    for (const rule of add) {
      checkRule(rule);
      if (added.has(rule.id))
        throw new VnetError('VNET_ERR_EXISTS', `rule ${rule.id} is given twice in one change`);
      added.set(rule.id, rule);
    }
    const gone = new Set([...remove, ...added.keys()]);
    this.#refuseConflicts(add, gone);

    const touched: Rule[] = [];
    for (const id of gone) {
      const before = this.#rules.get(id);
      const after = added.get(id);
      if (before && after && sameRule(before, after)) continue;
      if (before) touched.push(this.#take(before));
      if (after) touched.push(this.#put(after));
    }
    if (touched.length > 0) this.#generation += 1;
    return narrowScopes(touched);
  }

  /** What becomes of a frame. Constant time but for the rules that do match. */
  match(key: FrameKey): Decision {
    const index = this.#networks.get(key.network) ?? NOTHING;
    return decide(key, index.matching(key.source, key.destination, isGroup(key.destination)));
  }

  #refuseConflicts(add: Rule[], gone: Set<string>): void {
    const fresh = new Map<number, RuleIndex>();
    for (const rule of add) {
      const standing = this.#networks.get(rule.network)?.equals(rule.source, rule.destination) ?? [];
      const ours = indexOf(fresh, rule.network);
      const rivals = [
        ...standing.filter(({ id }) => !gone.has(id)),
        ...ours.equals(rule.source, rule.destination),
      ];
      const rival = rivals.find((other) => other.origin === rule.origin && epochsMeet(other, rule));
      if (rival) throw conflict(rule, rival);
      ours.add(rule);
    }
  }

  #put(rule: Rule): Rule {
    this.#rules.set(rule.id, rule);
    indexOf(this.#networks, rule.network).add(rule);
    return rule;
  }

  #take(rule: Rule): Rule {
    this.#rules.delete(rule.id);
    const index = indexOf(this.#networks, rule.network);
    index.remove(rule);
    if (index.empty) this.#networks.delete(rule.network);
    return rule;
  }
}

function indexOf(networks: Map<number, RuleIndex>, network: number): RuleIndex {
  const known = networks.get(network);
  if (known) return known;
  const made = new RuleIndex();
  networks.set(network, made);
  return made;
}

function epochsMeet(a: Rule, b: Rule): boolean {
  return a.fromEpoch < (b.toEpoch ?? Infinity) && b.fromEpoch < (a.toEpoch ?? Infinity);
}

function conflict(rule: Rule, rival: Rule): VnetError {
  const message = `rule ${rule.id} and rule ${rival.id} match the same frames with equal strength: ${describeRule(rule)}; ${describeRule(rival)}`;
  return new VnetError('VNET_ERR_EXISTS', message, {
    hint: `delete rule ${rival.id} first, or change a matcher of one of them`,
    details: { rules: [rule.id, rival.id] },
  });
}

function checkRule(rule: Rule): void {
  const { actions, fromEpoch, toEpoch = EPOCH_END } = rule;
  const wrong = (what: string, hint: string) =>
    new VnetError('VNET_ERR_INVALID', `rule ${rule.id} ${what}`, { hint });
  if (actions.length === 0) throw wrong('has no action', 'name a port or an edge, or say drop');
  if (actions.length > 1 && actions.some(({ kind }) => kind === 'drop' || kind === 'hold')) {
    throw wrong('joins drop or hold with other actions', 'let drop and hold stand alone');
  }
  if (!isEpoch(fromEpoch) || !isEpoch(toEpoch) || fromEpoch >= toEpoch) {
    throw wrong(
      `is valid in no epoch: [${fromEpoch}, ${toEpoch})`,
      'let fromEpoch be below toEpoch, both 32-bit',
    );
  }
}

function isEpoch(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= EPOCH_END;
}

function sameRule(a: Rule, b: Rule): boolean {
  return fingerprint(a) === fingerprint(b);
}

/** Independent of the order in which an object's fields were written. */
function fingerprint(rule: Rule): string {
  const mac = (matcher: Rule['destination']) => ('mac' in matcher ? matcher.mac : '');
  const actions = rule.actions.map((action) => [
    action.kind,
    action.kind === 'port' ? action.port : action.kind === 'edge' ? action.peer : '',
  ]);
  return JSON.stringify([
    rule.network,
    [rule.source.kind, mac(rule.source), rule.destination.kind, mac(rule.destination)],
    [rule.owner, rule.origin, rule.fromEpoch, rule.toEpoch ?? EPOCH_END],
    actions,
  ]);
}

/** As narrow as the matchers allow; what a wider scope covers is left out. */
function narrowScopes(touched: Rule[]): FlowScope[] {
  const byNetwork = new Map<number, Map<string, FlowScope>>();
  for (const rule of touched) {
    const scope = scopeOf(rule);
    const scopes = byNetwork.get(rule.network) ?? new Map<string, FlowScope>();
    const destination = scope.group ? 'group' : scope.destination;
    byNetwork.set(rule.network, scopes.set(`${scope.source} ${destination}`, scope));
  }
  return [...byNetwork].flatMap(([network, scopes]) => {
    const whole = scopes.has('undefined undefined') || scopes.size > MAX_SCOPES_PER_NETWORK;
    if (whole) return [{ network }];
    return [...scopes.values()].filter(({ source, destination, group }) => {
      if (group) return source === undefined || !scopes.has(`${source} undefined`);
      if (source === undefined || destination === undefined) return true;
      return !scopes.has(`${source} undefined`) && !scopes.has(`undefined ${destination}`);
    });
  });
}

function scopeOf({ network, source, destination }: Rule): FlowScope {
  return {
    network,
    ...(source.kind === 'exact' ? { source: macToNumber(source.mac) } : {}),
    ...(destination.kind === 'exact' ? { destination: macToNumber(destination.mac) } : {}),
    ...(destination.kind === 'group' ? { group: true } : {}),
  };
}
