/**
 * The edges that group frames use must form a tree: the edges of the user's group rules and, unless these are a
 * tree of their own over every host with ports, those of the star. Pure: the checker of scripts and the Proxy's
 * lowering ask the same code. DESIGN: "Forwarding, exactly".
 */
import { isGroup, type MacAddress } from './mac.js';
import type { RuleStatement } from './topology.js';

/** One network, as far as group frames go. */
export interface GroupScope {
  network: string;
  rules: readonly RuleStatement[];
  /** Every host, the Proxy among them. */
  hosts: Iterable<string>;
  /** Absent: there is no star. */
  proxy?: string | undefined;
  /** Hosts that have ports of this network, a VM's included. */
  withPorts: ReadonlySet<string>;
}

/** Every group, or the one address of exact group rules. */
export type GroupKey = 'group' | MacAddress;

/** A rule's action that closes a cycle. */
export interface GroupCycle {
  group: GroupKey;
  rule: RuleStatement;
  /** Of the rule's actions. */
  action: number;
  peer: string;
  /** True: only together with edges of the star. */
  withStar: boolean;
}

/** `rule` is absent for an edge of the star. */
interface GroupEdge {
  host: string;
  peer: string;
  rule?: RuleStatement;
  action: number;
}

type EdgesByHost = Map<string, GroupEdge[]>;

/** A forest that notices when an edge closes a cycle. Near-constant time an edge. */
class Forest {
  readonly #parents = new Map<string, string>();
  readonly #edges = new Set<string>();

  root(node: string): string {
    let at = node;
    for (let up = this.#parents.get(at); up !== undefined; up = this.#parents.get(at)) {
      const above = this.#parents.get(up);
      if (above !== undefined) this.#parents.set(at, above);
      at = up;
    }
    return at;
  }

  /** False: other edges join the two already. An edge counts once, whichever end names it. */
  join(a: string, b: string): boolean {
    const key = a < b ? `${a} ${b}` : `${b} ${a}`;
    if (this.#edges.has(key)) return true;
    this.#edges.add(key);
    const [x, y] = [this.root(a), this.root(b)];
    if (x !== y) this.#parents.set(x, y);
    return x !== y;
  }
}

/** True where the user's `group` rules are a tree that joins every host with ports, both ways of each edge. */
export function hasOwnGroupTree(scope: GroupScope): boolean {
  const own = usersEdges(scope).get('group');
  return own !== undefined && isTreeOverPorts(own, scope.withPorts);
}

/**
 * Where group frames of the network would run in a cycle; empty: nowhere. A host with edges of its own for an
 * exact group address uses those, else the general ones. Complexity: (rules + hosts) times exact group addresses.
 */
export function groupCycles(scope: GroupScope): GroupCycle[] {
  const own = usersEdges(scope);
  if (own.size === 0) return [];
  const users = own.get('group') ?? new Map();
  const star = isTreeOverPorts(users, scope.withPorts) ? new Map() : starEdges(scope);
  return [...own].flatMap(([group, exact]) => {
    if (group === 'group') return cyclesOf(group, users, star);
    const general = (edges: EdgesByHost): EdgesByHost =>
      new Map([...edges].filter(([host]) => !exact.has(host)));
    return cyclesOf(group, new Map([...general(users), ...exact]), general(star));
  });
}

/** The user's rules that send groups over edges, by the group and by host. */
function usersEdges({ rules, network }: GroupScope): Map<GroupKey, EdgesByHost> {
  const found = new Map<GroupKey, EdgesByHost>();
  for (const rule of rules) {
    const { destination, host } = rule;
    const exact = destination.kind === 'exact' && isGroup(destination.mac) ? destination.mac : undefined;
    const group = destination.kind === 'group' ? 'group' : exact;
    if (rule.network !== network || group === undefined) continue;
    for (const [action, { kind, peer }] of rule.actions.map(peerOf).entries()) {
      if (kind !== 'edge' || peer === host) continue;
      const hosts = found.get(group) ?? new Map<string, GroupEdge[]>();
      found.set(group, hosts.set(host, [...(hosts.get(host) ?? []), { host, peer, rule, action }]));
    }
  }
  return found;
}

const peerOf = (action: RuleStatement['actions'][number]): { kind: string; peer: string } =>
  action.kind === 'edge' ? action : { kind: action.kind, peer: '' };

/** Every host sends to the Proxy, and the Proxy to every host with ports. */
function starEdges({ hosts, proxy, withPorts }: GroupScope): EdgesByHost {
  if (proxy === undefined) return new Map();
  const edge = (host: string, peer: string): GroupEdge => ({ host, peer, action: 0 });
  const others = [...hosts].filter((host) => host !== proxy);
  const edges: EdgesByHost = new Map(others.map((host) => [host, [edge(host, proxy)]]));
  const served = others.filter((host) => withPorts.has(host));
  return edges.set(
    proxy,
    served.map((host) => edge(proxy, host)),
  );
}

function isTreeOverPorts(own: EdgesByHost, withPorts: ReadonlySet<string>): boolean {
  if (own.size === 0 || closing(own.values()).length > 0) return false;
  const bothWays = new Forest();
  for (const { host, peer } of [...own.values()].flat()) {
    if (own.get(peer)?.some((back) => back.peer === host)) bothWays.join(host, peer);
  }
  return new Set([...withPorts].map((host) => bothWays.root(host))).size <= 1;
}

/** Of the rules alone, else with the star, whose edges come first: it is always a rule that closes a cycle. */
function cyclesOf(group: GroupKey, users: EdgesByHost, star: EdgesByHost): GroupCycle[] {
  const own = closing(users.values());
  const withStar = own.length === 0;
  const found = withStar ? closing([...star.values(), ...users.values()]) : own;
  return found.flatMap(({ rule, action, peer }) =>
    rule === undefined ? [] : [{ group, rule, action, peer, withStar }],
  );
}

/** The edges whose ends earlier ones join already. */
function closing(edges: Iterable<GroupEdge[]>): GroupEdge[] {
  const forest = new Forest();
  return [...edges].flat().filter(({ host, peer }) => !forest.join(host, peer));
}
