/** A running part of the application, and how it ended. */
import type { ChildProcess } from 'node:child_process';
import type { PatternsPlace } from '../patterns/index.js';

export interface Part {
  /** Such as `front 0 on web`. */
  what: string;
  child: ChildProcess;
  /** What it said of its troubles. */
  stderr: string;
  closed: Promise<void>;
}

/** Of a part's complaints the last are kept. */
const MAX_STDERR_CHARACTERS = 10_000;

/** Options of the test runner are not for our parts. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = process.env;
  return rest;
}

export function startPart(
  what: string,
  place: PatternsPlace,
  command: string[],
  stdout: 'pipe' | 'ignore',
): Part {
  // Detached: Ctrl-C in a terminal is for the command that started us, which ends the parts in order.
  const child = place.spawn(command, {
    stdio: ['ignore', stdout, 'pipe'],
    env: environment(),
    detached: true,
  });
  const part: Part = { what: `${what} on ${place.name}`, child, stderr: '', closed: Promise.resolve() };
  child.stderr?.on('data', (chunk: Buffer) => {
    part.stderr = `${part.stderr}${chunk.toString()}`.slice(-MAX_STDERR_CHARACTERS);
  });
  part.closed = new Promise((resolve) => {
    child.once('error', (error) => {
      part.stderr += error.message;
      resolve();
    });
    child.once('close', () => resolve());
  });
  return part;
}

export function howItEnded({ what, child, stderr }: Part): string {
  const said = stderr.trim().split('\n').at(-1) ?? '';
  const how = child.signalCode === null ? `ended with ${child.exitCode}` : `ended by ${child.signalCode}`;
  return `${what} ${how}${said === '' ? '' : `: ${said}`}`;
}
