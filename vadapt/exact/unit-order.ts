/** In which order units are placed: what decides most comes first. */
import type { Units } from './units.js';

/** First who has no choice; then who talks most to those that are placed, then to all. `flows`: units x units. */
export function unitOrder({ count, domains }: Units, flows: Int32Array): Int32Array {
  const left = new Set(Array.from({ length: count }, (_, unit) => unit));
  const placed = new Int32Array(count);
  const all = Int32Array.from({ length: count }, (_, unit) => {
    const row = flows.subarray(unit * count, (unit + 1) * count);
    return row.reduce((sum, number) => sum + number, -(row[unit] as number));
  });
  const isBound = (unit: number) => (domains[unit]?.length === 1 ? 1 : 0);
  const isBefore = (a: number, b: number): boolean => {
    const differences = [
      isBound(a) - isBound(b),
      (placed[a] as number) - (placed[b] as number),
      (all[a] as number) - (all[b] as number),
    ];
    return (differences.find((difference) => difference !== 0) ?? 0) > 0;
  };
  return Int32Array.from({ length: count }, () => {
    let next = -1;
    for (const unit of left) if (next < 0 || isBefore(unit, next)) next = unit;
    left.delete(next);
    for (const unit of left) placed[unit] = (placed[unit] as number) + (flows[next * count + unit] as number);
    return next;
  });
}
