/** What was set in a lab, worked out from its record. */

import { namespaceOf } from './layout.js';
import { orderedPairs, type Path, pathBetween, portOf, portSpecOf } from './spec.js';
import { isAlive, type LabState } from './state.js';

/** What was set, as `truth()` and `vnet lab truth` tell it. */
export interface LabTruth {
  name: string;
  underlays: string[];
  /** `none` while no path asks for delay, jitter, loss or reordering. */
  impairment: 'netem' | 'emulator' | 'none';
  /** False: the emulator died, impaired pairs are cut. */
  impairmentAlive: boolean;
  hosts: {
    name: string;
    namespace: string;
    addresses: readonly string[];
    cpuPercent: number | null;
    loadPercent: number;
  }[];
  vms: {
    name: string;
    host: string;
    namespace: string;
    mac: string;
    ips: string[];
    port: string;
    portSpec: string;
  }[];
  lans: { host: string; bridge: string; clients: string[] }[];
  /** Every ordered pair. */
  paths: ({ from: string; to: string } & Omit<Path, 'ownRateBps'>)[];
}

/** The truth of a record; the emulator is looked for among the running processes. */
export function truthOf(state: LabState): LabTruth {
  const { spec, impairment = 'none', processes } = state;
  const emulator = processes.find((process) => process.what === 'emulator');
  return {
    name: state.name,
    underlays: spec.underlays,
    impairment,
    impairmentAlive: impairment !== 'emulator' || (emulator !== undefined && isAlive(emulator)),
    hosts: spec.hosts.map((host) => ({
      name: host.name,
      namespace: namespaceOf(state.name, host.name),
      addresses: host.addresses ?? [],
      cpuPercent: host.cpuPercent ?? null,
      loadPercent: host.loadPercent ?? 0,
    })),
    vms: spec.vms.map((vm) => ({
      name: vm.name,
      host: vm.host,
      namespace: namespaceOf(state.name, vm.name),
      mac: vm.mac ?? '',
      ips: vm.ips ?? [],
      port: portOf(vm),
      portSpec: portSpecOf(vm),
    })),
    lans: spec.lans.map((lan) => ({
      host: lan.host,
      bridge: lan.bridge,
      clients: lan.clients.map((client) => client.name),
    })),
    paths: [...orderedPairs(spec)].map(({ from, to }) => {
      const { ownRateBps: _, ...path } = pathBetween(spec, from, to);
      return { from: from.name, to: to.name, ...path };
    }),
  };
}
