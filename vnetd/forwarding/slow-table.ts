/** For the tests: rules in a line each, and the oracle that the table is held against. */
import {
  type Action,
  DROP_REASONS,
  type DestinationMatcher,
  isGroup,
  type MacAddress,
  RULE_ORIGINS,
  type Rule,
  type SourceMatcher,
} from '../../core/index.js';
import { ForwardingTable, type FrameKey } from './index.js';

export const [A, B, C] = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'] as MacAddress[] as [
  MacAddress,
  MacAddress,
  MacAddress,
];
export const MDNS = '33:33:00:00:00:fb' as MacAddress;
export const any = { kind: 'any' } as const;
export const group = { kind: 'group' } as const;
export const none = { kind: 'none' } as const;
export const exact = (mac: MacAddress) => ({ kind: 'exact', mac }) as const;
export const not = (mac: MacAddress) => ({ kind: 'not', mac }) as const;
export const edge = (peer: string): Action => ({ kind: 'edge', peer });
export const port = (name: string): Action => ({ kind: 'port', port: name });
export const drop: Action = { kind: 'drop' };

export function rule(
  id: string,
  source: SourceMatcher,
  destination: DestinationMatcher,
  actions: Action[],
  more: Partial<Rule> = {},
): Rule {
  return {
    id,
    network: 1,
    source,
    destination,
    actions,
    owner: 'auto',
    origin: 'auto',
    fromEpoch: 0,
    ...more,
  };
}

export function key(source: MacAddress, destination: MacAddress, more: Partial<FrameKey> = {}): FrameKey {
  return { network: 1, ground: false, source, destination, epoch: 0, ingress: undefined, ...more };
}

export function table(...rules: Rule[]): ForwardingTable {
  const made = new ForwardingTable();
  made.replaceAll(rules);
  return made;
}

/** The text of DESIGN, "Forwarding, exactly", as a scan of all rules: slow and obvious. */
export function slowMatch(rules: Rule[], frame: FrameKey): { actions: string[]; rules: string[] } {
  const toGroup = isGroup(frame.destination);
  const matches = (matcher: DestinationMatcher, mac: MacAddress): boolean =>
    matcher.kind === 'exact'
      ? matcher.mac === mac
      : matcher.kind === 'not'
        ? matcher.mac !== mac
        : matcher.kind === 'group'
          ? toGroup
          : true;
  const living = rules
    .filter(
      (r) =>
        r.network === frame.network &&
        matches(r.source, frame.source) &&
        matches(r.destination, frame.destination) &&
        frame.epoch >= r.fromEpoch &&
        (r.toEpoch === undefined || frame.epoch < r.toEpoch),
    )
    .map((r) => {
      const landed = !frame.ground || r.origin === 'auto';
      return { ...r, actions: r.actions.filter((a) => landed || a.kind === 'port' || a.kind === 'hold') };
    })
    .filter((r) => r.actions.length > 0);
  const destinations = ['exact', 'group', 'not', 'any', 'none'];
  const sources = ['exact', 'not', 'any'];
  const mac = (matcher: DestinationMatcher) => ('mac' in matcher ? matcher.mac : '');
  const strength = (r: Rule) =>
    [
      destinations.indexOf(r.destination.kind),
      sources.indexOf(r.source.kind),
      RULE_ORIGINS.indexOf(r.origin),
      mac(r.destination),
      mac(r.source),
      r.id,
    ].join(' ');
  living.sort((a, b) => (strength(a) < strength(b) ? -1 : 1));
  const [best] = living;
  if (!best) return { actions: ['drop noMatch'], rules: [] };
  if (best.actions[0]?.kind === 'drop') return { actions: ['drop rule'], rules: [best.id] };

  let givers = [best];
  if (!toGroup && best.actions[0]?.kind === 'hold') return { actions: ['hold'], rules: [best.id] };
  if (toGroup) {
    const edgeClass = living.find((r) => r.actions.some((a) => a.kind === 'edge'))?.destination.kind;
    givers = living
      .map((r) => {
        const kept = r.actions.filter((a) => a.kind === 'port' || r.destination.kind === edgeClass);
        return { ...r, actions: kept.filter((a) => a.kind === 'port' || a.kind === 'edge') };
      })
      .filter((r) => r.actions.length > 0);
    if (givers.length === 0) return { actions: ['hold'], rules: living.map((r) => r.id) };
  }
  const ids = givers.map((r) => r.id);
  const offered = new Set(
    givers.flatMap((r) =>
      r.actions.map((a) =>
        a.kind === 'edge' ? `edge ${a.peer}` : a.kind === 'port' ? `port ${a.port}` : '',
      ),
    ),
  );
  const { ingress } = frame;
  if (ingress?.kind === 'port') offered.delete(`port ${ingress.port}`);
  if (ingress?.kind === 'edge' && (toGroup || !frame.ground)) offered.delete(`edge ${ingress.peer}`);
  // DESIGN does not say this: see ADR 0012.
  const late = !toGroup && !frame.ground && ingress?.kind === 'edge' && best.destination.kind === 'exact';
  const instead = late && ['auto', 'shape'].includes(best.origin) ? 'ground' : 'drop loop';
  return { actions: offered.size > 0 ? [...offered].sort() : [instead], rules: ids };
}

/** The table's answer in the oracle's words. */
export function told(made: ForwardingTable, frame: FrameKey): { actions: string[]; rules: string[] } {
  const decision = made.match(frame);
  const actions = decision.actions.map((action) => {
    if (action.kind === 'edge') return `edge ${action.peer}`;
    if (action.kind === 'port') return `port ${action.port}`;
    if (action.kind === 'hold' || action.kind === 'ground') return action.kind;
    const names: Record<number, string> = {
      [DROP_REASONS.noMatch]: 'noMatch',
      [DROP_REASONS.rule]: 'rule',
      [DROP_REASONS.loop]: 'loop',
    };
    return `drop ${names[decision.dropReason ?? 0]}`;
  });
  return { actions: actions.sort(), rules: decision.rules.map(({ id }) => id) };
}
