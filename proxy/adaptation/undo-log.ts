/** What a change did to what adaptation owns, for the way back. What a person took away meanwhile stays away. Pure. */
import type { Adapted } from '../../core/index.js';
import { ADAPTED_LISTS, type AdaptedDelta, applied, differenceOf, nothing, statementKey } from './delta.js';

interface Done {
  back: AdaptedDelta;
  /** What there was when it was done. */
  after: Adapted;
}

export class UndoLog {
  readonly #done: Done[] = [];

  note(before: Adapted, after: Adapted): void {
    this.#done.push({ back: differenceOf(after, before), after });
  }

  /** From what there is now to what there was, of these lists. */
  delta(now: Adapted, lists: readonly (keyof Adapted)[]): AdaptedDelta {
    let then = now;
    for (const { back, after } of [...this.#done].reverse()) {
      const add = ADAPTED_LISTS.reduce(
        (kept, list) => ({ ...kept, [list]: comingBack(list, back.add, after, then) }),
        nothing(),
      );
      then = applied(then, { add, remove: back.remove }, lists);
    }
    return differenceOf(now, then);
  }
}

/** What the change removed comes back; what it replaced does unless its successor is gone by another's hand. */
function comingBack(list: keyof Adapted, back: Adapted, after: Adapted, now: Adapted): unknown[] {
  const key = statementKey(list);
  const [succeeded, there] = [new Set(after[list].map(key)), new Set(now[list].map(key))];
  return back[list].filter((item) => !succeeded.has(key(item)) || there.has(key(item)));
}
