/**
 * What an interface's HTB classes should be, and the lines for `tc -batch` that make them so. Pure.
 *
 *   root, our handle ── everything, at the line's rate ─┬─ a class a link: rate as reserved, may borrow, first in turn
 *                                                       └─ the rest: what is left of the line, may borrow, last in turn
 *
 * A class that stays within its rate is served before any that borrows, and among those the reserved ones come first
 * (tc-htb(8)). So a link has its rate whatever the rest sends, and gives away what it does not use.
 */
import { isIPv6 } from 'node:net';
import type { LinkWish } from './driver.js';

/** tc(8): classes and filters are numbered below the qdisc's handle. */
const LINE_MINOR = 0xfffe;
const REST_MINOR = 1;
const FIRST_MINOR = 0x10;
/** The u32 classifier takes 2047 tables a qdisc, and a filter with a preference of its own has one. */
export const LINKS_MAX = 1000;
const UDP = 17;
const TCP = 6;
/** HTB counts the Ethernet header too: 14 octets of a packet of a thousand. */
const LINK_LAYER = 1.014;
/** For a line whose rate nobody knows: the classes only say who is first. */
export const UNKNOWN_LINE_BPS = 1e12;
/** The rest has this share of the line at least. */
const REST_SHARE_MIN = 0.05;
/** A queue holds this much time at its rate, within bounds: a few super-frames, and what a machine can spare. */
const QUEUE_MS = 50;
const QUEUE_MIN_BYTES = 192 * 1024;
const QUEUE_MAX_BYTES = 8 * 2 ** 20;
/** What a class may send at once after a pause: this much time at its rate, at least a super-frame. */
const BURST_MS = 2;
const BURST_MIN_BYTES = 64 * 1024;
/** What a class sends before the next of its rank has its turn. */
const QUANTUM_BYTES = 64 * 1024;

export interface ReservedClass {
  minor: number;
  wish: LinkWish;
}

/** Of one interface; no classes: nothing of ours is there. */
export interface TcPlan {
  lineBps: number;
  classes: ReadonlyMap<string, ReservedClass>;
}

/** The largest sum of reservations that a line takes. */
export const reservableBps = (lineBps: number): number => lineBps * (1 - REST_SHARE_MIN);

/** Links that stay keep their numbers. */
export function planClasses(
  before: TcPlan | undefined,
  wishes: readonly LinkWish[],
  lineBps: number,
): TcPlan {
  const taken = new Set([...(before?.classes.values() ?? [])].map(({ minor }) => minor));
  let next = FIRST_MINOR;
  const free = (): number => {
    while (taken.has(next)) next++;
    taken.add(next);
    return next;
  };
  const classes = wishes.map(
    (wish) => [wish.id, { minor: before?.classes.get(wish.id)?.minor ?? free(), wish }] as const,
  );
  return { lineBps, classes: new Map(classes) };
}

/** Lines that lead from one plan to another; running queues of classes that stay live on. `before` undefined: a bare interface. */
export function tcLines(device: string, handle: string, before: TcPlan | undefined, after: TcPlan): string[] {
  const place = `dev ${device}`;
  const lines: string[] = [];
  if (before === undefined)
    lines.push(`qdisc add ${place} root handle ${handle}: htb default ${hex(REST_MINOR)}`);
  for (const [id, { minor, wish }] of before?.classes ?? []) {
    const stays = after.classes.get(id);
    if (stays === undefined || !sameRemote(stays.wish, wish))
      lines.push(`filter del ${place} parent ${handle}: pref ${minor}`);
    if (stays === undefined) lines.push(`class del ${place} classid ${handle}:${hex(minor)}`);
  }
  const line = { device, handle, lineBps: after.lineBps };
  if (before?.lineBps !== after.lineBps) lines.push(classLine(line, LINE_MINOR, after.lineBps));
  const [restBefore, rest] = [before && restBps(before), restBps(after)];
  if (restBefore !== rest || before?.lineBps !== after.lineBps) lines.push(classLine(line, REST_MINOR, rest));
  // What is not reserved may use all of an idle line.
  if (before?.lineBps !== after.lineBps) lines.push(queueLine(line, REST_MINOR, after.lineBps));
  for (const [id, { minor, wish }] of after.classes) {
    const known = before?.classes.get(id);
    const rate = wish.bitsPerSecond * LINK_LAYER;
    if (known?.wish.bitsPerSecond !== wish.bitsPerSecond || before?.lineBps !== after.lineBps)
      lines.push(classLine(line, minor, rate));
    if (known?.wish.bitsPerSecond !== wish.bitsPerSecond) lines.push(queueLine(line, minor, rate));
    if (known === undefined || !sameRemote(known.wish, wish)) lines.push(filterLine(line, minor, wish));
  }
  return lines;
}

interface Line {
  device: string;
  handle: string;
  lineBps: number;
}

const hex = (value: number): string => value.toString(16);

const sameRemote = (a: LinkWish, b: LinkWish): boolean =>
  a.type === b.type && a.remote.address === b.remote.address && a.remote.port === b.remote.port;

function restBps({ lineBps, classes }: TcPlan): number {
  const reserved = [...classes.values()].reduce((sum, { wish }) => sum + wish.bitsPerSecond * LINK_LAYER, 0);
  return Math.max(lineBps * REST_SHARE_MIN, lineBps - reserved);
}

function classLine({ device, handle, lineBps }: Line, minor: number, rateBps: number): string {
  const parent = minor === LINE_MINOR ? '' : hex(LINE_MINOR);
  const [rate, ceil] = [Math.round(rateBps), Math.round(lineBps)];
  const turn = minor === LINE_MINOR ? '' : ` prio ${minor === REST_MINOR ? 7 : 0} quantum ${QUANTUM_BYTES}`;
  return (
    `class replace dev ${device} parent ${handle}:${parent} classid ${handle}:${hex(minor)}` +
    ` htb rate ${rate}bit ceil ${ceil}bit burst ${burst(rate)} cburst ${burst(ceil)}${turn}`
  );
}

function queueLine({ device, handle }: Line, minor: number, rateBps: number): string {
  const wanted = Math.ceil((rateBps * QUEUE_MS) / 8000);
  const limit = Math.min(QUEUE_MAX_BYTES, Math.max(QUEUE_MIN_BYTES, wanted));
  return `qdisc replace dev ${device} parent ${handle}:${hex(minor)} bfifo limit ${limit}`;
}

/** The header's length is taken to be without options (IPv4) and without extensions (IPv6), as the links send it. */
function filterLine({ device, handle }: Line, minor: number, { type, remote }: LinkWish): string {
  const [protocol, match, length] = isIPv6(remote.address) ? ['ipv6', 'ip6', 128] : ['ip', 'ip', 32];
  return (
    `filter add dev ${device} parent ${handle}: protocol ${protocol} pref ${minor} u32` +
    ` match ${match} dst ${remote.address}/${length} match ${match} protocol ${type === 'udp' ? UDP : TCP} 0xff` +
    ` match ${match} dport ${remote.port} 0xffff flowid ${handle}:${hex(minor)}`
  );
}

const burst = (rateBps: number): number =>
  Math.min(2 ** 31, Math.max(BURST_MIN_BYTES, Math.ceil((rateBps * BURST_MS) / 8000)));
