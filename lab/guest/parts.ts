/**
 * The guest's kernel, its modules and a static busybox: from this machine, or from a cache folder that Debian's kernel
 * package is unpacked into. Nothing is installed.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findProgram, mustRun } from '../command.js';

export interface GuestParts {
  kernel: string;
  /** In the order in which they need each other. */
  modules: string[];
  busybox: string;
}

const QEMU = 'qemu-system-x86_64';
/** Its one dependency is the newest kernel for machines that are virtual themselves: small, few drivers. */
const KERNEL_PACKAGE = 'linux-image-cloud-amd64';
const MODULES = [
  'drivers/virtio/virtio_ring',
  'drivers/virtio/virtio',
  'drivers/virtio/virtio_pci_legacy_dev',
  'drivers/virtio/virtio_pci_modern_dev',
  'drivers/virtio/virtio_pci',
  'net/core/failover',
  'drivers/net/net_failover',
  'drivers/net/virtio_net',
  // For the power button.
  'drivers/acpi/button',
  'drivers/input/evdev',
];
const FETCH_TIMEOUT_MS = 120_000;

export const guestCache = (): string =>
  process.env['VNET_GUEST_ROOT'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vnet', 'guest');

/** The parts, or what is missing and how to get it. Looks only. */
export function guestParts(cache = guestCache()): GuestParts | string {
  if (findProgram(QEMU) === undefined)
    return `needs ${QEMU}: apt-get install --no-install-recommends qemu-system-x86`;
  const busybox = staticBusybox();
  if (busybox === undefined) return 'needs a static busybox: apt-get install busybox-static';
  const found = [cache, '/'].map(kernelIn).find((kernel) => kernel !== undefined);
  if (found === undefined) return `needs a kernel for the guest: ${KERNEL_PACKAGE}, unpacked into ${cache}`;
  return { ...found, busybox };
}

/** Unpacks Debian's kernel into the cache if there is none. @returns what `guestParts` says then */
export async function fetchGuestParts(cache = guestCache()): Promise<GuestParts | string> {
  const parts = guestParts(cache);
  if (typeof parts !== 'string' || kernelIn(cache) !== undefined) return parts;
  if (findProgram('apt-get') === undefined || findProgram('dpkg-deb') === undefined) return parts;
  try {
    await unpackKernel(cache);
  } catch (error) {
    return `${parts} (it could not be fetched: ${(error as Error).message.split('\n')[0]})`;
  }
  return guestParts(cache);
}

async function unpackKernel(cache: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  // Beside its place, so that half a kernel is never taken for one.
  const work = mkdtempSync(`${cache}/.fetch-`);
  try {
    const options = { timeoutMs: FETCH_TIMEOUT_MS };
    const depends = await mustRun(['apt-cache', 'depends', KERNEL_PACKAGE], options);
    const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1] ?? KERNEL_PACKAGE;
    await mustRun(['sh', '-c', 'cd "$0" && apt-get -qq download "$1"', work, name], options);
    const archive = readdirSync(work).find((file) => file.endsWith('.deb')) ?? '';
    await mustRun(['dpkg-deb', '-x', join(work, archive), join(work, 'root')], options);
    for (const folder of ['lib', 'boot']) {
      rmSync(join(cache, folder), { recursive: true, force: true });
      renameSync(join(work, 'root', folder), join(cache, folder));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function kernelIn(root: string): Pick<GuestParts, 'kernel' | 'modules'> | undefined {
  const boot = join(root, 'boot');
  const names = existsSync(boot) ? readdirSync(boot).filter((name) => name.startsWith('vmlinuz-')) : [];
  return names
    .map((name) => {
      const folder = join(root, 'lib/modules', name.slice('vmlinuz-'.length), 'kernel');
      const modules = MODULES.map((module) => join(folder, `${module}.ko`));
      return { kernel: join(boot, name), modules };
    })
    .find(({ modules }) => modules.every((path) => existsSync(path)));
}

/** A static program names no interpreter. */
function staticBusybox(): string | undefined {
  const path = findProgram('busybox');
  return path !== undefined && !readFileSync(path).includes('/lib64/ld-linux') ? path : undefined;
}
