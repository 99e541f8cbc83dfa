/** The slow oracle of group frames: each frame followed from host to host, as the forwarding tables would send it. */
import fc from 'fast-check';
import {
  DEFAULT_NETWORK,
  type GroupKey,
  type GroupScope,
  hasOwnGroupTree,
  type MacAddress,
  type RuleStatement,
} from '../core/index.js';

const HOSTS = ['p', 'a', 'b', 'c', 'd'];
const GROUPS: GroupKey[] = ['group', '01:00:5e:00:00:05' as MacAddress, 'ff:ff:ff:ff:ff:ff' as MacAddress];
const host = fc.constantFrom(...HOSTS);

const statement = (group: GroupKey, from: string, peers: string[]): RuleStatement => ({
  network: DEFAULT_NETWORK,
  host: from,
  source: { kind: 'any' },
  destination: group === 'group' ? { kind: 'group' } : { kind: 'exact', mac: group },
  actions: peers.map((peer) => ({ kind: 'edge', peer })),
});

/** Rules for both ways of the edges of a tree, as a user would write one. */
const tree = fc
  .tuple(
    fc.constantFrom(...GROUPS),
    fc.shuffledSubarray(HOSTS, { minLength: 2 }),
    fc.array(fc.nat(), { minLength: 5 }),
  )
  .map(([group, nodes, parents]) => {
    const edges = nodes.slice(1).map((node, i) => [node, nodes[(parents[i] ?? 0) % (i + 1)] as string]);
    return nodes.map((node) => {
      const peers = edges.flatMap(([a = '', b = '']) => (a === node ? [b] : b === node ? [a] : []));
      return statement(group, node, peers);
    });
  });
const anyRule = fc
  .tuple(fc.constantFrom(...GROUPS), host, fc.uniqueArray(host, { minLength: 1, maxLength: 2 }))
  .map((parts) => [statement(...parts)]);

export const anyScope: fc.Arbitrary<GroupScope> = fc.record({
  network: fc.constant(DEFAULT_NETWORK),
  rules: fc.array(fc.oneof(tree, anyRule), { maxLength: 3 }).map((lists) => lists.flat()),
  hosts: fc.constant(HOSTS),
  proxy: fc.constant('p'),
  withPorts: fc.uniqueArray(host).map((hosts) => new Set(hosts)),
});

/** To whom a host sends frames of the group. */
function peersOf(scope: GroupScope, group: GroupKey, from: string): Set<string> {
  const users = (wanted: GroupKey): string[] =>
    scope.rules
      .filter(({ host: at, destination }) => {
        const key = 'mac' in destination ? destination.mac : destination.kind;
        return at === from && key === wanted;
      })
      .flatMap(({ actions }) => actions)
      .flatMap((action) => (action.kind === 'edge' && action.peer !== from ? [action.peer] : []));
  const exact = group === 'group' ? [] : users(group);
  if (exact.length > 0) return new Set(exact);
  const star = from === 'p' ? [...scope.withPorts].filter((each) => each !== 'p') : ['p'];
  return new Set([...users('group'), ...(hasOwnGroupTree(scope) ? [] : star)]);
}

/** How often each host sees a frame that enters at `from`; stops where one sees it a second time. */
function flood(scope: GroupScope, group: GroupKey, from: string): Map<string, number> {
  const seen = new Map([[from, 1]]);
  const moving = [{ at: from, ingress: '' }];
  for (let next = moving.pop(); next !== undefined; next = moving.pop()) {
    for (const peer of peersOf(scope, group, next.at)) {
      if (peer === next.ingress) continue;
      seen.set(peer, (seen.get(peer) ?? 0) + 1);
      if ((seen.get(peer) ?? 0) > 1) return seen;
      moving.push({ at: peer, ingress: next.at });
    }
  }
  return seen;
}

/** What is wrong with group frames of the scope, by trying every host; undefined: nothing. */
export function floodProblem(scope: GroupScope): string | undefined {
  for (const group of GROUPS) {
    for (const from of HOSTS) {
      const seen = flood(scope, group, from);
      const twice = [...seen].find(([, times]) => times > 1);
      if (twice) return `${group} from ${from} comes to ${twice[0]} twice`;
      const missed = [...scope.withPorts].find((each) => !seen.has(each));
      if (group === 'group' && scope.withPorts.has(from) && missed)
        return `${group} from ${from} misses ${missed}`;
    }
  }
  return undefined;
}
