/** Interfaces of this process's own network namespace, and their names. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { VnetError, type VmSpec } from '../../core/index.js';
import { INTERFACE_NAME_MAX } from './limits.js';

const PACKET = 'packet:';
const NAME = /^[A-Za-z0-9_.-]+$/;

/** About 30 us; follows the namespace of the process, as /sys does not. Waits for no lock of the kernel's. */
export function interfaceNames(): Set<string> {
  const text = readFileSync('/proc/self/net/dev', 'utf8');
  return new Set([...text.matchAll(/^\s*([^\s:]+):/gm)].map((match) => match[1] as string));
}

/** `packet:web0` for a VM `web`: the same on all hosts, as the interface keeps its name when it moves. */
export function packetPortOf(spec: VmSpec): string {
  return spec.port ?? `${PACKET}${interfaceNameOf(spec.name)}`;
}

/** The VM's name and `0`, as labs have it; where that is no name for the kernel, one made from a hash. */
export function interfaceNameOf(vm: string): string {
  const name = `${vm}0`;
  if (name.length <= INTERFACE_NAME_MAX && NAME.test(name)) return name;
  return `v${createHash('sha256')
    .update(vm)
    .digest('hex')
    .slice(0, INTERFACE_NAME_MAX - 2)}`;
}

/** The interface of a `packet:` port. VNET_ERR_INVALID for another kind. */
export function interfaceOf(port: string): string {
  const name = port.startsWith(PACKET) ? port.slice(PACKET.length) : '';
  if (name.length > 0 && name.length <= INTERFACE_NAME_MAX && NAME.test(name)) return name;
  throw new VnetError('VNET_ERR_INVALID', `a light VM cannot be run at the port ${port}`, {
    hint: 'its wire is a veth, whose end at the host is the port: packet:NAME, or leave the port out',
  });
}
