/** What must hold of a lab before anything is made. */

import { parseMac, VnetError } from '../core/index.js';
import { checkInterfaceAddress, contains, coreAddress, formatSubnet, parseSubnet } from './address.js';
import {
  type LabSpec,
  type MachineSpec,
  MAX_HOSTS,
  MAX_INTERFACE_NAME,
  MAX_MTU_BYTES,
  MAX_SOCKET_PATH,
  MIN_MTU_BYTES,
  NAME_PATTERN,
  type PathSpec,
  portOf,
  socketOf,
  UNDERLAY_INTERFACE,
} from './spec.js';

/** The namespace in the middle; no host may be called so. */
export const CORE_NAME = 'core';

/** A quota below this would be less than the kernel's smallest, 1 ms a period. */
export const MIN_CPU_PERCENT = 2;
export const MAX_CPU_PERCENT = 6400;

const INTERFACE_PATTERN = /^[a-zA-Z0-9_.-]+$/;

/** Throws VNET_ERR_INVALID (or _LIMIT) naming everything that cannot be. */
export function checkSpec(spec: LabSpec, where = 'lab'): void {
  const problems = [
    ...networkProblems(spec),
    ...nameProblems(spec),
    ...referenceProblems(spec),
    ...machineProblems(spec),
    ...rangeProblems(spec),
  ];
  if (problems.length > 0) {
    const message = problems.map((problem) => `${where}: ${problem}`).join('\n');
    throw new VnetError('VNET_ERR_INVALID', message, { details: problems });
  }
  if (spec.hosts.length > MAX_HOSTS) {
    throw new VnetError('VNET_ERR_LIMIT', `${where}: ${spec.hosts.length} hosts, a lab takes ${MAX_HOSTS}`);
  }
}

/** Runs a check that throws and gives its message. */
function problemOf(check: () => unknown): string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [VnetError.from(error).message];
  }
}

function networkProblems(spec: LabSpec): string[] {
  const broken = spec.underlays.flatMap((text) => problemOf(() => parseSubnet(text)));
  if (broken.length > 0) return broken;
  const subnets = spec.underlays.map(parseSubnet);
  const problems: string[] = [];
  if (subnets.length === 0) problems.push('expected at least one underlay');
  if (new Set(subnets.map((subnet) => subnet.family)).size < subnets.length) {
    problems.push('expected at most one IPv4 and one IPv6 underlay');
  }
  const taken = new Set(subnets.map(coreAddress));
  for (const host of spec.hosts) {
    for (const address of host.addresses ?? []) {
      if (!subnets.some((subnet) => contains(subnet, address))) {
        problems.push(
          `host ${host.name}: ${address} is in no underlay (${subnets.map(formatSubnet).join(', ')})`,
        );
      } else if (taken.has(address)) problems.push(`host ${host.name}: ${address} is taken`);
      taken.add(address);
    }
  }
  return problems;
}

function nameProblems(spec: LabSpec): string[] {
  const problems = spec.hosts.length === 0 ? ['expected at least one host'] : [];
  const machines = [...spec.vms, ...spec.lans.flatMap((lan) => lan.clients)];
  const seen = new Set([CORE_NAME]);
  for (const { name } of [...spec.hosts, ...machines]) {
    if (!NAME_PATTERN.test(name)) {
      problems.push(`expected a name of letters, digits, - and _ (at most 14), got '${name}'`);
    } else if (seen.has(name)) problems.push(`the name '${name}' is taken`);
    seen.add(name);
  }
  return problems;
}

function referenceProblems(spec: LabSpec): string[] {
  const hosts = new Set(spec.hosts.map((host) => host.name));
  const problems: string[] = [];
  for (const rule of spec.paths) {
    for (const end of [rule.from, rule.to]) {
      if (end !== '*' && !hosts.has(end)) problems.push(`pair ${rule.from} ${rule.to}: no host '${end}'`);
    }
    if (rule.from === rule.to && rule.from !== '*')
      problems.push(`pair ${rule.from} ${rule.to}: the same host twice`);
  }
  for (const vm of spec.vms) if (!hosts.has(vm.host)) problems.push(`vm ${vm.name}: no host '${vm.host}'`);
  for (const lan of spec.lans)
    if (!hosts.has(lan.host)) problems.push(`lan ${lan.bridge}: no host '${lan.host}'`);
  return problems;
}

function interfaceProblem(name: string): string[] {
  return name.length > 0 && name.length <= MAX_INTERFACE_NAME && INTERFACE_PATTERN.test(name)
    ? []
    : [`expected an interface name of at most ${MAX_INTERFACE_NAME} characters, got '${name}'`];
}

function machineProblems(spec: LabSpec): string[] {
  const problems: string[] = [];
  const macs = new Set<string>();
  const sockets = new Set<string>();
  const interfaces = new Map(spec.hosts.map((host) => [host.name, new Set(['lo', UNDERLAY_INTERFACE])]));
  const claim = (host: string, name: string) => {
    problems.push(...interfaceProblem(name));
    if (interfaces.get(host)?.has(name)) problems.push(`host ${host}: the interface name '${name}' is taken`);
    interfaces.get(host)?.add(name);
  };
  const look = (machine: MachineSpec, host: string) => {
    const socket = socketOf(machine);
    if (socket === undefined) claim(host, portOf(machine));
    else problems.push(...socketProblems(machine.name, socket, sockets));
    problems.push(...(machine.ips ?? []).flatMap((ip) => problemOf(() => checkInterfaceAddress(ip))));
    if (machine.mac === undefined) return;
    const mac = machine.mac;
    problems.push(...problemOf(() => parseMac(mac)));
    if (macs.has(mac.toLowerCase())) problems.push(`${machine.name}: the MAC ${mac} is taken`);
    macs.add(mac.toLowerCase());
  };
  for (const lan of spec.lans) claim(lan.host, lan.bridge);
  for (const lan of spec.lans) {
    for (const client of lan.clients) {
      look(client, lan.host);
      if (socketOf(client) !== undefined)
        problems.push(`${client.name}: a client of a LAN has no Unix socket`);
    }
  }
  for (const vm of spec.vms) look(vm, vm.host);
  return problems;
}

/** All hosts of a lab share this machine's files, so a path serves one VM. */
function socketProblems(name: string, path: string, taken: Set<string>): string[] {
  const isTaken = taken.has(path);
  taken.add(path);
  if (!path.startsWith('/') || path.includes('\0'))
    return [`${name}: expected unix: and an absolute path, got '${path}'`];
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    return [`${name}: the path '${path}' is longer than ${MAX_SOCKET_PATH} octets`];
  return isTaken ? [`${name}: the socket '${path}' is taken`] : [];
}

/** Programs hand over numbers that no parser has seen. */
export function pathProblems(path: PathSpec, what: string): string[] {
  const problems: string[] = [];
  const want = (ok: boolean, expected: string) => void (ok || problems.push(`${what}: expected ${expected}`));
  const within = (value: number | undefined, low: number, high: number) =>
    value === undefined || (value >= low && value <= high);
  want(path.rateBps === null || within(path.rateBps, 8_000, 1e12), 'rateBps from 8000 to 1e12, or null');
  want(within(path.delayMs, 0, 60_000), 'delayMs from 0 to 60000');
  want(within(path.jitterMs, 0, 60_000), 'jitterMs from 0 to 60000');
  want(within(path.loss, 0, 1), 'loss from 0 to 1');
  want(within(path.reorder, 0, 1), 'reorder from 0 to 1');
  return problems;
}

function rangeProblems(spec: LabSpec): string[] {
  const sizes = [...spec.hosts, ...spec.vms, ...spec.lans.flatMap((lan) => lan.clients)];
  const percents = spec.hosts.flatMap(({ name, cpuPercent = MIN_CPU_PERCENT, loadPercent = 1 }) => [
    ...(cpuPercent >= MIN_CPU_PERCENT && cpuPercent <= MAX_CPU_PERCENT
      ? []
      : [`host ${name}: expected cpuPercent from ${MIN_CPU_PERCENT} to ${MAX_CPU_PERCENT}`]),
    ...(Number.isInteger(loadPercent) && loadPercent >= 1 && loadPercent <= 100
      ? []
      : [`host ${name}: expected a whole loadPercent from 1 to 100`]),
  ]);
  return [
    ...percents,
    ...spec.hosts.flatMap((host) => pathProblems(host, `host ${host.name}`)),
    ...spec.paths.flatMap((rule) => pathProblems(rule, `pair ${rule.from} ${rule.to}`)),
    ...sizes.flatMap(({ name, mtu = MIN_MTU_BYTES }) =>
      mtu >= MIN_MTU_BYTES && mtu <= MAX_MTU_BYTES
        ? []
        : [`${name}: expected an MTU of ${MIN_MTU_BYTES} to 9216`],
    ),
  ];
}
