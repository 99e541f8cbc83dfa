/**
 * Every word the language says to people. Nothing else in this folder writes a message, so that the tests can
 * hold all of them to the letter. Messages say what is wrong, hints what to do about it.
 */
import type { Form } from './tokens.js';

export interface Wording {
  /** Default: an error. */
  severity?: 'warning';
  code: string;
  message: string;
  expected?: string[];
  hint?: string;
}

const quote = (text: string): string => `"${text}"`;
const didYouMean = (near: string | undefined): { hint?: string } =>
  near === undefined ? {} : { hint: `did you mean ${quote(near)}?` };

export const END_OF_STATEMENT = 'the end of the statement';

/** `expected a, b or c` as people say it. */
export function oneOf(choices: readonly string[]): string {
  if (choices.length < 2) return choices.join('');
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}

export const mentionFirst = (wording: Wording, place: string): Wording => ({
  ...wording,
  hint: [wording.hint, `the first one stands at ${place}`].filter(Boolean).join('; '),
});

export const tooManyDiagnostics = (count: number, severity: 'error' | 'warning'): Wording => ({
  ...(severity === 'warning' ? { severity } : {}),
  code: 'too-many',
  message: `${count} more ${count === 1 ? `${severity} is` : `${severity}s are`} not shown`,
});

// Syntax.
export const syntax = (expected: string[], found: string | undefined, near?: string): Wording => ({
  code: 'syntax',
  message: `expected ${oneOf(expected)}, found ${found === undefined ? END_OF_STATEMENT : quote(found)}`,
  expected,
  ...didYouMean(near),
});
export const reservedName = (name: string): Wording => ({
  code: 'reserved-name',
  message: `${quote(name)} is a word of the language and cannot be a name`,
  hint: `call it ${quote(`${name}1`)}, say`,
});
export const unknownStatement = (word: string, expected: string[], near?: string): Wording => ({
  code: 'unknown-statement',
  message: `no statement begins with ${quote(word)}`,
  expected,
  hint: near === undefined ? `begin with ${oneOf(expected)}` : `did you mean ${quote(near)}?`,
});
export const openString = (): Wording => ({
  code: 'open-string',
  message: 'this text is never closed',
  hint: 'end it with " on the same line',
});
export const saidTwice = (word: string): Wording => ({
  code: 'said-twice',
  message: `${quote(word)} is said twice in one statement`,
  hint: 'keep one of them',
});
export const scriptTooLarge = (limit: number): Wording => ({
  code: 'too-large',
  message: `the script is longer than ${limit} characters`,
  hint: 'use shapes for what repeats',
});

// Includes.
export const includeFailed = (path: string, reason: string): Wording => ({
  code: 'include-missing',
  message: `cannot read ${quote(path)}: ${reason}`,
  hint: 'write the path from the folder of this file',
});
export const includeCycle = (path: string): Wording => ({
  code: 'include-cycle',
  message: `${quote(path)} includes itself, here or by way of others`,
  hint: 'take one of the includes out',
});
export const includeUnsupported = (): Wording => ({
  code: 'include-missing',
  message: 'files cannot be included here',
  hint: 'write their statements into this script',
});
export const includePaper = (path: string): Wording => ({
  code: 'include-paper',
  message: `${quote(path)} is written in the paper's form (BEGIN ... END) and cannot be included`,
  hint: 'apply it as a script of its own',
});
export const tooManyIncludes = (limit: number): Wording => ({
  code: 'include-limit',
  message: `more than ${limit} files are included`,
});

// The paper's form.
export const noEnd = (): Wording => ({
  code: 'paper-order',
  message: 'the script has no END',
  expected: ['END'],
  hint: 'write END as its last word',
});
export const afterEnd = (): Wording => ({
  code: 'paper-order',
  message: 'nothing may follow END',
  hint: 'move it before END',
});
export const beginAgain = (): Wording => ({ code: 'paper-order', message: 'BEGIN stands once, at the top' });
export const lateHost = (): Wording => ({
  code: 'paper-order',
  message: 'a HOST stands before the first ADD or DELETE',
  hint: 'move it up',
});
export const noAction = (word: string): Wording => ({
  code: 'paper-order',
  message: `${word} stands after ADD or DELETE`,
  expected: ['ADD', 'DELETE'],
  hint: 'write ADD before it',
});
export const hostContradicts = (name: string): Wording => ({
  code: 'duplicate',
  message: `host ${quote(name)} stands twice with different users or ports`,
  hint: 'a machine with several interfaces repeats its line with only the interface changed',
});
export const edgeElsewhere = (host: string, a: string, b: string): Wording => ({
  code: 'edge-elsewhere',
  message: `a rule on ${quote(host)} cannot send over the edge ${a} - ${b}`,
  hint: `one end of the edge is ${host} itself`,
});

// Values.
export const badMac = (text: string): Wording => ({
  code: 'bad-mac',
  message: `${quote(text)} is not an Ethernet address`,
  hint: 'write six hexadecimal octets, as in 02:00:00:00:00:01',
});
export const badNumber = (text: string, what: string, example: string): Wording => ({
  code: 'bad-number',
  message: `${quote(text)} is not ${what}`,
  hint: `write it as in ${example}`,
});
export const badAddress = (text: string): Wording => ({
  code: 'bad-address',
  message: `${quote(text)} is not an address`,
  hint:
    /:.*:/.test(text) && !text.includes('[')
      ? `an IPv6 address stands in brackets: [${text}]`
      : 'write a name or an IP address, then a colon and the port, as in 10.0.0.1:7700',
});
export const badEndpointPort = (port: number | string, max: number): Wording => ({
  code: 'bad-address',
  message: `${quote(String(port))} is not a port number`,
  hint: `ports go from 1 to ${max}: the control channel takes the one after`,
});
export const badName = (name: string): Wording => ({
  code: 'bad-name',
  message: `${quote(name)} cannot be a name`,
  hint: 'names are letters, digits, "_", "." and "-", at most 63, and begin with a letter, a digit or "_"',
});
export const badPortSpec = (spec: string, kinds: readonly string[]): Wording => ({
  code: 'bad-port',
  message: `${quote(spec)} is not a port`,
  expected: [...kinds],
  hint: `write a kind and a name, as in ${kinds[0]}web0; the kinds are ${oneOf(kinds)}`,
});
export const longPortSpec = (spec: string, limit: number): Wording => ({
  code: 'bad-port',
  message: `the name in ${quote(spec)} is too long`,
  hint: `the system takes ${limit} octets`,
});
export const unknownDriver = (name: string, drivers: readonly string[], near?: string): Wording => ({
  code: 'unknown-driver',
  message: `no driver is called ${quote(name)}`,
  expected: [...drivers],
  hint: near === undefined ? `write ${oneOf(drivers)}` : `did you mean ${quote(near)}?`,
});
export const driverArgument = (driver: string, wanted: string | undefined): Wording => ({
  code: 'driver-argument',
  message: wanted === undefined ? `${driver} takes nothing after its name` : `${driver} wants ${wanted}`,
  hint:
    wanted === undefined
      ? 'write its parts: kernel, initrd, append, disk, state'
      : `write it after ${quote(`run ${driver}`)}`,
});
export const partWithoutQemu = (part: string): Wording => ({
  code: 'machine-part',
  message: `${quote(part)} is a part of a machine that QEMU runs`,
  hint: 'write "run qemu" before it',
});
export const nothingToBoot = (name: string): Wording => ({
  code: 'nothing-to-boot',
  message: `VM ${quote(name)} has nothing to boot from`,
  hint: 'name a kernel, a disk or both',
});
export const badMtu = (mtu: number, min: number, max: number): Wording => ({
  code: 'bad-mtu',
  message: `an mtu of ${mtu} octets cannot be carried`,
  hint: `choose one from ${min} to ${max}`,
});
export const badNetworkId = (id: number): Wording => ({
  code: 'bad-network-id',
  message: `${id} is not a network's id`,
  hint: 'ids go from 1 to 4294967295',
});

// Names.
export type NameKind = 'host' | 'VM' | 'network';
export const unknownName = (
  kind: NameKind,
  name: string,
  near: string | undefined,
  form: Form = 'modern',
): Wording => ({
  code: `unknown-${kind.toLowerCase()}`,
  message: `there is no ${kind} ${quote(name)}`,
  hint: near === undefined ? `declare it: ${DECLARATIONS[form](kind, name)}` : `did you mean ${quote(near)}?`,
});
const DECLARATIONS: Record<Form, (kind: NameKind, name: string) => string> = {
  modern: (kind, name) => `${kind.toLowerCase()} ${name} ...`,
  paper: (_kind, name) => `HOST user AT ${name} port interface`,
};
export const duplicate = (what: string): Wording => ({
  code: 'duplicate',
  message: `${what} stands twice`,
  hint: 'keep one of them',
});
export const twoProxies = (name: string, first: string): Wording => ({
  code: 'two-proxies',
  message: `${quote(name)} cannot be the Proxy: ${quote(first)} is`,
  hint: 'make it a host',
});
export const noProxy = (): Wording => ({
  code: 'no-proxy',
  message: 'no host is the Proxy, and without one nothing reaches anything',
  hint: 'write "proxy NAME at ADDRESS:PORT" for the host on your own network',
});
export const idClash = (name: string, other: string, id: number): Wording => ({
  code: 'network-id-clash',
  message: `networks ${quote(other)} and ${quote(name)} have one id, ${id}`,
  hint: `give one of them another: network ${name} id NUMBER`,
});

// Ports and VMs.
export const portTwice = (port: string, host: string): Wording => ({
  code: 'port-twice',
  message: `port ${quote(port)} is used twice on ${quote(host)}`,
  hint: 'several VMs share a bridge by leaving their port out and one "port bridge:... on ... vm"',
});
export const unknownPort = (
  port: string,
  host: string,
  near: string | undefined,
  form: Form = 'modern',
): Wording => ({
  code: 'unknown-port',
  message: `there is no port ${quote(port)} on ${quote(host)}`,
  hint:
    near !== undefined
      ? `did you mean ${quote(near)}?`
      : form === 'paper'
        ? `declare it: HOST user AT ${host} port ${port.replace('packet:', '')}`
        : `declare it: port ${port} on ${host} lan`,
});
export const noMac = (vm: string): Wording => ({
  code: 'no-mac',
  message: `VM ${quote(vm)} has no address`,
  expected: ['mac'],
  hint: 'add one, as in mac 02:00:00:00:00:01',
});
export const macTwice = (mac: string, vm: string, other: string): Wording => ({
  code: 'mac-twice',
  message:
    vm === other
      ? `VM ${quote(vm)} has the address ${mac} twice`
      : `VMs ${quote(other)} and ${quote(vm)} have one address, ${mac}`,
  hint: 'give each VM of a network addresses of its own',
});
export const groupMac = (mac: string, vm: string): Wording => ({
  code: 'group-mac',
  message: `${mac} is a group address and cannot be that of VM ${quote(vm)}`,
  hint: `make the first octet even: ${(Number.parseInt(mac.slice(0, 2), 16) & 0xfe).toString(16).padStart(2, '0')}${mac.slice(2)}`,
});

// Links, shapes and edges.
export const selfLink = (host: string): Wording => ({
  code: 'self-link',
  message: `a link joins two hosts, and both ends here are ${quote(host)}`,
});
export const linkMaker = (maker: string, a: string, b: string): Wording => ({
  code: 'link-maker',
  message: `${quote(maker)} cannot make the link ${a} - ${b}`,
  hint: `one of its ends makes a link: ${a} or ${b}`,
});
export const noDimensions = (kind: string, example: string): Wording => ({
  code: 'bad-dimensions',
  message: `a ${kind} needs its size`,
  hint: `write it as in ${example}`,
});
export const badDimensions = (kind: string, text: string, example: string): Wording => ({
  code: 'bad-dimensions',
  message: `${quote(text)} is no size of a ${kind}`,
  hint: `write it as in ${example}`,
});
export const shapeSizeMismatch = (kind: string, size: number, count: number): Wording => ({
  code: 'shape-size',
  message: `this ${kind} takes ${size} hosts, and there ${count === 1 ? 'is' : 'are'} ${count}`,
  hint: `name ${size} hosts, or change its size`,
});
export const shapeHostTwice = (kind: string, host: string): Wording => ({
  code: 'shape-host-twice',
  message: `${quote(host)} stands twice in this ${kind}`,
  hint: 'keep one of them',
});
export const noEdge = (a: string, b: string, form: Form = 'modern'): Wording => ({
  code: 'no-edge',
  message: `no link joins ${quote(a)} and ${quote(b)}`,
  hint: `add one: ${form === 'paper' ? `LINK UDP ${a} ${a} ${b}` : `link udp ${a} ${b}`}`,
});
export const selfEdge = (host: string): Wording => ({
  code: 'self-edge',
  message: `a rule on ${quote(host)} cannot send over an edge to ${quote(host)} itself`,
  hint: 'name the neighbour at the other end',
});

// Routes and rules.
export const routeEnd = (end: 'begins' | 'ends', hop: string, vm: string, host: string): Wording => ({
  code: 'route-end',
  message: `the route ${end} at ${quote(hop)}, but VM ${quote(vm)} is on ${quote(host)}`,
  hint: 'via names every host of the path, ends included',
});
export const routeEmpty = (): Wording => ({
  code: 'route-empty',
  message: 'the route names no hosts',
  hint: 'via names every host of the path, ends included',
});
export const routeLoop = (host: string): Wording => ({
  code: 'route-loop',
  message: `the route comes to ${quote(host)} twice`,
  hint: 'a path meets each host once',
});
export const routeSelf = (vm: string): Wording => ({
  code: 'route-self',
  message: `a route joins two VMs, and both ends here are ${quote(vm)}`,
});
export const routeNetwork = (vm: string, its: string, network: string): Wording => ({
  code: 'route-network',
  message: `VM ${quote(vm)} is in network ${quote(its)}, the route in ${quote(network)}`,
  hint: 'networks never mix: route inside one',
});
export const routeTwice = (from: string, to: string): Wording => ({
  code: 'route-twice',
  message: `two routes lead from ${quote(from)} to ${quote(to)}`,
  hint: 'keep one of them',
});
export const equalRules = (host: string): Wording => ({
  code: 'equal-rules',
  message: `two rules on ${quote(host)} match the same frames`,
  hint: 'write one rule with all the actions, separated by commas',
});
export const noActions = (): Wording => ({
  code: 'rule-empty',
  message: 'the rule does nothing',
  expected: ['edge', 'port', 'drop'],
  hint: 'to drop frames, write "via drop"',
});
export const groupCycle = (network: string, a: string, b: string): Wording => ({
  code: 'group-cycle',
  message: `the group rules of network ${quote(network)} form a cycle, closed by the edge ${a} - ${b}`,
  hint: 'broadcasts would go round: take one of its edges out, so that a tree remains',
});
export const groupCycleWithStar = (network: string, a: string, b: string): Wording => ({
  code: 'group-cycle',
  message: `the group rules of network ${quote(network)} and the star form a cycle, closed by the edge ${a} - ${b}`,
  hint: 'let the rules lead over every edge both ways, in a tree that joins all hosts with ports, or leave groups to the star',
});

// Reservations, and where VMs may be placed.
export const noLinkOfType = (type: string, a: string, b: string, other: string | undefined): Wording => ({
  code: 'no-link',
  message: `there is no ${type} link between ${quote(a)} and ${quote(b)} to reserve for`,
  hint:
    other === undefined
      ? `add one: link ${type} ${a} ${b}`
      : `there is a ${other} link: write "reserve ${other}", or add "link ${type} ${a} ${b}"`,
});
export const badPeriod = (period: string, min: string, max: string): Wording => ({
  code: 'bad-period',
  message: `a period of ${period} cannot be kept`,
  hint: `choose one from ${min} to ${max}, as in 20ms of 100ms`,
});
export const shortSlice = (slice: string, min: string): Wording => ({
  code: 'bad-slice',
  message: `a slice of ${slice} is shorter than a kernel hands out`,
  hint: `give it ${min} or more`,
});
export const longSlice = (slice: string, period: string, host: string, cpus: number): Wording => ({
  code: 'bad-slice',
  message: `${quote(host)} has ${cpus} ${cpus === 1 ? 'CPU' : 'CPUs'}, too little for ${slice} in every ${period}`,
  hint: 'the slice is at most the period times the CPUs of the host',
});
export const outsideAmong = (vm: string, host: string, isPinned: boolean): Wording => ({
  code: 'outside-among',
  message: `VM ${quote(vm)} is ${isPinned ? 'pinned ' : ''}on ${quote(host)}, which is not among its hosts`,
  hint: isPinned
    ? 'a pinned VM is never moved: leave "among" out'
    : `add it: among ${host},..., or start the VM on one of them`,
});
export const hostTwice = (host: string): Wording => ({
  code: 'duplicate',
  message: `host ${quote(host)} stands twice`,
  hint: 'keep one of them',
});
export const keepOne = (vm: string): Wording => ({
  code: 'keep-one',
  message: `VM ${quote(vm)} stands twice in this statement`,
  hint: 'name two different VMs or more',
});
export const keepNothing = (): Wording => ({
  code: 'keep-one',
  message: 'fewer than two VMs are named',
  hint: 'name two different VMs or more',
});
export const keepNetworks = (a: string, b: string): Wording => ({
  code: 'keep-networks',
  message: `VMs ${quote(a)} and ${quote(b)} are in different networks and send each other nothing`,
  hint: 'networks never mix: bound the latency inside one',
});
export const apartTogether = (a: string, b: string): Wording => ({
  code: 'keep-contradiction',
  message: `VMs ${quote(a)} and ${quote(b)} cannot be kept both apart and together`,
  hint: 'take one of the two statements out',
});
export const pinnedTogether = (a: string, b: string, host: string): Wording => ({
  code: 'keep-contradiction',
  message: `VMs ${quote(a)} and ${quote(b)} are to be kept apart, and both are pinned on ${quote(host)}`,
  hint: 'unpin one of them, or pin it elsewhere',
});
export const noCommonHost = (vms: readonly string[]): Wording => ({
  code: 'keep-contradiction',
  message: `no host may run all of ${listedAll(vms)}, which are to be kept together`,
  hint: 'look at where they are pinned, and at their "among"',
});
export const tooFewHosts = (vms: number, hosts: number): Wording => ({
  code: 'keep-contradiction',
  message: `${vms} VMs cannot be kept apart on ${hosts} ${hosts === 1 ? 'host' : 'hosts'}`,
  hint: 'add hosts, or keep fewer of them apart',
});

// Warnings.
type Port = { host: string; port: string };
export const twoLans = (network: string, a: Port, b: Port): Wording => ({
  severity: 'warning',
  code: 'two-lans',
  message: `network ${quote(network)} joins two LANs: ${a.port} on ${a.host} and ${b.port} on ${b.host}`,
  hint: 'frames would go round for ever if anything else joins the two: make sure that nothing does',
});
export const linkUndialled = (a: string, b: string): Wording => ({
  severity: 'warning',
  code: 'link-undialled',
  message: `nobody can dial this link: neither ${quote(a)} nor ${quote(b)} has an address`,
  hint: `say where one of them is reached: host ${a} at ADDRESS:PORT; until then its traffic goes by the star`,
});
export const ruleCovered = (host: string, stronger: readonly string[]): Wording => ({
  severity: 'warning',
  code: 'rule-covered',
  message: `this rule on ${quote(host)} decides nothing: ${stronger.map(quote).join(' and ')} ${stronger.length === 1 ? 'is' : 'are'} stronger and ${stronger.length === 1 ? 'matches' : 'match'} all that it matches`,
  hint: 'take it out, or make it more exact',
});
export const idleHosts = (names: readonly string[]): Wording => ({
  severity: 'warning',
  code: 'idle-host',
  message: `${names.length === 1 ? `host ${quote(names[0] ?? '')} carries` : `${names.length} hosts carry`} nothing: no VM, port, link, route or rule names ${names.length === 1 ? 'it' : `${listed(names)}`}`,
  hint: 'fine for a spare that VMs may move to; else put something there, or take it out',
});
/** Known only where the daemons are asked. */
export const portWithLinks = (port: string, host: string, address: string): Wording => ({
  severity: 'warning',
  code: 'port-with-links',
  message: `port ${quote(port)} of ${quote(host)} is on the interface that its links use (${address})`,
  hint: 'every datagram of the links enters there too: use another interface where there is one; a Proxy with one interface only may do so',
});
export const routeSuspended = (route: string, vm: string, host: string): Wording => ({
  severity: 'warning',
  code: 'route-suspended',
  message: `the ${route} is suspended: VM ${quote(vm)} was moved to ${quote(host)}`,
  hint: `its frames go by the star until ${vm} is back; let the route end at ${host}, or write "vm ${vm} on ${host}"`,
});
/** Names that a message lists. */
const LISTED_NAMES = 5;
const someOf = (names: readonly string[]): readonly string[] =>
  names.length <= LISTED_NAMES ? names : [...names.slice(0, LISTED_NAMES), 'the others'];
const listed = (names: readonly string[]): string => oneOf(someOf(names));
const listedAll = (names: readonly string[]): string => {
  const some = someOf(names);
  return `${some.slice(0, -1).join(', ')} and ${some.at(-1)}`;
};

// What the paper's form leaves out (`printPaper`).
export const omittedFromPaper = (statement: string, reason: string): string => `${statement}: ${reason}`;
export const PAPER_OMISSIONS = {
  otherNetwork: 'the paper knows one network only',
  networkSettings: "a network's id and mtu cannot be said",
  noProxy: 'nothing can be said without a Proxy to be the first HOST',
  twoProxies: 'there is one Proxy, the first HOST',
  hostAddress: 'a HOST is reached by its name, at a port',
  hostUser: 'a HOST needs a user',
  hostInterface: 'a HOST needs an interface: a "packet:" port of role lan',
  hostName: 'its name is a keyword there, or is written in brackets',
  port: 'ports are interfaces ("packet:", role lan)',
  hostGone: 'it is on a host that cannot be said',
  vm: 'VMs cannot be said',
  shape: 'shapes cannot be said',
  route: 'routes between VMs cannot be said',
  reservation: 'reservations cannot be said',
  constraint: 'where VMs may be placed cannot be said',
  linkMaker: (maker: string) => `a LINK names who makes it; written as made by ${maker}`,
  group: 'the destination "group" cannot be said',
  actions: 'a FORWARD has one edge or one interface',
} as const;
