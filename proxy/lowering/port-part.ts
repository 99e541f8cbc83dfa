/** The ports of all hosts, kept up to date. */
import type { PortConfig, PortStatement, VnetError } from '../../core/index.js';
import type { HostParts } from './host-part.js';
import type { ListChange } from './list-change.js';
import type { Place } from './model.js';
import { MultiMap } from './multi-map.js';
import { hostPorts, hostsOf, servedPorts } from './ports.js';

/** A host at which the ports that paths lead to are not what they were. */
export interface PortChange {
  host: string;
  before: readonly PortConfig[];
  after: readonly PortConfig[];
}

export class PortPart {
  readonly #parts: HostParts;
  readonly #idOf: (network: string) => number;
  readonly #statements = new MultiMap<string, PortStatement>();
  readonly #places = new MultiMap<string, Place>();
  /** By host: ports that paths lead to. */
  readonly #served = new Map<string, readonly PortConfig[]>();
  /** By host: a port that two networks claim. */
  readonly #conflicts = new Map<string, VnetError>();

  constructor(parts: HostParts, idOf: (network: string) => number) {
    this.#parts = parts;
    this.#idOf = idOf;
  }

  /** Of the first host by name, among those that are there. */
  conflict(isThere: (host: string) => boolean): VnetError | undefined {
    const [first] = [...this.#conflicts.keys()].filter(isThere).sort();
    return first === undefined ? undefined : this.#conflicts.get(first);
  }

  update(statements: ListChange<PortStatement>, places: ListChange<Place>): PortChange[] {
    const hosts = new Set<string>();
    const note = <T>(
      index: MultiMap<string, T>,
      { removed, added }: ListChange<T>,
      hostsOfItem: (item: T) => string[],
    ) => {
      for (const item of removed) for (const host of hostsOfItem(item)) index.delete(host, item);
      for (const item of added) for (const host of hostsOfItem(item)) index.add(host, item);
      for (const item of [...removed, ...added]) for (const host of hostsOfItem(item)) hosts.add(host);
    };
    note(this.#statements, statements, ({ host }) => [host]);
    const guarded = (list: Place[]) => list.filter(({ learnt }) => !learnt);
    note(this.#places, { removed: guarded(places.removed), added: guarded(places.added) }, hostsOf);
    return [...hosts].flatMap((host) => this.#renew(host));
  }

  #renew(host: string): PortChange[] {
    const part = this.#parts.of(host);
    const [statements, places] = [this.#statements.get(host), this.#places.get(host)];
    try {
      const ports = hostPorts(host, statements, places, this.#idOf);
      this.#conflicts.delete(host);
      if (part.setPorts(ports)) this.#parts.touched.add(host);
    } catch (thrown) {
      this.#conflicts.set(host, thrown as VnetError);
      return [];
    }
    const before = this.#served.get(host) ?? [];
    const after = servedPorts(host, part.ports, statements, places);
    if (after.length > 0) this.#served.set(host, after);
    else this.#served.delete(host);
    return sameItems(before, after) ? [] : [{ host, before, after }];
  }
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
