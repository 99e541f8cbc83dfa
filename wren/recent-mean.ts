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
  /** The newest sample stands apart, alone as yet. */
  suspect: boolean;
}

export interface RecentMeanOptions {
  /** Standard deviation of one sample before there are any to take it from, and the least that is believed. */
  deviation: number;
  deviationMin: number;
  /** Smaller differences are no change. */
  changeMin: number;
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
const TRIM_SAMPLES_MIN = 5;
const TRIM_DEVIATIONS = 3;
/** Of a normal distribution, median absolute deviation to standard deviation. */
const MAD_TO_DEVIATION = 1.4826;

interface Part {
  weight: number;
  mean: number;
}

function meanOf(samples: readonly Weighted[]): Part {
  let weight = 0;
  let sum = 0;
  for (const sample of samples) {
    weight += sample.weight;
    sum += sample.weight * sample.value;
  }
  return { weight, mean: weight > 0 ? sum / weight : 0 };
}

/** Variance of a sample of weight 1: that of a sample of weight w is this / w. */
function unitVariance(samples: readonly Weighted[], mean: number, options: RecentMeanOptions): number {
  const weight = meanOf(samples).weight / Math.max(samples.length, 1);
  const floor = options.deviationMin ** 2 * weight;
  if (samples.length < 3) return options.deviation ** 2 * weight;
  const sum = samples.reduce((total, sample) => total + sample.weight * (sample.value - mean) ** 2, 0);
  return Math.max(sum / (samples.length - 1), floor);
}

export function recentMean(samples: readonly Weighted[], options: RecentMeanOptions): RecentMean {
  const from = changePoint(samples, options);
  const kept = trimmed(samples.slice(from), options);
  const { weight, mean } = meanOf(kept);
  const standardError =
    weight > 0 ? Math.sqrt(unitVariance(kept, mean, options) / weight) : options.deviation;
  return { from, mean, standardError, suspect: suspect(samples.slice(from), options) };
}

/** Pulls single outliers in to where they cannot lead: a machine that did something else, not the path. */
function trimmed(samples: readonly Weighted[], options: RecentMeanOptions): readonly Weighted[] {
  if (samples.length < TRIM_SAMPLES_MIN) return samples;
  const center = medianOf(samples.map((sample) => sample.value));
  const spread = medianOf(samples.map((sample) => Math.abs(sample.value - center))) * MAD_TO_DEVIATION;
  const most = TRIM_DEVIATIONS * Math.max(spread, options.deviationMin);
  return samples.map((sample) => ({
    ...sample,
    value: Math.min(Math.max(sample.value, center - most), center + most),
  }));
}

function medianOf(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? 0;
}

/** Where old and new differ most, if they do anywhere. */
function changePoint(samples: readonly Weighted[], options: RecentMeanOptions): number {
  let from = 0;
  let most = CHANGE_ERRORS;
  for (let newest = 2; newest <= Math.min(NEWEST_MAX, samples.length - 1); newest++) {
    const errors = errorsApart(samples, newest, options);
    if (errors <= most) continue;
    most = errors;
    from = samples.length - newest;
  }
  return from;
}

const suspect = (samples: readonly Weighted[], options: RecentMeanOptions): boolean =>
  samples.length > 1 && errorsApart(samples, 1, options) > SUSPECT_ERRORS;

/** How many standard errors the newest samples lie apart from those before them; 0: they do not. */
function errorsApart(samples: readonly Weighted[], newest: number, options: RecentMeanOptions): number {
  const old = samples.slice(0, -newest);
  const young = samples.slice(-newest);
  const before = meanOf(old);
  const after = meanOf(young);
  const difference = Math.abs(after.mean - before.mean);
  if (difference < options.changeMin) return 0;
  const agreeing = young.filter(({ value }) => agrees(value, before.mean, after.mean)).length;
  if (agreeing < newest * (newest <= FEW ? 1 : MOST)) return 0;
  const variance = unitVariance(old, before.mean, options);
  const unsure = 1 + FEW_SAMPLES / old.length;
  return difference / (unsure * Math.sqrt(variance * (1 / before.weight + 1 / after.weight)));
}

/** On the new mean's side of the old one, and nearer to it than half way back. */
const agrees = (value: number, before: number, after: number): boolean =>
  (value - before) / (after - before) > 0.5;
