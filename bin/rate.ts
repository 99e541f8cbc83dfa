/** `--line-rate`: bits a second, as the topology language writes them; that folder is too large for a host's daemon. */
import { InvalidArgumentError } from 'commander';

const SCALE: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const MIN_BPS = 8000;

export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmgt]?)(?:bit|bit\/s|bps)?$/i.exec(text);
  const bitsPerSecond = Number(match?.[1]) * (SCALE[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN);
  if (bitsPerSecond >= MIN_BPS && bitsPerSecond <= Number.MAX_SAFE_INTEGER) return Math.round(bitsPerSecond);
  throw new InvalidArgumentError('expected a rate such as 100M, 1.5G or 500k');
}
