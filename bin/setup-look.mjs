/**
 * What the machine has and what it lacks. Looks only: nothing here changes anything.
 * Plain JavaScript without dependencies, since it runs before `npm ci`.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/** The oldest Node whose N-API and language level the sources use. */
const NODE_MAJOR_MIN = 20;
/** The first g++ whose C++20 library is whole enough. */
const GXX_MAJOR_MIN = 10;
/** Where system tools live that an ordinary user's PATH leaves out on Debian. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * @typedef {object} Finding
 * @property {string} name
 * @property {string | undefined} have  What was found, in a few words; undefined: missing.
 * @property {string} why  What needs it, for the reader.
 * @property {string[]} packages  Debian packages that bring it.
 * @property {boolean} essential  Nothing sensible can be done without.
 * @property {string | undefined} [problem]  Why it counts as missing, where that is not plain.
 * @property {string | undefined} [cure]  A command other than an installation.
 */

/** Makes `ip`, `tc` and `dnsmasq` visible to us and our children, whoever runs this. */
export function widenPath(env = process.env) {
  const folders = (env.PATH ?? '').split(delimiter);
  env.PATH = [...folders, ...SYSTEM_FOLDERS.filter((folder) => !folders.includes(folder))].join(delimiter);
}

/** @returns {string | undefined} the first line a command prints (either stream), if it exits with 0 */
export function firstLine(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? `${stdout}${stderr}`.trim().split('\n')[0] : undefined;
}

function find(command) {
  const paths = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, command));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const onPath = (command) => find(command) !== undefined;

export function lookNode(version = process.versions.node) {
  const old = Number.parseInt(version, 10) < NODE_MAJOR_MIN;
  return {
    name: 'Node',
    have: old ? undefined : version,
    why: `runs everything; ${NODE_MAJOR_MIN} or newer`,
    packages: [],
    essential: true,
    problem: old ? `this is Node ${version}` : undefined,
    cure: `install Node ${NODE_MAJOR_MIN} or newer (https://nodejs.org/en/download), then run this again`,
  };
}

/** The packages that package-lock.json names and node_modules does not hold in that version. */
export function missingPackages(root) {
  const packagesOf = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages ?? {};
  const wanted = Object.entries(packagesOf('package-lock.json')).filter(
    ([path, entry]) => path.startsWith('node_modules/') && !entry.optional,
  );
  const record = 'node_modules/.package-lock.json';
  const installed = existsSync(join(root, record)) ? packagesOf(record) : {};
  return wanted
    .filter(([path, { version }]) => installed[path]?.version !== version || !existsSync(join(root, path)))
    .map(([path]) => path.slice('node_modules/'.length));
}

export function lookNpm(root) {
  const missing = missingPackages(root);
  const count = missing.length;
  return {
    name: 'npm packages',
    have: count === 0 ? 'as in package-lock.json' : undefined,
    why: 'libraries, TypeScript, tests',
    packages: [],
    essential: true,
    problem: count === 0 ? undefined : `${count} missing or of another version`,
    cure: 'npm ci',
  };
}

/**
 * The folder to hand to node-gyp as `--nodedir`: that of the running Node where it brought its headers along,
 * so that nothing has to be downloaded. Undefined: node-gyp fetches them.
 */
export function nodeHeaders(execPath = process.execPath, version = process.versions.node) {
  const prefix = dirname(dirname(execPath));
  const file = join(prefix, 'include', 'node', 'node_version.h');
  if (!existsSync(join(prefix, 'include', 'node', 'node_api.h')) || !existsSync(file)) return undefined;
  const major = /#define NODE_MAJOR_VERSION (\d+)/.exec(readFileSync(file, 'utf8'))?.[1];
  return major === version.split('.')[0] ? prefix : undefined;
}

/** What building the addon takes; essential only while there is something to build. */
export function lookCompiler(essential) {
  const version = firstLine(process.env.CXX ?? 'g++', '-dumpversion');
  const old = version !== undefined && !process.env.CXX && Number.parseInt(version, 10) < GXX_MAJOR_MIN;
  const why = 'builds the data plane (native)';
  return [
    {
      name: 'C++20 compiler',
      have: old || version === undefined ? undefined : `${process.env.CXX ?? 'g++'} ${version}`,
      why,
      packages: ['g++'],
      essential,
      problem: old ? `g++ ${version} is older than ${GXX_MAJOR_MIN}` : undefined,
    },
    { name: 'make', have: onPath('make') ? 'there' : undefined, why, packages: ['make'], essential },
    {
      name: 'python3',
      have: firstLine('python3', '--version'),
      why: 'node-gyp, which drives that build',
      packages: ['python3'],
      essential,
    },
    {
      name: 'Node headers',
      have: nodeHeaders() ?? 'not beside node; node-gyp downloads them once',
      why,
      packages: [],
      essential: false,
    },
  ];
}

/** Network namespaces: as root, or inside a user namespace. */
export function lookNamespaces() {
  const root = process.getuid?.() === 0;
  const usable = (...flags) => spawnSync('unshare', [...flags, 'true'], { stdio: 'ignore' }).status === 0;
  const have =
    root && usable('--net')
      ? 'as root'
      : usable('--user', '--map-root-user', '--net')
        ? 'in user namespaces'
        : undefined;
  return {
    name: 'network namespaces',
    have,
    why: 'the lab: hosts and VMs on one machine',
    packages: [],
    essential: false,
    problem: have ? undefined : 'the kernel refuses them here',
    cure: existsSync('/proc/sys/kernel/apparmor_restrict_unprivileged_userns')
      ? 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'
      : 'run as root, or allow them (in a container: the capability SYS_ADMIN)',
  };
}

function lookTun() {
  return {
    name: '/dev/net/tun',
    have: existsSync('/dev/net/tun') ? 'there' : undefined,
    why: 'tap: and bridge: ports',
    packages: [],
    essential: false,
    cure: 'sudo modprobe tun',
  };
}

/**
 * Debian starts what these packages bring as a service of the machine at once, unless it was told not to (policy-rc.d,
 * as in containers): only there are they installed unasked.
 */
const MAY_INSTALL_SERVICES = existsSync('/usr/sbin/policy-rc.d');
const service = (name, debianPackage, why) => ({
  name,
  packages: MAY_INSTALL_SERVICES ? [debianPackage] : [],
  why,
  uses: ['test'],
  cure: `apt-get install --no-install-recommends ${debianPackage}, which starts it as a service`,
});

/**
 * The package with the static one takes the place of that with the other: it is installed unasked only where there is
 * none. A static program names no interpreter.
 * @returns {Partial<Finding>}
 */
export function lookStaticBusybox(path = find('busybox')) {
  if (path === undefined) return { packages: ['busybox-static'] };
  if (!readFileSync(path).includes('/lib64/ld-linux')) return { have: 'there', packages: [] };
  return {
    packages: [],
    problem: `${path} is not static`,
    cure: 'apt-get install busybox-static, which removes the package busybox',
  };
}

/** System tools that tests, demonstration and benchmarks call. */
const TOOLS = [
  { name: 'ip', packages: ['iproute2'], why: 'the lab and its VMs', uses: ['test', 'demo', 'bench'] },
  { name: 'ping', packages: ['iputils-ping'], why: 'pings between VMs', uses: ['test', 'demo', 'bench'] },
  { name: 'iperf3', packages: ['iperf3'], why: 'TCP transfers between VMs', uses: ['test', 'demo', 'bench'] },
  { name: 'dnsmasq', packages: ['dnsmasq-base'], why: 'the test of a LAN with DHCP', uses: ['test'] },
  {
    name: 'static busybox',
    look: lookStaticBusybox,
    why: 'the QEMU guest of the lab, and the DHCP client of that test',
    uses: ['test', 'demo', 'bench'],
  },
  {
    name: 'qemu-system-x86_64',
    packages: ['qemu-system-x86'],
    why: 'VMs that boot and move',
    uses: ['test', 'demo', 'bench'],
  },
  service('nginx', 'nginx-light', 'the web application in the lab'),
  service('redis-server', 'redis-server', 'the store of that application'),
  { name: 'tincd', packages: ['tinc'], why: 'the rival in the benchmarks', uses: ['bench'] },
];

/** What one cannot do without it, a purpose: the demonstration and the benchmarks are nothing without a lab. */
const ESSENTIAL_TOOLS = { build: [], test: [], demo: ['ip'], bench: ['ip'] };

export function lookTools(purpose) {
  return TOOLS.filter(({ uses }) => uses.includes(purpose)).map(
    ({ name, packages, why, cure, look: lookAt }) => ({
      name,
      why,
      ...(lookAt?.() ?? { have: onPath(name) ? 'there' : undefined, packages, cure }),
      essential: ESSENTIAL_TOOLS[purpose].includes(name),
    }),
  );
}

/**
 * Everything the purpose needs.
 * @param {{ root: string, purpose: 'build' | 'test' | 'demo' | 'bench', addonCurrent: boolean }} options
 * @returns {Finding[]}
 */
export function look({ root, purpose, addonCurrent }) {
  const lab = purpose === 'build' ? [] : [lookNamespaces(), lookTun()];
  if (purpose === 'demo' || purpose === 'bench')
    lab.forEach((item) => (item.essential = item.name !== '/dev/net/tun'));
  return [lookNode(), lookNpm(root), ...lookCompiler(!addonCurrent), ...lookTools(purpose), ...lab];
}
