/** The lab's helper program (`emulator/`) as long-running processes in the lab's namespaces. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { VnetError } from '../core/index.js';
import { findProgram, mustRun } from './command.js';

const START_TIMEOUT_MS = 5_000;
const LOG_MODE = 0o600;

/** Where the program is, built or not. */
function builtEmulator(): { folder: string; program: string } {
  const folders = ['./emulator/', '../../lab/emulator/'].map(
    (path) => new URL(path, import.meta.url).pathname,
  );
  const folder = folders.find((candidate) => existsSync(`${candidate}build.sh`));
  if (folder === undefined) throw new VnetError('VNET_ERR_INTERNAL', 'the folder lab/emulator is missing');
  return { folder, program: `${folder}build/emulator` };
}

/** Path of the program, built first if that has not happened; VNET_ERR_UNSUPPORTED without a compiler. */
export async function emulatorProgram(): Promise<string> {
  const { folder, program } = builtEmulator();
  if (existsSync(program)) return program;
  if (findProgram(process.env.CXX ?? 'g++') === undefined) {
    const hint = 'install it: apt-get install g++';
    throw new VnetError('VNET_ERR_UNSUPPORTED', 'the lab needs a C++ compiler for its emulator', { hint });
  }
  await mustRun(['sh', `${folder}build.sh`]);
  return program;
}

/**
 * Starts a sub-command in a namespace and waits for its first words, which say that it is ready. It outlives this
 * process; the caller records it. What it complains of goes to the file `log`.
 */
export async function startTool(
  namespace: string,
  command: readonly string[],
  log: string,
): Promise<ChildProcess> {
  const program = await emulatorProgram();
  const errors = openSync(log, 'a', LOG_MODE);
  const inside = ['netns', 'exec', namespace, program, ...command];
  const child = spawn(findProgram('ip') ?? 'ip', inside, {
    stdio: ['ignore', 'pipe', errors],
    detached: true,
  });
  closeSync(errors);
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer);
      const said = readFileSync(log, 'utf8').trim().split('\n').at(-1);
      reject(new VnetError('VNET_ERR_INTERNAL', `'emulator ${command[0]}' did not start: ${said || why}`));
    };
    const timer = setTimeout(() => fail('no answer'), START_TIMEOUT_MS);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`exit code ${code}`));
    child.stdout?.once('data', () => {
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve();
    });
  });
  child.stdout?.destroy();
  child.unref();
  return child;
}
