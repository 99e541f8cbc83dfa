/** Numbers as people read and write them. Machines take `--json`, where every number is exact. */
import { VnetError } from '../core/index.js';

/** Octets with a binary prefix: `512`, `1.5K`, `23M`. */
export function octets(count: number): string {
  return scaled(count, 1024, ['', 'K', 'M', 'G', 'T', 'P']);
}

/** A plain count with a decimal prefix: `950`, `12.3k`, `4M`. */
export function count(value: number): string {
  return scaled(value, 1000, ['', 'k', 'M', 'G', 'T', 'P']);
}

function scaled(value: number, base: number, prefixes: string[]): string {
  let rest = value;
  let step = 0;
  while (rest >= base && step < prefixes.length - 1) {
    rest /= base;
    step++;
  }
  const digits = step > 0 && rest < 10 ? 1 : 0;
  return `${rest.toFixed(digits)}${prefixes[step] ?? ''}`;
}

/** Bits a second as `0`, `950 bit/s`, `12.3 kbit/s`, `1.05 Gbit/s`: three digits, decimal prefixes. */
export function bitRate(bitsPerSecond: number): string {
  const [digits, prefix] = threeDigits(bitsPerSecond);
  return bitsPerSecond > 0 ? `${digits} ${prefix}bit/s` : '0';
}

/** The same for a cell of a table whose title says the unit: `0`, `950`, `12.3k`, `1.05G`. */
export function shortBitRate(bitsPerSecond: number): string {
  return bitsPerSecond > 0 ? threeDigits(bitsPerSecond).join('') : '0';
}

function threeDigits(value: number): [digits: string, prefix: string] {
  let rest = value;
  let step = 0;
  while (rest >= 999.5 && step < DECIMAL.length - 1) {
    rest /= 1000;
    step++;
  }
  const digits = step === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return [rest.toFixed(digits), DECIMAL[step] ?? ''];
}

const DECIMAL = ['', 'k', 'M', 'G', 'T'];

/** A ratio as `0%`, `0.02%`, `1.5%`, `37%`; what is there but tiny is `<0.01%`. */
export function percent(ratio: number): string {
  const hundredths = ratio * 100;
  if (hundredths === 0 || hundredths >= 10) return `${Math.round(hundredths)}%`;
  if (hundredths < 0.01) return '<0.01%';
  return `${Number(hundredths.toPrecision(2))}%`;
}

/** Microseconds as `350 us`, `20.3 ms`, `1.20 s`; `-` for 0, which means not measured. */
export function roundTrip(us: number): string {
  if (us <= 0) return '-';
  if (us < 1000) return `${Math.round(us)} us`;
  if (us < 1_000_000) return `${(us / 1000).toFixed(1)} ms`;
  return `${(us / 1_000_000).toFixed(2)} s`;
}

/** Milliseconds as `8 ms`, `1.3 s`, `4 m 10 s`, `3 h 12 m`, `2 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** `1 link`, `2 links`. */
export function plural(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : noun.endsWith('ch') ? 'es' : 's'}`;
}

const MS_OF: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** An argument that is a time: `200ms`, `1.5s`, `2m`; a bare number is in seconds. In milliseconds, within bounds. */
export function timeMs(text: string, what: string, minimumMs: number, maximumMs: number): number {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h)?$/.exec(text.trim()) ?? [];
  const ms = Number(digits) * (MS_OF[unit] ?? Number.NaN);
  if (ms >= minimumMs && ms <= maximumMs) return ms;
  throw new VnetError('VNET_ERR_INVALID', `"${text}" is not ${what}`, {
    hint: `write a time such as 200ms, 1.5s or 2m, from ${duration(minimumMs)} to ${duration(maximumMs)}`,
  });
}

/** An argument that is a share: `1%`, `0.01`. As a ratio, within bounds. */
export function share(text: string, what: string, minimum: number, maximum: number): number {
  const [, digits, sign] = /^(\d+(?:\.\d+)?|\.\d+)\s*(%)?$/.exec(text.trim()) ?? [];
  const value = Number(digits) / (sign === undefined ? 1 : 100);
  if (value >= minimum && value <= maximum) return value;
  throw new VnetError('VNET_ERR_INVALID', `"${text}" is not ${what}`, {
    hint: `write a share such as 0.05 or 5%, from ${percent(minimum)} to ${percent(maximum)}`,
  });
}

/** An argument that is a whole number within bounds; throws `VNET_ERR_INVALID`. `what` names it: `a time in seconds`. */
export function wholeNumber(text: string, what: string, minimum: number, maximum: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
  throw new VnetError('VNET_ERR_INVALID', `"${text}" is not ${what}`, {
    hint: `write a whole number from ${minimum} to ${maximum}`,
  });
}
