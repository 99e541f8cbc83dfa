/** Whether an underlay report says something that the one before did not. */
import type { Estimate, LinkEstimate, QueueSeries, UnderlayReport } from '../../core/index.js';

/** Values nearer to each other than this share of the larger are the same. */
const SAME_VALUE_SHARE = 0.05;
const SAME_CONFIDENCE = 0.05;
/** A value that was measured again is told again after this, so that the Proxy sees it is fresh. */
const REFRESH_MS = 2000;

export interface TimedReport {
  report: UnderlayReport;
  atMs: number;
}

export function saysMore(before: TimedReport | undefined, after: TimedReport): boolean {
  if (!before) return !isEmpty(after.report);
  const elapsedMs = after.atMs - before.atMs;
  return (
    before.report.notes.join('\n') !== after.report.notes.join('\n') ||
    differ(before.report.links, after.report.links, (a, b) => linkChanged(a, b, elapsedMs)) ||
    differ(before.report.queues, after.report.queues, queueChanged)
  );
}

function isEmpty({ links, queues, notes }: UnderlayReport): boolean {
  return links.length + queues.length + notes.length === 0;
}

function differ<T extends { link: string; from: string }>(
  before: T[],
  after: T[],
  changed: (before: T, after: T) => boolean,
): boolean {
  const key = ({ link, from }: T) => `${link} ${from}`;
  const known = new Map(before.map((each) => [key(each), each]));
  return (
    before.length !== after.length ||
    after.some((each) => {
      const same = known.get(key(each));
      return !same || changed(same, each);
    })
  );
}

function linkChanged(before: LinkEstimate, after: LinkEstimate, elapsedMs: number): boolean {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof LinkEstimate>;
  return [...names].some((name) => {
    const a = before[name];
    const b = after[name];
    if (typeof a === 'object' && typeof b === 'object') return estimateChanged(a, b, elapsedMs);
    return a !== b;
  });
}

function estimateChanged(before: Estimate, after: Estimate, elapsedMs: number): boolean {
  const larger = Math.max(Math.abs(before.value), Math.abs(after.value));
  const sampledLaterMs = elapsedMs + before.ageMs - after.ageMs;
  return (
    Math.abs(before.value - after.value) > SAME_VALUE_SHARE * larger ||
    Math.abs(before.confidence - after.confidence) > SAME_CONFIDENCE ||
    before.method !== after.method ||
    before.atLeast !== after.atLeast ||
    sampledLaterMs >= REFRESH_MS
  );
}

/** Bins that moved on without anything in them say nothing new. */
function queueChanged(before: QueueSeries, after: QueueSeries): boolean {
  return (
    hasNew(after.sentUs, after.sentBin + after.sentUs.length - before.sentBin - before.sentUs.length) ||
    hasNew(
      after.arrivedUs,
      after.arrivedBin + after.arrivedUs.length - before.arrivedBin - before.arrivedUs.length,
    )
  );
}

function hasNew(bins: (number | null)[], newBins: number): boolean {
  if (newBins <= 0) return false;
  return bins.slice(-newBins).some((bin) => bin !== null && !Number.isNaN(bin));
}
