/**
 * What several edges share (a host's uplink, a site's), from Wren's groups. What is left of a shared part is the same
 * for each member, and each sees it with its own error, so the median counts; what the overlay puts on all of them comes
 * on top, and a known capacity of the part is not exceeded.
 */
import type { SharedCapacity } from '../model/problem.js';
import type { DraftEdge } from './edges.js';
import type { Notes } from './notes.js';
import type { Snapshot } from './snapshot.js';
import { trustOf } from './trust.js';

/** Groups with less are left out. */
export const GROUP_CONFIDENCE_MIN = 0.3;

export function sharedCapacities(
  { underlay }: Snapshot,
  edges: ReadonlyMap<string, DraftEdge>,
  notes: Notes,
): SharedCapacity[] {
  return underlay.bottlenecks.flatMap(({ where, members, confidence, capacityBitsPerSecond }, i) => {
    const inside = members.flatMap((member) => edges.get(member) ?? []);
    if (inside.length < 2) return [];
    if (!(confidence >= GROUP_CONFIDENCE_MIN)) {
      notes.add('a bottleneck that is not sure is left out: %', where);
      return [];
    }
    const measured = inside.filter(({ measured: path }) => path);
    const left = median(measured.map(({ bitsPerSecond, own }) => bitsPerSecond - own));
    if (left === undefined) return [];
    const own = inside.reduce((sum, edge) => sum + edge.own, 0);
    const most =
      capacityBitsPerSecond && trustOf(capacityBitsPerSecond) === 'good'
        ? capacityBitsPerSecond.value
        : Infinity;
    const bitsPerSecond = Math.max(own, Math.min(left + own, most));
    if (!(bitsPerSecond > 0)) return [];
    const name = `${where}#${i}`;
    return [{ name, bitsPerSecond, edges: inside.map(({ from, to }) => [from, to] as const) }];
  });
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
