/** Whether a topology is right, asked of the part that a change concerns. Pure. */
import {
  type Change,
  emptyTopology,
  type LinkStatement,
  type RuleStatement,
  type Topology,
  VnetError,
} from '../core/index.js';
import { checkTopology } from '../lang/index.js';
import { edgeKey, isGroupRule } from './lowering/index.js';

/**
 * Throws `VNET_ERR_INVALID`, with the diagnostics as details, where `after` is not right. `before` was: so only what
 * the change adds, what stood on what it removes, and what could be in its way need to be looked at. Where that part
 * is in doubt the whole is checked, and words the error.
 */
export function refuseErrors(before: Topology, change: Change, after: Topology): void {
  const part = concernedPart(before, change, after);
  if (part && errorsOf(part).length === 0) return;
  const errors = errorsOf(after);
  const [first] = errors;
  if (!first) return;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  throw new VnetError('VNET_ERR_INVALID', `${first.message}${more}`, {
    hint: first.hint ?? 'correct the statement and ask again',
    details: errors,
  });
}

function errorsOf(topology: Topology) {
  return checkTopology(topology).filter(({ severity }) => severity === 'error');
}

/**
 * The statements that decide about a change; undefined: any may. A statement is left out only where it cannot be
 * wrong now if it was right before. What it names may be missing: then the part has an error that the whole has not.
 */
export function concernedPart(before: Topology, change: Change, after: Topology): Topology | undefined {
  const { add, remove } = change;
  const named = [add, remove].some(
    ({ networks, hosts, shapes }) => networks.length + hosts.length + shapes.length > 0,
  );
  if (touchesPromises(change, after)) return undefined;
  if (named || before.networks !== after.networks || touchesGroups(change, before, after)) return undefined;
  const vms = concernedVms(change, after);
  const ports = concernedPorts(change, after);
  const routes = concernedRoutes(change, after);
  const rules = concernedRules(change, after);
  const vmNames = new Set(routes.flatMap(({ from, to }) => [from, to]));
  const spots = new Set(rules.flatMap(({ host, actions }) => actions.map((x) => spotOf(host, x))));
  const isUsed = ({ host, port }: { host: string; port?: string }) =>
    port !== undefined && spots.has(`${host} ${port}`);
  const [ownVms, ownPorts] = [new Set(vms), new Set(ports)];
  const withRouted =
    vmNames.size + spots.size === 0
      ? vms
      : after.vms.filter((vm) => ownVms.has(vm) || vmNames.has(vm.name) || isUsed(vm));
  const withUsed =
    spots.size === 0 ? ports : after.ports.filter((port) => ownPorts.has(port) || isUsed(port));
  const { links, edges } = concernedLinks(change, after, routes, rules);
  const proxies = after.hosts.filter(({ proxy }) => proxy);
  const proxy = proxies[0]?.name;
  const isJoined = new Set(links.map(({ a, b }) => edgeKey(a, b)));
  const needsShapes = [...edges].some(
    (edge) => !isJoined.has(edge) && !edge.split(' ').includes(proxy ?? ''),
  );
  const shapes = needsShapes ? after.shapes : [];
  const names = new Set<string>([
    ...[...withRouted, ...withUsed, ...rules].map(({ host }) => host),
    ...links.flatMap(({ a, b }) => [a, b]),
    ...routes.flatMap(({ via }) => via),
    ...rules.flatMap(({ actions }) => actions.flatMap((x) => (x.kind === 'edge' ? [x.peer] : []))),
    ...shapes.flatMap(({ hosts }) => hosts),
  ]);
  const hosts = after.hosts.filter(({ name, proxy: isProxy }) => isProxy || names.has(name));
  return {
    ...emptyTopology(),
    networks: after.networks,
    hosts,
    vms: withRouted,
    ports: withUsed,
    links,
    shapes,
    routes,
    rules,
  };
}

/** Reservations and constraints are few, and about hosts, links and VMs alike: the whole is looked at. */
function touchesPromises({ add, remove }: Change, after: Topology): boolean {
  const lists = [add, remove].flatMap(({ linkReservations, cpuReservations, constraints }) => [
    ...linkReservations,
    ...cpuReservations,
    ...constraints,
  ]);
  if (lists.length > 0) return true;
  const { linkReservations, cpuReservations, constraints } = after;
  const vms = new Set([...remove.vms, ...add.vms].map(({ name }) => name));
  const edges = edgesOf(remove.links);
  return (
    (edges.size > 0 && linkReservations.some(({ from, to }) => edges.has(edgeKey(from, to)))) ||
    (vms.size > 0 &&
      (cpuReservations.some(({ vm }) => vms.has(vm)) ||
        constraints.some((constraint) => constraint.vms.some((vm) => vms.has(vm)))))
  );
}

/** Trees of group frames are looked at as a whole: rules, ports and hosts together decide. */
function touchesGroups({ add, remove }: Change, before: Topology, after: Topology): boolean {
  if ([...add.rules, ...remove.rules].some(isGroupRule)) return true;
  const [first] = [add, remove].flatMap(({ vms, ports }) => [...vms, ...ports]);
  return first !== undefined && (after.rules.some(isGroupRule) || before.rules.some(isGroupRule));
}

const spotOf = (host: string, action: RuleStatement['actions'][number]): string =>
  action.kind === 'port' ? `${host} ${action.port}` : '';

/** Those added, and those that may have an address or a port in common with them. */
function concernedVms({ add }: Change, { vms }: Topology): Topology['vms'] {
  if (add.vms.length + add.ports.length === 0) return [];
  const macs = new Set(add.vms.flatMap((vm) => vm.macs));
  const ports = new Set([...add.vms, ...add.ports].map(({ host, port }) => `${host} ${port ?? ''}`));
  const names = new Set(add.vms.map(({ name }) => name));
  return vms.filter(
    (vm) =>
      names.has(vm.name) ||
      (vm.port !== undefined && ports.has(`${vm.host} ${vm.port}`)) ||
      vm.macs.some((mac) => macs.has(mac)),
  );
}

function concernedPorts({ add }: Change, { ports }: Topology): Topology['ports'] {
  if (add.vms.length + add.ports.length === 0) return [];
  const taken = new Set([...add.vms, ...add.ports].map(({ host, port }) => `${host} ${port ?? ''}`));
  return ports.filter(({ host, port }) => taken.has(`${host} ${port}`));
}

/** Those added with their rivals, those of VMs that changed, those over edges that lost a link. */
function concernedRoutes({ add, remove }: Change, { routes }: Topology): Topology['routes'] {
  const vms = new Set([...add.vms, ...remove.vms].map(({ name }) => name));
  const pairs = new Set(add.routes.map(({ from, to }) => edgeKey(from, to)));
  const edges = edgesOf(remove.links);
  if (vms.size + pairs.size + edges.size === 0) return [];
  return routes.filter(
    ({ from, to, via }) =>
      vms.has(from) ||
      vms.has(to) ||
      pairs.has(edgeKey(from, to)) ||
      (edges.size > 0 && via.some((host, i) => edges.has(edgeKey(host, via[i + 1] ?? '')))),
  );
}

/** Those added, those that use ports that went, those over edges that lost a link. */
function concernedRules({ add, remove }: Change, { rules }: Topology): Topology['rules'] {
  const edges = edgesOf(remove.links);
  const spots = new Set([...remove.vms, ...remove.ports].map(({ host, port }) => `${host} ${port ?? ''}`));
  if (edges.size + spots.size === 0) return add.rules;
  const added = new Set(add.rules);
  return rules.filter(
    (rule) =>
      added.has(rule) ||
      rule.actions.some((action) =>
        action.kind === 'edge'
          ? edges.has(edgeKey(rule.host, action.peer))
          : spots.has(spotOf(rule.host, action)),
      ),
  );
}

/** Those added, and those that join what routes and rules need joined. */
function concernedLinks(
  { add }: Change,
  { links }: Topology,
  routes: Topology['routes'],
  rules: Topology['rules'],
): { links: LinkStatement[]; edges: Set<string> } {
  const ofRoutes = routes.flatMap(({ via }) => via.slice(1).map((host, i) => edgeKey(via[i] ?? '', host)));
  const ofRules = rules.flatMap(({ host, actions }) =>
    actions.flatMap((action) => (action.kind === 'edge' ? [edgeKey(host, action.peer)] : [])),
  );
  const edges = new Set([...ofRoutes, ...ofRules]);
  if (edges.size === 0) return { links: add.links, edges };
  const added = new Set(add.links);
  return { links: links.filter((link) => added.has(link) || edges.has(edgeKey(link.a, link.b))), edges };
}

function edgesOf(links: readonly LinkStatement[]): Set<string> {
  return new Set(links.map(({ a, b }) => edgeKey(a, b)));
}
