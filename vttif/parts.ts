/** Connected parts of the pairs that are kept. */
import type { Part } from './naming.js';
import type { VmDemands } from './vm-pairs.js';

/** `rows` ascending; parts by their first row. O(rows + highest VM number). */
export function connectedParts(
  demands: Pick<VmDemands, 'pair' | 'a' | 'b' | 'rate'>,
  rows: ArrayLike<number>,
): Part[] {
  const { a, b } = demands;
  let vms = 0;
  for (let i = 0; i < rows.length; i++) vms = Math.max(vms, a[rows[i] ?? 0] ?? 0, b[rows[i] ?? 0] ?? 0);
  const forest = Int32Array.from({ length: vms + 1 }, (_, vm) => vm);
  for (let i = 0; i < rows.length; i++) {
    forest[top(forest, a[rows[i] ?? 0] ?? 0)] = top(forest, b[rows[i] ?? 0] ?? 0);
  }
  const sizes = new Uint32Array(vms + 1);
  for (let i = 0; i < rows.length; i++) {
    const root = top(forest, a[rows[i] ?? 0] ?? 0);
    sizes[root] = (sizes[root] ?? 0) + 1;
  }
  /** Of each VM in its part, from 1; 0: not placed yet. */
  const places = new Int32Array(vms + 1);
  const parts = new Map<number, { part: Part; size: number }>();
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    const root = top(forest, a[row] ?? 0);
    let made = parts.get(root);
    if (!made) parts.set(root, (made = { part: emptyPart(sizes[root] ?? 0), size: 0 }));
    const { part } = made;
    const at = made.size++;
    part.rows[at] = row;
    part.a[at] = placeOf(part, places, a[row] ?? 0);
    part.b[at] = placeOf(part, places, b[row] ?? 0);
    part.pairs[at] = demands.pair[row] ?? 0;
    part.rates[at] = demands.rate[row] ?? 0;
  }
  return Array.from(parts.values(), ({ part }) => part);
}

function emptyPart(rows: number): Part {
  return {
    rows: new Uint32Array(rows),
    vms: [],
    a: new Uint32Array(rows),
    b: new Uint32Array(rows),
    pairs: new Uint32Array(rows),
    rates: new Float64Array(rows),
  };
}

function placeOf(part: Part, places: Int32Array, vm: number): number {
  if (places[vm] === 0) places[vm] = part.vms.push(vm);
  return (places[vm] ?? 1) - 1;
}

/** Union-find with path halving. */
function top(forest: Int32Array, vm: number): number {
  let at = vm;
  while (forest[at] !== at) {
    forest[at] = forest[forest[at] ?? 0] ?? 0;
    at = forest[at] ?? 0;
  }
  return at;
}
