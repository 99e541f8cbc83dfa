/** QEMU as a process that outlives the daemon: of its own session, found again by its pid file. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { VnetError } from '../../core/index.js';
import { atOrdinaryPriority } from '../ordinary-priority.js';
import type { Layout } from './layout.js';
import { PROCESS_POLL_MS } from './limits.js';

const LOG_MODE = 0o600;

/** What QEMU calls the file that it is given. */
export const GIVEN_FD = 3;

/**
 * @param given an open file, which it inherits as GIVEN_FD
 * @throws VNET_ERR_UNSUPPORTED where the program cannot be run
 */
export async function spawnQemu(
  program: string,
  args: readonly string[],
  layout: Layout,
  given?: number,
): Promise<number> {
  const log = openSync(layout.log, 'a', LOG_MODE);
  try {
    const files = given === undefined ? [] : [given];
    const child = atOrdinaryPriority(() =>
      spawn(program, args, { detached: true, stdio: ['ignore', log, log, ...files], cwd: '/' }),
    );
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) =>
        reject(
          new VnetError('VNET_ERR_UNSUPPORTED', `cannot run ${program}: ${cause.message}`, {
            cause,
            hint: 'install it: apt-get install qemu-system-x86',
          }),
        ),
      );
    });
    child.unref();
    return child.pid as number;
  } finally {
    closeSync(log);
  }
}

/** The process of this VM, if it lives: numbers are used again, so its command line must name our pid file. */
export function findQemu(layout: Layout): number | undefined {
  const text = contentOf(layout.pidFile).trim();
  const pid = Number(text);
  return text !== '' && Number.isInteger(pid) && isQemuOf(pid, layout) ? pid : undefined;
}

/** False for one that has ended and waits for its parent, too: it has no command line. */
export const isQemuOf = (pid: number, layout: Layout): boolean =>
  contentOf(`/proc/${pid}/cmdline`).split('\0').includes(layout.pidFile);

/** True: it is gone. */
export async function waitForEnd(pid: number, layout: Layout, timeoutMs: number): Promise<boolean> {
  for (let waited = 0; isQemuOf(pid, layout); waited += PROCESS_POLL_MS) {
    if (waited >= timeoutMs) return false;
    await sleep(PROCESS_POLL_MS);
  }
  return true;
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
