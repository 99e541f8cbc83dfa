/** QEMU's arguments for a VM. Pure; the machine that both ends of a move must see alike is made here and nowhere else. */
import type { QemuMachine, VmSpec } from '../../core/index.js';
import type { Layout } from './layout.js';
import { escaped, netdevOf } from './port.js';

export type Accelerator = 'kvm' | 'tcg';

/** Named with its version: what `pc` stands for changes with QEMU, and a VM must find the same on its next host. */
export const MACHINE_TYPE = 'pc-i440fx-7.2';

/**
 * KVM: all that the host's processor has, so both hosts need the same model. TCG: the same everywhere, and enough
 * for systems that ask for x86-64-v2.
 */
export const CPU_OF: Record<Accelerator, string> = { kvm: 'host', tcg: 'Nehalem-v1' };

export interface DiskFacts {
  format: 'raw' | 'qcow2';
  readOnly: boolean;
  /** Its file system takes O_DIRECT: no cache of a host between two hosts and one image. */
  direct: boolean;
}

export interface CommandFacts {
  accelerator: Accelerator;
  disk?: DiskFacts;
}

const MIB = 2 ** 20;

/**
 * It starts paused (`-S`): who starts it has the monitor first and misses no event.
 * @param incoming it waits for a VM, from another host or from a saved state, instead of booting one
 */
export function commandLine(
  spec: VmSpec,
  port: string,
  layout: Pick<Layout, 'qmp' | 'console' | 'pidFile'>,
  facts: CommandFacts,
  incoming = false,
): string[] {
  const machine = spec.machine as QemuMachine;
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-S'],
    ...['-name', `guest=${escaped(spec.name)}`],
    ...['-machine', `${MACHINE_TYPE},accel=${facts.accelerator}`, '-cpu', CPU_OF[facts.accelerator]],
    ...['-m', `${Math.ceil(spec.memoryBytes / MIB)}M`, '-smp', String(Math.max(1, Math.ceil(spec.cpus)))],
    ...socketArguments('monitor', layout.qmp, ['-mon', 'chardev=monitor,mode=control']),
    ...socketArguments('console', layout.console, ['-serial', 'chardev:console']),
    ...['-pidfile', layout.pidFile],
    ...nicArguments(spec, port),
    ...option('-kernel', machine.kernel),
    ...option('-initrd', machine.initrd),
    ...option('-append', machine.append),
    ...diskArguments(machine.disk, facts.disk),
    ...(incoming ? ['-incoming', 'defer'] : []),
  ];
}

const option = (name: string, value: string | undefined): string[] =>
  value === undefined ? [] : [name, value];

const socketArguments = (id: string, path: string, user: string[]): string[] => [
  ...['-chardev', `socket,id=${id},path=${escaped(path)},server=on,wait=off`],
  ...user,
];

/** One NIC meets the port itself; several meet it through a hub. Each has no boot ROM: a VM boots from its disk. */
function nicArguments({ macs }: VmSpec, port: string): string[] {
  const [kind, ...rest] = netdevOf(port).split(',');
  const netdev = (id: string) => ['-netdev', [kind, `id=${id}`, ...rest].join(',')];
  const nic = (id: string, mac: string, index: number) => [
    '-device',
    `virtio-net-pci,id=nic${index},netdev=${id},mac=${mac},romfile=`,
  ];
  if (macs.length === 1) return [...netdev('port'), ...nic('port', macs[0] ?? '', 0)];
  const hub = (id: string, to = '') => ['-netdev', `hubport,id=${id},hubid=0${to}`];
  return [
    ...netdev('port'),
    ...hub('out', ',netdev=port'),
    ...macs.flatMap((mac, index) => [...hub(`in${index}`), ...nic(`in${index}`, mac, index)]),
  ];
}

function diskArguments(disk: string | undefined, facts: DiskFacts | undefined): string[] {
  if (disk === undefined || facts === undefined) return [];
  const readOnly = `read-only=${facts.readOnly ? 'on' : 'off'}`;
  const cache = `cache.direct=${facts.direct ? 'on' : 'off'},${readOnly}`;
  const file = `driver=file,node-name=file,filename=${escaped(disk)},${cache}`;
  return [
    ...['-blockdev', file, '-blockdev', `driver=${facts.format},node-name=disk,file=file,${cache}`],
    ...['-device', 'virtio-blk-pci,id=disk0,drive=disk,bootindex=1'],
  ];
}
