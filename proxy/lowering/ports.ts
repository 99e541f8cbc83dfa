/** The ports of a host: those of statements, and those that VMs stand behind. */
import { type PortConfig, type PortStatement, VnetError } from '../../core/index.js';
import type { Place } from './model.js';

/**
 * Sorted by name. A port carries the addresses of every VM behind it; a `lan` statement wins over the guard.
 *
 * @throws VNET_ERR_EXISTS where one port belongs to two networks.
 */
export function hostPorts(
  host: string,
  statements: Iterable<PortStatement>,
  places: Iterable<Place>,
  idOf: (network: string) => number,
): PortConfig[] {
  const ports = new Map<string, PortConfig>();
  const make = (port: string, network: string): PortConfig => {
    const id = idOf(network);
    const known = ports.get(port);
    if (known && known.network !== id) {
      throw new VnetError('VNET_ERR_EXISTS', `port ${port} of host ${host} belongs to two networks`, {
        hint: 'give each network a port of its own',
      });
    }
    const made: PortConfig = known ?? { port, network: id, role: 'vm', owner: 'user', macs: [] };
    ports.set(port, made);
    return made;
  };
  for (const { port, network, role } of statements) make(port, network).role = role;
  for (const place of places) {
    if (place.learnt) continue;
    for (const port of portsAt(host, place)) make(port, place.network).macs.push(...place.macs);
  }
  for (const port of ports.values()) port.macs = [...new Set(port.macs)].sort();
  return [...ports.values()].sort((a, b) => (a.port < b.port ? -1 : 1));
}

/** Hosts at which a place has a port. */
export function hostsOf({ host, alsoAt }: Place): string[] {
  return alsoAt && alsoAt.host !== host ? [host, alsoAt.host] : [host];
}

function portsAt(host: string, { host: own, port, alsoAt }: Place): string[] {
  const ports = own === host ? [port] : [];
  if (alsoAt?.host === host && alsoAt.port !== ports[0]) ports.push(alsoAt.port);
  return ports;
}

/** Those that paths lead to: not where a VM is admitted only since it moves. */
export function servedPorts(
  host: string,
  ports: readonly PortConfig[],
  statements: Iterable<PortStatement>,
  places: Iterable<Place>,
): PortConfig[] {
  const served = new Set<string>();
  for (const { port } of statements) served.add(port);
  for (const { host: own, port, learnt } of places) if (own === host && !learnt) served.add(port);
  return ports.filter(({ port }) => served.has(port));
}
