/** What this host gives QEMU, as the command line and the checks want to know it. */
import { execFile } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Accelerator, DiskFacts } from './command-line.js';
import { QEMU_VERSION_MIN } from './limits.js';

export const QEMU = 'qemu-system-x86_64';
const INSTALL = 'install it: apt-get install --no-install-recommends qemu-system-x86';
const VERSION_TIMEOUT_MS = 10_000;

export function findQemuProgram(program = QEMU, path = process.env['PATH'] ?? ''): string | undefined {
  if (program.includes('/')) return isExecutable(program) ? program : undefined;
  return path
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/** True, or why this host has no QEMU that will do. */
export async function lookAtQemu(program: string): Promise<true | string> {
  const found = findQemuProgram(program);
  if (found === undefined) return `needs ${program}: ${INSTALL}`;
  try {
    return judgeVersion(await versionOf(found));
  } catch (error) {
    return `${found} does not run: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** What `--version` prints. */
export async function versionOf(program = QEMU): Promise<string> {
  return (await promisify(execFile)(program, ['--version'], { timeout: VERSION_TIMEOUT_MS })).stdout;
}

/** @param text what `--version` prints */
export function judgeVersion(text: string): true | string {
  const [, major = '0', minor = '0'] = /version (\d+)\.(\d+)/.exec(text) ?? [];
  const [least, most] = QEMU_VERSION_MIN;
  const fine = Number(major) > least || (Number(major) === least && Number(minor) >= most);
  return fine || `needs QEMU ${least}.${most} or newer, this is ${major}.${minor}`;
}

/** /dev/kvm may be there and open where no guest runs under it: only the processor's flags tell. */
export function acceleratorOf(cpuinfo: string, hasKvm: boolean): Accelerator {
  return hasKvm && /^flags\s*:.*\b(vmx|svm)\b/m.test(cpuinfo) ? 'kvm' : 'tcg';
}

export const localAccelerator = (): Accelerator =>
  acceleratorOf(readFileSync('/proc/cpuinfo', 'utf8'), isUsable('/dev/kvm', constants.R_OK | constants.W_OK));

const QCOW2_MAGIC = 'QFI\xfb';
const WRITE_BITS = 0o222;

/** @throws what the system says where it cannot be read */
export function diskFacts(path: string): DiskFacts {
  const fd = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(QCOW2_MAGIC.length);
    readSync(fd, magic, 0, magic.length, 0);
    const readOnly = (statSync(path).mode & WRITE_BITS) === 0 || !isUsable(path, constants.W_OK);
    const format = magic.toString('latin1') === QCOW2_MAGIC ? 'qcow2' : 'raw';
    return { format, readOnly, direct: takesDirect(path) };
  } finally {
    closeSync(fd);
  }
}

function takesDirect(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECT));
    return true;
  } catch {
    return false;
  }
}

/** `f_type` of file systems that several hosts mount (statfs(2)): NFS, SMB2, CIFS, Ceph, GFS2, OCFS2, 9P, FUSE. */
const SHARED = new Set([
  0x6969, 0xfe534d42, 0xff534d42, 0x00c36400, 0x01161970, 0x7461636f, 0x01021997, 0x65735546,
]);

export const isShared = (path: string): boolean => SHARED.has(Number(statfsSync(path).type));

const isExecutable = (path: string): boolean => isUsable(path, constants.X_OK) && statSync(path).isFile();

export function isUsable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
