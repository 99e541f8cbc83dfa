/** Rates, times and percentages as people write them in a lab file. */

import { VnetError } from '../core/index.js';

const RATE_SCALE: Record<string, number> = { '': 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9 };
const TIME_SCALE_MS: Record<string, number> = { us: 1e-3, ms: 1, s: 1e3 };
const MIN_RATE_BPS = 8_000;
const MAX_RATE_BPS = 1e12;
const MAX_TIME_MS = 60_000;

function expected(what: string, text: string): VnetError {
  return new VnetError('VNET_ERR_INVALID', `expected ${what}, got '${text}'`);
}

/** `100M`, `1.5G`, `64k` in bits per second; `none` is null. Throws VNET_ERR_INVALID. */
export function parseRate(text: string): number | null {
  if (text === 'none') return null;
  const match = /^(\d+(?:\.\d+)?)([kKMG]?)(?:bit)?$/.exec(text);
  const bps = match ? Math.round(Number(match[1]) * (RATE_SCALE[match[2] ?? ''] ?? Number.NaN)) : Number.NaN;
  if (!(bps >= MIN_RATE_BPS && bps <= MAX_RATE_BPS))
    throw expected("a rate such as 100M, 1.5G, 64k or 'none'", text);
  return bps;
}

/** `20ms`, `500us`, `1s` in milliseconds. Throws VNET_ERR_INVALID. */
export function parseTimeMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text);
  const ms = match ? Number(match[1]) * (TIME_SCALE_MS[match[2] ?? ''] ?? Number.NaN) : Number.NaN;
  if (!(ms <= MAX_TIME_MS)) throw expected('a time such as 20ms, 500us or 1s (at most a minute)', text);
  return ms;
}

/** `0.5%` as a share from 0 to 1. Throws VNET_ERR_INVALID. */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text);
  const share = match ? Number(match[1]) / 100 : Number.NaN;
  if (!(share <= 1)) throw expected('a percentage from 0% to 100%', text);
  return share;
}

/** `50%` as 50, within [low, high]. Throws VNET_ERR_INVALID. */
export function parsePercent(text: string, low: number, high: number): number {
  const match = /^(\d+)%$/.exec(text);
  const value = match ? Number(match[1]) : Number.NaN;
  if (!(value >= low && value <= high)) throw expected(`a percentage from ${low}% to ${high}%`, text);
  return value;
}

/** A whole number within [low, high]. Throws VNET_ERR_INVALID. */
export function parseWhole(text: string, low: number, high: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) throw expected(`a whole number from ${low} to ${high}`, text);
  return value;
}

/** 100_000_000 as `100 Mbit/s`; null as `unlimited`. */
export function formatRate(bps: number | null): string {
  if (bps === null) return 'unlimited';
  const [scale, unit] = bps >= 1e9 ? [1e9, 'Gbit/s'] : bps >= 1e6 ? [1e6, 'Mbit/s'] : [1e3, 'kbit/s'];
  return `${Number((bps / scale).toPrecision(4))} ${unit}`;
}
