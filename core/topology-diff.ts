/** The difference of two topologies, and a topology with a difference applied. */
import { VnetError } from './errors.js';
import type { DestinationMatcher, SourceMatcher, Topology } from './topology.js';

/** Statements to remove and to add; one with the same identity in both is a replacement. */
export interface Change {
  add: Topology;
  remove: Topology;
}

type Lists = { [K in keyof Topology]: Topology[K][number] };

const matcherKey = (matcher: SourceMatcher | DestinationMatcher): string =>
  'mac' in matcher ? `${matcher.kind} ${matcher.mac}` : matcher.kind;

/** What makes a statement the same statement: two of one identity cannot stand in one topology. */
export const IDENTITY: { [K in keyof Lists]: (statement: Lists[K]) => string } = {
  networks: (network) => network.name,
  hosts: (host) => host.name,
  vms: (vm) => vm.name,
  ports: (port) => `${port.host} ${port.port}`,
  links: (link) => `${link.type} ${[link.a, link.b].sort().join(' ')}`,
  shapes: (shape) =>
    [shape.network, shape.kind, shape.type, (shape.dimensions ?? []).join('x'), ...shape.hosts].join(' '),
  routes: (route) => `${route.network} ${route.from} ${route.both ? '<->' : '->'} ${route.to}`,
  rules: (rule) => `${rule.network} ${rule.host} ${matcherKey(rule.source)} ${matcherKey(rule.destination)}`,
  linkReservations: ({ type, from, to }) => `${type} ${from} ${to}`,
  cpuReservations: ({ vm }) => vm,
  constraints: ({ kind, vms }) => `${kind} ${[...vms].sort().join(' ')}`,
};

export const TOPOLOGY_LISTS = Object.keys(IDENTITY) as (keyof Topology)[];

export function emptyChange(): Change {
  return { add: mapLists(() => []), remove: mapLists(() => []) };
}

function mapLists(make: (list: keyof Topology) => unknown[]): Topology {
  return Object.fromEntries(TOPOLOGY_LISTS.map((list) => [list, make(list)])) as unknown as Topology;
}

const identityOf = (list: keyof Topology, statement: unknown): string =>
  (IDENTITY[list] as (statement: unknown) => string)(statement);

/** Sets sorted by identity, keys of every statement in one order, symmetric parts turned one way: equal topologies become equal JSON. */
export function canonical(topology: Topology): Topology {
  return mapLists((list) =>
    topology[list]
      .map((statement) => canonicalStatement(list, statement))
      .sort((a, b) => compare(identityOf(list, a), identityOf(list, b))),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function canonicalStatement(list: keyof Topology, statement: object): object {
  const entries = Object.entries(statement).filter(([, value]) => value !== undefined && value !== false);
  entries.sort(([a], [b]) => compare(a, b));
  const sorted = Object.fromEntries(entries) as Record<string, unknown>;
  if (list === 'routes') sorted['both'] = (statement as { both: boolean }).both;
  const machine = sorted['machine'] as object | undefined;
  if (machine !== undefined) sorted['machine'] = canonicalStatement('networks', machine);
  for (const set of ['among', ...(list === 'constraints' ? ['vms'] : [])])
    if (Array.isArray(sorted[set])) sorted[set] = [...new Set(sorted[set] as string[])].sort(compare);
  if (list === 'hosts' || list === 'vms') return sorted;
  if (list === 'links') {
    const [a, b] = [sorted['a'] as string, sorted['b'] as string].sort();
    return { ...sorted, a, b };
  }
  if (list === 'rules') {
    const actions = [...(sorted['actions'] as object[])].map((action) =>
      canonicalStatement('networks', action),
    );
    return { ...sorted, actions: actions.sort((a, b) => compare(JSON.stringify(a), JSON.stringify(b))) };
  }
  return sorted;
}

export function sameTopology(a: Topology, b: Topology): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

/** The change that turns `from` into `to`. Complexity: linear in both. */
export function diffTopologies(from: Topology, to: Topology): Change {
  const [before, after] = [canonical(from), canonical(to)];
  const missingIn = (list: keyof Topology, here: Topology, there: Topology): object[] => {
    const known = new Set(there[list].map((statement) => JSON.stringify(statement)));
    return here[list].filter((statement) => !known.has(JSON.stringify(statement)));
  };
  return {
    remove: mapLists((list) => missingIn(list, before, after)),
    add: mapLists((list) => missingIn(list, after, before)),
  };
}

export function isEmptyChange(change: Change): boolean {
  return TOPOLOGY_LISTS.every((list) => change.add[list].length === 0 && change.remove[list].length === 0);
}

/** The topology after the change. Removing what is not there and adding what is there already are no errors. */
export function applyChange(topology: Topology, change: Change): Topology {
  return canonical(
    mapLists((list) => {
      const byIdentity = new Map<string, object>();
      for (const statement of topology[list]) byIdentity.set(identityOf(list, statement), statement);
      for (const statement of change.remove[list]) byIdentity.delete(identityOf(list, statement));
      for (const statement of change.add[list]) byIdentity.set(identityOf(list, statement), statement);
      return [...byIdentity.values()];
    }),
  );
}

/** Throws `VNET_ERR_EXISTS` when two statements of one identity stand in the topology. */
export function assertUnique(topology: Topology): void {
  for (const list of TOPOLOGY_LISTS) {
    const seen = new Set<string>();
    for (const statement of topology[list]) {
      const identity = identityOf(list, statement);
      if (seen.has(identity))
        throw new VnetError('VNET_ERR_EXISTS', `${identity} stands twice among the ${list}`);
      seen.add(identity);
    }
  }
}
