/** Whether the daemon of this machine stands well in its overlay: reachable, through which NAT, on which clock. */
import { isIP } from 'node:net';
import { duration } from '../format.js';
import type { MachineFacts } from '../system/index.js';
import type { Check } from './check.js';
import type { DaemonFacts } from './daemon-facts.js';

/** Beyond it, times of events in two logs cannot be compared any more. */
const CLOCK_AHEAD_MAX_MS = 1000;

/** docs/wire.md: IPv4 and UDP 28, hop part 28, Ethernet header 14. */
const OVERHEAD_BYTES = 70;

export function daemonChecks(facts: DaemonFacts, machine: MachineFacts): Check[] {
  if (facts.error !== undefined)
    return [
      {
        what: 'daemon',
        state: 'fail',
        text: facts.error,
        next: 'vnet up SCRIPT, or vnetd --name NAME --proxy ADDRESS:7700',
      },
    ];
  return [
    daemon(facts),
    proxy(facts),
    sealed(facts),
    links(facts),
    transport(facts),
    ports(facts),
    nat(facts),
    mtu(facts, machine),
    time(facts),
  ].filter((check) => check !== undefined);
}

function daemon({ host, role, uptimeMs = 0 }: DaemonFacts): Check {
  return {
    what: 'daemon',
    state: 'ok',
    text: `${role === 'proxy' ? 'the Proxy' : 'host'} ${host}, up ${duration(uptimeMs)}`,
  };
}

function proxy({ proxy: state, role }: DaemonFacts): Check | undefined {
  if (!state || role === 'proxy') return undefined;
  if (state.connected) return { what: 'Proxy', state: 'ok', text: `connected to ${state.name}` };
  return {
    what: 'Proxy',
    state: 'fail',
    text: `no control channel to ${state.name}: ${state.state}`,
    next: 'let TCP 7701 through to the Proxy, and look at its `vnet status`',
  };
}

function sealed({ sealed: is }: DaemonFacts): Check | undefined {
  if (is !== false) return undefined;
  return {
    what: 'sealing',
    state: 'warn',
    text: 'links and control are not sealed',
    next: 'use networks that you trust, or another tunnel underneath',
  };
}

function links({ linksDown = [], linksUp = 0 }: DaemonFacts): Check {
  const [first] = linksDown;
  if (!first) return { what: 'links', state: 'ok', text: `${linksUp} up` };
  return {
    what: 'links',
    state: 'warn',
    text: `${linksDown.length} of ${linksUp + linksDown.length} down; ${first.type} to ${first.peer}: ${first.state}`,
    next: 'vnet links',
  };
}

/** TCP passes and UDP does not: a firewall's handwriting. */
function transport({ linksDown = [], starTypes = [] }: DaemonFacts): Check | undefined {
  const udp = linksDown.filter((link) => link.type === 'udp');
  if (udp.length === 0 || !starTypes.includes('tcp')) return undefined;
  return {
    what: 'firewall',
    state: 'warn',
    text: `TCP gets through and UDP to ${udp.map((link) => link.peer).join(', ')} does not`,
    next: 'let UDP 7700 through on both sides, or `vnet link add tcp A B`',
  };
}

function ports({ portsDown = [] }: DaemonFacts): Check | undefined {
  const [first] = portsDown;
  if (!first) return undefined;
  return {
    what: 'ports',
    state: 'warn',
    text: `${portsDown.length} down; ${first.port}: ${first.state}`,
    next: 'vnet ports',
  };
}

function nat({ role, seenAs = [], ownAddresses = [], declared }: DaemonFacts): Check | undefined {
  if (role === 'proxy' || seenAs.length === 0) return undefined;
  const own = new Set(ownAddresses.map((cidr) => (cidr.split('/')[0] ?? '').toLowerCase()));
  const seen = seenAs.map(addressOf).filter((address) => isIP(address) !== 0);
  const foreign = seen.filter((address) => !own.has(address));
  if (seen.length === 0) return undefined;
  if (foreign.length === 0)
    return { what: 'NAT', state: 'ok', text: `none: the Proxy sees ${seen[0]}, an address of this machine` };
  if (declared !== undefined)
    return {
      what: 'NAT',
      state: 'ok',
      text: `the Proxy sees ${foreign[0]}; others dial ${declared}, which must be forwarded here (UDP and TCP)`,
    };
  return {
    what: 'NAT',
    state: 'warn',
    text: `behind NAT: the Proxy sees ${foreign[0]}, no address of this machine. Others cannot dial it; it dials out`,
    next: 'forward 7700 (UDP and TCP) and write `host NAME at ADDRESS:7700`, or leave it: direct links need one end with an address',
  };
}

/** `10.0.0.1:7700`, `[2001:db8::1]:7700`, IPv4 mapped into IPv6. */
function addressOf(remote: string): string {
  const bare = /^\[(.+)\]:\d+$/.exec(remote)?.[1] ?? /^(.+):\d+$/.exec(remote)?.[1] ?? remote;
  return bare.replace(/^::ffff:/i, '').toLowerCase();
}

/** Of the interfaces that links leave by, or of all where none is known. */
function mtu(
  { mtu: network, linkInterfaces = [] }: DaemonFacts,
  { interfaces }: MachineFacts,
): Check | undefined {
  if (network === undefined) return undefined;
  const up = interfaces.filter((each) => each.up && each.name !== 'lo');
  const used = up.filter((each) => linkInterfaces.includes(each.name));
  const [widest] = (used.length > 0 ? used : up).map((each) => each.mtu).sort((a, b) => b - a);
  if (widest === undefined) return undefined;
  if (widest >= network + OVERHEAD_BYTES)
    return { what: 'MTU', state: 'ok', text: `frames of ${network} octets fit into packets of ${widest}` };
  return {
    what: 'MTU',
    state: 'ok',
    text: `frames of ${network} octets cross UDP links in pieces, since packets carry ${widest}; with ${network + OVERHEAD_BYTES} underneath they would not`,
  };
}

function time({ clockAheadMs }: DaemonFacts): Check | undefined {
  if (clockAheadMs === undefined) return undefined;
  const off = Math.abs(clockAheadMs);
  if (off <= CLOCK_AHEAD_MAX_MS) return { what: 'time', state: 'ok', text: "agrees with the Proxy's clock" };
  return {
    what: 'time',
    state: 'warn',
    text: `the Proxy's clock is ${duration(off)} ${clockAheadMs > 0 ? 'ahead' : 'behind'}: logs cannot be compared`,
    next: 'timedatectl set-ntp true',
  };
}
