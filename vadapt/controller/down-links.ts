/** Links of adaptation's that were made and are down: a firewall that closed, an address that went. Others are tried. */
import { pairKey, type Snapshot } from '../planner/index.js';

/** Settle times that a link may be down before it is given up: it is dialled again all the while. */
const PATIENCE = 2;

export class DownLinks {
  readonly #since = new Map<string, number>();

  /** Pairs of hosts (`pairKey`) whose link is given up, each once. Hosts that are away are another matter. */
  note({ adapted, links, ready, atMs }: Snapshot, settleMs: number): string[] {
    const up = new Set(links.filter((link) => link.up).map(({ a, b }) => pairKey(a, b)));
    const down = new Set(
      adapted.links
        .filter(({ a, b }) => ready.includes(a) && ready.includes(b) && !up.has(pairKey(a, b)))
        .map(({ a, b }) => pairKey(a, b)),
    );
    for (const key of this.#since.keys()) if (!down.has(key)) this.#since.delete(key);
    return [...down].filter((key) => {
      const since = this.#since.get(key);
      if (since === undefined) this.#since.set(key, atMs);
      if (since === undefined || atMs - since < PATIENCE * settleMs) return false;
      this.#since.set(key, Infinity);
      return true;
    });
  }
}
