/** From values to pixels, and where the ticks are. */

export interface Scale {
  at(value: number): number;
  ticks: number[];
}

type Range = readonly [from: number, to: number];

const TICKS_WANTED = 6;
/** A tick's place may miss its value by this share of a step: sums of decimals. */
const ROUNDING = 1e-9;

/** Steps of 1, 2 or 5 times a power of ten. */
function stepOf(span: number): number {
  const rough = span / TICKS_WANTED;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10;
  return factor * power;
}

/** From 0 to a round number that is no less than `most`. */
export function linearScale(most: number, [from, to]: Range): Scale {
  const step = stepOf(most > 0 ? most : 1);
  const steps = Math.max(1, Math.ceil(most / step - ROUNDING));
  const end = steps * step;
  return {
    at: (value) => from + ((to - from) * value) / end,
    ticks: Array.from({ length: steps + 1 }, (_, i) => Number((i * step).toPrecision(12))),
  };
}

/** Between the powers of ten (below two decades: also 2 and 5 times these) around the values, all above 0. */
export function logScale(values: readonly number[], [from, to]: Range): Scale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const factors = high / low < 100 ? [1, 2, 5] : [1];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const factor of factors) all.push(Number((factor * 10 ** power).toPrecision(12)));
  const first = all.findLast((tick) => tick <= low * (1 + ROUNDING)) ?? low;
  const last = all.find((tick) => tick >= high * (1 - ROUNDING)) ?? high;
  const span = Math.log(last / first) || 1;
  return {
    at: (value) => from + ((to - from) * Math.log(value / first)) / span,
    ticks: all.filter((tick) => tick >= first && tick <= last),
  };
}

/** Short enough for a tick: `1500`, `0.25`, `1e+6`. */
export function tickText(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-3 ? value.toExponential(0) : String(value);
}
