/** The edges that group frames use must form a tree: here the user's own are looked at. */
import { isGroup, type MacAddress, type RuleStatement, type Topology } from '../../core/index.js';
import { edgeKey, type NetworkDraft } from './model.js';

/** A forest that notices when an edge closes a cycle. Near-constant time an edge. */
class Forest {
  readonly #parents = new Map<string, string>();

  root(node: string): string {
    const parent = this.#parents.get(node) ?? node;
    if (parent === node) return node;
    const root = this.root(parent);
    this.#parents.set(node, root);
    return root;
  }

  /** False: the two are joined already. */
  join(a: string, b: string): boolean {
    const [x, y] = [this.root(a), this.root(b)];
    if (x !== y) this.#parents.set(x, y);
    return x !== y;
  }
}

type GroupKey = 'group' | MacAddress;

/** Peers that the user's rules send groups to, by the group and by host. */
function usersGroupEdges(
  rules: readonly RuleStatement[],
  network: string,
): Map<GroupKey, Map<string, Set<string>>> {
  const found = new Map<GroupKey, Map<string, Set<string>>>();
  for (const { network: own, host, destination, actions } of rules) {
    const exact = destination.kind === 'exact' && isGroup(destination.mac) ? destination.mac : undefined;
    const group = destination.kind === 'group' ? 'group' : exact;
    if (own !== network || group === undefined) continue;
    const hosts = found.get(group) ?? new Map<string, Set<string>>();
    found.set(group, hosts);
    const peers = hosts.get(host) ?? new Set<string>();
    for (const action of actions) if (action.kind === 'edge') peers.add(action.peer);
    if (peers.size > 0) hosts.set(host, peers);
  }
  return found;
}

/** The undirected edges, or undefined where they close a cycle. */
function treeOf(peersByHost: ReadonlyMap<string, ReadonlySet<string>>): Set<string> | undefined {
  const keys = new Set<string>();
  for (const [host, peers] of peersByHost) for (const peer of peers) keys.add(edgeKey(host, peer));
  const forest = new Forest();
  for (const key of keys) {
    const [a = '', b = ''] = key.split(' ');
    if (!forest.join(a, b)) return undefined;
  }
  return keys;
}

/** Edges of the tree that the user's `group` rules make over every host with ports; undefined: the star serves. */
export function usersGroupTree(
  draft: Pick<NetworkDraft, 'topology' | 'network' | 'ports'>,
): Set<string> | undefined {
  const rules = draft.topology.rules;
  const own = usersGroupEdges(rules, draft.network.name).get('group');
  if (!own || own.size === 0) return undefined;
  const tree = treeOf(own);
  if (!tree) return undefined;
  const forest = new Forest();
  for (const [host, peers] of own) {
    for (const peer of peers) if (own.get(peer)?.has(host)) forest.join(host, peer);
  }
  const roots = new Set([...draft.ports.keys()].map((host) => forest.root(host)));
  return roots.size <= 1 ? tree : undefined;
}

/**
 * The groups of a network whose frames would run in a cycle: `group`, or the addresses of exact group rules. A
 * host without an edge of its own for a group uses the general one: the user's tree, else the star.
 */
export function groupCycles(
  topology: Topology,
  draft: Pick<NetworkDraft, 'network' | 'proxy' | 'ports'>,
): GroupKey[] {
  const own = usersGroupEdges(topology.rules, draft.network.name);
  if (own.size === 0) return [];
  const general = new Map<string, Set<string>>(own.get('group') ?? []);
  if (!usersGroupTree({ ...draft, topology })) {
    for (const { name } of topology.hosts) {
      if (name !== draft.proxy) general.set(name, new Set([...(general.get(name) ?? []), draft.proxy]));
    }
  }
  return [...own.keys()].filter((group) => {
    const used = new Map(general);
    if (group !== 'group') for (const [host, peers] of own.get(group) ?? []) used.set(host, peers);
    return treeOf(used) === undefined;
  });
}
