/** How many moves at a time a host's part of the underlay bears, from what Wren finds there. */
import type { Clock, Estimate, PathEstimate, UnderlayView } from '../../core/index.js';

/** While nothing is known of the host's paths. */
export const MOVES_A_HOST = 2;
export const MOVES_A_HOST_MAX = 8;
/** What one move should have: with less, several only make each other longer. */
export const MOVE_BITS_PER_SECOND = 250e6;
/** Estimates below this are not believed. */
const CONFIDENCE_MIN = 0.3;

/** One to MOVES_A_HOST_MAX: as many as its roomiest path, to whomever, has room for; its own link has that at least. */
export function movesBorne({ paths }: Pick<UnderlayView, 'paths'>, host: string): number {
  const rooms = paths.flatMap((path) => (path.from === host || path.to === host ? roomOf(path) : []));
  const best = rooms.reduce<Estimate | undefined>(
    (most, room) => (most && most.value >= room.value ? most : room),
    undefined,
  );
  if (!best) return MOVES_A_HOST;
  const borne = Math.min(Math.max(Math.floor(best.value / MOVE_BITS_PER_SECOND), 1), MOVES_A_HOST_MAX);
  // Never seen exceeded: there may be more, and there is not less.
  return best.atLeast ? Math.max(borne, MOVES_A_HOST) : borne;
}

/** The same for whoever asks often: what Wren shows is looked at again after VIEW_AGE_MS. */
export function bearing(clock: Clock, look: () => UnderlayView): (host: string) => number {
  let seen: { view: UnderlayView; atMs: number } | undefined;
  return (host) => {
    const nowMs = clock.now();
    if (!seen || nowMs - seen.atMs >= VIEW_AGE_MS) seen = { view: look(), atMs: nowMs };
    return movesBorne(seen.view, host);
  };
}
const VIEW_AGE_MS = 1000;

function roomOf({ link, availableBitsPerSecond: tried }: PathEstimate): Estimate[] {
  const room = link?.availableBitsPerSecond ?? tried;
  return room && room.confidence >= CONFIDENCE_MIN && room.value >= 0 ? [room] : [];
}
