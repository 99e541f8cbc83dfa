/** Undoes a change as far as it still stands: what people changed since is theirs. */
import { VnetError } from '../../core/index.js';
import { actionsBetween, inverseMoves, type Move, type Snapshot } from '../planner/index.js';
import { covered, without } from './hands.js';
import type { Acting } from './acting.js';
import type { Watch } from './watch.js';
import type { AdaptWorld } from './world.js';

export interface TakenBack {
  moves: Move[];
  error?: VnetError;
}

export async function takeBack(
  { world, acting }: { world: AdaptWorld; acting: Acting },
  now: Snapshot,
  { record, before }: Pick<Watch, 'record' | 'before'>,
): Promise<TakenBack> {
  const moves = movesBack(now, inverseMoves(record.actions));
  const target = without(before, covered({ ...now, adapted: before }));
  const actions = actionsBetween(now.adapted, target, moves);
  if (actions.length === 0) return { moves };
  const taken = {
    ...record,
    outcome: 'taken-back' as const,
    reason: `${record.reason}; it made things worse`,
  };
  try {
    await acting.keepBegun({
      network: record.network,
      actions,
      before: now.adapted,
      after: target,
      record: taken,
    });
    const { stayed } = await world.carryOut(record.network, actions, target);
    acting.expected = world.snapshot(record.network)?.adapted;
    const gone = new Set(stayed.map(({ vm }) => vm));
    return { moves: moves.filter(({ vm }) => !gone.has(vm)) };
  } catch (thrown) {
    const error = VnetError.from(thrown);
    // The Proxy stops in the middle: the next start finds what was begun.
    if (error.code === 'VNET_ERR_CLOSED') throw error;
    return { moves: [], error };
  }
}

/** Of VMs that are still where the change put them. */
export function movesBack({ vms, ready }: Snapshot, moves: readonly Move[]): Move[] {
  return moves.filter((move) => {
    const vm = vms.find((one) => one.vm === move.vm);
    return vm !== undefined && vm.host === move.from && !vm.pinned && !vm.move && ready.includes(move.to);
  });
}
