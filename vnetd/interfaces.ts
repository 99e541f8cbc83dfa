/** The host's network interfaces, as the kernel lists them (primitive "list the available network interfaces"). */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { type InterfaceView, isMac } from '../core/index.js';

const SYS = '/sys/class/net';

export async function listInterfaces(): Promise<InterfaceView[]> {
  const addresses = networkInterfaces();
  // Sysfs shows the namespace it was mounted in; what the process itself sees is told by getifaddrs and netlink.
  const names = new Set([...(await interfaceNames()), ...Object.keys(addresses)]);
  return Promise.all(
    [...names].sort().map(async (name) => {
      const address = (await readSys(name, 'address')) || (addresses[name]?.[0]?.mac ?? '');
      const flags = Number.parseInt((await readSys(name, 'flags')) || '0', 16);
      const bridge = existsSync(`${SYS}/${name}/bridge`);
      return {
        name,
        ...(isMac(address) ? { mac: address } : {}),
        addresses: (addresses[name] ?? []).map((entry) => entry.cidr ?? entry.address),
        up: (flags & 1) === 1 || name in addresses,
        usableAs: name === 'lo' ? [] : bridge ? ['packet', 'bridge'] : ['packet'],
      };
    }),
  );
}

/** /proc/self/net/dev follows the process's own network namespace, whatever is mounted on /sys. */
async function interfaceNames(): Promise<string[]> {
  const text = await readFile('/proc/self/net/dev', 'utf8').catch(() => '');
  const names = [...text.matchAll(/^\s*([^\s:]+):/gm)].map((match) => match[1] as string);
  return names.length > 0 ? names : readdir(SYS).catch(() => []);
}

async function readSys(name: string, file: string): Promise<string> {
  return (await readFile(`${SYS}/${name}/${file}`, 'utf8').catch(() => '')).trim();
}
