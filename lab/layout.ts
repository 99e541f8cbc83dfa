/** Names and numbers that follow from a spec alone: namespaces, interfaces, MACs, tables, classes. */

import { VnetError } from '../core/index.js';
import { familyOf, freeAddresses, parseSubnet, type Family } from './address.js';
import { CORE_NAME } from './check.js';
import { DEFAULT_MTU_BYTES, type LabSpec, type MachineSpec } from './spec.js';

/** Loops through which the core leads impaired pairs: super-frames whole, or split into packets. */
export const WHOLE_LOOP = { out: 'em0', back: 'em1' } as const;
export const SPLIT_LOOP = { out: 'es0', back: 'es1' } as const;
/** With netem, what comes out of the split loop goes once more through this one, which has the qdiscs. */
export const NETEM_LOOP = { out: 'nt0', back: 'nt1' } as const;

/** Routing table (and rule preference) of the host with index 0: each host has its own. */
export const FIRST_TABLE = 1000;
export const NETEM_TABLE = 900;
/** tc class minor of the first pair; 1 is a host's access. */
const FIRST_PAIR_CLASS = 0x10;

export function namespaceOf(lab: string, node: string): string {
  return `vl-${lab}-${node}`;
}

export function coreNamespace(lab: string): string {
  return namespaceOf(lab, CORE_NAME);
}

/** The core's interface towards a host. */
export function downlink(hostIndex: number): string {
  return `up${hostIndex}`;
}

function mac(kind: number, index: number): string {
  return [
    '02',
    '76',
    '6c',
    ...[kind, index >> 8, index & 255].map((n) => n.toString(16).padStart(2, '0')),
  ].join(':');
}

export const uplinkMac = (hostIndex: number) => mac(0, hostIndex);
export const downlinkMac = (hostIndex: number) => mac(1, hostIndex);
export const loopMac = (index: number) => mac(2, index);
export const machineMac = (index: number) => mac(3, index);

export function pairClass(spec: LabSpec, fromIndex: number, toIndex: number): number {
  return FIRST_PAIR_CLASS + fromIndex * spec.hosts.length + toIndex;
}

/** The largest MTU of any host: what the core's loops must carry. */
export function largestMtu(spec: LabSpec): number {
  return Math.max(...spec.hosts.map((host) => host.mtu ?? DEFAULT_MTU_BYTES));
}

export function families(spec: LabSpec): Family[] {
  return spec.underlays.map((text) => parseSubnet(text).family);
}

/** A host's address of a family. The spec is complete (see `complete`). */
export function addressOf(host: { addresses?: string[] }, family: Family): string {
  return host.addresses?.find((address) => familyOf(address) === family) ?? '';
}

/** Every machine of the lab: VMs, then LAN clients. */
export function machinesOf(spec: LabSpec): MachineSpec[] {
  return [...spec.vms, ...spec.lans.flatMap((lan) => lan.clients)];
}

/** A MAC from the lab's range that no machine has. */
export function freeMac(spec: LabSpec): string {
  const taken = new Set(machinesOf(spec).map((machine) => machine.mac));
  for (let index = 1; ; index++) if (!taken.has(machineMac(index))) return machineMac(index);
}

/** A copy with every host's addresses and every machine's MAC filled in; host addresses are in underlay order. */
export function complete(spec: LabSpec): LabSpec {
  const filled = structuredClone(spec);
  const taken = new Set(filled.hosts.flatMap((host) => host.addresses ?? []));
  for (const host of filled.hosts) {
    const given = host.addresses ?? [];
    host.addresses = filled.underlays.map(parseSubnet).map((subnet) => {
      const own = given.find((address) => familyOf(address) === subnet.family);
      const address = own ?? freeAddresses(subnet, taken).next().value;
      if (address === undefined) {
        throw new VnetError('VNET_ERR_LIMIT', `the underlay has no address left for host ${host.name}`);
      }
      taken.add(address);
      return address;
    });
  }
  for (const machine of machinesOf(filled)) machine.mac ??= freeMac(filled);
  return filled;
}
