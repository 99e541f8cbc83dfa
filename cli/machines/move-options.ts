/** The options of verbs that move VMs. */
import type { Command } from 'commander';
import { type MoveOptions, VnetError } from '../../core/index.js';
import { timeMs } from '../format.js';

export interface MoveFlags {
  bandwidth?: string;
  downtime?: string;
  address?: string;
  timeout?: string;
  postCopy: boolean;
}

const DOWNTIME_MS = [1, 60_000] as const;
const TIMEOUT_MS = [1000, 86_400_000] as const;
const RATE_UNITS: Record<string, number> = { '': 1, k: 1e3, M: 1e6, G: 1e9 };

export function addMoveOptions(command: Command): Command {
  return command
    .option('--bandwidth <rate>', "of the move's own traffic, bits a second: 500M, 2G (QEMU: 1G)")
    .option('--downtime <time>', 'the longest stop that copying aims at (300ms)')
    .option('--address <address>', "of the destination, for the move's own traffic: a storage network, say")
    .option('--timeout <time>', 'give up and stay after this (10m)')
    .option('--no-post-copy', 'keep copying a busy VM before it moves, however long that takes');
}

/** Throws VNET_ERR_INVALID for what cannot be read. */
export function moveOptions({ bandwidth, downtime, address, timeout, postCopy }: MoveFlags): MoveOptions {
  return {
    ...(postCopy ? {} : { postCopy: 'never' as const }),
    ...(bandwidth === undefined ? {} : { bitsPerSecond: rate(bandwidth) }),
    ...(downtime === undefined ? {} : { downtimeMs: timeMs(downtime, 'a downtime', ...DOWNTIME_MS) }),
    ...(address === undefined ? {} : { address }),
    ...(timeout === undefined ? {} : { timeoutMs: timeMs(timeout, 'a time-out', ...TIMEOUT_MS) }),
  };
}

function rate(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([kMG]?)(?:bit\/s|bit)?$/.exec(text.trim()) ?? [];
  const value = Number(digits) * (RATE_UNITS[unit] ?? Number.NaN);
  if (value >= 1e6) return Math.round(value);
  throw new VnetError('VNET_ERR_INVALID', `"${text}" is not a bandwidth`, {
    hint: 'write bits a second, at least 1M, such as 500M or 2.5G',
  });
}
