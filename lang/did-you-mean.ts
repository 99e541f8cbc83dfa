/** Names that a mistyped one may have stood for. */

/** Longer names are not compared: the distance costs the product of the lengths. */
const MAX_LENGTH = 64;
/** More candidates than this are not searched, so that a broken script of 10,000 hosts is answered at once. */
const MAX_CANDIDATES = 5_000;

/** The candidate with the fewest edits, if a third of the name's letters suffice (one edit at least). */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let limit = Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  let count = 0;
  for (const candidate of candidates) {
    if (count++ > MAX_CANDIDATES) break;
    if (candidate === name || Math.abs(candidate.length - name.length) > limit) continue;
    if (name.length > MAX_LENGTH || candidate.length > MAX_LENGTH) continue;
    // A name of one letter is one edit from every other: only its other case is a likely slip.
    if (name.length === 1 && candidate.toLowerCase() !== name.toLowerCase()) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < limit || (distance === limit && best === undefined)) [best, limit] = [candidate, distance];
  }
  return best;
}

/**
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours (Damerau 1964, each
 * letter edited once). Time: the product of the lengths.
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, at(beforeLast, j - 2) + 1);
      }
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

const at = (row: number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY;
