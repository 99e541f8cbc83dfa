/** Waiting for what the overlay is to show. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectControl, type ControlClient } from '../../core/index.js';
import type { Stage } from './stage.js';

const POLL_MS = 20;

/** Asks the Proxy again and again, until `look` finds something. `what` is missed after the time-out. */
export async function until<T>(
  stage: Stage,
  what: string,
  timeoutMs: number,
  look: (client: ControlClient) => Promise<T | undefined>,
  pollMs = POLL_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  return asking(stage, async (client) => {
    for (;;) {
      const found = await look(client);
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s for ${what}`);
      await sleep(pollMs);
    }
  });
}

/** One client of the Proxy's for the time of `work`. */
export async function asking<T>(stage: Stage, work: (client: ControlClient) => Promise<T>): Promise<T> {
  const client = connectControl(String(stage.env['VNET_SOCKET']));
  try {
    return await work(client);
  } finally {
    client.close();
  }
}
