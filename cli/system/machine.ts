/** Reads what doctor wants to know of this machine: /proc and /sys, nothing is changed or started. */
import { constants } from 'node:fs';
import { access, open, readdir, readFile } from 'node:fs/promises';
import { availableParallelism, loadavg, networkInterfaces, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { MachineFacts } from './machine-facts.js';

/** From out/cli/system. */
const ADDON_FOLDER = fileURLToPath(new URL('../../../native/build/Release', import.meta.url));

export async function readMachine(): Promise<MachineFacts> {
  const kernel = release();
  const [known, tun, addonBuilt, interfaces] = await Promise.all([
    readKernel(kernel),
    readTun(),
    hasAddon(),
    readInterfaces(),
  ]);
  return {
    platform: process.platform,
    kernel,
    node: process.versions.node,
    root: process.geteuid?.() === 0,
    cpus: availableParallelism(),
    load: loadavg()[0] ?? 0,
    tun,
    addonBuilt,
    interfaces,
    ...known,
  };
}

/** The file's text, trimmed; undefined where there is none or it may not be read. */
const text = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then(
    (content) => content.trim(),
    () => undefined,
  );

const number = async (path: string): Promise<number | undefined> => {
  const content = await text(path);
  return content === undefined || content === '' ? undefined : Number(content);
};

/** Fields that could be read. */
async function readKernel(kernel: string): Promise<Partial<MachineFacts>> {
  const sys = '/proc/sys';
  const [status, protocols, control, controls, tables, bridgeFiltered, allowed] = await Promise.all([
    text('/proc/self/status'),
    text('/proc/net/protocols'),
    text(`${sys}/net/ipv4/tcp_congestion_control`),
    text(`${sys}/net/ipv4/tcp_available_congestion_control`),
    text('/proc/net/ip_tables_names'),
    text(`${sys}/net/bridge/bridge-nf-call-iptables`),
    text(`${sys}/kernel/unprivileged_userns_clone`),
  ]);
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1];
  return known({
    capabilities: capabilities === undefined ? undefined : BigInt(`0x${capabilities}`),
    protocols: protocols
      ?.split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/)[0] ?? ''),
    userNamespacesMax: await number(`${sys}/user/max_user_namespaces`),
    userNamespacesAllowed: allowed === undefined ? undefined : allowed === '1',
    netem: await hasNetem(kernel),
    congestionControl: control,
    congestionControls: controls?.split(/\s+/),
    receiveBufferMax: await number(`${sys}/net/core/rmem_max`),
    sendBufferMax: await number(`${sys}/net/core/wmem_max`),
    clockSource: await text('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
    bridgeFiltered: bridgeFiltered === undefined ? undefined : bridgeFiltered === '1',
    bridges: await listBridges(),
    filterTables: tables?.split('\n').filter((name) => name !== ''),
  });
}

/** Without what is undefined. */
function known<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

async function readTun(): Promise<MachineFacts['tun']> {
  const path = '/dev/net/tun';
  try {
    await access(path, constants.F_OK);
  } catch {
    return 'absent';
  }
  try {
    // Opening attaches to nothing: no device is made until an ioctl says so.
    await (await open(path, 'r+')).close();
    return 'open';
  } catch {
    return 'closed';
  }
}

const hasAddon = (): Promise<boolean> =>
  readdir(ADDON_FOLDER).then(
    (names) => names.some((name) => name.endsWith('.node')),
    () => false,
  );

/** As a module, built in, or by the kernel's own configuration; undefined where none of them can be read. */
async function hasNetem(kernel: string): Promise<boolean | undefined> {
  const modules = await Promise.all(
    ['modules.dep', 'modules.builtin'].map((name) => text(`/lib/modules/${kernel}/${name}`)),
  );
  const lists = modules.filter((list) => list !== undefined);
  if (lists.length > 0) return lists.some((list) => list.includes('sch_netem'));
  const config =
    (await readFile('/proc/config.gz').then(
      (packed) => gunzipSync(packed).toString('utf8'),
      () => undefined,
    )) ?? (await text(`/boot/config-${kernel}`));
  return config === undefined ? undefined : /^CONFIG_NET_SCH_NETEM=[ym]$/m.test(config);
}

/** Undefined where sysfs is not there; it shows the namespace that it was mounted in. */
async function listBridges(): Promise<string[] | undefined> {
  const folder = '/sys/class/net';
  const names = await readdir(folder).catch(() => undefined);
  if (!names) return undefined;
  const marks = await Promise.all(
    names.map((name) =>
      access(`${folder}/${name}/bridge`).then(
        () => true,
        () => false,
      ),
    ),
  );
  return names.filter((_, at) => marks[at]);
}

async function readInterfaces(): Promise<MachineFacts['interfaces']> {
  return Promise.all(
    Object.entries(networkInterfaces()).map(async ([name, entries]) => ({
      name,
      mtu: (await number(`/sys/class/net/${name}/mtu`)) ?? 0,
      up: true, // only those that are up have addresses here
      addresses: entries?.map((entry) => entry.address) ?? [],
    })),
  );
}
