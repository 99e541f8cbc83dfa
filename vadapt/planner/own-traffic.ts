/**
 * What the flows of the problem put on each edge of the overlay now. An edge's capacity is what Wren finds available
 * plus this, or running flows would count twice. It is what the matrix says, led over the paths that stand, and not
 * more than the link's own counters show: other networks, LAN machines and pairs that are left out stay what they are
 * to this problem, load of others.
 */
import type { Snapshot } from './snapshot.js';

/** Links count what the overlay wraps around frames. */
const WRAPPED = 1.1;

export class OwnTraffic {
  readonly #onEdge = new Map<string, number>();

  constructor(flows: readonly { bitsPerSecond: number; path: readonly string[] }[]) {
    for (const { bitsPerSecond, path } of flows) {
      for (let i = 1; i < path.length; i++) {
        const key = `${path[i - 1]} ${path[i]}`;
        this.#onEdge.set(key, (this.#onEdge.get(key) ?? 0) + bitsPerSecond * WRAPPED);
      }
    }
  }

  /** `throughput`: of the link, bits a second; undefined where there is none. */
  on(from: string, to: string, throughput: number | undefined): number {
    return Math.min(this.#onEdge.get(`${from} ${to}`) ?? 0, throughput ?? 0);
  }
}

export type PathOf = (from: string, to: string) => readonly string[];

/** By VM; those on hosts that take part. */
export function placesOf({ vms, network, ready }: Snapshot): ReadonlyMap<string, string> {
  const there = new Set(ready);
  return new Map(
    vms.filter((vm) => vm.network === network && there.has(vm.host)).map(({ vm, host }) => [vm, host]),
  );
}
