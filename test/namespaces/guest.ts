/**
 * A real QEMU guest without root, disk or TAP: its NIC is `-netdev stream` at a Unix socket. The kernel, its modules
 * and a static busybox are taken from this machine, or from the folder that VNET_GUEST_ROOT names (packages
 * `linux-image-*-cloud-amd64` and `busybox-static`, unpacked there with `dpkg-deb -x`).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const ROOT = process.env['VNET_GUEST_ROOT'] ?? '/';
const QEMU = '/usr/bin/qemu-system-x86_64';
/** In the order in which they need each other. */
const MODULES = [
  'virtio/virtio_ring',
  'virtio/virtio',
  'virtio/virtio_pci_legacy_dev',
  'virtio/virtio_pci_modern_dev',
  'virtio/virtio_pci',
  '../net/core/failover',
  'net/net_failover',
  'net/virtio_net',
];
const MEMORY_MB = 96;
const EXECUTABLE = 0o100755;
const FOLDER = 0o040755;

interface Parts {
  kernel: string;
  modules: string[];
  busybox: string;
}

function partsOf(root: string): Parts | string {
  if (!existsSync(QEMU)) return 'needs qemu-system-x86_64 (package qemu-system-x86)';
  const boot = join(root, 'boot');
  const kernel = existsSync(boot) ? readdirSync(boot).find((name) => name.startsWith('vmlinuz-')) : undefined;
  if (kernel === undefined) return 'needs a kernel for the guest (see test/namespaces/guest.ts)';
  const drivers = join(root, 'lib/modules', kernel.slice('vmlinuz-'.length), 'kernel/drivers');
  const modules = MODULES.map((name) => join(drivers, `${name}.ko`));
  const missing = modules.find((path) => !existsSync(path));
  if (missing !== undefined) return `needs the guest's module ${missing}`;
  const busybox = join(root, 'bin/busybox');
  // A static program names no interpreter.
  const isStatic = existsSync(busybox) && !readFileSync(busybox).includes('/lib64/ld-linux');
  return isStatic
    ? { kernel: join(boot, kernel), modules, busybox }
    : 'needs a static busybox (package busybox-static)';
}

/** False, or why no guest can be started here. */
export function needGuest(): string | false {
  const parts = partsOf(ROOT);
  return typeof parts === 'string' ? parts : false;
}

/** The command that runs a guest with this address at its `eth0`. `directory`: for its initial file system. */
export function guestCommand(directory: string, nic: { mac: string; ip: string; socket: string }): string[] {
  const parts = partsOf(ROOT);
  if (typeof parts === 'string') throw new Error(parts);
  const initrd = join(directory, 'initramfs');
  writeFileSync(initrd, initramfs(parts, nic.ip));
  const mhz = /cpu MHz\s*:\s*([\d.]+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '2000';
  return [
    ...[QEMU, '-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc', '-accel', 'tcg'],
    ...['-m', String(MEMORY_MB), '-serial', 'stdio', '-kernel', parts.kernel, '-initrd', initrd],
    // Without this the clock of an emulated processor is measured for seconds, or never found.
    ...['-append', `console=ttyS0 quiet panic=-1 tsc_early_khz=${Math.round(Number(mhz) * 1000)}`],
    ...['-netdev', `stream,id=n,server=off,addr.type=unix,addr.path=${nic.socket}`],
    ...['-device', `virtio-net-pci,netdev=n,mac=${nic.mac},romfile=`],
  ];
}

function initramfs({ modules, busybox }: Parts, ip: string): Buffer {
  const init = [
    '#!/bin/busybox sh',
    ...modules.map((path) => `/bin/busybox insmod /${basename(path)}`),
    '/bin/busybox ip link set eth0 up',
    `/bin/busybox ip addr add ${ip} dev eth0`,
    '/bin/busybox echo guest is up',
    'while true; do /bin/busybox sleep 1000; done',
    '',
  ].join('\n');
  return Buffer.concat([
    entry('bin', FOLDER, Buffer.alloc(0)),
    entry('bin/busybox', EXECUTABLE, readFileSync(busybox)),
    ...modules.map((path) => entry(basename(path), EXECUTABLE, readFileSync(path))),
    entry('init', EXECUTABLE, Buffer.from(init)),
    entry('TRAILER!!!', 0, Buffer.alloc(0)),
  ]);
}

/** One file of a cpio archive in the "newc" form (Linux Documentation/driver-api/early-userspace/buffer-format.rst). */
function entry(name: string, mode: number, body: Buffer): Buffer {
  const path = `${name}\0`;
  const fields = [0, mode, 0, 0, 1, 0, body.length, 0, 0, 0, 0, path.length, 0];
  const head = Buffer.from(
    `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${path}`,
  );
  return Buffer.concat([padded(head), padded(body)]);
}

const padded = (part: Buffer): Buffer => Buffer.concat([part, Buffer.alloc(-part.length & 3)]);
