/** What runs say together. Medians are in ../figure.ts. */

export interface Interval {
  mean: number;
  low: number;
  high: number;
}

/** Student's t, two-sided 95%, by degrees of freedom from 1; beyond: the normal distribution's. */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
const NORMAL_95 = 1.96;

export const mean = (samples: readonly number[]): number =>
  samples.reduce((sum, sample) => sum + sample, 0) / samples.length;

/** 95% confidence interval of the mean; infinitely wide below two samples. */
export function meanInterval(samples: readonly number[]): Interval {
  const centre = mean(samples);
  const degrees = samples.length - 1;
  if (degrees < 1) return { mean: centre, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const variance = samples.reduce((sum, sample) => sum + (sample - centre) ** 2, 0) / degrees;
  const half = (T_95[degrees - 1] ?? NORMAL_95) * Math.sqrt(variance / samples.length);
  return { mean: centre, low: centre - half, high: centre + half };
}

/** How much more `on` is than `off`, as a share, pair by pair: what disturbs both of a pair cancels. */
export function pairedGain(pairs: readonly { on: number; off: number }[]): Interval {
  return meanInterval(pairs.map(({ on, off }) => on / off - 1));
}

/** First moment from which `hold` samples in a row are at least `level`; undefined: never. */
export function reached<T extends { rate: number }>(
  samples: readonly T[],
  level: number,
  hold: number,
): T | undefined {
  for (let at = 0; at + hold <= samples.length; at++)
    if (samples.slice(at, at + hold).every(({ rate }) => rate >= level)) return samples[at];
  return undefined;
}

export interface Agreement {
  /** Median of |measured / predicted - 1|. */
  medianError: number;
  /** Pearson's, of the logarithms; NaN below three points. */
  correlation: number;
}

/** How well predictions above zero meet what was measured. */
export function agreement(points: readonly { predicted: number; measured: number }[]): Agreement {
  const usable = points.filter(({ predicted, measured }) => predicted > 0 && measured > 0);
  const errors = usable
    .map(({ predicted, measured }) => Math.abs(measured / predicted - 1))
    .sort((a, b) => a - b);
  const [x, y] = [
    usable.map(({ predicted }) => Math.log(predicted)),
    usable.map(({ measured }) => Math.log(measured)),
  ];
  const [mx, my] = [mean(x), mean(y)];
  const products = (a: number[], ma: number, b: number[], mb: number) =>
    a.reduce((sum, value, i) => sum + (value - ma) * ((b[i] ?? mb) - mb), 0);
  const correlation =
    usable.length < 3
      ? Number.NaN
      : products(x, mx, y, my) / Math.sqrt(products(x, mx, x, mx) * products(y, my, y, my));
  return { medianError: errors[Math.floor(errors.length / 2)] ?? Number.NaN, correlation };
}
