/** Installs what is missing: npm packages always, system packages only as root. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { nodeHeaders } from './setup-look.mjs';

const APT_LISTS = '/var/lib/apt/lists';

/** Runs a command with its output shown only if it fails. @returns {boolean} whether it succeeded */
export function runQuietly(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    ...options,
  });
  if (status === 0) return true;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  console.error(`failed: ${command} ${args.join(' ')}${error ? ` (${error.message})` : ''}`);
  return false;
}

/**
 * The versions of package-lock.json, development tools included. `npm ci` refuses a lock file made where optional
 * packages of other systems could not be had; `npm install --no-save` takes the same versions and leaves it alone.
 */
export function installNpmPackages(root) {
  const flags = ['--include=dev', '--no-audit', '--no-fund'];
  // For packages that build an addon of their own, without a download of headers that are here.
  const headers = nodeHeaders();
  const env = { ...process.env, ...(headers ? { npm_config_nodedir: headers } : {}) };
  console.log('installing npm packages (npm ci) ...');
  if (spawnSync('npm', ['ci', ...flags], { cwd: root, env, stdio: 'ignore' }).status === 0) return true;
  console.log('npm ci does not take the lock file here; npm install --no-save takes the same versions ...');
  return runQuietly('npm', ['install', '--no-save', ...flags], { cwd: root, env });
}

const isRoot = () => process.getuid?.() === 0;
const hasApt = () => existsSync('/usr/bin/apt-get');

export function installCommand(packages) {
  if (!hasApt()) return `install with the system's package manager: ${packages.join(' ')} (Debian's names)`;
  return `${isRoot() ? '' : 'sudo '}apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

const APT_ENV = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
const apt = (...args) => runQuietly('apt-get', args, { env: APT_ENV });

const haveLists = () =>
  existsSync(APT_LISTS) && readdirSync(APT_LISTS).some((name) => /_Packages(\.\w+)?$/.test(name));

/**
 * Tries to install Debian packages; lists of packages are fetched when there are none or they are too old.
 * @param {string[]} packages
 * @returns {boolean} false where it may not (no root, no apt-get) or could not
 */
export function installSystemPackages(packages) {
  if (!isRoot() || !hasApt()) return false;
  console.log(`installing system packages (${installCommand(packages)}) ...`);
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  if (haveLists() && spawnSync('apt-get', install, { env: APT_ENV, stdio: 'ignore' }).status === 0)
    return true;
  return apt('update') && apt(...install);
}

/** As root only. @returns {boolean} whether they are new */
export const refreshPackageLists = () => isRoot() && hasApt() && apt('update');
