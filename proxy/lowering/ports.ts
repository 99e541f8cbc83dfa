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
  for (const { port, network, macs, learnt } of places) if (!learnt) make(port, network).macs.push(...macs);
  for (const port of ports.values()) port.macs = [...new Set(port.macs)].sort();
  return [...ports.values()].sort((a, b) => (a.port < b.port ? -1 : 1));
}
