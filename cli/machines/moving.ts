/** Moves asked for, shown, and cancelled by Ctrl-C. */
import type { MoveResult, MoveView } from '../../core/index.js';
import type { Run } from '../run.js';
import { MoveBars } from './move-bars.js';

/** The first Ctrl-C cancels what has not switched yet, and waits for what becomes of it; `work` begins the moves. */
export async function watchMoves(
  run: Run,
  work: (progress: (move: MoveView) => void) => Promise<MoveResult[]>,
): Promise<MoveResult[]> {
  const bars = new MoveBars(run);
  const going = new Set<string>();
  const cancel = (): void => {
    bars.clear();
    run.note(run.paint.warn('Cancelling; a VM whose memory is on the other side already arrives there.'));
    // Too late, or over: its result tells.
    for (const vm of going) run.client.cancelMove(vm).catch(() => {});
  };
  run.context.signal.addEventListener('abort', cancel, { once: true });
  try {
    return await work((move) => {
      going.add(move.vm);
      bars.show(move);
    });
  } finally {
    run.context.signal.removeEventListener('abort', cancel);
    bars.clear();
  }
}
