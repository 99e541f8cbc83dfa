/** What became of a list whose elements are never changed in place, only replaced. */

export interface ListChange<T> {
  removed: T[];
  added: T[];
}

/**
 * Elements of one list that are not in the other, by identity. The order carries no meaning, but lists that share
 * their beginning and end are compared in one pass of pointers; only what lies between is looked up.
 */
export function listChange<T>(before: readonly T[], after: readonly T[]): ListChange<T> {
  if (before === after) return { removed: [], added: [] };
  const { start, endBefore, endAfter } = differingSpan(before, after, (a, b) => a === b);
  const removed = before.slice(start, endBefore);
  const added = after.slice(start, endAfter);
  if (removed.length === 0 || added.length === 0) return { removed, added };
  const [old, next] = [new Set(removed), new Set(added)];
  return {
    removed: removed.filter((item) => !next.has(item)),
    added: added.filter((item) => !old.has(item)),
  };
}

export function isNone({ removed, added }: ListChange<unknown>): boolean {
  return removed.length === 0 && added.length === 0;
}

/** Where two lists differ: from `start` to the ends, which are exclusive. */
export function differingSpan<T>(
  before: readonly T[],
  after: readonly T[],
  isSame: (a: T, b: T) => boolean,
): { start: number; endBefore: number; endAfter: number } {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && isSame(before[start] as T, after[start] as T)) start += 1;
  let tail = 0;
  while (
    tail < shorter - start &&
    isSame(before[before.length - 1 - tail] as T, after[after.length - 1 - tail] as T)
  ) {
    tail += 1;
  }
  return { start, endBefore: before.length - tail, endAfter: after.length - tail };
}
