/**
 * A solver of the user's as a program: `exec:COMMAND` runs by `sh -c`, the request on its standard input, the answer on its
 * standard output. It leads a process group of its own, and the whole group is killed when its time is over.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { VnetError } from '../../core/index.js';
import { ANSWER_CHARS_MAX, GRACE_MS, type StrangerAnswer, type StrangerRun, tailOf } from './stranger.js';

/** Between the signal that asks and the one that does not. */
const TERMINATE_MS = 200;
/** The exit code of a program that found no placement, as grep's of one that found no line. */
export const NONE_FOUND = 1;

/** @throws VNET_ERR_TIMEOUT, VNET_ERR_LIMIT (answer), VNET_ERR_CLOSED, VNET_ERR_INVALID for an exit code of failure */
export async function runProgram(
  command: string,
  { request, budgetMs, signal }: StrangerRun,
): Promise<StrangerAnswer> {
  const startedMs = performance.now();
  const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  const said = tailOf(child.stderr);
  const limitMs = budgetMs + GRACE_MS;
  let why: VnetError | undefined;
  const stop = (code: 'VNET_ERR_TIMEOUT' | 'VNET_ERR_CLOSED' | 'VNET_ERR_LIMIT', message: string) => {
    why ??= new VnetError(code, `${command}: ${message}`, said.hint());
    killGroup(child);
  };
  const late = setTimeout(
    () => stop('VNET_ERR_TIMEOUT', `no answer in ${(limitMs / 1000).toFixed(1)} s, killed`),
    limitMs,
  );
  const cancel = () => stop('VNET_ERR_CLOSED', 'it was cancelled');
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  try {
    const { text, code, killedBy } = await finished(child, request, () =>
      stop('VNET_ERR_LIMIT', `its answer has more than ${ANSWER_CHARS_MAX} characters`),
    );
    const tookMs = performance.now() - startedMs;
    if (why) throw why;
    if (code === NONE_FOUND && text.trim() === '') return { tookMs };
    if (code !== 0) {
      const how = killedBy ? `killed by ${killedBy}` : `exit code ${code}`;
      throw new VnetError('VNET_ERR_INVALID', `${command}: it failed with ${how}`, said.hint());
    }
    return { text, tookMs };
  } finally {
    clearTimeout(late);
    signal?.removeEventListener('abort', cancel);
    signalGroup(child, 'SIGKILL'); // what it left behind
  }
}

interface Ending {
  text: string;
  code: number | null;
  killedBy: NodeJS.Signals | null;
}

/** Resolves when the program has ended and all that held its output has too. */
function finished(child: ChildProcess, request: string, tooLong: () => void): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    child.stdout?.on('data', (part: Buffer) => {
      length += part.length;
      if (length > ANSWER_CHARS_MAX) tooLong();
      else parts.push(part);
    });
    child.on('error', (cause) =>
      reject(new VnetError('VNET_ERR_INVALID', `cannot start: ${cause.message}`, { cause })),
    );
    child.on('close', (code, killedBy) =>
      resolve({ text: Buffer.concat(parts).toString('utf8'), code, killedBy }),
    );
    // A program need not read what it does not want.
    child.stdin?.on('error', () => {});
    child.stdin?.end(request);
  });
}

function killGroup(child: ChildProcess): void {
  signalGroup(child, 'SIGTERM');
  setTimeout(() => {
    signalGroup(child, 'SIGKILL');
    // Whoever left the group and holds the pipes still is not waited for.
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, TERMINATE_MS);
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // ESRCH: the group is empty.
  }
}
