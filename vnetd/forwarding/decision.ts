/**
 * From the rules that match a frame to what becomes of it (DESIGN: "Forwarding, exactly"). Pure.
 *
 * Unicast: the strongest rule alone. Group: the ports of all, and the edges of the strongest destination class
 * that has any; where the strongest rule of all says drop, the frame is dropped whole.
 */
import {
  type Action,
  DROP_REASONS,
  type DropReason,
  isGroup,
  type MacAddress,
  RULE_ORIGINS,
  type Rule,
} from '../../core/index.js';

/** Where a frame came in, by the names that rules use. */
export type TableIngress = { kind: 'port'; port: string } | { kind: 'edge'; peer: string };

export interface FrameKey {
  network: number;
  /** The frame carries the ground bit. */
  ground: boolean;
  source: MacAddress;
  destination: MacAddress;
  epoch: number;
  /** Absent: nothing is left out of the actions (a question without a frame). */
  ingress: TableIngress | undefined;
}

/** What a table says: the actions of rules, and `ground`: by the star from here on. */
export type TableAction = Action | { kind: 'ground' };

export interface Decision {
  /** Never empty: a single `drop`, `hold` or `ground`, or ports and edges without repeats, ports first. */
  actions: TableAction[];
  /** Present when the action is `drop`: `noMatch`, `rule` or `loop`. */
  dropReason?: DropReason;
  /** The rules that decided, strongest first: one for unicast, all that gave a copy for a group frame. */
  rules: Rule[];
  /** Why they won, one sentence. */
  why: string;
  /** The others that matched, strongest first. */
  others: Rule[];
  /** The decision is the same for every epoch in [fromEpoch, toEpoch). */
  fromEpoch: number;
  toEpoch: number;
}

/** Past every epoch, which is 32 bits wide: the end of what holds for ever. */
export const EPOCH_END = 0xffffffff;

const DESTINATION_STRENGTH = ['exact', 'group', 'not', 'any', 'none'] as const;
const SOURCE_STRENGTH = ['exact', 'not', 'any'] as const;
const ORIGIN_NAMES = {
  route: "a user's route",
  adapt: "adaptation's rule",
  shape: "a user's shape",
  auto: 'an automatic rule',
} as const;

type Place = Extract<Action, { kind: 'port' | 'edge' }>;

interface Match {
  rule: Rule;
  /** What of the rule's actions this frame may use. */
  actions: Action[];
}

/** Decides on the rules whose matchers hold for the key, in any order and whatever their epochs. */
export function decide(key: FrameKey, candidates: Rule[]): Decision {
  const eligible = candidates
    .map((rule) => usable(rule, key.ground))
    .filter((match) => match.actions.length > 0);
  const epochs = stableEpochs(key.epoch, eligible);
  const matches = eligible.filter(({ rule }) => isValid(rule, key.epoch));
  matches.sort((a, b) => compareStrength(a.rule, b.rule));
  const [strongest] = matches;
  if (!strongest) {
    const why = key.ground
      ? 'no automatic rule and no local delivery matches'
      : 'no rule of the network matches';
    const reason = DROP_REASONS.noMatch;
    return { actions: [{ kind: 'drop' }], dropReason: reason, rules: [], why, others: [], ...epochs };
  }
  const alone = !isGroup(key.destination) || strongest.actions.some((action) => action.kind === 'drop');
  return { ...(alone ? decideAlone(key, matches) : decideGroup(key, matches)), ...epochs };
}

/** With the ground bit only automatic rules and local delivery count; a hold stands for a port that moves. */
function usable(rule: Rule, ground: boolean): Match {
  if (!ground || rule.origin === 'auto') return { rule, actions: rule.actions };
  return { rule, actions: rule.actions.filter(({ kind }) => kind === 'port' || kind === 'hold') };
}

function isValid(rule: Rule, epoch: number): boolean {
  return rule.fromEpoch <= epoch && epoch < (rule.toEpoch ?? Infinity);
}

/** Between two neighbouring ends of validity the same rules match. */
function stableEpochs(epoch: number, matches: Match[]): { fromEpoch: number; toEpoch: number } {
  let fromEpoch = 0;
  let toEpoch = EPOCH_END;
  for (const { rule } of matches) {
    for (const end of [rule.fromEpoch, rule.toEpoch ?? EPOCH_END]) {
      if (end <= epoch) fromEpoch = Math.max(fromEpoch, end);
      else toEpoch = Math.min(toEpoch, end);
    }
  }
  return { fromEpoch, toEpoch };
}

/** Negative: `a` is stronger. Different `not` matchers of one origin are told apart by address, then by id. */
function compareStrength(a: Rule, b: Rule): number {
  return (
    DESTINATION_STRENGTH.indexOf(a.destination.kind) - DESTINATION_STRENGTH.indexOf(b.destination.kind) ||
    SOURCE_STRENGTH.indexOf(a.source.kind) - SOURCE_STRENGTH.indexOf(b.source.kind) ||
    RULE_ORIGINS.indexOf(a.origin) - RULE_ORIGINS.indexOf(b.origin) ||
    compareText(addresses(a), addresses(b)) ||
    compareText(a.id, b.id)
  );
}

function addresses({ source, destination }: Rule): string {
  return `${'mac' in destination ? destination.mac : ''} ${'mac' in source ? source.mac : ''}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

type Outcome = Omit<Decision, 'fromEpoch' | 'toEpoch'>;

function decideAlone(key: FrameKey, matches: Match[]): Outcome {
  const [winner, ...rest] = matches as [Match, ...Match[]];
  const others = rest.map(({ rule }) => rule);
  const decided = { rules: [winner.rule], others };
  const why = whyStronger(winner.rule, others[0]);
  if (winner.actions.some(({ kind }) => kind === 'drop')) {
    return {
      ...decided,
      actions: [{ kind: 'drop' }],
      dropReason: DROP_REASONS.rule,
      why: `${why}; it says drop`,
    };
  }
  if (winner.actions.some(({ kind }) => kind === 'hold')) {
    return { ...decided, actions: [{ kind: 'hold' }], why };
  }
  const actions = places([winner]).filter((action) => !leavesByIngress(key, action));
  if (actions.length > 0) return { ...decided, actions, why };
  if (groundsInstead(key, winner.rule)) {
    const sentBack = `${why}; it leads back where the frame came in, so the frame goes to ground`;
    return { ...decided, actions: [{ kind: 'ground' }], why: sentBack };
  }
  return { ...decided, ...loop(why) };
}

/**
 * A frame that comes late for an address that has moved away: the rule for it leads back over the edge that it came in
 * by. Only where the rule names the address and is the Proxy's own: nobody would ever send an unknown one to and fro.
 */
function groundsInstead({ ground, ingress }: FrameKey, { destination, origin }: Rule): boolean {
  return (
    !ground &&
    ingress?.kind === 'edge' &&
    destination.kind === 'exact' &&
    (origin === 'auto' || origin === 'shape')
  );
}

function decideGroup(key: FrameKey, matches: Match[]): Outcome {
  const edgeClass = matches.find(({ actions }) => actions.some(({ kind }) => kind === 'edge'))?.rule
    .destination.kind;
  const offered = matches.map(({ rule, actions }) => {
    const edges = rule.destination.kind === edgeClass;
    return { rule, actions: actions.filter(({ kind }) => kind === 'port' || (kind === 'edge' && edges)) };
  });
  const giving = offered.filter(({ actions }) => actions.length > 0);
  const rules = giving.map(({ rule }) => rule);
  const gave = new Set(rules);
  const others = matches.map(({ rule }) => rule).filter((rule) => !gave.has(rule));
  const why = whyGroup(matches.length, edgeClass);
  const actions = places(giving).filter((action) => !leavesByIngress(key, action));
  if (actions.length > 0) return { actions, rules, others, why };
  if (giving.length > 0) return { rules, others, ...loop(why) };
  return { actions: [{ kind: 'hold' }], rules: others, others: [], why: 'all that matches says hold' };
}

function loop(why: string): Pick<Decision, 'actions' | 'dropReason' | 'why'> {
  const dropReason = DROP_REASONS.loop;
  return {
    actions: [{ kind: 'drop' }],
    dropReason,
    why: `${why}; but it leads only back where the frame came in`,
  };
}

function places(matches: Match[]): Place[] {
  const found = new Map<string, Place>();
  for (const { actions } of matches) {
    for (const action of actions) {
      if (action.kind === 'port') found.set(`port ${action.port}`, action);
      if (action.kind === 'edge') found.set(`edge ${action.peer}`, action);
    }
  }
  return [...found.values()].sort((a, b) => Number(a.kind === 'edge') - Number(b.kind === 'edge'));
}

/**
 * On the ground a unicast frame may turn round on its edge. A group frame may not, since the star would echo it
 * until its hops end; nor may any frame go back into a port, where its sender's segment has seen it.
 */
function leavesByIngress({ ground, destination, ingress }: FrameKey, action: Place): boolean {
  if (!ingress) return false;
  if (ingress.kind === 'port') return action.kind === 'port' && action.port === ingress.port;
  const turns = ground && !isGroup(destination);
  return !turns && action.kind === 'edge' && action.peer === ingress.peer;
}

function whyStronger(winner: Rule, second: Rule | undefined): string {
  if (!second) return 'it is the only rule that matches';
  const [destination, source] = [winner.destination.kind, winner.source.kind];
  if (destination !== second.destination.kind) {
    return `its destination matcher is "${destination}", stronger than "${second.destination.kind}" of rule ${second.id}`;
  }
  if (source !== second.source.kind) {
    return `the destinations are equally strong and its source matcher is "${source}", stronger than "${second.source.kind}" of rule ${second.id}`;
  }
  if (winner.origin !== second.origin) {
    return `the matchers are equally strong and ${ORIGIN_NAMES[winner.origin]} comes before ${ORIGIN_NAMES[second.origin]} (rule ${second.id})`;
  }
  return `rule ${second.id} is equally strong, and the lower address comes first`;
}

function whyGroup(count: number, edgeClass: string | undefined): string {
  const ports = count === 1 ? 'of the only rule that matches' : `of all ${count} rules that match`;
  const edges =
    edgeClass === undefined
      ? 'none has an edge'
      : `to the edges of the strongest destination class that has any, "${edgeClass}"`;
  return `a group frame goes to the ports ${ports}, and ${edges}`.replace(
    'and none has',
    'of which none has',
  );
}
