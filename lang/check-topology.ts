/** Everything that must hold before anything is touched. No check looks at text, so topologies in JSON pass too. */
import {
  type Change,
  emptyChange,
  emptyTopology,
  type Host,
  IDENTITY,
  isGroup,
  isMac,
  networkId,
  type Topology,
  type Vm,
} from '../core/index.js';
import { afterChange, CheckContext, type CheckOptions, checkUnique } from './check-context.js';
import { checkRoutes, checkRules } from './check-forwarding.js';
import { checkConstraints } from './check-constraints.js';
import { checkReservations } from './check-reservations.js';
import { checkWarnings } from './check-warnings.js';
import { type Diagnostic, Diagnostics } from './diagnostics.js';
import { shapeProblem } from './edges.js';
import { isModernKeyword, isName } from './tokens.js';
import {
  isAddress,
  isEndpointPort,
  MAX_ENDPOINT_PORT,
  portSpecProblem,
  UNREADABLE,
  UNREADABLE_PORT,
} from './values.js';
import * as words from './wording.js';

/** Smallest mtu: what every IPv4 host must take (RFC 791). */
export const MIN_MTU = 576;
/** Largest mtu: jumbo frames. */
export const MAX_MTU = 9000;
const MAX_NETWORK_ID = 0xffffffff;

/** The checks of `parseScript` on a topology without text: diagnostics with line 0, `file` as their file. */
export function checkTopology(topology: Topology, file = 'topology'): Diagnostic[] {
  const diagnostics = new Diagnostics(file);
  checkAll({ ...emptyChange(), add: topology }, emptyTopology(), diagnostics, {});
  return diagnostics.finish();
}

/** Checks what `running` will be after the change. `proxy`: the host that was said to be the Proxy. */
export function checkAll(
  change: Change,
  running: Topology,
  diagnostics: Diagnostics,
  { proxy, ...options }: CheckOptions & { proxy?: string },
): void {
  const context = new CheckContext(afterChange(running, change), options);
  if (proxy !== undefined && !context.hosts.has(proxy)) {
    context.report(
      undefined,
      'head',
      words.unknownName('host', proxy, context.nearest(proxy, context.hosts.keys()), options.form),
    );
  }
  checkNetworks(context);
  checkHosts(context);
  checkProxy(context, proxy !== undefined);
  checkVms(context);
  checkPorts(context);
  checkLinks(context, context.topology.links);
  checkShapes(context);
  checkRoutes(context);
  checkRules(context);
  checkReservations(context);
  checkConstraints(context);
  checkRemoved(context, change.remove);
  if (context.findings.length === 0 && !diagnostics.failed) checkWarnings(context);
  for (const finding of context.findings) diagnostics.addFinding(finding);
}

function checkName(context: CheckContext, statement: { name: string }): void {
  const { name } = statement;
  if (!isName(name)) context.report(statement, 'name', words.badName(name));
  else if (isModernKeyword(name)) context.report(statement, 'name', words.reservedName(name));
}

function checkNetworks(context: CheckContext): void {
  const { networks } = context.topology;
  checkUnique(
    context,
    networks,
    IDENTITY.networks,
    ({ name }) => words.duplicate(`network "${name}"`),
    'name',
  );
  const byId = new Map<number, (typeof networks)[number]>();
  for (const network of networks) {
    checkName(context, network);
    const { id, mtu } = network;
    if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= MIN_MTU && mtu <= MAX_MTU)) {
      context.report(network, 'mtu', words.badMtu(mtu, MIN_MTU, MAX_MTU));
    }
    if (id !== undefined && !(Number.isInteger(id) && id >= 1 && id <= MAX_NETWORK_ID)) {
      context.report(network, 'id', words.badNetworkId(id));
    }
    const first = byId.get(networkId(network));
    if (first !== undefined && first.name !== network.name) {
      context.report(network, 'id', words.idClash(network.name, first.name, networkId(network)), first);
    }
    byId.set(networkId(network), first ?? network);
  }
}

function checkHosts(context: CheckContext): void {
  const { hosts } = context.topology;
  checkUnique(context, hosts, IDENTITY.hosts, ({ name }) => words.duplicate(`host "${name}"`), 'name');
  for (const host of hosts) {
    checkName(context, host);
    checkSize(context, host);
    if (host.endpoint === undefined) continue;
    const { address, port } = host.endpoint;
    if (!isAddress(address)) context.report(host, 'endpoint', words.badAddress(address));
    else if (!isEndpointPort(port) && !(port === UNREADABLE_PORT && context.options.unread)) {
      context.report(host, 'endpoint', words.badEndpointPort(port, MAX_ENDPOINT_PORT));
    }
  }
}

function checkProxy(context: CheckContext, isNamed: boolean): void {
  const { hosts, shapes, vms } = context.topology;
  const [first, ...others] = hosts.filter((host) => host.proxy);
  for (const other of others) {
    if (first && other.name !== first.name) {
      context.report(other, 'name', words.twoProxies(other.name, first.name), first);
    }
  }
  const needsOne = shapes.find((shape) => shape.kind === 'star') ?? vms[0];
  if (first === undefined && needsOne && !isNamed && !context.options.partial) {
    context.report(needsOne, 'head', words.noProxy());
  }
}

function checkVms(context: CheckContext): void {
  const { vms } = context.topology;
  checkUnique(context, vms, IDENTITY.vms, ({ name }) => words.duplicate(`VM "${name}"`), 'name');
  const byMac = new Map<string, Vm>();
  for (const vm of vms) {
    checkName(context, vm);
    context.knows('host', vm.host, vm, 'host');
    context.knows('network', vm.network, vm, 'network');
    if (vm.macs.length === 0) context.report(vm, 'name', words.noMac(vm.name));
    for (const index of vm.macs.keys()) checkVmMac(context, vm, index, byMac);
    checkSize(context, vm);
    checkMachine(context, vm);
    checkAmong(context, vm);
  }
}

function checkVmMac(context: CheckContext, vm: Vm, index: number, byMac: Map<string, Vm>): void {
  const [mac, part] = [vm.macs[index], `mac:${index}`];
  if (mac === undefined || (mac === UNREADABLE && context.options.unread)) return;
  if (!isMac(mac)) return context.report(vm, part, words.badMac(mac));
  if (isGroup(mac)) return context.report(vm, part, words.groupMac(mac, vm.name));
  const key = `${vm.network} ${mac}`;
  const first = byMac.get(key);
  if (first !== undefined) context.report(vm, part, words.macTwice(mac, vm.name, first.name), first);
  else byMac.set(key, vm);
}

function checkMachine(context: CheckContext, vm: Vm): void {
  const { machine } = vm;
  if (machine?.driver === 'qemu' && machine.kernel === undefined && machine.disk === undefined)
    context.report(vm, 'run', words.nothingToBoot(vm.name));
}

function checkAmong(context: CheckContext, vm: Vm): void {
  const { name, host, among, pinned = false } = vm;
  if (among === undefined) return;
  const seen = new Set<string>();
  for (const [index, each] of among.entries()) {
    context.knows('host', each, vm, `among:${index}`);
    if (seen.has(each)) context.report(vm, `among:${index}`, words.hostTwice(each));
    seen.add(each);
  }
  if (!seen.has(host)) context.report(vm, 'among:0', words.outsideAmong(name, host, pinned));
}

/** What a VM needs, or a host has for VMs. */
function checkSize(context: CheckContext, vm: Vm | Host): void {
  const { memoryBytes, cpus } = vm;
  if (memoryBytes !== undefined && !(Number.isSafeInteger(memoryBytes) && memoryBytes > 0)) {
    context.report(vm, 'memory', words.badNumber(String(memoryBytes), 'a size', '512M or 2G'));
  }
  if (cpus !== undefined && !(Number.isFinite(cpus) && cpus > 0)) {
    context.report(vm, 'cpu', words.badNumber(String(cpus), 'a number of CPUs', '2 or 0.5'));
  }
}

/** VMs share a bridge, also one with a statement of its own, and a port that is said to be for VMs that come. */
function isShared(port: string, ...statements: object[]): boolean {
  const roles = statements.flatMap((statement) => ('role' in statement ? [statement.role] : []));
  return roles.length < 2 && !roles.includes('lan') && (port.startsWith('bridge:') || roles.includes('vms'));
}

function checkPorts(context: CheckContext): void {
  const { ports, vms } = context.topology;
  for (const port of ports) {
    context.knows('host', port.host, port, 'host');
    context.knows('network', port.network, port, 'network');
  }
  const used = new Map<string, object>();
  const withPort = vms.flatMap((vm) =>
    vm.port === undefined ? [] : [{ ...vm, port: vm.port, statement: vm }],
  );
  const all = [...ports.map((port) => ({ ...port, statement: port })), ...withPort];
  for (const { host, port, statement } of all) {
    const problem = portSpecProblem(port);
    if (problem) context.report(statement, 'port', problem);
    const first = used.get(`${host} ${port}`);
    if (first === undefined) used.set(`${host} ${port}`, statement);
    else if (!isShared(port, first, statement))
      context.report(statement, 'port', words.portTwice(port, host), first);
  }
}

function checkLinks(context: CheckContext, links: Topology['links']): void {
  checkUnique(context, links, IDENTITY.links, ({ type, a, b }) => words.duplicate(`link ${type} ${a} ${b}`));
  for (const link of links) {
    const { a, b, madeBy } = link;
    context.knows('host', a, link, 'a');
    if (a === b) context.report(link, 'b', words.selfLink(a));
    else context.knows('host', b, link, 'b');
    if (madeBy !== undefined && madeBy !== a && madeBy !== b) {
      context.report(link, 'madeBy', words.linkMaker(madeBy, a, b));
    }
  }
}

function checkShapes(context: CheckContext): void {
  const { shapes } = context.topology;
  checkUnique(context, shapes, IDENTITY.shapes, ({ kind }) => words.duplicate(`this ${kind}`));
  for (const shape of shapes) {
    context.knows('network', shape.network, shape, 'network');
    const seen = new Set<string>();
    for (const [index, host] of shape.hosts.entries()) {
      context.knows('host', host, shape, `host:${index}`);
      if (seen.has(host)) context.report(shape, `host:${index}`, words.shapeHostTwice(shape.kind, host));
      seen.add(host);
    }
    const problem = shapeProblem(shape, context.topology);
    const isCount = problem?.code === 'shape-size';
    // The number of all hosts is not known while some statements are unread.
    if (problem && !(isCount && context.options.partial && shape.hosts.length === 0)) {
      context.report(shape, isCount ? 'head' : 'dimensions', problem);
    }
  }
}

/** What is deleted need not be there, but its hosts have names. */
function checkRemoved(context: CheckContext, remove: Topology): void {
  for (const link of remove.links) {
    context.knows('host', link.a, link, 'a');
    context.knows('host', link.b, link, 'b');
  }
  for (const rule of remove.rules) context.knows('host', rule.host, rule, 'host');
}
