/** Running the system's own tools: `ip`, `tc` and whatever belongs into a namespace. */

import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { VnetError } from '../core/index.js';

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Written to the command's standard input, which is empty otherwise. */
  input?: string;
  /** Killed (SIGKILL) after this; then VNET_ERR_TIMEOUT. Default none. */
  timeoutMs?: number;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  /** Exit code; 128 and the signal's absence of a code are told as 255. */
  code: number;
}

/** What an ordinary user's PATH often lacks. */
const SYSTEM_PATHS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
const KILLED_CODE = 255;

function searchPath(): string {
  return [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_PATHS].join(delimiter);
}

/** Where a program is, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const folder of searchPath().split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  return undefined;
}

/** Throws VNET_ERR_UNSUPPORTED naming the Debian package of a program that is missing. */
export function needProgram(name: string, debianPackage: string): void {
  if (findProgram(name) !== undefined) return;
  throw new VnetError('VNET_ERR_UNSUPPORTED', `the program '${name}' is not installed`, {
    hint: `install it: apt-get install ${debianPackage}`,
  });
}

/** Runs a command to its end and gives what it wrote; an exit code is a result, not an error. */
export function runCommand(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...(options.env ?? process.env), PATH: searchPath() },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let late = false;
    const kill = () => {
      late = true;
      child.kill('SIGKILL');
    };
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(kill, options.timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {}); // a command that does not read its input is none of our business
    child.stdin.end(options.input ?? '');
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new VnetError('VNET_ERR_UNSUPPORTED', `cannot run '${program}': ${cause.message}`, { cause }));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      const text = `'${command.join(' ')}' did not end within ${options.timeoutMs} ms`;
      if (late) return reject(new VnetError('VNET_ERR_TIMEOUT', text));
      const [stdout, stderr] = [Buffer.concat(out).toString(), Buffer.concat(err).toString()];
      resolve({ stdout, stderr, code: code ?? KILLED_CODE });
    });
  });
}

/** Runs a command that must succeed and gives its standard output; throws VNET_ERR_INTERNAL with what it said. */
export async function mustRun(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { stdout, stderr, code } = await runCommand(command, options);
  if (code === 0) return stdout;
  throw new VnetError(
    'VNET_ERR_INTERNAL',
    `'${command.join(' ')}' failed (${code}): ${(stderr || stdout).trim()}`,
  );
}

/**
 * Many lines for `ip` or `tc` in one process, stopping at the first that fails (VNET_ERR_INTERNAL naming the line).
 * @param namespace where they act; null for our own
 * @param family for `ip` lines that do not show theirs; a batch has one
 */
export async function batch(
  tool: 'ip' | 'tc',
  namespace: string | null,
  lines: readonly string[],
  family?: 4 | 6,
): Promise<void> {
  if (lines.length === 0) return;
  const options = [
    ...(family === undefined ? [] : [`-${family}`]),
    ...(namespace === null ? [] : ['-n', namespace]),
  ];
  const command = [tool, ...options, '-b', '-'];
  const { stderr, code } = await runCommand(command, { input: `${lines.join('\n')}\n` });
  if (code === 0) return;
  const number = Number(/Command failed -:(\d+)/.exec(stderr)?.[1] ?? 0);
  const where = namespace === null ? '' : ` in ${namespace}`;
  throw new VnetError(
    'VNET_ERR_INTERNAL',
    `'${tool} ${lines[number - 1] ?? ''}'${where} failed: ${stderr.trim()}`,
  );
}
