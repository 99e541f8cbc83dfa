/** What solvers of the user's have in common: their limits, what they are asked, what is kept of what they say. */
import type { Readable } from 'node:stream';

/** Beyond the budget: to notice that it is over, and to write. */
export const GRACE_MS = 1000;
/** To import a file, or to start a program. */
export const LOAD_MS = 10_000;
/** JavaScript's own memory of a file; a program's is its own affair. */
export const USER_HEAP_MB = 1024;
/** 1,000 VMs and 6,000 flows are about a million. */
export const ANSWER_CHARS_MAX = 64_000_000;
const SAID_CHARS = 2000;

export interface StrangerRun {
  /** requestText. */
  request: string;
  budgetMs: number;
  signal?: AbortSignal;
  /** Default USER_HEAP_MB. */
  heapMb?: number;
}

export interface StrangerAnswer {
  /** JSON; absent: it found none. */
  text?: string;
  tookMs: number;
}

/** The last that these streams said: a stranger's own words tell best what it lacks. */
export function tailOf(...streams: (Readable | null)[]): { hint(): { hint?: string } } {
  let said = '';
  for (const stream of streams)
    stream?.on('data', (data: Buffer | string) => {
      said = (said + data.toString()).slice(-SAID_CHARS);
    });
  return {
    hint: () => (said.trim() === '' ? {} : { hint: `it said: ${said.trim()}` }),
  };
}
