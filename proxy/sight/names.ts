/** Names and places for the numbers that daemons count by: networks and the VMs' addresses. */
import { type MacAddress, networkId } from '../../core/index.js';
import type { Overlay } from '../overlay.js';

export class Names {
  readonly #overlay: Overlay;
  /** By network and address. */
  #vms: Map<string, string> | undefined;
  #networks: Map<number, string> | undefined;
  /** Hosts by network and address of VM; network and host of LAN ports. */
  #places: { hosts: Map<string, string>; learning: Set<string> } | undefined;

  /** `changed`: what was asked for before may have another answer now. */
  constructor(overlay: Overlay, changed: () => void) {
    this.#overlay = overlay;
    overlay.onEvent(({ kind }) => {
      if (kind !== 'vm' && kind !== 'change') return;
      this.#vms = this.#networks = this.#places = undefined;
      changed();
    });
  }

  /** Undefined: no network that is known now. */
  network(id: number): string | undefined {
    this.#networks ??= new Map(
      this.#overlay.topology.networks.map((network) => [networkId(network), network.name]),
    );
    return this.#networks.get(id);
  }

  /** Undefined: the address belongs to no VM of the network. */
  vm(network: number, address: MacAddress): string | undefined {
    this.#vms ??= this.#byAddress();
    return this.#vms.get(`${network} ${address}`);
  }

  /** Frames of a VM enter where it is; those of others where a port learns. */
  isSource(host: string, network: number, address: MacAddress): boolean {
    this.#places ??= this.#allPlaces();
    const { hosts, learning } = this.#places;
    const at = hosts.get(`${network} ${address}`);
    return at === undefined ? learning.has(`${network} ${host}`) : at === host;
  }

  #allPlaces(): { hosts: Map<string, string>; learning: Set<string> } {
    const { topology, registry } = this.#overlay;
    const ids = new Map(topology.networks.map((network) => [network.name, networkId(network)]));
    const vms = registry.places(topology).filter(({ learnt }) => !learnt);
    const ports = topology.ports.filter(({ role }) => role === 'lan');
    return {
      hosts: new Map(
        vms.flatMap(({ network, host, macs }) => macs.map((mac) => [`${ids.get(network)} ${mac}`, host])),
      ),
      learning: new Set(ports.map(({ network, host }) => `${ids.get(network)} ${host}`)),
    };
  }

  #byAddress(): Map<string, string> {
    const { networks, vms } = this.#overlay.topology;
    const ids = new Map(networks.map((network) => [network.name, networkId(network)]));
    return new Map(
      vms.flatMap(({ name, network, macs }) => macs.map((mac) => [`${ids.get(network)} ${mac}`, name])),
    );
  }
}
