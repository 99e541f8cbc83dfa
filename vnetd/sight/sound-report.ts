/** What another daemon says of the underlay, looked at before anybody works with it: it came over a network. */
import type { LinkEstimate, QueueSeries, UnderlayReport } from '../../core/index.js';

/** Of one report. */
const LINKS_MAX = 10_000;
/** A series of ours has 300. */
const BINS_MAX = 1000;
/** Beyond it a bin's number no longer grows by one (and no clock gets there). */
const BIN_MAX = 2 ** 48;
const NOTES_MAX = 64;
const TEXT_MAX = 500;

/** The most that a value can be: 100 Tbit/s, an hour, all of it, a whole IP packet. */
const MOST = {
  availableBitsPerSecond: 1e14,
  capacityBitsPerSecond: 1e14,
  throughputBitsPerSecond: 1e14,
  rttUs: 3.6e9,
  minRttUs: 3.6e9,
  delayVariationUs: 3.6e9,
  lossRatio: 1,
  pathMtuBytes: 65_575,
} as const satisfies Partial<Record<keyof LinkEstimate, number>>;
const ESTIMATES = Object.keys(MOST) as (keyof typeof MOST)[];

/** The parts of it that can be true, and how many were left out. A daemon speaks of links that it is an end of. */
export function soundReport(
  body: unknown,
  host: string,
): { report: UnderlayReport | undefined; refused: number } {
  if (!isRecord(body)) return { report: undefined, refused: 1 };
  const links = pick(body['links'], LINKS_MAX, (item) => isLink(item, host));
  const queues = pick(body['queues'], LINKS_MAX, (item) => isQueue(item, host));
  const notes = pick(body['notes'], NOTES_MAX, isText);
  const report = {
    links: links.kept as LinkEstimate[],
    queues: queues.kept as QueueSeries[],
    notes: notes.kept as string[],
  };
  return { report, refused: links.refused + queues.refused + notes.refused };
}

function pick(
  list: unknown,
  max: number,
  isSound: (item: unknown) => boolean,
): { kept: unknown[]; refused: number } {
  if (!Array.isArray(list)) return { kept: [], refused: 1 };
  const seen = new Set<string>();
  const kept = list.slice(0, max).filter((item) => isSound(item) && isNew(item, seen));
  return { kept, refused: list.length - kept.length };
}

/** Of a direction of a link there is one. */
function isNew(item: unknown, seen: Set<string>): boolean {
  if (!isRecord(item)) return true;
  const key = `${String(item['link'])} ${String(item['from'])} ${String(item['to'])}`;
  return !seen.has(key) && seen.add(key).size > 0;
}

function isLink(item: unknown, host: string): boolean {
  return (
    isRecord(item) &&
    isOurs(item, host) &&
    (item['type'] === 'udp' || item['type'] === 'tcp') &&
    item['throughputBitsPerSecond'] !== undefined &&
    ESTIMATES.every((name) => item[name] === undefined || isEstimate(item[name], MOST[name]))
  );
}

function isQueue(item: unknown, host: string): boolean {
  return (
    isRecord(item) &&
    isOurs(item, host) &&
    isBin(item['sentBin']) &&
    isBin(item['arrivedBin']) &&
    isBins(item['sentUs']) &&
    isBins(item['arrivedUs'])
  );
}

function isOurs(item: Record<string, unknown>, host: string): boolean {
  const { link, from, to } = item;
  return isText(link) && isText(from) && isText(to) && from !== to && (from === host || to === host);
}

function isEstimate(item: unknown, most: number): boolean {
  if (!isRecord(item)) return false;
  const { value, ageMs, confidence, method, atLeast } = item;
  return (
    isAmount(value) &&
    value <= most &&
    isAmount(ageMs) &&
    isAmount(confidence) &&
    confidence <= 1 &&
    isText(method) &&
    (atLeast === undefined || typeof atLeast === 'boolean')
  );
}

function isBin(item: unknown): boolean {
  return Number.isInteger(item) && Math.abs(item as number) <= BIN_MAX;
}

function isBins(item: unknown): boolean {
  return (
    Array.isArray(item) &&
    item.length <= BINS_MAX &&
    item.every((bin) => bin === null || (typeof bin === 'number' && Number.isFinite(bin)))
  );
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TEXT_MAX;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
