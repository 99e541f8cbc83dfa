/** One host's part of the intent while it is kept up to date, and which causes its rules have. */
import type { CpuConfig, HostConfig, LinkConfig, NetworkConfig, PortConfig, Rule } from '../../core/index.js';
import type { Placed } from './model.js';
import { strengthKey, wholeRule } from './rule-id.js';

/** What was made anew, since the beginning: the cost of changes, without a clock. */
export interface Work {
  rules: number;
  links: number;
  configs: number;
}

export class HostPart {
  readonly host: string;
  readonly #links = new Map<string, LinkConfig>();
  readonly #rules = new Map<string, { rule: Rule; causes: number }>();
  /** Of each strength the first rule, and the others where there are any: a clash. */
  readonly #byStrength = new Map<string, Rule>();
  readonly #rivals = new Map<string, Rule[]>();
  /** By VM. */
  readonly #cpu = new Map<string, CpuConfig>();
  #ports: PortConfig[] = [];
  #config: HostConfig | undefined;
  #stale = { links: true, ports: true, rules: true, cpu: true };

  constructor(host: string) {
    this.host = host;
  }

  get isEmpty(): boolean {
    return this.#links.size + this.#rules.size + this.#ports.length + this.#cpu.size === 0;
  }

  get ports(): PortConfig[] {
    return this.#ports;
  }

  /** A rule that stands beside another of its strength. */
  get clash(): Rule | undefined {
    for (const [first] of this.#rivals.values()) return first;
    return undefined;
  }

  /** True: something changed. */
  setLink(key: string, link: LinkConfig | undefined): boolean {
    const known = this.#links.get(key);
    if (known === link || (known && link && sameLink(known, link))) return false;
    if (link) this.#links.set(key, link);
    else this.#links.delete(key);
    this.#stale.links = true;
    return true;
  }

  /** Ports that are what they were stay the same objects. True: something changed. */
  setPorts(ports: readonly PortConfig[]): boolean {
    const known = new Map(this.#ports.map((port) => [port.port, port]));
    const next = ports.map((port) => {
      const old = known.get(port.port);
      return old && samePort(old, port) ? old : port;
    });
    if (next.length === this.#ports.length && next.every((port, i) => port === this.#ports[i])) return false;
    this.#ports = next;
    this.#stale.ports = true;
    return true;
  }

  /** True: something changed. */
  setCpu(vm: string, cpu: CpuConfig | undefined): boolean {
    const known = this.#cpu.get(vm);
    if (known?.periodUs === cpu?.periodUs && known?.sliceUs === cpu?.sliceUs) return false;
    if (cpu) this.#cpu.set(vm, cpu);
    else this.#cpu.delete(vm);
    this.#stale.cpu = true;
    return true;
  }

  /** True: the host has it now, and had it not. */
  addRule(rule: Rule): boolean {
    const known = this.#rules.get(rule.id);
    if (known) {
      known.causes += 1;
      return false;
    }
    this.#rules.set(rule.id, { rule, causes: 1 });
    const key = strengthKey(rule);
    if (this.#byStrength.has(key)) this.#rivals.set(key, [...(this.#rivals.get(key) ?? []), rule]);
    else this.#byStrength.set(key, rule);
    this.#stale.rules = true;
    return true;
  }

  /** True: the host has it no more. */
  removeRule({ id }: Rule): boolean {
    const known = this.#rules.get(id);
    if (!known) return false;
    known.causes -= 1;
    if (known.causes > 0) return false;
    this.#rules.delete(id);
    this.#forgetStrength(known.rule);
    this.#stale.rules = true;
    return true;
  }

  #forgetStrength(rule: Rule): void {
    const key = strengthKey(rule);
    const rivals = this.#rivals.get(key);
    if (!rivals) {
      this.#byStrength.delete(key);
      return;
    }
    const isFirst = this.#byStrength.get(key) === rule;
    const left = rivals.filter((other) => other !== rule);
    if (isFirst) this.#byStrength.set(key, left.shift() as Rule);
    if (left.length > 0) this.#rivals.set(key, left);
    else this.#rivals.delete(key);
  }

  /** The same object as long as nothing of it changes. */
  config(networks: NetworkConfig[], work: Work): HostConfig {
    const known = this.#config;
    const { links, ports, rules, cpu } = this.#stale;
    if (known && known.networks === networks && !links && !ports && !rules && !cpu) return known;
    const reserved = known && !cpu ? known.cpu : this.#cpuList();
    this.#config = {
      host: this.host,
      revision: 0,
      networks,
      links: known && !links ? known.links : [...this.#links.values()],
      ports: this.#ports,
      rules: known && !rules ? known.rules : [...this.#rules.values()].map(({ rule }) => rule),
      ...(reserved ? { cpu: reserved } : {}),
    };
    this.#stale = { links: false, ports: false, rules: false, cpu: false };
    work.configs += 1;
    return this.#config;
  }

  #cpuList(): CpuConfig[] | undefined {
    if (this.#cpu.size === 0) return undefined;
    return [...this.#cpu.values()].sort((a, b) => (a.vm < b.vm ? -1 : 1));
  }
}

/** The parts of all hosts, also of those that are named but not there, and which of them changed. */
export class HostParts {
  readonly work: Work = { rules: 0, links: 0, configs: 0 };
  readonly touched = new Set<string>();
  /** Hosts with two rules of one strength. */
  readonly clashing = new Set<string>();
  readonly #parts = new Map<string, HostPart>();

  of(host: string): HostPart {
    const known = this.#parts.get(host);
    if (known) return known;
    const made = new HostPart(host);
    this.#parts.set(host, made);
    this.touched.add(host);
    return made;
  }

  /** Of a host that is gone. */
  forget(host: string): void {
    if (this.#parts.get(host)?.isEmpty) this.#parts.delete(host);
  }

  addRule(host: string, rule: Rule): void {
    if (this.of(host).addRule(rule)) this.#changed(host);
  }

  removeRule(host: string, rule: Rule): void {
    if (this.of(host).removeRule(rule)) this.#changed(host);
  }

  #changed(host: string): void {
    this.touched.add(host);
    if (this.of(host).clash) this.clashing.add(host);
    else this.clashing.delete(host);
  }
}

/** Rules of one network by what causes them: a statement, a place, a host. */
export class Causes<Cause> {
  readonly #parts: HostParts;
  readonly #network: number;
  readonly #made = new Map<Cause, { host: string; rule: Rule }[]>();

  constructor(parts: HostParts, network: number) {
    this.#parts = parts;
    this.#network = network;
  }

  /** What `cause` means from now on; rules that it meant before and still does are not touched. */
  set(cause: Cause, placed: readonly Placed[]): void {
    const before = this.#made.get(cause);
    const after = placed.map(({ host, rule }) => ({ host, rule: wholeRule(host, this.#network, rule) }));
    this.#parts.work.rules += after.length;
    // First those that come, so that what stays by another cause is not taken away and given back.
    for (const { host, rule } of after) this.#parts.addRule(host, rule);
    for (const { host, rule } of before ?? []) this.#parts.removeRule(host, rule);
    if (after.length > 0) this.#made.set(cause, after);
    else this.#made.delete(cause);
  }
}

function sameLink(a: LinkConfig, b: LinkConfig): boolean {
  return (
    a.id === b.id &&
    a.secret === b.secret &&
    a.owner === b.owner &&
    a.preference === b.preference &&
    a.reservedBitsPerSecond === b.reservedBitsPerSecond &&
    a.dial?.address === b.dial?.address &&
    a.dial?.port === b.dial?.port
  );
}

function samePort(a: PortConfig, b: PortConfig): boolean {
  return (
    a.network === b.network &&
    a.role === b.role &&
    a.owner === b.owner &&
    a.macs.length === b.macs.length &&
    a.macs.every((mac, i) => mac === b.macs[i])
  );
}
