/** May we make namespaces, and if not, how could we? */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { VnetError } from '../core/index.js';
import { findProgram } from './command.js';

export interface Privilege {
  /** `direct`: labs can be made here. `reexec`: in a user namespace, see reexecInUserNamespace. `none`: not at all. */
  means: 'direct' | 'reexec' | 'none';
  /** True inside a user namespace: no CPU quotas, and labs live as long as the command that made the namespace. */
  rootless: boolean;
  /** Why not, and what to do about it; empty for `direct`. */
  reason: string;
}

/** Set in the environment of a command that was started again in a user namespace. */
const REEXEC_MARK = 'VNET_LAB_USERNS';
const TRIAL_TIMEOUT_MS = 10_000;
const UNSHARE = ['unshare', '--user', '--map-root-user', '--net', '--mount'] as const;
/** `ip netns` keeps its names under /run, which an ordinary user cannot write. */
const PREPARE = 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$@"';

function tries(command: readonly string[]): boolean {
  const [program = '', ...args] = command;
  return spawnSync(program, args, { stdio: 'ignore', timeout: TRIAL_TIMEOUT_MS }).status === 0;
}

/** True inside a user namespace other than the machine's own. */
export function inUserNamespace(): boolean {
  try {
    return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
  } catch {
    return false;
  }
}

function runIsWritable(): boolean {
  try {
    accessSync('/run', constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Looks, by trying, whether this process can make labs. Costs some 20 ms. */
export function ensurePrivilege(): Privilege {
  const rootless = inUserNamespace();
  if (findProgram('unshare') === undefined) {
    return { means: 'none', rootless, reason: "the program 'unshare' is missing: install util-linux" };
  }
  if (process.getuid?.() === 0 && runIsWritable() && tries(['unshare', '--net', '--mount', 'true'])) {
    return { means: 'direct', rootless, reason: '' };
  }
  if (process.env[REEXEC_MARK] === undefined && tries([...UNSHARE, 'sh', '-c', PREPARE, 'sh', 'true'])) {
    return { means: 'reexec', rootless, reason: 'not root, but user namespaces are allowed' };
  }
  return {
    means: 'none',
    rootless,
    reason:
      'making namespaces is not allowed here: run as root, or allow user namespaces ' +
      '(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)',
  };
}

/**
 * Runs a command line (default: this very command again) as root of a fresh user, network and mount namespace with
 * its own /run, waits for it and returns its exit code. Labs made in it end with it at the latest.
 * @throws VNET_ERR_PRIVILEGE if it cannot even be started
 */
export function reexecInUserNamespace(
  argv: readonly string[] = [process.execPath, ...process.execArgv, ...process.argv.slice(1)],
): number {
  const [program, ...args] = UNSHARE;
  const result = spawnSync(program, [...args, 'sh', '-c', PREPARE, 'sh', ...argv], {
    stdio: 'inherit',
    env: { ...process.env, [REEXEC_MARK]: '1' },
  });
  if (result.error !== undefined) {
    throw new VnetError('VNET_ERR_PRIVILEGE', `cannot enter a user namespace: ${result.error.message}`, {
      cause: result.error,
      hint: 'run as root',
    });
  }
  return result.status ?? 1;
}
