/**
 * After a restart in the middle of a change: it is completed where all its VMs have arrived (or none was to move), and
 * undone otherwise. Moves that were under way go on without the Proxy's controller, so it waits for them first.
 */
import type { AdaptRecord, Clock } from '../../core/index.js';
import { VnetError } from '../../core/index.js';
import { actionsBetween, inverseMoves, type Snapshot } from '../planner/index.js';
import type { Acting } from './acting.js';
import { FAILED_MS } from './avoid.js';
import { whyConflict } from './conflict.js';
import type { Memory } from './memory.js';
import { movesBack } from './taking-back.js';
import type { AdaptWorld, ControllerMemory } from './world.js';

/** Hosts come back one by one after a restart of the Proxy: so long they are waited for. Milliseconds. */
export const HOSTS_BACK_MS = 30_000;

export interface RecoveryParts {
  world: AdaptWorld;
  memory: Memory;
  acting: Acting;
  clock: Clock;
  calendar: () => number;
}

/** What it waits for, in a sentence; undefined: done. */
export function recover(parts: RecoveryParts, now: Snapshot): Promise<string | undefined> {
  const { memory, acting, clock } = parts;
  return acting.alone(async () => {
    const { begun } = memory;
    if (!begun) return undefined;
    const moving = begun.actions.find(
      (action) =>
        action.kind === 'move' && now.vms.some(({ vm, move }) => vm === action.vm && move !== undefined),
    );
    if (moving?.kind === 'move') return `waits for ${moving.vm}, which was moving when the Proxy restarted`;
    const away = hostsAway(begun, now);
    if (away !== undefined && clock.now() - acting.startedMs < HOSTS_BACK_MS)
      return `waits for host ${away} before it completes or undoes what the restart cut off`;
    await finish(parts, begun, now);
    return undefined;
  });
}

type Begun = NonNullable<ControllerMemory['begun']>;

function hostsAway({ actions }: Begun, { ready }: Snapshot): string | undefined {
  const hosts = actions.flatMap((action) => (action.kind === 'move' ? [action.from, action.to] : []));
  return hosts.find((host) => !ready.includes(host));
}

async function finish(
  { world, memory, acting, calendar }: RecoveryParts,
  begun: Begun,
  now: Snapshot,
): Promise<void> {
  const { network, actions, before, after, record } = begun;
  const at = new Map(now.vms.map(({ vm, host }) => [vm, host]));
  const moves = actions.filter((action) => action.kind === 'move');
  const rest = actions.filter((action) => action.kind !== 'move');
  // The intent may have changed in between, and hosts may be away: then nothing new is made.
  const arrived = moves.every(({ vm, to }) => at.get(vm) === to);
  const stands = whyConflict(rest, now.adapted, now.revision, now) === undefined;
  const completes = arrived && stands;
  const back = movesBack(now, inverseMoves(moves));
  const steps = completes
    ? actionsBetween(now.adapted, after, [])
    : actionsBetween(now.adapted, before, back);
  const target = completes ? after : before;
  const end = await world.carryOut(network, steps, target).then(
    (): Partial<AdaptRecord> =>
      completes
        ? { reason: `${record.reason}; completed after a restart of the Proxy` }
        : { outcome: 'failed', reason: `${record.reason}; undone after a restart of the Proxy` },
    (thrown): Partial<AdaptRecord> => ({
      outcome: 'failed',
      reason: `${record.reason}; cut off by a restart of the Proxy, and not mended: ${VnetError.from(thrown).message}`,
    }),
  );
  acting.expected = undefined;
  if (!completes) memory.avoid.addChange(actions, calendar() + FAILED_MS);
  await acting.note({ ...record, ...end });
}
