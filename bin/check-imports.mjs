#!/usr/bin/env node
/**
 * Checks the directions of imports between folders, from one table. (Cycles are oxlint's `import/no-cycle`.)
 *
 * Three rules: a folder imports only the folders that the table gives it; it enters another folder only through
 * that folder's index.ts, subfolders included; folders whose logic is pure import nothing of Node that does I/O.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const PRODUCT = ['core', 'lang', 'native', 'wren', 'vttif', 'vadapt', 'vm', 'vnetd', 'proxy', 'cli'];

/** Who may import whom. A folder may always import itself. */
export const MAY_IMPORT = {
  core: [],
  lang: ['core'],
  native: ['core'],
  wren: ['core'],
  vttif: ['core'],
  vadapt: ['core'],
  vm: ['core'],
  vnetd: ['core', 'native', 'wren', 'vm'],
  proxy: ['core', 'lang', 'wren', 'vttif', 'vadapt', 'vnetd'],
  cli: ['core', 'lang', 'vttif', 'vadapt'],
  lab: PRODUCT,
  bin: [...PRODUCT, 'lab'],
  test: [...PRODUCT, 'lab', 'bin'],
  bench: [...PRODUCT, 'lab', 'bin'],
  examples: [...PRODUCT, 'lab', 'bin'],
};

/** Their clock, random source, files and packets come as arguments (tests are exempt). */
export const PURE = ['lang', 'wren', 'vttif', 'vadapt', 'vnetd/forwarding'];
/** Within them the exceptions, which only the folder's own index.ts lets out: what is pure must not come to I/O by them. */
export const NOT_PURE = ['vadapt/running'];
/** Doubles and testbeds, kept out of their folder's own index so that a daemon does not load them; and who may use them. */
export const SIDE_DOORS = ['vnetd/memory-plane', 'wren/testbed'];
export const BY_SIDE_DOORS = ['test', 'bench'];
const DOES_IO =
  /^(node:)?(fs|net|dgram|http2?|https|tls|dns|child_process|worker_threads|cluster|timers)(\/|$)/;

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|(?:^|[\s;}=(])import\s*\(?\s*['"]([^'"]+)['"]/g;

/** `node:net` also says whether a text is an IP address, which is no I/O. */
const ONLY_ADDRESSES = /import\s*\{[\s,]*(?:isIP(?:v4|v6)?[\s,]*)+\}\s*from\s*['"]node:net['"]/g;

/** The module names a source imports, type-only ones included: a type is a dependency too. */
export function importsOf(source) {
  const code = source
    .replace(ONLY_ADDRESSES, '')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(IMPORT)].map((match) => match[1] ?? match[2]);
}

/**
 * What is wrong with one import.
 * @param {string} file importing file, relative to the root, with `/`
 * @param {string} name module name as written
 * @param {(folder: string) => boolean} hasDoor whether a subfolder has an index.ts; top folders must
 * @returns {string | undefined} the reason, for a person
 */
export function judge(file, name, hasDoor) {
  if (!name.startsWith('.')) return judgePackage(file, name);
  const target = posix.join(posix.dirname(file), name);
  if (reachesException(file, target) && !/^[^/]+\/index\.ts$|\.test\.ts$/.test(file))
    return `${pureFolder(file)} does no I/O: only its index.ts lets ${posix.dirname(target)} out`;
  const [from] = file.split('/');
  const [to] = target.split('/');
  if (from !== to && !MAY_IMPORT[from]?.includes(to)) {
    return `${from} may not import ${to} (only ${MAY_IMPORT[from]?.join(', ') || 'itself'})`;
  }
  const entered = folderEntered(file, target);
  if (entered === undefined || target === `${entered}/index.js` || !(from !== to || hasDoor(entered)))
    return undefined;
  if (BY_SIDE_DOORS.includes(from) && SIDE_DOORS.some((folder) => target === `${folder}/index.js`))
    return undefined;
  return `goes past the door ${entered}/index.ts`;
}

function pureFolder(file) {
  const within = (folder) => file.startsWith(`${folder}/`);
  return NOT_PURE.some(within) ? undefined : PURE.find(within);
}

/** Whether one is pure and the other is its exception: `vadapt/index.ts` and `vadapt/running/index.js`. */
function reachesException(file, target) {
  return pureFolder(file) !== undefined && NOT_PURE.some((folder) => target.startsWith(`${folder}/`));
}

function judgePackage(file, name) {
  const pure = pureFolder(file);
  if (pure && !file.endsWith('.test.ts') && DOES_IO.test(name)) {
    return `${pure} does no I/O: take what ${name} gives as an argument`;
  }
  return undefined;
}

/** The outermost folder that the target is in and the importing file is not. */
function folderEntered(file, target) {
  const here = posix.dirname(file).split('/');
  const there = posix.dirname(target).split('/');
  const apart = there.findIndex((folder, depth) => folder !== here[depth]);
  return apart === -1 ? undefined : there.slice(0, apart + 1).join('/');
}

function sourcesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'build' ? [] : sourcesBelow(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

/** Every wrong import of the tree, as `file: "name" reason`. */
export function checkTree(root) {
  const present = new Set(readdirSync(root));
  const hasDoor = (folder) => existsSync(join(root, folder, 'index.ts'));
  const files = Object.keys(MAY_IMPORT)
    .filter((folder) => present.has(folder))
    .flatMap((folder) => sourcesBelow(join(root, folder)));
  return files.flatMap((path) => {
    const file = relative(root, path).replaceAll(sep, '/');
    return importsOf(readFileSync(path, 'utf8')).flatMap((name) => {
      const reason = judge(file, name, hasDoor);
      return reason ? [`${file}: "${name}" ${reason}`] : [];
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = checkTree(dirname(dirname(fileURLToPath(import.meta.url))));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
