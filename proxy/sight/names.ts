/** Names for the numbers that daemons count by: networks and the VMs' addresses. */
import { type MacAddress, networkId } from '../../core/index.js';
import type { Overlay } from '../overlay.js';

export class Names {
  readonly #overlay: Overlay;
  /** By network and address. */
  #vms: Map<string, string> | undefined;
  #networks: Map<number, string> | undefined;

  /** `changed`: what was asked for before may have another answer now. */
  constructor(overlay: Overlay, changed: () => void) {
    this.#overlay = overlay;
    overlay.onEvent(({ kind }) => {
      if (kind !== 'vm' && kind !== 'change') return;
      this.#vms = this.#networks = undefined;
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

  #byAddress(): Map<string, string> {
    const { networks, vms } = this.#overlay.topology;
    const ids = new Map(networks.map((network) => [network.name, networkId(network)]));
    return new Map(
      vms.flatMap(({ name, network, macs }) => macs.map((mac) => [`${ids.get(network)} ${mac}`, name])),
    );
  }
}
