/** A lab as the overlay sees it. */
import { DEFAULT_PORT, emptyTopology, type NetnsMachine, type Topology, VnetError } from '../core/index.js';
import type { Lab } from './lab.js';
import { namespaceOf } from './layout.js';
import { type MachineSpec, portSpecOf, socketOf } from './spec.js';

/** The Proxy's host, unless another is named. */
export const DEFAULT_PROXY = 'home';

/** What runs a VM: its namespace. Undefined for one on a Unix socket: it has no interface that could move. */
export function machineOf(lab: string, machine: MachineSpec): NetnsMachine | undefined {
  if (socketOf(machine) !== undefined) return undefined;
  return { driver: 'netns', namespace: namespaceOf(lab, machine.name) };
}

/**
 * Hosts and VMs in one network, named `lab`. A VM's port has the same name on all hosts, as its interface keeps it.
 * @param proxy default `home`, or else the first host
 * @throws VNET_ERR_NOT_FOUND if there is no such host
 */
export function topologyOf(lab: Lab, proxy?: string): Topology {
  const names = lab.hosts.map((host) => host.name);
  const chosen = proxy ?? (names.includes(DEFAULT_PROXY) ? DEFAULT_PROXY : names[0]);
  if (chosen === undefined || !names.includes(chosen)) {
    throw new VnetError('VNET_ERR_NOT_FOUND', `the lab '${lab.name}' has no host '${chosen}'`);
  }
  return {
    ...emptyTopology(),
    networks: [{ name: 'lab' }],
    hosts: lab.hosts.map((host) => ({
      name: host.name,
      endpoint: { address: host.address, port: DEFAULT_PORT },
      ...(host.name === chosen ? { proxy: true } : {}),
    })),
    vms: lab.spec.vms.map((vm) => {
      const machine = machineOf(lab.name, vm);
      return {
        name: vm.name,
        network: 'lab',
        host: vm.host,
        macs: [vm.mac as Topology['vms'][number]['macs'][number]],
        port: portSpecOf(vm),
        ...(machine === undefined ? {} : { machine }),
      };
    }),
  };
}
