/** Numbers of plans: they may be below zero, or past all bounds where nothing flowed before. */
import { bitRate, count, percent, plural } from '../format.js';

/** `12.3 Mbit/s`, `-3.10 Mbit/s`. */
export function signedRate(bitsPerSecond: number): string {
  return bitsPerSecond < 0 ? `-${bitRate(-bitsPerSecond)}` : bitRate(bitsPerSecond);
}

/** `+85%`, `-3%`, `0%`, `12 times`; `from nothing` where no ratio is one. */
export function gainText(gain: number | null): string {
  if (gain === null || !Number.isFinite(gain)) return 'from nothing';
  if (Math.abs(gain) < ROUNDS_TO_NOTHING) return '0%';
  if (gain >= TOLD_AS_RATIO) return `${count(1 + gain)} times`;
  return `${gain < 0 ? '-' : '+'}${percent(Math.abs(gain))}`;
}
const ROUNDS_TO_NOTHING = 0.0005;
const TOLD_AS_RATIO = 9;

/** How far a value is from its bound, as a share of the bound. */
export function gapText(value: number, bound: number): string {
  const gap = (bound - value) / Math.max(Math.abs(bound), 1);
  return gap < ROUNDS_TO_NOTHING ? 'proven best' : `gap ${percent(gap)}`;
}

/** `2 moves, 1 link`: those of which there are any, or `nothing`. */
export function listed(counts: readonly (readonly [number, string])[]): string {
  const parts = counts.filter(([number]) => number > 0).map(([number, noun]) => plural(number, noun));
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
