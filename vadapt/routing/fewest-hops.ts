/** The direct edge, or else a path of the fewest hops, whatever is on it: for when time is short. O(edges) at most. */
import { Neighbours } from './neighbours.js';
import type { PathSearch } from './path-search.js';
import type { RoutedFlows } from './routed-flows.js';

export class FewestHops implements PathSearch {
  readonly path: Int32Array;
  /** Makes no difference here. */
  thorough = true;
  readonly #routed: RoutedFlows;
  #neighbours: Neighbours | undefined;

  constructor(routed: RoutedFlows) {
    this.#routed = routed;
    this.path = new Int32Array(Math.max(2, routed.pathRoom));
  }

  find(_flow: number, from: number, to: number): number {
    const { instance, pathRoom } = this.#routed;
    this.path[0] = from;
    if (from === to) return 1;
    this.path[1] = to;
    if ((instance.bandwidth[from * instance.hosts + to] as number) > 0) return 2;
    this.#neighbours ??= new Neighbours(instance);
    return this.#neighbours.fewestHops(from, to, this.path, pathRoom);
  }
}
