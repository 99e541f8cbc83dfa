/**
 * A topology as text in the modern form, canonically: equal topologies print equal text, a statement a line, the
 * columns of a kind aligned. Reading it back gives the same topology.
 */
import { canonical, DEFAULT_NETWORK, type PortStatement, type Topology } from '../core/index.js';
import { writeValue } from './tokens.js';
import { writeMachine } from './machine.js';
import { writeAction, writeDurationUs, writeEndpoint, writeMatcher, writeRate, writeSize } from './values.js';

type Statement<K extends keyof Topology> = Topology[K][number];
/** A statement in columns; an empty cell is a column it does not use. */
type Writers = {
  [K in keyof Topology]: (statement: Statement<K>, scope: (network: string) => string) => string[];
};

const optional = (word: string, value: string | number | undefined): string =>
  value === undefined ? '' : `${word} ${value}`;

const WRITERS: Writers = {
  networks: ({ name, id, mtu }) => [`network ${name}`, optional('id', id), optional('mtu', mtu)],
  hosts: ({ name, proxy, endpoint, user, memoryBytes, cpus }) => [
    `${proxy ? 'proxy' : 'host '} ${name}`,
    endpoint === undefined ? '' : `at ${writeEndpoint(endpoint)}`,
    optional('user', user === undefined ? undefined : writeValue(user)),
    optional('memory', memoryBytes === undefined ? undefined : writeSize(memoryBytes)),
    optional('cpu', cpus),
  ],
  vms: ({ name, network, host, pinned, macs, port, memoryBytes, cpus, among, machine }, scope) => [
    `vm ${name}`,
    `${pinned ? 'pinned ' : ''}on ${host}`,
    macs.length === 0 ? '' : `mac ${macs.join(',')}`,
    optional('port', port === undefined ? undefined : writeValue(port)),
    optional('memory', memoryBytes === undefined ? undefined : writeSize(memoryBytes)),
    optional('cpu', cpus),
    optional('among', among?.join(',')),
    machine === undefined ? '' : writeMachine(machine),
    scope(network),
  ],
  ports: ({ network, host, port, role }, scope) => [
    `port ${writeValue(port)}`,
    `on ${host} ${role}`,
    scope(network),
  ],
  links: ({ type, a, b, madeBy }) => [`link ${type} ${a} ${b}`, optional('by', madeBy)],
  shapes: ({ kind, dimensions, type, hosts, network }, scope) => [
    [kind, ...(dimensions === undefined ? [] : [dimensions.join('x')]), type, ...hosts].join(' '),
    scope(network),
  ],
  routes: ({ from, to, both, via, network }, scope) => [
    `route ${from} ${both ? '<->' : '->'} ${to}`,
    `via ${via.join(' ')}`,
    scope(network),
  ],
  rules: ({ host, source, destination, actions, network }, scope) => [
    `rule on ${host}`,
    `from ${writeMatcher(source)}`,
    `to ${writeMatcher(destination)}`,
    `via ${actions.map(writeAction).join(', ')}`,
    scope(network),
  ],
  linkReservations: ({ type, from, to, bitsPerSecond }) => [
    `reserve ${type} ${from} -> ${to}`,
    writeRate(bitsPerSecond),
  ],
  cpuReservations: ({ vm, periodUs, sliceUs }) => [
    `reserve cpu ${vm}`,
    `${writeDurationUs(sliceUs)} of ${writeDurationUs(periodUs)}`,
  ],
  constraints: (constraint) =>
    constraint.kind === 'within'
      ? [`keep ${constraint.vms.join(' <-> ')} within ${writeDurationUs(constraint.maxLatencyUs)}`]
      : [`keep ${constraint.kind} ${constraint.vms.join(' ')}`],
};

/** Which network needs no `in`: the first that is printed. */
const homeNetwork = (networks: Topology['networks']): string =>
  networks.map((network) => network.name).sort()[0] ?? DEFAULT_NETWORK;

const scopeFor =
  (home: string) =>
  (network: string): string =>
    network === home ? '' : `in ${network}`;

function write<K extends keyof Topology>(list: K, statement: Statement<K>, home: string): string[] {
  return WRITERS[list](statement, scopeFor(home));
}

/** The whole topology, canonically. One without networks reads back with the default network. */
export function printTopology(topology: Topology): string {
  const sorted = canonical(topology);
  const home = homeNetwork(sorted.networks);
  const rows = <K extends keyof Topology>(list: K): string[][] =>
    (sorted[list] as Statement<K>[]).map((statement) => write(list, statement, home));
  const proxies = new Set(sorted.hosts.filter((host) => host.proxy).map((host) => host.name));
  const isLan = (port: PortStatement): boolean =>
    port.role === 'lan' && port.network === home && proxies.has(port.host);
  const hosts = [...sorted.hosts].sort((a, b) => Number(b.proxy ?? false) - Number(a.proxy ?? false));
  const hostRows = hosts.map((host) => {
    const lans = host.proxy ? sorted.ports.filter((port) => isLan(port) && port.host === host.name) : [];
    return [...write('hosts', host, home), lans.map(({ port }) => `lan ${writeValue(port)}`).join('  ')];
  });
  const portRows = sorted.ports.filter((port) => !isLan(port)).map((port) => write('ports', port, home));
  const sections = [
    align(rows('networks')),
    align(hostRows),
    align(rows('vms')),
    align(portRows),
    [...align(rows('shapes')), ...align(rows('links')), ...align(rows('routes')), ...align(rows('rules'))],
    [...align(rows('linkReservations')), ...align(rows('cpuReservations')), ...align(rows('constraints'))],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

/** One statement of `list` on one line, as it would stand in the script of `topology`. */
export function printStatement<K extends keyof Topology>(
  list: K,
  statement: Statement<K>,
  topology: Topology,
): string {
  const cells = write(list, statement, homeNetwork(topology.networks));
  return cells
    .filter((cell) => cell !== '')
    .join(' ')
    .replace(/^host {2}/, 'host ');
}

/** Columns padded to their widest cell, two blanks between; columns that nobody uses are left out. */
function align(rows: string[][]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) => {
    const cells = row.flatMap((cell, column) => (widths[column] ? [cell.padEnd(widths[column])] : []));
    return cells.join('  ').trimEnd();
  });
}
