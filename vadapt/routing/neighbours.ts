/** The edges of a graph as lists: of a sparse one, what a search walks instead of hosts^2 entries. */
import type { Instance } from '../model/instance.js';

export class Neighbours {
  /** Host h has edges to `to[start[h]] .. to[start[h + 1] - 1]`, in order. */
  readonly start: Int32Array;
  readonly to: Int32Array;
  readonly #instance: Instance;
  /** By host: the search that last saw it, and where that came from. */
  readonly #seen: Int32Array;
  readonly #before: Int32Array;
  readonly #hops: Int32Array;
  readonly #queue: Int32Array;
  #search = 0;
  #reached = 0;

  /** O(hosts^2). */
  constructor(instance: Instance) {
    const { hosts, bandwidth } = instance;
    this.#instance = instance;
    this.start = new Int32Array(hosts + 1);
    for (let from = 0, edge = 0, count = 0; from < hosts; from++) {
      for (let to = 0; to < hosts; to++, edge++) if ((bandwidth[edge] as number) > 0 && to !== from) count++;
      this.start[from + 1] = count;
    }
    this.to = new Int32Array(this.start[hosts] as number);
    for (let from = 0, edge = 0, at = 0; from < hosts; from++)
      for (let to = 0; to < hosts; to++, edge++)
        if ((bandwidth[edge] as number) > 0 && to !== from) this.to[at++] = to;
    this.#seen = new Int32Array(hosts);
    this.#before = new Int32Array(hosts);
    this.#hops = new Int32Array(hosts);
    this.#queue = new Int32Array(hosts);
  }

  /**
   * Breadth first: a path of the fewest hops into `path`, `room` hosts at most. The number of its hosts; 0: there is
   * none within the room and the instance's hops. O(edges).
   */
  fewestHops(from: number, to: number, path: Int32Array, room: number): number {
    this.#walk(from, to);
    if (this.#seen[to] !== this.#search) return 0;
    const hops = this.#hops[to] as number;
    if (hops + 1 > room || hops > this.#instance.maxHops) return 0;
    for (let at = hops, host = to; at >= 0; at--, host = this.#before[host] as number) path[at] = host;
    return hops + 1;
  }

  /** Of all pairs that a path joins, the most hops that one needs. O(hosts x edges) at worst. */
  mostHops(enough: number): number {
    const { hosts } = this.#instance;
    let most = 0;
    for (let from = 0; from < hosts && most < enough; from++) {
      this.#walk(from, -1);
      most = Math.max(most, this.#hops[this.#queue[this.#reached - 1] as number] as number);
    }
    return most;
  }

  /** Until `to` is seen. Hosts that do not relay are reached and not passed. */
  #walk(from: number, to: number): void {
    const { relays, hosts } = this.#instance;
    const search = ++this.#search;
    let waiting = 1;
    this.#queue[0] = from;
    this.#seen[from] = search;
    this.#hops[from] = 0;
    for (let at = 0; at < waiting && waiting < hosts; at++) {
      const host = this.#queue[at] as number;
      if (at > 0 && relays[host] !== 1) continue;
      const end = this.start[host + 1] as number;
      for (let i = this.start[host] as number; i < end; i++) {
        const next = this.to[i] as number;
        if (this.#seen[next] === search) continue;
        this.#seen[next] = search;
        this.#before[next] = host;
        this.#hops[next] = (this.#hops[host] as number) + 1;
        this.#queue[waiting++] = next;
        if (next === to) return;
      }
    }
    this.#reached = waiting;
  }
}
