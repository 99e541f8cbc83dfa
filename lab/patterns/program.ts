/** The generator's program: built on first use, and again when its sources are newer. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { VnetError } from '../../core/index.js';
import { findProgram, mustRun } from '../command.js';

/** Beside this source; the compiled form lies two folders deeper in `out`. */
function sourceFolder(): string {
  const folders = ['./program/', '../../../lab/patterns/program/'].map(
    (path) => new URL(path, import.meta.url).pathname,
  );
  const folder = folders.find((candidate) => existsSync(join(candidate, 'build.sh')));
  if (folder === undefined)
    throw new VnetError('VNET_ERR_INTERNAL', 'the folder lab/patterns/program is missing');
  return folder;
}

function isCurrent(folder: string, program: string): boolean {
  const built = statSync(program, { throwIfNoEntry: false })?.mtimeMs;
  if (built === undefined) return false;
  return readdirSync(folder)
    .filter((name) => /\.(cpp|hpp|sh)$/.test(name))
    .every((name) => statSync(join(folder, name)).mtimeMs <= built);
}

/** One build at a time in this process. */
let building: Promise<unknown> | undefined;

/** Path of the program. VNET_ERR_UNSUPPORTED without a compiler. */
export async function patternsProgram(): Promise<string> {
  const folder = sourceFolder();
  const program = join(folder, 'build', 'patterns');
  if (isCurrent(folder, program)) return program;
  if (findProgram(process.env['CXX'] ?? 'g++') === undefined) {
    throw new VnetError('VNET_ERR_UNSUPPORTED', 'patterns needs a C++ compiler', {
      hint: 'install it: apt-get install g++',
    });
  }
  building ??= mustRun(['sh', join(folder, 'build.sh')]).finally(() => (building = undefined));
  await building;
  return program;
}
