/**
 * How wide the hosts' access is, from the paths that were really measured: what one path carries, the access of both its
 * ends carries. Where a path is known by a bound only (a TCP link that nothing fills), this is the better guess, and the
 * same for all paths of like hosts.
 */
import type { PathEstimate } from '../../core/index.js';
import type { OwnTraffic } from './own-traffic.js';
import { rateOf, trustOf } from './trust.js';

export class AccessWidths {
  readonly #out = new Map<string, number>();
  readonly #in = new Map<string, number>();

  constructor(paths: readonly PathEstimate[], own: OwnTraffic) {
    for (const { from, to, availableBitsPerSecond: available, link } of paths) {
      if (!available || available.atLeast || trustOf(available) !== 'good') continue;
      const throughput = link ? rateOf(link.throughputBitsPerSecond) : undefined;
      const width = available.value + own.on(from, to, throughput);
      this.#out.set(from, Math.max(width, this.#out.get(from) ?? 0));
      this.#in.set(to, Math.max(width, this.#in.get(to) ?? 0));
    }
  }

  /**
   * Of what leaves the one and arrives at the other, bits a second; undefined where either is not known: a host whose
   * access is wide may be joined to one whose access is narrow.
   */
  between(from: string, to: string): number | undefined {
    const [out, into] = [this.#out.get(from), this.#in.get(to)];
    return out === undefined || into === undefined ? undefined : Math.min(out, into);
  }
}
