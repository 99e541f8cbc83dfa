/** The links of all hosts, kept up to date: a change costs what it touches. */
import type {
  AdaptedLink,
  Endpoint,
  Host,
  LinkReservation,
  LinkStatement,
  LinkType,
  Shape,
  Topology,
} from '../../core/index.js';
import { shapeEdges } from '../../core/index.js';
import type { HostParts } from './host-part.js';
import {
  directionKey,
  isGroundLink,
  linkEnds,
  linkKey,
  newIdentity,
  type PlannedLink,
  trialLink,
} from './links.js';
import type { ListChange } from './list-change.js';
import {
  edgeKey,
  type LinkIdentities,
  type LinkIdentity,
  type LoweringInput,
  NO_TRIALS,
  type Trial,
} from './model.js';
import { MultiMap } from './multi-map.js';

interface ShapedLink {
  type: LinkType;
  a: string;
  b: string;
  /** Of how many shapes. */
  shapes: number;
}

export interface LinkChanges {
  hosts: ListChange<Host>;
  links: ListChange<LinkStatement>;
  shapes: ListChange<Shape>;
  adapted: ListChange<AdaptedLink>;
  reservations: { users: ListChange<LinkReservation>; adapted: ListChange<LinkReservation> };
}

export class LinkPart {
  readonly #parts: HostParts;
  readonly #proxy: string;
  readonly #hosts = new Map<string, Host>();
  readonly #stated = new Map<string, LinkStatement>();
  readonly #shaped = new Map<string, ShapedLink>();
  readonly #adapted = new Map<string, AdaptedLink>();
  /** By `directionKey`. */
  readonly #reserved = { users: new Map<string, number>(), adapted: new Map<string, number>() };
  readonly #keysOfShape = new Map<Shape, string[]>();
  readonly #planned = new Map<string, PlannedLink>();
  readonly #byHost = new MultiMap<string, string>();
  #trials: readonly Trial[] = NO_TRIALS;
  #trialKeys = new Map<string, Trial>();
  /** By `edgeKey`: how many links that paths may use. */
  readonly #edges = new Map<string, number>();
  #identities = new Map<string, LinkIdentity>();
  /** The last that came with an input: nothing of it needs to be looked at again. */
  #taken: LinkIdentities | undefined;

  constructor(parts: HostParts, proxy: string) {
    this.#parts = parts;
    this.#proxy = proxy;
  }

  get identities(): LinkIdentities {
    return this.#identities;
  }

  readonly hasEdge = (key: string): boolean => this.#edges.has(key);

  /** Returns the edges, by `edgeKey`, that have links now and had none, or the other way round. */
  update(input: LoweringInput, changes: LinkChanges): Set<string> {
    const keys = new Set<string>();
    this.#noteHosts(changes.hosts, keys);
    this.#noteShapes(input.topology, changes, keys);
    for (const link of changes.links.removed) this.#state(link, undefined, keys);
    for (const link of changes.links.added) this.#state(link, link, keys);
    this.#noteAdapted(changes.adapted, keys);
    for (const owner of ['users', 'adapted'] as const)
      this.#noteReservations(this.#reserved[owner], changes.reservations[owner], keys);
    this.#noteTrials(input.trials ?? NO_TRIALS, keys);
    this.#takeIdentities(input.identities, keys);
    const edges = new Set<string>();
    const next = this.#plan(keys);
    if (next.some(({ key, link }) => this.#planned.has(key) !== (link !== undefined)))
      this.#identities = new Map(this.#identities);
    for (const { key, link } of next) this.#set(key, link, input, edges);
    return edges;
  }

  #noteHosts({ removed, added }: ListChange<Host>, keys: Set<string>): void {
    for (const { name } of removed) this.#hosts.delete(name);
    for (const host of added) this.#hosts.set(host.name, host);
    if (removed.length + added.length > 0) {
      for (const key of this.#trialKeys.keys()) keys.add(key);
      for (const key of this.#adapted.keys()) keys.add(key);
    }
    for (const { name } of [...removed, ...added]) {
      if (name !== this.#proxy) keys.add(linkKey('tcp', this.#proxy, name));
      for (const key of this.#byHost.get(name)) keys.add(key);
    }
  }

  /** A shape of "every host" changes with the hosts. */
  #noteShapes(topology: Topology, { hosts, shapes }: LinkChanges, keys: Set<string>): void {
    const hostsChanged = hosts.removed.length + hosts.added.length > 0;
    const moved = hostsChanged ? topology.shapes.filter((shape) => shape.hosts.length === 0) : [];
    const changed = new Set([...shapes.removed, ...shapes.added, ...moved]);
    for (const shape of changed) {
      for (const key of this.#keysOfShape.get(shape) ?? []) {
        keys.add(key);
        const shaped = this.#shaped.get(key);
        if (shaped && shaped.shapes > 1) shaped.shapes -= 1;
        else this.#shaped.delete(key);
      }
      this.#keysOfShape.delete(shape);
    }
    for (const shape of new Set([...shapes.added, ...moved])) {
      const { type } = shape;
      const edges = shapeEdges(shape, topology);
      const made = edges.map(([a, b]) => {
        const key = linkKey(type, a, b);
        const shapes = (this.#shaped.get(key)?.shapes ?? 0) + 1;
        this.#shaped.set(key, { type, a, b, shapes });
        keys.add(key);
        return key;
      });
      this.#keysOfShape.set(shape, made);
    }
  }

  #state({ type, a, b }: LinkStatement, statement: LinkStatement | undefined, keys: Set<string>): void {
    const key = linkKey(type, a, b);
    keys.add(key);
    if (statement) this.#stated.set(key, statement);
    else this.#stated.delete(key);
  }

  #noteAdapted({ removed, added }: ListChange<AdaptedLink>, keys: Set<string>): void {
    for (const { type, a, b } of removed) {
      this.#adapted.delete(linkKey(type, a, b));
      keys.add(linkKey(type, a, b));
    }
    for (const link of added) {
      this.#adapted.set(linkKey(link.type, link.a, link.b), link);
      keys.add(linkKey(link.type, link.a, link.b));
    }
  }

  #noteReservations(
    rates: Map<string, number>,
    { removed, added }: ListChange<LinkReservation>,
    keys: Set<string>,
  ): void {
    for (const { type, from, to } of removed) rates.delete(directionKey(type, from, to));
    for (const { type, from, to, bitsPerSecond } of added)
      rates.set(directionKey(type, from, to), bitsPerSecond);
    for (const { type, from, to } of [...removed, ...added]) keys.add(linkKey(type, from, to));
  }

  readonly #reservedOf = (direction: string): number | undefined =>
    this.#reserved.users.get(direction) ?? this.#reserved.adapted.get(direction);

  #noteTrials(trials: readonly Trial[], keys: Set<string>): void {
    if (trials === this.#trials) return;
    for (const key of this.#trialKeys.keys()) keys.add(key);
    this.#trials = trials;
    this.#trialKeys = new Map(trials.map((trial) => [linkKey('udp', ...trial), trial]));
    for (const key of this.#trialKeys.keys()) keys.add(key);
  }

  /** Identities that come with the input count before those made here. */
  #takeIdentities(known: LinkIdentities, keys: Set<string>): void {
    if (known === this.#identities || known === this.#taken) return;
    const others = [...this.#identities].flatMap(([key, own]) => {
      const theirs = known.get(key);
      return theirs && (theirs.id !== own.id || theirs.secret !== own.secret) ? [[key, theirs] as const] : [];
    });
    this.#taken = known;
    if (others.length === 0) return;
    this.#identities = new Map([...this.#identities, ...others]);
    for (const [key] of others) keys.add(key);
  }

  #plan(keys: Iterable<string>): { key: string; link: PlannedLink | undefined }[] {
    return [...keys].map((key) => ({ key, link: this.#resolve(key) }));
  }

  #resolve(key: string): PlannedLink | undefined {
    const [type, a, b] = key.split(' ') as [LinkType, string, string];
    if (isGroundLink(type, a, b, this.#proxy)) {
      const other = a === this.#proxy ? b : a;
      if (!this.#hosts.has(other) || other === this.#proxy) return undefined;
      return { key, type, a: this.#proxy, b: other, owner: 'auto' };
    }
    const link: LinkStatement | ShapedLink | undefined = this.#stated.get(key) ?? this.#shaped.get(key);
    if (!link) return this.#resolveUnstated(key);
    const madeBy = 'madeBy' in link && link.madeBy !== undefined ? { madeBy: link.madeBy } : {};
    return { key, type, a: link.a, b: link.b, owner: 'user', ...madeBy };
  }

  /** Neither a statement's nor a shape's. */
  #resolveUnstated(key: string): PlannedLink | undefined {
    const adapted = this.#adapted.get(key);
    const isThere = (host: string) => this.#hosts.has(host);
    if (adapted && isThere(adapted.a) && isThere(adapted.b)) return { key, ...adapted, owner: 'adapt' };
    const trial = this.#trialKeys.get(key);
    return trial?.every(isThere) ? trialLink(...trial) : undefined;
  }

  #set(key: string, link: PlannedLink | undefined, input: LoweringInput, edges: Set<string>): void {
    const known = this.#planned.get(key);
    if (link) this.#planned.set(key, link);
    else this.#planned.delete(key);
    const any = link ?? known;
    if (!any) return;
    const [carried, carries] = [carriesPaths(known), carriesPaths(link)];
    if (carried !== carries) this.#count(edgeKey(any.a, any.b), carries ? 1 : -1, edges);
    for (const host of [any.a, any.b]) {
      if (link) this.#byHost.add(host, key);
      else this.#byHost.delete(host, key);
    }
    if (!link) {
      this.#identities.delete(key);
      for (const host of [any.a, any.b]) this.#give(host, key, undefined);
      return;
    }
    const identity = this.#identities.get(key) ?? input.identities.get(key) ?? newIdentity(input.secret);
    if (!this.#identities.has(key)) this.#identities.set(key, identity);
    for (const { host, config } of linkEnds(link, identity, this.#endpointOf, this.#reservedOf))
      this.#give(host, key, config);
  }

  readonly #endpointOf = (host: string): Endpoint | undefined => this.#hosts.get(host)?.endpoint;

  #give(host: string, key: string, config: Parameters<ReturnType<HostParts['of']>['setLink']>[1]): void {
    this.#parts.work.links += 1;
    if (this.#parts.of(host).setLink(key, config)) this.#parts.touched.add(host);
  }

  #count(edge: string, by: number, edges: Set<string>): void {
    const before = this.#edges.get(edge) ?? 0;
    if (before + by > 0) this.#edges.set(edge, before + by);
    else this.#edges.delete(edge);
    if ((before === 0) !== (before + by === 0)) edges.add(edge);
  }
}

function carriesPaths(link: PlannedLink | undefined): boolean {
  return link !== undefined && link.trial !== true;
}
