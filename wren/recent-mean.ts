/**
 * The weighted mean of as many of the newest samples as agree with each other: long memory while nothing changes,
 * and none of the past once something did (in the manner of ADWIN, Bifet and Gavalda 2007, with normal bounds).
 */

export interface Weighted {
  value: number;
  weight: number;
}

export interface RecentMean {
  /** Index of the oldest sample that still counts. */
  from: number;
  mean: number;
  standardError: number;
  /** The newest sample stands apart, alone as yet, and is not in the mean. */
  suspect: boolean;
}

export interface RecentMeanOptions {
  /** Standard deviation of one sample before there are any to take it from, and the least that is believed. */
  deviation: number;
  deviationMin: number;
  /** Smaller differences are no change. */
  changeMin: number;
  /** Outliers are pulled in to three deviations, and never nearer than this: what is rare may be part of the mean. */
  trimMin: number;
}

/** Standard errors between old and new that make a change; more for a single sample to be suspected. */
const CHANGE_ERRORS = 3.5;
const SUSPECT_ERRORS = 4;
/** A change is looked for in the newest 2 to this many. */
const NEWEST_MAX = 12;

/** What changed shows in all of a few new samples, and in most of many: one outlier among them shall not lead. */
const FEW = 3;
const MOST = 0.6;

/** A variance taken from few samples is not to be trusted: the bound widens by this over their number. */
const FEW_SAMPLES = 2;
const TRIM_SAMPLES_MIN = 4;
const TRIM_DEVIATIONS = 3;
/** No sample weighs more than so many of the usual ones. */
const TRIM_WEIGHT = 3;
/** Of a normal distribution, median absolute deviation to standard deviation. */
const MAD_TO_DEVIATION = 1.4826;

/** Weights, values and squares of some samples, added up. */
interface Sums {
  count: number;
  weight: number;
  first: number;
  second: number;
}

const NO_SUMS: Sums = { count: 0, weight: 0, first: 0, second: 0 };

const plus = (sums: Sums, { value, weight }: Weighted, sign = 1): Sums => ({
  count: sums.count + sign,
  weight: sums.weight + sign * weight,
  first: sums.first + sign * weight * value,
  second: sums.second + sign * weight * value * value,
});

const sumsOf = (samples: readonly Weighted[]): Sums =>
  samples.reduce((sums, sample) => plus(sums, sample), NO_SUMS);
const meanOf = ({ weight, first }: Sums): number => (weight > 0 ? first / weight : 0);

/** Variance of a sample of weight 1: that of a sample of weight w is this / w. */
function unitVariance(sums: Sums, options: RecentMeanOptions): number {
  const usualWeight = sums.weight / Math.max(sums.count, 1);
  if (sums.count < 3) return options.deviation ** 2 * usualWeight;
  const sum = sums.second - sums.weight * meanOf(sums) ** 2;
  return Math.max(sum / (sums.count - 1), options.deviationMin ** 2 * usualWeight);
}

export function recentMean(samples: readonly Weighted[], options: RecentMeanOptions): RecentMean {
  const from = changePoint(samples, options);
  const agreeing = samples.slice(from);
  const suspect = isSuspect(agreeing, options);
  const kept = sumsOf(trimmed(suspect ? agreeing.slice(0, -1) : agreeing, options));
  const standardError =
    kept.weight > 0 ? Math.sqrt(unitVariance(kept, options) / kept.weight) : options.deviation;
  return { from, mean: meanOf(kept), standardError, suspect };
}

/** Pulls single outliers in to where they cannot lead: a machine that did something else, not the path. */
function trimmed(samples: readonly Weighted[], options: RecentMeanOptions): readonly Weighted[] {
  if (samples.length < TRIM_SAMPLES_MIN) return samples;
  const center = medianOf(samples.map((sample) => sample.value));
  const spread = medianOf(samples.map((sample) => Math.abs(sample.value - center))) * MAD_TO_DEVIATION;
  const most = Math.max(TRIM_DEVIATIONS * spread, options.trimMin);
  const heaviest = TRIM_WEIGHT * medianOf(samples.map((sample) => sample.weight));
  return samples.map((sample) => ({
    weight: Math.min(sample.weight, heaviest),
    value: Math.min(Math.max(sample.value, center - most), center + most),
  }));
}

function medianOf(values: readonly number[]): number {
  return Float64Array.from(values).sort()[values.length >> 1] ?? 0;
}

/** Where old and new differ most, if they do anywhere. */
function changePoint(samples: readonly Weighted[], options: RecentMeanOptions): number {
  let from = 0;
  let most = CHANGE_ERRORS;
  let old = sumsOf(samples);
  let young = NO_SUMS;
  for (let newest = 1; newest <= Math.min(NEWEST_MAX, samples.length - 1); newest++) {
    const sample = samples[samples.length - newest] as Weighted;
    old = plus(old, sample, -1);
    young = plus(young, sample);
    const errors = newest > 1 ? errorsApart(samples, old, young, options) : 0;
    if (errors <= most) continue;
    most = errors;
    from = samples.length - newest;
  }
  return from;
}

function isSuspect(samples: readonly Weighted[], options: RecentMeanOptions): boolean {
  const newest = samples.at(-1);
  if (!newest || samples.length < 2) return false;
  const young = plus(NO_SUMS, newest);
  return errorsApart(samples, plus(sumsOf(samples), newest, -1), young, options) > SUSPECT_ERRORS;
}

/** How many standard errors the newest samples lie apart from those before them; 0: they do not. */
function errorsApart(
  samples: readonly Weighted[],
  old: Sums,
  young: Sums,
  options: RecentMeanOptions,
): number {
  const before = meanOf(old);
  const after = meanOf(young);
  if (Math.abs(after - before) < options.changeMin) return 0;
  let agreeing = 0;
  for (let i = samples.length - young.count; i < samples.length; i++) {
    if (agrees((samples[i] as Weighted).value, before, after)) agreeing++;
  }
  if (agreeing < young.count * (young.count <= FEW ? 1 : MOST)) return 0;
  const unsure = 1 + FEW_SAMPLES / old.count;
  const error = Math.sqrt(unitVariance(old, options) * (1 / old.weight + 1 / young.weight));
  return Math.abs(after - before) / (unsure * error);
}

/** On the new mean's side of the old one, and nearer to it than half way back. */
const agrees = (value: number, before: number, after: number): boolean =>
  (value - before) / (after - before) > 0.5;
