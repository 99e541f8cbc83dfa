/** Light VMs, LAN segments and their plain machines: namespaces on a veth whose other end is the host's. */

import type { ChildProcess } from 'node:child_process';
import { batch } from './command.js';
import { namespaceOf } from './layout.js';
import { DEFAULT_MTU_BYTES, type LanSpec, type MachineSpec, portOf } from './spec.js';
import { startTool } from './tool.js';
import { setMachineSysctls } from './underlay.js';

/** The interface inside a machine. */
export const MACHINE_INTERFACE = 'eth0';

/** A bridge without spanning tree and snooping: what comes in goes out, at once. */
export async function makeBridge(lab: string, lan: LanSpec): Promise<void> {
  await batch('ip', namespaceOf(lab, lan.host), [
    `link add ${lan.bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `link set ${lan.bridge} up`,
    ...(lan.ips ?? []).map((ip) => `addr add ${ip} dev ${lan.bridge}${ip.includes(':') ? ' nodad' : ''}`),
  ]);
}

/** What happens inside a machine once it has its interface. */
function insideLines(machine: MachineSpec): string[] {
  return [
    'link set lo up',
    `link set ${MACHINE_INTERFACE} up`,
    ...(machine.ips ?? []).map(
      (ip) => `addr add ${ip} dev ${MACHINE_INTERFACE}${ip.includes(':') ? ' nodad' : ''}`,
    ),
    ...(machine.gateway === undefined
      ? []
      : [`route add default via ${machine.gateway} dev ${MACHINE_INTERFACE}`]),
  ];
}

/**
 * Gives a machine whose namespace exists a TAP and joins that to the Unix socket, with a process that outlives this
 * one and dials until somebody listens. The caller records it.
 */
export async function wireToSocket(
  lab: string,
  machine: MachineSpec,
  socket: string,
  log: string,
): Promise<ChildProcess> {
  const inside = namespaceOf(lab, machine.name);
  await setMachineSysctls(inside);
  const { mac, mtu = DEFAULT_MTU_BYTES } = machine;
  await batch('ip', inside, [
    `tuntap add dev ${MACHINE_INTERFACE} mode tap`,
    `link set ${MACHINE_INTERFACE} address ${mac} mtu ${mtu}`,
    ...insideLines(machine),
  ]);
  return startTool(inside, ['stream', MACHINE_INTERFACE, socket], log);
}

/**
 * Wires a machine whose namespace exists to its host by a veth. The host's end has no addresses and speaks no protocol, so
 * that all its traffic is the machine's.
 * @param bridge joins the host's end to it
 */
export async function wireMachine(
  lab: string,
  host: string,
  machine: MachineSpec,
  bridge?: string,
): Promise<void> {
  const inside = namespaceOf(lab, machine.name);
  const port = portOf(machine);
  const mtu = machine.mtu ?? DEFAULT_MTU_BYTES;
  await setMachineSysctls(inside);
  await batch('ip', namespaceOf(lab, host), [
    `link add ${port} mtu ${mtu} type veth peer name ${MACHINE_INTERFACE} mtu ${mtu} address ${machine.mac} netns ${inside}`,
    `link set ${port} arp off addrgenmode none`,
    ...(bridge === undefined ? [] : [`link set ${port} master ${bridge}`]),
    `link set ${port} up`,
  ]);
  await batch('ip', inside, insideLines(machine));
}

/** Takes the host's end into another host's namespace: what a light migration is. The machine keeps running. */
export async function moveMachine(
  lab: string,
  machine: MachineSpec,
  from: string,
  to: string,
): Promise<void> {
  const port = portOf(machine);
  const target = namespaceOf(lab, to);
  await batch('ip', namespaceOf(lab, from), [`link set ${port} netns ${target}`]);
  await batch('ip', target, [`link set ${port} arp off addrgenmode none`, `link set ${port} up`]);
}
