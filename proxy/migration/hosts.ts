/** The hosts as VMs see them: who can be asked, and what room there is. */
import {
  type HostMachine,
  type Topology,
  type Vm,
  VM_CPUS,
  VM_MEMORY_BYTES,
  type VmHost,
  type VmSpec,
  DEFAULT_MTU,
} from '../../core/index.js';
import type { Overlay } from '../overlay.js';
import type { HostRoom, Resident } from './capacity.js';
import type { VmRecord } from './records.js';

export class VmHosts {
  readonly #overlay: Overlay;
  /** As each said when it connected last. */
  readonly #machines = new Map<string, HostMachine>();

  constructor(overlay: Overlay) {
    this.#overlay = overlay;
  }

  noteMachine(host: string, machine: HostMachine | undefined): void {
    if (machine) this.#machines.set(host, machine);
  }

  machineOf(host: string): HostMachine | undefined {
    return this.#machines.get(host);
  }

  machines(): Map<string, HostMachine> {
    return new Map(this.#machines);
  }

  /** Undefined while the host is away. */
  readonly of = (host: string): VmHost | undefined => this.#overlay.members.get(host)?.session?.vms;

  isKnown(host: string): boolean {
    return this.#overlay.topology.hosts.some(({ name }) => name === host);
  }

  /** What the statement says wins over what the daemon says; a host that said nothing yet has no limit. */
  rooms(): HostRoom[] {
    return this.#overlay.topology.hosts.map(({ name, memoryBytes, cpus }) => {
      const machine = this.#machines.get(name);
      return {
        host: name,
        memoryBytes: memoryBytes ?? machine?.memoryBytes ?? Number.POSITIVE_INFINITY,
        cpus: cpus ?? machine?.cpus ?? Number.POSITIVE_INFINITY,
      };
    });
  }
}

/** Every VM at each host that may run it, or is to receive it. */
export function residentsOf(records: readonly VmRecord[]): Resident[] {
  return records.flatMap(({ spec, mayRunOn, move }) => {
    const hosts = new Set([...mayRunOn, ...(move ? [move.to] : [])]);
    const { name, memoryBytes, cpus } = spec;
    return [...hosts].map((host) => ({ vm: name, host, memoryBytes, cpus }));
  });
}

/** What a host is told; undefined: somebody else runs it. */
export function specOf(
  { name, network, macs, port, machine, ...vm }: Vm,
  topology: Topology,
): VmSpec | undefined {
  if (!machine) return undefined;
  const { mtu = DEFAULT_MTU } = topology.networks.find((other) => other.name === network) ?? {};
  return {
    name,
    network,
    mtu,
    macs,
    memoryBytes: vm.memoryBytes ?? VM_MEMORY_BYTES,
    cpus: vm.cpus ?? VM_CPUS,
    machine,
    ...(port === undefined ? {} : { port }),
  };
}
