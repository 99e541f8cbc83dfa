/** A topology in the paper's form, as far as that can say it, and what had to be left out. */
import { canonical, DEFAULT_NETWORK, type Host, type RuleStatement, type Topology } from '../core/index.js';
import { printStatement } from './printer.js';
import { isPaperKeyword } from './tokens.js';
import { writeMatcher } from './values.js';
import { omittedFromPaper, PAPER_OMISSIONS as WHY } from './wording.js';

export interface PaperText {
  text: string;
  /** A line for each statement that the text does not say, or not exactly; empty: it reads back the same. */
  omitted: string[];
}

/** Writes BEGIN ... END. Links whose maker is open are written as made by their first host, and listed. */
export function printPaper(topology: Topology): PaperText {
  return new PaperPrinter(canonical(topology)).print();
}

const INTERFACE = 'packet:';

class PaperPrinter {
  readonly #omitted: string[] = [];
  /** Interfaces by host, of the hosts that can be said. */
  readonly #interfaces = new Map<string, string[]>();

  constructor(private readonly topology: Topology) {}

  print(): PaperText {
    const hosts = this.#hosts();
    const config = [...this.#links(), ...this.#rules()];
    this.#unsayable();
    const lines = ['BEGIN', ...hosts, ...(config.length > 0 ? ['ADD', ...config] : []), 'END', ''];
    return { text: lines.join('\n'), omitted: this.#omitted };
  }

  #omit<K extends keyof Topology>(list: K, statement: Topology[K][number], reason: string): void {
    this.#omitted.push(omittedFromPaper(printStatement(list, statement, this.topology), reason));
  }

  #hosts(): string[] {
    const { hosts, ports } = this.topology;
    for (const port of ports) {
      if (port.network !== DEFAULT_NETWORK) continue;
      if (port.role !== 'lan' || !port.port.startsWith(INTERFACE)) continue;
      const names = this.#interfaces.get(port.host) ?? [];
      this.#interfaces.set(port.host, [...names, port.port.slice(INTERFACE.length)]);
    }
    const reasons = new Map(hosts.map((host) => [host, this.#hostProblem(host)]));
    const [proxy, ...otherProxies] = hosts.filter((host) => host.proxy);
    for (const other of otherProxies) reasons.set(other, WHY.twoProxies);
    // The first HOST is the Proxy: without it another host would be taken for it.
    const isProxySayable = proxy !== undefined && reasons.get(proxy) === undefined;
    const lines: string[] = [];
    for (const host of [...hosts].sort((a, b) => Number(b === proxy) - Number(a === proxy))) {
      const reason = reasons.get(host) ?? (isProxySayable ? undefined : WHY.noProxy);
      if (reason !== undefined) {
        this.#omit('hosts', host, reason);
        this.#interfaces.delete(host.name);
        continue;
      }
      for (const name of this.#interfaces.get(host.name) ?? []) {
        lines.push(
          `HOST ${writePaper(host.user ?? '')} AT ${host.name} ${host.endpoint?.port} ${writePaper(name)}`,
        );
      }
    }
    const known = new Set(hosts.map((host) => host.name));
    for (const name of this.#interfaces.keys()) if (!known.has(name)) this.#interfaces.delete(name);
    return lines;
  }

  #hostProblem(host: Host): string | undefined {
    if (isPaperKeyword(host.name)) return WHY.hostName;
    if (host.endpoint?.address !== host.name) return WHY.hostAddress;
    if (host.user === undefined) return WHY.hostUser;
    return this.#interfaces.has(host.name) ? undefined : WHY.hostInterface;
  }

  #links(): string[] {
    return this.topology.links.flatMap((link) => {
      const { type, a, b, madeBy } = link;
      if (!this.#sayable(a, b) || (madeBy !== undefined && !this.#sayable(madeBy))) {
        this.#omit('links', link, WHY.hostGone);
        return [];
      }
      if (madeBy === undefined) this.#omit('links', link, WHY.linkMaker(a));
      return [`LINK ${type.toUpperCase()} ${madeBy ?? a} ${a} ${b}`];
    });
  }

  #rules(): string[] {
    return this.topology.rules.flatMap((rule) => {
      const written = this.#rule(rule);
      if ('line' in written) return [written.line];
      this.#omit('rules', rule, written.reason);
      return [];
    });
  }

  #rule({
    network,
    host,
    source,
    destination,
    actions,
  }: RuleStatement): { line: string } | { reason: string } {
    const [action] = actions;
    if (network !== DEFAULT_NETWORK) return { reason: WHY.otherNetwork };
    if (destination.kind === 'group') return { reason: WHY.group };
    if (action === undefined || actions.length > 1 || action.kind === 'drop') return { reason: WHY.actions };
    if (!this.#sayable(host)) return { reason: WHY.hostGone };
    const matchers = `${paperMatcher(source)} ${paperMatcher(destination)}`;
    if (action.kind === 'edge') {
      if (!this.#sayable(action.peer)) return { reason: WHY.hostGone };
      return { line: `FORWARD EDGE ${host} ${matchers} ${host} ${action.peer}` };
    }
    if (!action.port.startsWith(INTERFACE)) return { reason: WHY.port };
    const name = writePaper(action.port.slice(INTERFACE.length));
    return { line: `FORWARD INTERFACE ${host} ${matchers} ${name}` };
  }

  #unsayable(): void {
    const { networks, ports, vms, shapes, routes, linkReservations, cpuReservations, constraints } =
      this.topology;
    for (const network of networks) {
      if (network.name !== DEFAULT_NETWORK) this.#omit('networks', network, WHY.otherNetwork);
      else if (network.id !== undefined || network.mtu !== undefined) {
        this.#omit('networks', network, WHY.networkSettings);
      }
    }
    for (const port of ports) {
      if (port.network !== DEFAULT_NETWORK) this.#omit('ports', port, WHY.otherNetwork);
      else if (port.role !== 'lan' || !port.port.startsWith(INTERFACE)) this.#omit('ports', port, WHY.port);
      else if (!this.#sayable(port.host)) this.#omit('ports', port, WHY.hostGone);
    }
    for (const vm of vms) this.#omit('vms', vm, WHY.vm);
    for (const shape of shapes) this.#omit('shapes', shape, WHY.shape);
    for (const route of routes) this.#omit('routes', route, WHY.route);
    for (const each of linkReservations) this.#omit('linkReservations', each, WHY.reservation);
    for (const each of cpuReservations) this.#omit('cpuReservations', each, WHY.reservation);
    for (const each of constraints) this.#omit('constraints', each, WHY.constraint);
  }

  #sayable(...hosts: string[]): boolean {
    return hosts.every((host) => this.#interfaces.has(host));
  }
}

const paperMatcher = (matcher: RuleStatement['source'] | RuleStatement['destination']): string =>
  writeMatcher(matcher).replace(/^(not|any|none)\b/, (word) => word.toUpperCase());

/** Quoted where it would not read back as one plain word. */
const writePaper = (value: string): string =>
  /^[A-Za-z][\w.-]*$/.test(value) && !isPaperKeyword(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
