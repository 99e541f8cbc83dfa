/** The automatic rules: the star through the Proxy, local delivery, and the tree of group frames. */
import type { Action } from '../../core/index.js';
import { usersGroupTree } from './group-tree.js';
import { ANY, edgeTo, exactly, GROUP, type NetworkDraft, NONE } from './model.js';

/**
 * On a host: a local address to its port, groups to every local port and the Proxy, anything else to the Proxy.
 * On the Proxy: an address to the edge of its host, groups to every host that has ports, what nobody knows to
 * the LAN. Where the user's own group rules make a tree over all ports, the star leaves group edges to them.
 */
export function starRules(draft: NetworkDraft): void {
  const ownTree = usersGroupTree(draft) !== undefined;
  for (const { name } of draft.topology.hosts) {
    const ports: Action[] = (draft.ports.get(name) ?? []).map(({ port }) => ({ kind: 'port', port }));
    const edges = ownTree ? [] : groupEdges(draft, name);
    const actions = [...ports, ...edges];
    if (actions.length > 0) draft.add(name, { source: ANY, destination: GROUP, actions, origin: 'auto' });
    const unknown = name === draft.proxy ? lanPorts(draft) : [edgeTo(draft.proxy)];
    if (unknown.length > 0)
      draft.add(name, { source: ANY, destination: NONE, actions: unknown, origin: 'auto' });
  }
  for (const place of draft.places) {
    for (const mac of place.macs) {
      const rule = { source: ANY, destination: exactly(mac), origin: 'auto' } as const;
      draft.add(place.host, { ...rule, actions: [{ kind: 'port', port: place.port }] });
      if (place.host !== draft.proxy) draft.add(draft.proxy, { ...rule, actions: [edgeTo(place.host)] });
    }
  }
}

function groupEdges(draft: NetworkDraft, host: string): Action[] {
  if (host !== draft.proxy) return [edgeTo(draft.proxy)];
  return [...draft.ports.keys()].filter((other) => other !== draft.proxy).map(edgeTo);
}

function lanPorts(draft: NetworkDraft): Action[] {
  const ports = draft.ports.get(draft.proxy) ?? [];
  return ports.filter(({ role }) => role === 'lan').map(({ port }) => ({ kind: 'port', port }));
}
