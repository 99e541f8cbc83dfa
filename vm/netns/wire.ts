/**
 * A light VM's wire: a veth, one end in the VM's namespace, the other in its host's. The kernel destroys both when the
 * namespace of either goes, so what the inner end looked like is kept in a file and the wire can be made anew; as the
 * old one is destroyed first, a VM is joined to one host at most.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VnetError, type VmSpec } from '../../core/index.js';
import { networkNamed } from './identity.js';
import { ip, ipBatch } from './ip.js';
import { interfaceNames } from './interfaces.js';

/** The end within the VM, as it can be made again. */
export interface InnerEnd {
  name: string;
  mac: string;
  mtu: number;
  /** Arguments of `ip addr add`. */
  addresses: string[];
  /** Arguments of `ip route replace`, after the family. */
  routes: { family: 4 | 6; route: string }[];
}

interface Link {
  ifname: string;
  ifindex: number;
  link_index?: number;
  address: string;
  mtu: number;
  flags: string[];
  linkinfo?: { info_kind?: string };
  addr_info?: { family: string; local: string; prefixlen: number; scope: string; broadcast?: string }[];
}

const MAIN_NAME = 'eth0';
const UP = (name: string) => `link set dev ${name} arp off addrgenmode none up`;

export const linesUp = (name: string): string[] => [UP(name)];

/** The host's end of a name; undefined: not here. */
export async function outerEnd(name: string): Promise<{ link: Link; up: boolean } | undefined> {
  if (!interfaceNames().has(name)) return undefined;
  try {
    const [link] = JSON.parse(await ip(['-j', '-d', 'link', 'show', 'dev', name])) as Link[];
    return link && { link, up: link.flags.includes('UP') };
  } catch (thrown) {
    if (!interfaceNames().has(name)) return undefined; // it left meanwhile
    throw thrown;
  }
}

/** The veth within the VM's namespace: the only one, or the one with an address of the VM. */
async function innerLink(spec: VmSpec, namespace: string): Promise<Link | undefined> {
  if (networkNamed(namespace) === undefined) return undefined;
  const links = JSON.parse((await ip(['-j', 'addr', 'show', 'type', 'veth'], namespace)) || '[]') as Link[];
  const whole = links.filter((link) => link.ifname !== undefined);
  return whole.length < 2 ? whole[0] : whole.find((link) => spec.macs.some((mac) => mac === link.address));
}

/** True: the two ends are one wire. Indexes are of the namespaces, so both directions are looked at. */
const joined = (outer: Link, inner: Link | undefined): boolean =>
  outer.linkinfo?.info_kind === 'veth' &&
  inner !== undefined &&
  outer.link_index === inner.ifindex &&
  inner.link_index === outer.ifindex;

/** Whether this host's end is the VM's, another's, or not there. */
export async function whoHas(
  spec: VmSpec,
  namespace: string,
  name: string,
): Promise<'vm' | 'other' | 'nobody'> {
  const outer = await outerEnd(name);
  if (outer === undefined) return 'nobody';
  return joined(outer.link, await innerLink(spec, namespace)) ? 'vm' : 'other';
}

async function look(spec: VmSpec, namespace: string): Promise<InnerEnd | undefined> {
  const link = await innerLink(spec, namespace);
  if (link === undefined) return undefined;
  const routes = await Promise.all(
    ([4, 6] as const).map((family) => routesOf(namespace, link.ifname, family)),
  );
  return {
    name: link.ifname,
    mac: link.address,
    mtu: link.mtu,
    addresses: (link.addr_info ?? []).flatMap((entry) => addressLine(entry)),
    routes: routes.flat(),
  };
}

function addressLine(entry: NonNullable<Link['addr_info']>[number]): string[] {
  if (entry.family === 'inet6') {
    return entry.scope === 'link' ? [] : [`${entry.local}/${entry.prefixlen} nodad`]; // fe80:: the kernel makes itself
  }
  const broadcast = entry.broadcast === undefined ? '' : ` broadcast ${entry.broadcast}`;
  return [`${entry.local}/${entry.prefixlen}${broadcast}`];
}

async function routesOf(namespace: string, name: string, family: 4 | 6): Promise<InnerEnd['routes']> {
  const text = await ip([`-${family}`, 'route', 'show', 'dev', name], namespace);
  return text
    .split('\n')
    .map((line) => line.replace(/\b(linkdown|dead)\b/g, '').trim())
    .filter((line) => line !== '' && !/\bproto (kernel|ra)\b/.test(line))
    .map((line) => ({ family, route: `${line} dev ${name}` }));
}

const fileOf = (folder: string, namespace: string) => join(folder, `${namespace}.json`);

/** Writes down what the inner end looks like; keeps what is written if there is none. */
export async function keepWire(folder: string, spec: VmSpec, namespace: string): Promise<void> {
  const inner = await look(spec, namespace);
  if (inner === undefined) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = fileOf(folder, namespace);
  writeFileSync(`${path}.${process.pid}.new`, JSON.stringify(inner), { mode: 0o600 });
  renameSync(`${path}.${process.pid}.new`, path);
}

function keptWire(folder: string, namespace: string): InnerEnd | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(folder, namespace), 'utf8')) as InnerEnd;
  } catch {
    return undefined; // never written, or not whole: made from the statement
  }
}

/** Forgets what the wire of a namespace looked like: the VM is removed for good. */
export function forgetWire(namespace: string, folder = WIRE_FOLDER): void {
  rmSync(fileOf(folder, namespace), { force: true });
}

/** Where wires are remembered and tickets lie, on a file system that ends with the machine's boot, as they do. */
export const WIRE_FOLDER = '/run/vnet-netns';

/**
 * The wire is joined to this host and up; made, with its namespace, where it is missing.
 * @throws VNET_ERR_EXISTS if another interface here has the name
 */
export async function joinWire(
  folder: string,
  spec: VmSpec,
  place: { namespace: string; name: string },
): Promise<void> {
  const { namespace, name } = place;
  if (networkNamed(namespace) === undefined) await ip(['netns', 'add', namespace]);
  const owner = await whoHas(spec, namespace, name);
  if (owner === 'other') throw nameTaken(spec.name, name);
  if (owner === 'nobody') await makeWire(folder, spec, place);
  await ipBatch([UP(name)]);
}

export function nameTaken(vm: string, name: string): VnetError {
  return new VnetError(
    'VNET_ERR_EXISTS',
    `this host has another interface ${name}, which is not the VM ${vm}'s`,
    {
      hint: `give the VM another port: port packet:NAME, or rename the interface (ip link set ${name} name OTHER)`,
    },
  );
}

async function makeWire(
  folder: string,
  spec: VmSpec,
  { namespace, name }: { namespace: string; name: string },
): Promise<void> {
  await keepWire(folder, spec, namespace);
  const old = await innerLink(spec, namespace);
  const inner = keptWire(folder, namespace) ?? fresh(spec);
  if (old !== undefined) await ip(['link', 'del', old.ifname], namespace); // and its other end, wherever that is
  await ipBatch([
    `link add ${name} mtu ${inner.mtu} type veth peer name ${inner.name} mtu ${inner.mtu} address ${inner.mac} netns ${namespace}`,
  ]);
  await ipBatch(
    [
      'link set lo up',
      `link set dev ${inner.name} up`,
      ...inner.addresses.map((address) => `addr add ${address} dev ${inner.name}`),
    ],
    namespace,
  );
  await ipBatch([UP(name)]); // IPv6 takes no route over an interface without carrier
  for (const { family, route } of inner.routes) {
    await ip([`-${family}`, 'route', 'replace', ...route.split(' ').filter(Boolean)], namespace);
  }
}

function fresh(spec: VmSpec): InnerEnd {
  const [mac] = spec.macs;
  if (mac === undefined) {
    throw new VnetError('VNET_ERR_INVALID', `the VM ${spec.name} has no MAC address`, {
      hint: 'give it one: mac',
    });
  }
  return { name: MAIN_NAME, mac, mtu: spec.mtu, addresses: [], routes: [] };
}
