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

/** An argument that is a whole number within bounds; throws `VNET_ERR_INVALID`. `what` names it: `a time in seconds`. */
export function wholeNumber(text: string, what: string, minimum: number, maximum: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
  throw new VnetError('VNET_ERR_INVALID', `"${text}" is not ${what}`, {
    hint: `write a whole number from ${minimum} to ${maximum}`,
  });
}
