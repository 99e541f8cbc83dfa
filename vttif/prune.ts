/**
 * Normalisation and pruning (Virtuoso 4.1): rates relative to the busiest pair, those below the detection threshold
 * left out. Where the paper stops, two things break shapes that people would see at once, so alternatives are offered
 * that the naming may choose from:
 *
 * - a few pairs far above all others (a backup): they are set apart, and the rest is measured by its own busiest pair;
 * - a cut in the middle of pairs that belong together: the widest gap near the threshold is a better place.
 */

/** Neighbouring rates of one level differ by less than this factor. */
const LEVEL_RATIO = 2.5;
/** A gap near the threshold is one from this factor on. */
const CUT_RATIO = 1.5;
/** The threshold may be moved between half of it and once and a half. */
const CUT_LOWEST = 0.5;
const CUT_HIGHEST = 1.5;
/** Levels that may be set apart. */
const PEELS_MAX = 3;

export interface Cut {
  /** Pairs above are set apart: they are applications of their own. */
  ceiling: number;
  /** Pairs below are pruned. Both in bits a second. */
  floor: number;
}

/** How many pairs are few beside so many VMs. */
export const fewAmong = (vms: number): number => Math.max(2, Math.floor(vms / 4));

/** What to keep: the paper's cut first, then the alternatives. `vms`: how many have traffic. */
export function cuts(rates: Float64Array, threshold: number, vms: number): Cut[] {
  const loudest = topRates(rates, fewAmong(vms) + 1);
  const busiest = loudest[0] ?? 0;
  if (busiest <= 0) return [];
  const found: Cut[] = [];
  for (const ceiling of [Number.POSITIVE_INFINITY, ...levelsBelow(loudest, busiest * threshold ** 2)]) {
    const floor = Math.min(ceiling, busiest) * threshold;
    found.push({ ceiling, floor });
    const moved = widestGap(rates, floor);
    if (moved !== undefined) found.push({ ceiling, floor: moved });
  }
  return found;
}

/** The busiest rate of each level that has but few pairs above it, busiest level left out; none below `lowest`. */
function levelsBelow(loudest: number[], lowest: number): number[] {
  const levels: number[] = [];
  for (let above = 1; above < loudest.length && levels.length < PEELS_MAX; above++) {
    const rate = loudest[above] ?? 0;
    if (rate < lowest) break;
    if ((loudest[above - 1] ?? 0) / rate >= LEVEL_RATIO) levels.push(rate);
  }
  return levels;
}

/** The middle of the widest gap between rates near `cut`, where there is one. */
function widestGap(rates: Float64Array, cut: number): number | undefined {
  const [lowest, highest] = [cut * CUT_LOWEST, cut * CUT_HIGHEST];
  const near = rates.filter((rate) => rate > lowest && rate < highest).sort();
  let [best, middle] = [CUT_RATIO, undefined as number | undefined];
  let below = lowest;
  for (let i = 0; i <= near.length; i++) {
    const above = near[i] ?? highest;
    if (above / below > best) {
      best = above / below;
      middle = Math.sqrt(above * below);
    }
    below = above;
  }
  return middle;
}

/** The `count` highest, descending. Most rates are below all of them and cost one comparison. */
function topRates(rates: Float64Array, count: number): number[] {
  const top: number[] = [];
  for (const rate of rates) {
    if (top.length === count && rate <= (top.at(-1) ?? 0)) continue;
    let place = top.length;
    while (place > 0 && (top[place - 1] ?? 0) < rate) place--;
    top.splice(place, 0, rate);
    if (top.length > count) top.pop();
  }
  return top;
}
