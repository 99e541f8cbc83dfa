/** Builds what is older than its sources: TypeScript to out/, the addon, the lab's programs, tap's test class. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { nodeHeaders } from './setup-look.mjs';
import { runQuietly } from './setup-install.mjs';

/** Folders that hold no sources of their own. */
const NOT_SOURCES = new Set(['node_modules', 'out', 'build', '.git', '.tap']);

/** Every file below a folder, sorted, what is built or fetched left out. */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  const files = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !NOT_SOURCES.has(entry.name)) files.push(...filesBelow(path));
    if (entry.isFile()) files.push(path);
  }
  return files.sort();
}

function hashOf(files, ...salts) {
  const hash = createHash('sha256');
  for (const salt of salts) hash.update(`${salt}\0`);
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

const NATIVE_SOURCE = /\.(gypi?|c|cc|cpp|h|hh|hpp)$/;

/** What the addon is made of: content, Node's ABI and machine; times of files say nothing after a checkout. */
function addonHash(root) {
  const files = filesBelow(join(root, 'native')).filter(
    (file) => NATIVE_SOURCE.test(file) && !file.startsWith(join(root, 'native', 'test')),
  );
  return hashOf(files, process.versions.modules, process.arch);
}

const addonStamp = (root) => join(root, 'native', 'build', '.stamp');

const built = (folder, suffix) =>
  existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(suffix));

const readStamp = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);

function writeStamp(file, hash) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, hash);
}

/** True when there is nothing to build: the addon is of these sources, or there are no sources. */
export function addonCurrent(root) {
  if (!existsSync(join(root, 'native', 'binding.gyp'))) return true;
  return (
    built(join(root, 'native', 'build', 'Release'), '.node') &&
    readStamp(addonStamp(root)) === addonHash(root)
  );
}

export function buildAddon(root) {
  if (addonCurrent(root)) return true;
  console.log('building the data plane (native) ...');
  const nodedir = nodeHeaders();
  const gyp = join(root, 'node_modules', '.bin', 'node-gyp');
  const args = ['rebuild', '--directory', join(root, 'native'), ...(nodedir ? ['--nodedir', nodedir] : [])];
  if (!runQuietly(gyp, args, { cwd: root, env: { ...process.env, JOBS: 'max' } })) return false;
  writeStamp(addonStamp(root), addonHash(root));
  return true;
}

/** Programs of the lab: what the folder's build.sh makes goes into its build/. */
const LAB_PROGRAMS = [
  { folder: 'lab/emulator', what: 'the emulator of the lab' },
  { folder: 'lab/patterns/program', what: 'the traffic generator of the lab' },
];

function buildLabProgram(root, { folder: name, what }) {
  const folder = join(root, name);
  const script = join(folder, 'build.sh');
  if (!existsSync(script)) return true;
  const stamp = join(folder, 'build', '.stamp');
  const hash = hashOf(
    filesBelow(folder).filter((file) => !file.endsWith('.ts')),
    process.arch,
  );
  if (readStamp(stamp) === hash) return true;
  console.log(`building ${what} ...`);
  if (!runQuietly('bash', [script], { cwd: folder })) return false;
  writeStamp(stamp, hash);
  return true;
}

export const buildLabPrograms = (root) =>
  LAB_PROGRAMS.map((program) => buildLabProgram(root, program)).every(Boolean);

/** Compiled files whose source is gone would be tests that pass for ever. */
export function removeLeftovers(root) {
  const out = join(root, 'out');
  const compiled = filesBelow(out).filter((file) => /\.js(\.map)?$/.test(file));
  const sourceOf = (file) => join(root, relative(out, file).replace(/\.js(\.map)?$/, '.ts'));
  const stale = compiled.filter((file) => !existsSync(sourceOf(file)));
  for (const file of stale) rmSync(file);
  return stale.length;
}

/** tsc trusts its record of what it wrote: drop the record when an output was deleted behind its back. */
function distrustRecord(root) {
  const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const sources = include.flatMap((folder) => filesBelow(join(root, folder)));
  const missing = sources.some(
    (file) =>
      file.endsWith('.ts') &&
      !file.endsWith('.d.ts') &&
      !existsSync(join(root, 'out', relative(root, file).replace(/\.ts$/, '.js'))),
  );
  if (missing) rmSync(join(root, 'out', '.tsbuildinfo'), { force: true });
}

export function compileTypeScript(root) {
  removeLeftovers(root);
  distrustRecord(root);
  return runQuietly(join(root, 'node_modules', '.bin', 'tsc'), ['-p', root], { cwd: root });
}

/**
 * tap generates its own test class from the plugins that package.json chooses, but the first run after an
 * installation still uses all of them, and the one for TypeScript cannot work with ours: generate it beforehand.
 */
export function buildTap(root) {
  const stamp = join(root, 'node_modules', '.tap-plugins');
  const hash = hashOf([join(root, 'package.json')]);
  if (readStamp(stamp) === hash) return true;
  if (!runQuietly(join(root, 'node_modules', '.bin', 'tap'), ['build'], { cwd: root })) return false;
  writeStamp(stamp, hash);
  return true;
}

/** @returns {boolean} whether everything is built; what failed has been printed */
export function build(root) {
  return [compileTypeScript, buildAddon, buildLabPrograms, buildTap].map((step) => step(root)).every(Boolean);
}
