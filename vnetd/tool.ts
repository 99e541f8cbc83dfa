/** Programs of the system that the daemon calls: `ip`, `tc`, `chrt`, and a user's own. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { VnetError } from '../core/index.js';

/** For one call; what these tools do takes milliseconds. */
export const TOOL_TIMEOUT_MS = 10_000;
/** Of what a tool writes, the rest is thrown away. */
const OUTPUT_MAX = 4 * 2 ** 20;
/** Of its complaint, what an error tells: the end, where the reason mostly is. */
const COMPLAINT_MAX = 2000;
/** What a daemon's PATH often lacks. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;

export interface ToolOptions {
  input?: string;
  timeoutMs?: number;
  /** By the shell: a command line of the user's. */
  shell?: boolean;
}

/** True: the program can be run. */
export function hasTool(program: string): boolean {
  return PATH.split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

/** What it wrote. VNET_ERR_INTERNAL with what it complained of, VNET_ERR_TIMEOUT, VNET_ERR_UNSUPPORTED where there is none. */
export function runTool(
  program: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  const { input = '', timeoutMs = TOOL_TIMEOUT_MS, shell = false } = options;
  const what = `'${[program, ...args].join(' ')}'`;
  return new Promise((resolve, reject) => {
    // A group of its own: a command line that hangs has children, and they end with it.
    const child = spawn(program, args, { shell, detached: shell, env: { ...process.env, PATH } });
    let out = '';
    let complaint = '';
    const timer = setTimeout(() => {
      end(child.pid, shell);
      reject(new VnetError('VNET_ERR_TIMEOUT', `${what} did not end within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => void (out = (out + chunk.toString()).slice(0, OUTPUT_MAX)));
    child.stderr.on(
      'data',
      (chunk: Buffer) => void (complaint = (complaint + chunk.toString()).slice(-COMPLAINT_MAX)),
    );
    child.stdin.on('error', () => {}); // it ended before it read all; its exit code tells
    child.stdin.end(input);
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(new VnetError('VNET_ERR_UNSUPPORTED', `cannot run ${what}: ${cause.message}`, { cause }));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) return resolve(out);
      reject(
        new VnetError('VNET_ERR_INTERNAL', `${what} failed: ${complaint.trim() || `exit code ${code}`}`),
      );
    });
  });
}

function end(pid: number | undefined, group: boolean): void {
  try {
    if (pid !== undefined) process.kill(group ? -pid : pid, 'SIGKILL');
  } catch {
    // It ended this very moment.
  }
}
