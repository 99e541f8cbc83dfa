/** Processes of network namespaces. */
import { readdirSync } from 'node:fs';
import { networkOf } from './identity.js';
import { SCAN_AGE_MS, SCANS_BEFORE_FRESH } from './limits.js';

/** Every process but ourselves, as things are at this moment. */
export function processesOf(network: string): number[] {
  return numbers().filter((pid) => networkOf(pid) === network);
}

const numbers = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);

/**
 * The same a moment ago, for all namespaces in one pass: a process that was seen before is seldom looked at again,
 * since it hardly ever changes its namespace.
 */
export class NamespaceScan {
  #networks = new Map<number, string | undefined>();
  #byNetwork = new Map<string, number[]>();
  #atMs = Number.NEGATIVE_INFINITY;
  #scans = 0;

  processesOf(network: string, nowMs = performance.now()): readonly number[] {
    if (nowMs - this.#atMs >= SCAN_AGE_MS) this.#scan(nowMs);
    return this.#byNetwork.get(network) ?? [];
  }

  #scan(nowMs: number): void {
    this.#atMs = nowMs;
    const known = this.#scans++ % SCANS_BEFORE_FRESH === 0 ? undefined : this.#networks;
    this.#networks = new Map();
    this.#byNetwork = new Map();
    for (const pid of numbers()) {
      const network = known?.get(pid) ?? networkOf(pid);
      this.#networks.set(pid, network);
      if (network === undefined) continue;
      const others = this.#byNetwork.get(network);
      if (others === undefined) this.#byNetwork.set(network, [pid]);
      else others.push(pid);
    }
  }
}

/** One for all VMs of this daemon. */
export const recentScan = new NamespaceScan();
