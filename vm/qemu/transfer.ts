/** What `query-migrate` says (qapi/migration.json), and whether copying gets ahead of the guest. Pure. */
import type { MoveTransfer } from '../../core/index.js';

export interface MigrationInfo {
  status?:
    | 'none'
    | 'setup'
    | 'cancelling'
    | 'cancelled'
    | 'active'
    | 'postcopy-active'
    | 'postcopy-paused'
    | 'postcopy-recover'
    | 'device'
    | 'completed'
    | 'failed';
  ram?: {
    transferred: number;
    remaining: number;
    total: number;
    mbps: number;
    'dirty-pages-rate': number;
    'page-size': number;
    'dirty-sync-count': number;
  };
  'error-desc'?: string;
  'socket-address'?: { type: string; host: string; port: string }[];
}

const BITS = 1e6;

/** Undefined before copying began. */
export function transferOf({ ram, status }: MigrationInfo): MoveTransfer | undefined {
  if (ram === undefined) return undefined;
  return {
    transferredBytes: ram.transferred,
    remainingBytes: ram.remaining,
    totalBytes: ram.total,
    bitsPerSecond: Math.round(ram.mbps * BITS),
    dirtyBytesPerSecond: ram['dirty-pages-rate'] * ram['page-size'],
    rounds: ram['dirty-sync-count'],
    postCopy: status?.startsWith('postcopy') ?? false,
  };
}

/** The first round carries the whole memory and says nothing of the guest's pace. */
const ROUNDS_MIN = 3;
/** A guest this busy, of the move's bandwidth, leaves too little to ever end well. */
const BUSY = 0.7;
/** Whatever the pace: it had its chance. */
const ROUNDS_MAX = 12;

/** True: pre-copy will not end by itself, or not soon. */
export function fallsBehind(
  { rounds, dirtyBytesPerSecond, bitsPerSecond }: MoveTransfer,
  limit: number,
): boolean {
  if (rounds < ROUNDS_MIN) return false;
  const pace = bitsPerSecond > 0 ? Math.min(bitsPerSecond, limit) : limit;
  return rounds >= ROUNDS_MAX || dirtyBytesPerSecond * 8 > BUSY * pace;
}
