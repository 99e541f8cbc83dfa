/** From one shaping to the next in lines for `tc`. */

import type { Shaping } from './plan.js';

/** A queue holds this much time at its rate ... */
export const QUEUE_MS = 100;
/** ... but always a super-frame and a half. */
export const QUEUE_MIN_BYTES = 96 * 1024;
/** What a class may send at once after a pause: this much time at its rate, at least a few packets. */
const BURST_MS = 2;
const BURST_MIN_BYTES = 12 * 1024;
/** What a class sends before the next has its turn: a super-frame. */
const QUANTUM_BYTES = 64 * 1024;
const LEAF_HANDLE = 0x8000;

const hex = (value: number) => value.toString(16);

function bytesIn(rateBps: number, ms: number): number {
  return Math.ceil((rateBps * ms) / 8000);
}

function classLines(device: string, minor: number, rateBps: number): string[] {
  const rate = Math.round(rateBps);
  const burst = Math.max(bytesIn(rate, BURST_MS), BURST_MIN_BYTES);
  const limit = Math.max(bytesIn(rate, QUEUE_MS), QUEUE_MIN_BYTES);
  return [
    `class replace dev ${device} parent 1: classid 1:${hex(minor)} htb rate ${rate}bit ceil ${rate}bit` +
      ` burst ${burst} cburst ${burst} quantum ${QUANTUM_BYTES}`,
    `qdisc replace dev ${device} parent 1:${hex(minor)} handle ${hex(LEAF_HANDLE + minor)}: bfifo limit ${limit}`,
  ];
}

type Filter = Shaping['filters'] extends Map<number, infer F> ? F : never;

function filterLine(device: string, preference: number, filter: Filter): string {
  const [protocol, match, length] = filter.family === 4 ? ['ip', 'ip', 32] : ['ipv6', 'ip6', 128];
  const matches = [
    ...(filter.source === undefined ? [] : [`match ${match} src ${filter.source}/${length}`]),
    ...(filter.destination === undefined ? [] : [`match ${match} dst ${filter.destination}/${length}`]),
  ];
  return `filter add dev ${device} parent 1: protocol ${protocol} prio ${preference} u32 ${matches.join(' ')} flowid 1:${hex(filter.classMinor)}`;
}

const isEmpty = (shaping: Shaping | undefined) =>
  shaping === undefined || (shaping.classes.size === 0 && shaping.filters.size === 0);

/** Lines for `tc -batch` that turn a device's shaping into another; running queues of untouched classes live on. */
export function shapingLines(
  device: string,
  before: Shaping | undefined,
  after: Shaping | undefined,
): string[] {
  if (isEmpty(after)) return isEmpty(before) ? [] : [`qdisc del dev ${device} root`];
  const lines = isEmpty(before) ? [`qdisc add dev ${device} root handle 1: htb default 1`] : [];
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  for (const [preference, filter] of before?.filters ?? []) {
    if (same(filter, after?.filters.get(preference))) continue;
    lines.push(`filter del dev ${device} parent 1: prio ${preference}`);
  }
  for (const minor of before?.classes.keys() ?? []) {
    if (!after?.classes.has(minor)) lines.push(`class del dev ${device} classid 1:${hex(minor)}`);
  }
  for (const [minor, rate] of after?.classes ?? []) {
    if (before?.classes.get(minor) !== rate) lines.push(...classLines(device, minor, rate));
  }
  for (const [preference, filter] of after?.filters ?? []) {
    if (!same(filter, before?.filters.get(preference))) lines.push(filterLine(device, preference, filter));
  }
  return lines;
}
