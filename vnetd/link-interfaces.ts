/**
 * Which interfaces the links use, and what that means for ports on them. A `packet:` port there is allowed (the
 * paper's Proxy has one interface). The data plane leaves out what the daemons say to each other at the links' and the
 * control channel's port numbers (native/src/link_filter.hpp); links to other numbers it meets, so it is said.
 */
import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import type { InterfaceView, PortView } from '../core/index.js';

/** Links asked which way they leave, one a remote address; a large star leaves by few ways. */
const ASKED_MAX = 64;
/** The kernel's answer is believed for so long. */
const KNOWN_MS = 5000;
/** Any port does: connecting a UDP socket looks up the route and sends nothing. */
const ANY_PORT = 9;
const WILDCARDS: ReadonlySet<string> = new Set(['', '::', '0.0.0.0']);

export class LinkInterfaces {
  readonly #known = new Map<string, { local: string | undefined; askedAtMs: number }>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /**
   * The same interfaces, those marked that have an address which links use: the one the daemon listens at, or the
   * one that the kernel would send from to a link's other end.
   * @param remotes `address:port` of links, as `LinkView.remote`
   */
  async mark(
    interfaces: readonly InterfaceView[],
    listen: string,
    remotes: readonly string[],
  ): Promise<InterfaceView[]> {
    const addresses = [...new Set(remotes.map(addressOf))].filter((address) => isIP(address) !== 0);
    const local = await Promise.all(addresses.slice(0, ASKED_MAX).map((address) => this.#localFor(address)));
    const used = new Set([listen, ...local].filter((address) => !WILDCARDS.has(address ?? '')));
    return interfaces.map((each) => {
      const found = each.addresses.map((cidr) => cidr.split('/')[0]).find((address) => used.has(address));
      return found === undefined || each.name === 'lo' ? each : { ...each, linksFrom: found };
    });
  }

  async #localFor(remote: string): Promise<string | undefined> {
    const known = this.#known.get(remote);
    if (known && this.nowMs() - known.askedAtMs < KNOWN_MS) return known.local;
    if (this.#known.size > ASKED_MAX * 4) this.#known.clear();
    const local = await sourceAddress(remote);
    this.#known.set(remote, { local, askedAtMs: this.nowMs() });
    return local;
  }
}

/** What packets to this address leave from; undefined: there is no route. */
export function sourceAddress(remote: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(remote.includes(':') ? 'udp6' : 'udp4');
    const done = (address?: string): void => {
      socket.removeAllListeners('error').on('error', () => {});
      socket.close();
      resolve(address);
    };
    socket.once('error', () => done());
    const connected = (error?: Error): void => done(error ? undefined : socket.address().address);
    socket.connect(ANY_PORT, remote, connected as () => void); // its type leaves the error out
  });
}

/** `10.0.0.1:7700` or `[2001:db8::1]:7700` without its port. */
const addressOf = (remote: string): string =>
  remote.slice(0, Math.max(0, remote.lastIndexOf(':'))).replace(/^\[|\]$/g, '');

/** The same ports; the state of a live `packet:` port on an interface that the links use says so. */
export function tellSharedPorts(
  ports: readonly PortView[],
  interfaces: readonly InterfaceView[],
): PortView[] {
  const used = new Map(interfaces.map(({ name, linksFrom }) => [`packet:${name}`, linksFrom]));
  return ports.map((port) => {
    const address = used.get(port.port);
    return port.up && address !== undefined
      ? { ...port, state: `up; this host's links use the interface too (${address})` }
      : port;
  });
}
