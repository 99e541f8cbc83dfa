/** The automatic rules: the star through the Proxy, local delivery, and the tree of group frames. */
import type { Action, PortConfig } from '../../core/index.js';
import { ANY, edgeTo, exactly, GROUP, NONE, type Place, type Placed, type RuleDraft } from './model.js';

/** What the automatic rules of a host in a network depend on. */
export interface StarHost {
  host: string;
  proxy: string;
  /** Of the network, at this host; sorted. */
  ports: readonly Pick<PortConfig, 'port' | 'role'>[];
  /** Group frames have a tree of the user's. */
  ownTree: boolean;
  /** Hosts that have ports of the network, sorted. */
  withPorts: readonly string[];
}

/**
 * On a host: groups to every local port and the Proxy, anything unknown to the Proxy. On the Proxy: groups to
 * every host that has ports, what nobody knows to the LAN. Where the user's own group rules make a tree over all
 * ports, the star leaves group edges to them.
 */
export function hostRules(star: StarHost): RuleDraft[] {
  const { host, proxy, ports, ownTree } = star;
  const edges = ownTree ? [] : groupEdges(star);
  const group: Action[] = [...ports.map(toPort), ...edges];
  const unknown: Action[] =
    host === proxy ? ports.filter(({ role }) => role === 'lan').map(toPort) : [edgeTo(proxy)];
  const rules: RuleDraft[] = [
    { source: ANY, destination: GROUP, actions: group, origin: 'auto' },
    { source: ANY, destination: NONE, actions: unknown, origin: 'auto' },
  ];
  return rules.filter(({ actions }) => actions.length > 0);
}

const toPort = ({ port }: { port: string }): Action => ({ kind: 'port', port });

function groupEdges({ host, proxy, withPorts }: StarHost): Action[] {
  if (host !== proxy) return [edgeTo(proxy)];
  return withPorts.filter((other) => other !== proxy).map(edgeTo);
}

/**
 * To an address: at its host to its port, at the Proxy to the edge of its host. While it moves, the other host has a
 * rule too: what waited there for it, or comes late, is sent back the way it came and on by the ground.
 */
export function placeRules(place: Place, proxy: string): Placed[] {
  const other = place.alsoAt?.host;
  return place.macs.flatMap((mac) => {
    const rule = { source: ANY, destination: exactly(mac), origin: 'auto' } as const;
    const local: Placed = {
      host: place.host,
      rule: { ...rule, actions: [{ kind: 'port', port: place.port }] },
    };
    const placed = [local];
    if (place.host !== proxy) placed.push({ host: proxy, rule: { ...rule, actions: [edgeTo(place.host)] } });
    if (other !== undefined && other !== proxy && other !== place.host)
      placed.push({ host: other, rule: { ...rule, actions: [edgeTo(proxy)] } });
    return placed;
  });
}
