/** Instance files of a folder, and writing them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { VnetError } from '../../core/index.js';
import { type ParsedInstance, parseInstance } from '../../vadapt/index.js';

const ENDING = /\.json(\.gz)?$/;

/** Of a folder all `*.json` and `*.json.gz`, by name; or of a file that one. @throws VnetError with the file */
export function instanceFiles(path: string): string[] {
  if (!reading(path, () => statSync(path)).isDirectory()) return [path];
  const files = reading(path, () => readdirSync(path)).filter((name) => ENDING.test(name));
  if (files.length === 0)
    throw new VnetError('VNET_ERR_NOT_FOUND', `${path} has no instance files (*.json)`, {
      hint: `\`vnet adapt instances --out ${path}\` writes some`,
    });
  return files.sort(byName).map((name) => join(path, name));
}

/** 6x6 before 16x24. */
function byName(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** @throws VnetError with the file and what is wrong in it */
export function readInstance(file: string): ParsedInstance {
  const bytes = reading(file, () => readFileSync(file));
  return parseInstance(
    (file.endsWith('.gz') ? reading(file, () => gunzipSync(bytes)) : bytes).toString('utf8'),
    file,
  );
}

/** As text. @throws VnetError with the file */
export function readData(...path: string[]): string {
  const file = join(...path);
  return reading(file, () => readFileSync(file, 'utf8'));
}

/** Names of a folder's files; none where there is no folder. */
export function filesOf(folder: string): string[] {
  return existsSync(folder) ? reading(folder, () => readdirSync(folder)).sort() : [];
}

/** @throws VNET_ERR_EXISTS where a file of that name has another text, unless `replace` */
export function writeInstances(
  folder: string,
  files: readonly { name: string; text: string }[],
  replace: boolean,
): string[] {
  const paths = files.map(({ name, text }) => ({ path: join(folder, `${basename(name)}.json`), text }));
  const other = replace ? undefined : paths.find(({ path, text }) => differs(path, text));
  if (other)
    throw new VnetError('VNET_ERR_EXISTS', `${other.path} is there already and is another`, {
      hint: '--replace overwrites it, --out names another folder',
    });
  try {
    mkdirSync(folder, { recursive: true });
    for (const { path, text } of paths) writeFileSync(path, text);
  } catch (cause) {
    throw new VnetError('VNET_ERR_INVALID', `cannot write to ${folder}: ${VnetError.from(cause).message}`, {
      cause,
    });
  }
  return paths.map(({ path }) => path);
}

function differs(path: string, text: string): boolean {
  try {
    return readFileSync(path, 'utf8') !== text;
  } catch {
    return false; // not there
  }
}

function reading<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const code =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'VNET_ERR_NOT_FOUND' : 'VNET_ERR_INVALID';
    throw new VnetError(code, `cannot read ${path}: ${VnetError.from(cause).message}`, { cause });
  }
}
