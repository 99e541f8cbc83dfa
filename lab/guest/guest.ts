/** A small Linux guest for QEMU, without disk: kernel, first file system, command line. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { VnetError } from '../../core/index.js';
import { archiveOf, FOLDER_MODE, PROGRAM_MODE } from './cpio.js';
import { appendOf, DIRTY_PROGRAM, type GuestIdentity, initScript, POWER_BUTTON } from './init.js';
import { type GuestParts, guestParts } from './parts.js';

/** 64 do not boot. */
export const GUEST_MEMORY_BYTES = 96 * 2 ** 20;
/** Of an emulated processor on a busy machine, until GUEST_UP; 2-3 s on a quiet one. */
export const GUEST_BOOT_MS = 60_000;

export interface Guest {
  kernel: string;
  initrd: string;
  append: string;
}

/** False, or what is missing for a guest here: the reason of a skipped test. */
export function needGuest(): string | false {
  const parts = guestParts();
  return typeof parts === 'string' ? parts : false;
}

/**
 * Makes the guest's first file system unless it is there; all guests share it.
 * @param initrd where
 * @throws VNET_ERR_UNSUPPORTED naming what is missing
 */
export function makeGuest(initrd: string, identity: GuestIdentity): Guest {
  const parts = guestParts();
  if (typeof parts === 'string') throw new VnetError('VNET_ERR_UNSUPPORTED', `a guest ${parts}`);
  if (!existsSync(initrd)) {
    mkdirSync(dirname(initrd), { recursive: true });
    const draft = `${initrd}.${process.pid}`;
    writeFileSync(draft, fileSystem(parts));
    renameSync(draft, initrd);
  }
  return { kernel: parts.kernel, initrd, append: appendOf(identity, hostMhz()) };
}

const DEFAULT_MHZ = 2000;
const hostMhz = (): number =>
  Number(/cpu MHz\s*:\s*([\d.]+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? DEFAULT_MHZ);

function fileSystem({ modules, busybox }: GuestParts): Buffer {
  const folder = (path: string) => ({ path, mode: FOLDER_MODE });
  const program = (path: string, body: Buffer | string) => ({
    path,
    mode: PROGRAM_MODE,
    body: Buffer.from(body as string),
  });
  return archiveOf([
    ...['bin', 'etc', 'etc/acpi', 'etc/acpi/PWRF'].map(folder),
    program('bin/busybox', readFileSync(busybox)),
    ...modules.map((path) => program(basename(path), readFileSync(path))),
    program('bin/dirty', DIRTY_PROGRAM),
    // The name that busybox's acpid looks for, folder and file.
    program('etc/acpi/PWRF/00000080', POWER_BUTTON),
    program('init', initScript(modules)),
  ]);
}
