/** Which links there are: the star's, those of the script, those of its shapes, adaptation's. */
import {
  type Adapted,
  type Endpoint,
  type LinkConfig,
  type LinkReservation,
  type LinkType,
  NOTHING_ADAPTED,
  type Owner,
  type Shape,
  shapeEdges,
  shapeHosts,
  type Topology,
} from '../../core/index.js';
import { edgeKey, type LinkIdentities, type LinkIdentity, NO_TRIALS, type Trial } from './model.js';

export interface PlannedLink {
  /** `udp a b`, the ends sorted. */
  key: string;
  type: LinkType;
  a: string;
  b: string;
  owner: Owner;
  madeBy?: string;
  /** No path may use it. */
  trial?: true;
}

/** Lowest first: a datagram link is faster where it passes, the TCP link below it passes everywhere. */
const PREFERENCE: Record<LinkType, number> = { udp: 0, tcp: 10 };
const ID_OCTETS = 8;
const SECRET_OCTETS = 16;

export function linkKey(type: LinkType, a: string, b: string): string {
  return `${type} ${edgeKey(a, b)}`;
}

/** The ground is nobody's, and made from whichever side can: a script that says it says what is there anyway. */
export function isGroundLink(type: LinkType, a: string, b: string, proxy: string | undefined): boolean {
  return type === 'tcp' && (a === proxy || b === proxy);
}

/** The edges of a shape that paths may use: `star udp` and the like are the ground itself and have none. */
export function shapeEdgesOf(shape: Shape, topology: Topology): [string, string][] {
  const proxy = topology.hosts.find((host) => host.proxy)?.name;
  if (shape.kind === 'star' && shapeHosts(shape, topology)[0] === proxy) return [];
  return shapeEdges(shape, topology);
}

/** Every link by key. Each host keeps a TCP link to the Proxy, whatever else it has. */
export function planLinks(
  topology: Topology,
  { links: adapted }: Adapted = NOTHING_ADAPTED,
  trials: readonly Trial[] = NO_TRIALS,
): Map<string, PlannedLink> {
  const planned = new Map<string, PlannedLink>();
  const add = (type: LinkType, a: string, b: string, owner: Owner, madeBy?: string) => {
    const key = linkKey(type, a, b);
    planned.set(key, { key, type, a, b, owner, ...(madeBy === undefined ? {} : { madeBy }) });
  };
  const proxy = topology.hosts.find((host) => host.proxy)?.name;
  for (const { name } of topology.hosts) {
    if (proxy !== undefined && name !== proxy) add('tcp', proxy, name, 'auto');
  }
  for (const shape of topology.shapes) {
    for (const [a, b] of shapeEdges(shape, topology)) {
      if (!isGroundLink(shape.type, a, b, proxy)) add(shape.type, a, b, 'user');
    }
  }
  for (const { type, a, b, madeBy } of topology.links) {
    if (!isGroundLink(type, a, b, proxy)) add(type, a, b, 'user', madeBy);
  }
  const there = new Set(topology.hosts.map(({ name }) => name));
  for (const { type, a, b } of adapted) {
    if (!planned.has(linkKey(type, a, b)) && there.has(a) && there.has(b)) add(type, a, b, 'adapt');
  }
  for (const [a, b] of trials) {
    const link = trialLink(a, b);
    if (!planned.has(link.key) && there.has(a) && there.has(b)) planned.set(link.key, link);
  }
  return planned;
}

/** Edges that paths may use and that somebody made, by `edgeKey`: the star's own left out. */
export function madeEdges(topology: Topology, adapted: Adapted): Set<string> {
  const made = [...planLinks(topology, adapted).values()].filter(({ owner }) => owner !== 'auto');
  return new Set(made.map(({ a, b }) => edgeKey(a, b)));
}

/** Of all links but adaptation's. */
export function linkKeysOf(topology: Topology): Set<string> {
  return new Set(planLinks(topology).keys());
}

export function trialLink(a: string, b: string): PlannedLink {
  return { key: linkKey('udp', a, b), type: 'udp', a, b, owner: 'auto', trial: true };
}

/** The identities of exactly these links: kept where known, made where new. */
export function identifyLinks(
  planned: Iterable<PlannedLink>,
  known: LinkIdentities,
  secret: (octets: number) => Uint8Array,
): Map<string, LinkIdentity> {
  return new Map([...planned].map(({ key }) => [key, known.get(key) ?? newIdentity(secret)]));
}

export function newIdentity(secret: (octets: number) => Uint8Array): LinkIdentity {
  const octets = Buffer.from(secret(ID_OCTETS + SECRET_OCTETS));
  return { id: octets.toString('hex', 0, ID_OCTETS), secret: octets.toString('hex', ID_OCTETS) };
}

/** A direction of a link. */
export function directionKey(type: LinkType, from: string, to: string): string {
  return `${type} ${from} ${to}`;
}

/** What is reserved, by `directionKey`: the user's counts before adaptation's. */
export function reservedRates(
  users: readonly LinkReservation[],
  adapted: readonly LinkReservation[],
): Map<string, number> {
  const all = [...adapted, ...users];
  return new Map(
    all.map(({ type, from, to, bitsPerSecond }) => [directionKey(type, from, to), bitsPerSecond]),
  );
}

/** Both ends of a link. An end dials where its peer has an endpoint, unless the other was told to and can. */
export function linkEnds(
  link: PlannedLink,
  identity: LinkIdentity,
  endpointOf: (host: string) => Endpoint | undefined,
  reservedOf: (direction: string) => number | undefined,
): { host: string; config: LinkConfig }[] {
  const ends = [
    { host: link.a, peer: link.b },
    { host: link.b, peer: link.a },
  ];
  const chosen = ends.find(({ host, peer }) => host === link.madeBy && endpointOf(peer))?.host;
  return ends.map(({ host, peer }) => {
    const dial = chosen === undefined || chosen === host ? endpointOf(peer) : undefined;
    const { type, owner } = link;
    const reserved = reservedOf(directionKey(type, host, peer));
    const config: LinkConfig = {
      ...identity,
      peer,
      type,
      owner,
      preference: PREFERENCE[type],
      ...(dial === undefined ? {} : { dial: { ...dial } }),
      ...(reserved === undefined ? {} : { reservedBitsPerSecond: reserved }),
    };
    return { host, config };
  });
}
