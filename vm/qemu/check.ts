/** What keeps a VM from running, or from moving, here. */
import { constants } from 'node:fs';
import { cpus, freemem } from 'node:os';
import {
  type HostMachine,
  type QemuMachine,
  VnetError,
  type VmObstacle,
  type VmSpec,
} from '../../core/index.js';
import type { Accelerator } from './command-line.js';
import { diskFacts, isShared, isUsable } from './facts.js';
import { QEMU_OVERHEAD_BYTES } from './limits.js';
import { netdevOf, survivesRestart } from './port.js';
import { stateError } from './state.js';

export interface HostFacts {
  available: true | string;
  accelerator: Accelerator;
  cpuModel: string;
  cpus: number;
  freeMemoryBytes: number;
}

export const localFacts = (available: true | string, accelerator: Accelerator): HostFacts => ({
  available,
  accelerator,
  cpuModel: cpus()[0]?.model.trim() ?? '',
  cpus: cpus().length,
  freeMemoryBytes: freemem(),
});

/** @param from the host it would come from; absent: it would be started */
export function obstaclesOf(
  spec: VmSpec,
  port: string,
  facts: HostFacts,
  from: HostMachine | undefined,
): VmObstacle[] {
  const machine = spec.machine as QemuMachine;
  return [
    ...(facts.available === true ? [] : [blocking('driver', `QEMU: ${facts.available}`)]),
    ...portObstacles(port),
    ...roomObstacles(spec, facts),
    ...(from === undefined ? [] : modelObstacles(facts, from)),
    ...(['kernel', 'initrd', 'disk'] as const).flatMap((part) => fileObstacles(part, machine[part])),
    ...(from === undefined ? stateObstacles(machine) : []),
    ...(machine.kernel === undefined && machine.disk === undefined ? [nothingToBoot(spec)] : []),
    ...(from === undefined ? [] : sharingObstacles(machine.disk)),
  ];
}

const blocking = (kind: VmObstacle['kind'], message: string, hint?: string): VmObstacle => ({
  kind,
  message,
  ...(hint === undefined ? {} : { hint }),
  blocking: true,
});

function portObstacles(port: string): VmObstacle[] {
  try {
    netdevOf(port);
    return survivesRestart(port) ? [] : [restartWarning(port)];
  } catch (error) {
    const { message, hint } = VnetError.from(error);
    return [blocking('port', message, hint)];
  }
}

const restartWarning = (port: string): VmObstacle => ({
  kind: 'port',
  message: `${port}: QEMU dials it once, and has no network after the daemon is restarted`,
  hint: 'leave the port out, or use unix-connect:PATH',
  blocking: false,
});

const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;

function roomObstacles(spec: VmSpec, facts: HostFacts): VmObstacle[] {
  const needed = spec.memoryBytes + QEMU_OVERHEAD_BYTES;
  const found: VmObstacle[] = [];
  if (needed > facts.freeMemoryBytes) {
    const message = `it needs ${mib(needed)} of memory, ${mib(facts.freeMemoryBytes)} are free`;
    found.push(blocking('memory', message, 'move another VM away first'));
  }
  if (spec.cpus > facts.cpus) {
    found.push(blocking('cpu', `it needs ${spec.cpus} processors, the host has ${facts.cpus}`));
  }
  return found;
}

/** An emulated processor is the same everywhere; under KVM the guest has the host's own. */
function modelObstacles(facts: HostFacts, from: HostMachine): VmObstacle[] {
  if (facts.accelerator === 'tcg' || facts.cpuModel === from.cpuModel) return [];
  const message = `its processor is ${from.cpuModel}, here it would find ${facts.cpuModel}`;
  return [
    blocking('cpu-model', message, 'stop it and start it here, or move it to a host of the same model'),
  ];
}

function fileObstacles(part: string, path: string | undefined): VmObstacle[] {
  if (path === undefined || isUsable(path, constants.R_OK)) return [];
  return [blocking('image', `its ${part} ${path} cannot be read here`, 'put it there, or mount its storage')];
}

/** What keeps a VM from beginning with its saved state. A move brings the state itself. */
export function stateObstacles({ state, disk }: QemuMachine): VmObstacle[] {
  if (state === undefined) return [];
  const found: VmObstacle[] = [];
  const wrong = stateError(state);
  if (wrong !== undefined) {
    const message = `its state ${state} ${wrong}`;
    found.push(blocking('image', message, 'save it again, or boot the VM: leave the state out'));
  }
  if (disk !== undefined && isUsable(disk, constants.R_OK) && !diskFacts(disk).readOnly) {
    const message = `its disk ${disk} may have changed since its state was saved: the guest would destroy it`;
    found.push(blocking('image', message, 'make the disk read only, or leave the state out'));
  }
  return found;
}

const nothingToBoot = ({ name }: VmSpec): VmObstacle =>
  blocking('image', `VM ${name} has neither a kernel nor a disk to boot from`);

function sharingObstacles(disk: string | undefined): VmObstacle[] {
  if (disk === undefined || !isUsable(disk, constants.R_OK) || isShared(disk) || diskFacts(disk).readOnly)
    return [];
  const message = `whether ${disk} is the same file on both hosts cannot be known: its file system is a local one`;
  return [{ kind: 'image', message, hint: 'move only if the storage is shared', blocking: false }];
}
