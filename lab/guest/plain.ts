/** A guest without a driver: one command, whose NIC dials the socket of a `unix:` port, console on standard output. */
import { join } from 'node:path';
import { GUEST_MEMORY_BYTES, makeGuest } from './guest.js';

/** @param directory for its first file system */
export function plainGuestCommand(
  directory: string,
  nic: { mac: string; ip: string; socket: string },
): string[] {
  const guest = makeGuest(join(directory, 'initramfs'), { ip: nic.ip });
  return [
    ...['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-machine', 'pc', '-accel', 'tcg', '-m', `${GUEST_MEMORY_BYTES / 2 ** 20}M`, '-serial', 'stdio'],
    ...['-kernel', guest.kernel, '-initrd', guest.initrd, '-append', guest.append],
    ...['-netdev', `stream,id=n,server=off,addr.type=unix,addr.path=${nic.socket}`],
    ...['-device', `virtio-net-pci,netdev=n,mac=${nic.mac},romfile=`],
  ];
}
