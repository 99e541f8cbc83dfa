/** The ports of all hosts, kept up to date. */
import type { PortConfig, PortStatement, VnetError } from '../../core/index.js';
import type { HostParts } from './host-part.js';
import type { ListChange } from './list-change.js';
import type { Place } from './model.js';
import { MultiMap } from './multi-map.js';
import { hostPorts } from './ports.js';

/** A host whose ports are not what they were. */
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
    const note = <T extends { host: string }>(
      index: MultiMap<string, T>,
      { removed, added }: ListChange<T>,
    ) => {
      for (const item of removed) index.delete(item.host, item);
      for (const item of added) index.add(item.host, item);
      for (const { host } of [...removed, ...added]) hosts.add(host);
    };
    note(this.#statements, statements);
    const guarded = (list: Place[]) => list.filter(({ learnt }) => !learnt);
    note(this.#places, { removed: guarded(places.removed), added: guarded(places.added) });
    return [...hosts].flatMap((host) => this.#renew(host));
  }

  #renew(host: string): PortChange[] {
    const part = this.#parts.of(host);
    const before = part.ports;
    try {
      const ports = hostPorts(host, this.#statements.get(host), this.#places.get(host), this.#idOf);
      this.#conflicts.delete(host);
      if (!part.setPorts(ports)) return [];
    } catch (thrown) {
      this.#conflicts.set(host, thrown as VnetError);
      return [];
    }
    this.#parts.touched.add(host);
    return [{ host, before, after: part.ports }];
  }
}
