/** What generators draw. */
import type { Random } from '../../core/index.js';

export function between(random: Random, least: number, most: number): number {
  return least + (most - least) * random();
}

/** `spread`: standard deviation of the natural logarithm. Box and Muller. */
export function logNormal(random: Random, median: number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp(spread * normal);
}

/** A new list (Fisher, Yates). */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const list = [...items];
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j] as Item, list[i] as Item];
  }
  return list;
}

/** `name0`, `name1`: as many digits as the last needs, so that names sort. */
export function numberedNames(name: string, count: number): string[] {
  const digits = String(Math.max(0, count - 1)).length;
  return Array.from({ length: count }, (_, i) => `${name}${String(i).padStart(digits, '0')}`);
}
