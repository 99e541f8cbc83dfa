/**
 * The flows that are placed: pairs of the matrix whose two ends are VMs of the network, both there, above a threshold.
 * Where one direction of a pair counts, the other does too, however small: acknowledgements that wait hold up what
 * they acknowledge.
 */
import type { FlowDemand } from '../model/problem.js';
import type { Ground } from './ground.js';
import type { Notes } from './notes.js';
import type { Snapshot } from './snapshot.js';
import { ABSURD_BITS_PER_SECOND } from './trust.js';

/** Pairs below this share of the busiest are left where they go. */
export const FLOW_SHARE_MIN = 0.01;
/** And those below this: name service, keep-alives. Bits a second. */
export const FLOW_BITS_PER_SECOND_MIN = 10_000;
/** Flows of one plan; the busiest. */
export const FLOWS_PLANNED_MAX = 4096;

export interface DraftFlow extends FlowDemand {
  /** Of the pair and its other direction. */
  pairBitsPerSecond: number;
}

/** Busiest first. `isPlaced`: VMs that are there. */
export function flowsOf(
  { matrix, topology, network }: Snapshot,
  ground: Ground,
  isPlaced: (vm: string) => boolean,
  notes: Notes,
): DraftFlow[] {
  const rates = new Map<string, number>();
  for (const { from, to, bitsPerSecond } of matrix.pairs) {
    if (from === to || !isPlaced(from) || !isPlaced(to)) continue;
    if (!(bitsPerSecond >= 0 && bitsPerSecond <= ABSURD_BITS_PER_SECOND)) {
      notes.add('rates that cannot be are left out: %', `${from} to ${to}`);
    } else {
      const key = `${from} ${to}`; // Several addresses of a VM are one.
      rates.set(key, (rates.get(key) ?? 0) + bitsPerSecond);
    }
  }
  const busiest = Math.max(0, ...rates.values());
  const least = Math.max(FLOW_BITS_PER_SECOND_MIN, busiest * FLOW_SHARE_MIN);
  const bounds = latencyBounds(topology.constraints);
  const flows: DraftFlow[] = [];
  for (const [key, bitsPerSecond] of rates) {
    const [from, to] = key.split(' ') as [string, string];
    const back = rates.get(`${to} ${from}`) ?? 0;
    if (Math.max(bitsPerSecond, back) < least) continue;
    if (ground.isUsers(from, to)) {
      notes.add("a user's route leads %; it stays", `${from} to ${to}`);
      continue;
    }
    const maxLatencyUs = bounds.get([from, to].sort().join(' '));
    const pairBitsPerSecond = bitsPerSecond + back;
    flows.push({ from, to, bitsPerSecond, pairBitsPerSecond, ...(maxLatencyUs && { maxLatencyUs }) });
  }
  flows.sort(
    (a, b) => b.pairBitsPerSecond - a.pairBitsPerSecond || compare(a.from, b.from) || compare(a.to, b.to),
  );
  if (flows.length > FLOWS_PLANNED_MAX)
    notes.add(`only the busiest ${FLOWS_PLANNED_MAX} of ${flows.length} flows are looked at in ${network}`);
  return flows.slice(0, FLOWS_PLANNED_MAX);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** By the unordered pair, the least. */
function latencyBounds(constraints: Snapshot['topology']['constraints']): ReadonlyMap<string, number> {
  const bounds = new Map<string, number>();
  for (const constraint of constraints) {
    if (constraint.kind !== 'within') continue;
    const vms = [...constraint.vms].sort();
    for (const [i, a] of vms.entries()) {
      for (const b of vms.slice(i + 1)) {
        const key = `${a} ${b}`;
        bounds.set(key, Math.min(bounds.get(key) ?? Infinity, constraint.maxLatencyUs));
      }
    }
  }
  return bounds;
}
