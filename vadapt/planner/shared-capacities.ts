/**
 * What several edges share (a host's uplink, a site's), from Wren's groups. What is left of a shared part is the same
 * for each member, and each sees it with its own error, so the median counts; what the overlay puts on all of them comes
 * on top, and the part carries no more than its capacity: the one its members agree on, else the largest they claim.
 *
 * Wren ties links whose queues move together; an idle one moves with nobody. So an edge that leaves (arrives at) the same
 * host is in the group as well, unless it was seen to carry more than the group does: who takes it for a way around
 * the host's own access would be wrong far more often than right. For the same reason a host whose edges are as wide as
 * what such a group carries is taken to share them likewise, and to carry no more, though nothing has filled them yet: VMs
 * would else be sent from hosts that are known to hosts that are not.
 */
import type { BottleneckGroup } from '../../core/index.js';
import type { SharedCapacity } from '../model/problem.js';
import type { DraftEdge } from './edges.js';
import type { Notes } from './notes.js';
import type { Snapshot } from './snapshot.js';
import { rateOf, trustOf } from './trust.js';

/** Groups with less are left out. */
export const GROUP_CONFIDENCE_MIN = 0.3;
/** An edge seen to carry so many times what the group carries goes another way. */
export const APART_RATIO = 1.25;

export function sharedCapacities(
  { underlay }: Snapshot,
  edges: ReadonlyMap<string, DraftEdge>,
  notes: Notes,
): SharedCapacity[] {
  const found = underlay.bottlenecks.flatMap((group, i) => {
    const members = group.members.flatMap((member) => edges.get(member) ?? []);
    if (members.length < 2) return [];
    if (!(group.confidence >= GROUP_CONFIDENCE_MIN)) {
      notes.add('a bottleneck that is not sure is left out: %', group.where);
      return [];
    }
    const carries = capacityOf(group, members);
    const inside = [...members, ...alike(group, members, edges, carries)];
    const own = inside.reduce((sum, edge) => sum + edge.own, 0);
    const bitsPerSecond = Math.max(own, carries);
    if (!(bitsPerSecond > 0)) return [];
    const name = `${group.where}#${i}`;
    return [{ name, bitsPerSecond, inside, access: accessOf(group, members) }];
  });
  return [...found, ...likewise(found, edges)].map(({ name, bitsPerSecond, inside }) => ({
    ...{ name, bitsPerSecond },
    edges: inside.map(({ from, to }) => [from, to] as const),
  }));
}

type Side = 'from' | 'to';

interface Shared {
  name: string;
  bitsPerSecond: number;
  inside: readonly DraftEdge[];
  /** Where it is one host's access. */
  access?: { side: Side; host: string } | undefined;
}

/** The access of hosts of which no group is known, where it seems to be as that of those of which one is. */
function likewise(found: readonly Shared[], edges: ReadonlyMap<string, DraftEdge>): Shared[] {
  return (['from', 'to'] as const).flatMap((side) => {
    const known = found.filter(({ access }) => access?.side === side);
    const carries = median(known.map(({ bitsPerSecond }) => bitsPerSecond));
    if (carries === undefined) return [];
    const hosts = new Set([...edges.values()].map((edge) => edge[side]));
    for (const { access } of known) hosts.delete(access?.host ?? '');
    return [...hosts].flatMap((host) => {
      const inside = [...edges.values()].filter((edge) => edge[side] === host);
      const widest = Math.max(...inside.map(({ bitsPerSecond }) => bitsPerSecond));
      if (inside.length < 2 || widest > APART_RATIO * carries || widest < carries / APART_RATIO) return [];
      const own = inside.reduce((sum, edge) => sum + edge.own, 0);
      const name = `${side === 'from' ? 'leaving' : 'arriving at'} ${host}, as others`;
      return [{ name, bitsPerSecond: Math.max(own, Math.min(widest, carries)), inside }];
    });
  });
}

/** Of the part that they share, bits a second. */
function capacityOf({ capacityBitsPerSecond }: BottleneckGroup, members: readonly DraftEdge[]): number {
  const own = members.reduce((sum, edge) => sum + edge.own, 0);
  const agreed =
    capacityBitsPerSecond && trustOf(capacityBitsPerSecond) === 'good' ? capacityBitsPerSecond.value : 0;
  const claimed = members.map(({ measured }) => rateOf(measured?.link?.capacityBitsPerSecond));
  const most = agreed || Math.max(...claimed);
  const measured = members.filter((edge) => edge.measured);
  // A bound from below is not what is left.
  const exact = measured.filter((edge) => !edge.measured?.availableBitsPerSecond?.atLeast);
  const left = median(
    (exact.length > 0 ? exact : measured).map(({ bitsPerSecond, own: ours }) => bitsPerSecond - ours),
  );
  if (left !== undefined) return Math.min(left + own, most || Infinity);
  return most || Math.max(...members.map(({ bitsPerSecond }) => bitsPerSecond));
}

/** Edges on the same side of the group's host that nothing tells from its members. */
function alike(
  group: BottleneckGroup,
  members: readonly DraftEdge[],
  edges: ReadonlyMap<string, DraftEdge>,
  carries: number,
): DraftEdge[] {
  const access = accessOf(group, members);
  if (!access) return [];
  const { side, host } = access;
  const inGroup = new Set(members);
  return [...edges.values()].filter(
    (edge) => edge[side] === host && !inGroup.has(edge) && edge.bitsPerSecond <= APART_RATIO * carries,
  );
}

/** Undefined: not the access of one host. */
function accessOf({ where }: BottleneckGroup, members: readonly DraftEdge[]): Shared['access'] {
  const side = where.startsWith('leaving ') ? 'from' : where.startsWith('arriving at ') ? 'to' : undefined;
  const host = side && members[0]?.[side];
  if (!side || host === undefined || !members.every((edge) => edge[side] === host)) return undefined;
  return { side, host };
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
