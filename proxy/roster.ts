/** The hosts of the overlay: those that are named, those that joined by themselves, and whose phase has changed. */
import type { Host, Topology } from '../core/index.js';
import { Member } from './executor/index.js';
import type { Registry } from './registry.js';

export class Roster {
  readonly members = new Map<string, Member>();
  readonly #proxy: string;
  readonly #registry: Registry;
  /** Hosts whose phase may be another than was last announced. */
  readonly #moved = new Set<string>();
  /** Hosts that `members` was brought in line with. */
  #synced: Topology['hosts'] = [];
  /** Replaced, never changed in place; `version` is the registry's, -1 when members came or went. */
  #auto: { version: number; hosts: ReadonlyMap<string, Host> } = { version: -1, hosts: new Map() };

  constructor(proxy: string, registry: Registry) {
    this.#proxy = proxy;
    this.#registry = registry;
  }

  /** Known from now on, whoever it is. */
  memberOf(host: string): Member {
    const known = this.members.get(host);
    if (known) return known;
    const made = new Member(host, () => {
      this.#moved.add(host);
      this.#auto.version = -1;
    });
    this.#moved.add(host);
    this.members.set(host, made);
    return made;
  }

  /** Hosts whose part would not arrive now. */
  unusable(): Set<string> {
    return new Set([...this.members.values()].filter((member) => !member.usable).map(({ host }) => host));
  }

  isHeard(host: string): boolean {
    return this.members.get(host)?.session !== undefined;
  }

  /** Hosts that nobody named: those that joined with their token, and those that are connected. */
  autoHosts(): ReadonlyMap<string, Host> {
    const { hostsVersion, autoHosts } = this.#registry;
    const before = this.#auto.hosts;
    if (this.#auto.version === hostsVersion) return before;
    const hosts = new Map(autoHosts);
    for (const { host, session } of this.members.values()) {
      if (session && host !== this.#proxy && !hosts.has(host))
        hosts.set(host, before.get(host) ?? { name: host });
    }
    const isSame =
      hosts.size === before.size && [...hosts].every(([name, host]) => before.get(name) === host);
    this.#auto = { version: hostsVersion, hosts: isSame ? before : hosts };
    return this.#auto.hosts;
  }

  /** A member for each host; those that are no hosts any more go when they are not connected. */
  sync(hosts: Topology['hosts']): void {
    if (hosts === this.#synced && this.#moved.size === 0) return;
    this.#synced = hosts;
    const names = new Set(hosts.map(({ name }) => name));
    for (const host of names) this.memberOf(host);
    for (const [host, member] of this.members)
      if (!names.has(host) && !member.session) this.members.delete(host);
  }

  /** Hosts that may have changed their phase since the last call. */
  takeMoved(): string[] {
    const moved = [...this.#moved];
    this.#moved.clear();
    return moved;
  }
}
