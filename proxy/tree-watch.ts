/**
 * Edges of the user's group trees that die and come back. A frame to a group is dropped at an edge without a live
 * link (it could come twice by ground), so the network falls to the star's tree as a whole, and returns as a whole.
 */
import type { Clock, RuleStatement } from '../core/index.js';
import { edgeKey, groupEdges, isGroupRule } from './lowering/index.js';

/** An edge is dead for this long before the tree falls: links that are re-made at once change nothing. */
export const TREE_DEAD_MS = 500;
/** All edges are up for this long before the tree returns: a link that flaps does not take it along. */
export const TREE_SETTLE_MS = 3000;

export interface TreeTimers {
  deadMs: number;
  settleMs: number;
}

export interface TreeWatchOptions {
  clock: Clock;
  timers: TreeTimers;
  /** An edge without a live link, as far as its ends are heard. */
  isDead(a: string, b: string): boolean;
  /** A network of the names in `fallen` is another now. */
  onTurn(network: string, isFallen: boolean): void;
  /** Names of networks that had fallen before. */
  fallen: Iterable<string>;
}

type Edge = [string, string];

export class TreeWatch {
  readonly #options: TreeWatchOptions;
  /** By network: the edges that its group rules send to, by key. */
  #edges = new Map<string, Map<string, Edge>>();
  readonly #dead = new Map<string, Set<string>>();
  #rules: readonly RuleStatement[] = [];
  #fallen: ReadonlySet<string>;
  readonly #since = new Map<string, string>();
  readonly #pending = new Map<string, () => void>();

  constructor(options: TreeWatchOptions) {
    this.#options = options;
    this.#fallen = new Set(options.fallen);
    for (const network of this.#fallen) this.#since.set(network, new Date().toISOString());
  }

  /** Names of networks whose group frames take the star. Replaced, never changed in place. */
  get fallen(): ReadonlySet<string> {
    return this.#fallen;
  }

  /** Of those that have fallen and are carried out. */
  views(networks: readonly string[]): { network: string; edges: [string, string][]; since: string }[] {
    const fallen = networks.filter((network) => this.#fallen.has(network));
    return fallen.map((network) => ({
      network,
      edges: this.deadEdges(network),
      since: this.#since.get(network) ?? '',
    }));
  }

  deadEdges(network: string): [string, string][] {
    const edges = this.#edges.get(network);
    return [...(this.#dead.get(network) ?? [])].flatMap((key) => {
      const edge = edges?.get(key);
      return edge ? [edge] : [];
    });
  }

  /** The rules of all networks, as the user owns them now. A network without group edges cannot be fallen. */
  follow(rules: readonly RuleStatement[]): void {
    if (rules === this.#rules) return;
    this.#rules = rules;
    const networks = new Set(rules.filter(isGroupRule).map(({ network }) => network));
    this.#edges = new Map();
    this.#dead.clear();
    for (const network of networks) {
      const keys = groupEdges(rules, network);
      const edges = new Map([...keys].map((key) => [key, key.split(' ') as Edge]));
      if (edges.size > 0) this.#edges.set(network, edges);
    }
    for (const network of [...this.#pending.keys()]) if (!this.#edges.has(network)) this.#cancel(network);
    if ([...this.#fallen].some((network) => !this.#edges.has(network)))
      this.#fallen = new Set([...this.#fallen].filter((network) => this.#edges.has(network)));
    this.lookAtAll();
  }

  /** Hosts came or went. Linear in the edges of the user's trees. */
  lookAtAll(): void {
    for (const [network, edges] of this.#edges) {
      for (const [key, edge] of edges) this.#note(network, key, edge);
      this.#decide(network);
    }
  }

  /** A link of this edge came up or went down. */
  look(a: string, b: string): void {
    const key = edgeKey(a, b);
    for (const [network, edges] of this.#edges) {
      const edge = edges.get(key);
      if (!edge) continue;
      this.#note(network, key, edge);
      this.#decide(network);
    }
  }

  close(): void {
    for (const network of [...this.#pending.keys()]) this.#cancel(network);
  }

  #note(network: string, key: string, [a, b]: Edge): void {
    const dead = this.#dead.get(network) ?? new Set();
    this.#dead.set(network, dead);
    if (this.#options.isDead(a, b)) dead.add(key);
    else dead.delete(key);
  }

  #shouldFall(network: string): boolean {
    return (this.#dead.get(network)?.size ?? 0) > 0;
  }

  #decide(network: string): void {
    const falls = this.#shouldFall(network);
    if (falls === this.#fallen.has(network)) this.#cancel(network);
    else if (!this.#pending.has(network)) this.#turnSoon(network, falls);
  }

  #turnSoon(network: string, falls: boolean): void {
    const { clock, timers } = this.#options;
    // What waits to be read when the time is over (the event loop was busy) is heard before.
    const hear = () =>
      this.#pending.set(
        network,
        clock.after(0, () => this.#turn(network, falls)),
      );
    this.#pending.set(network, clock.after(falls ? timers.deadMs : timers.settleMs, hear));
  }

  #turn(network: string, falls: boolean): void {
    this.#pending.delete(network);
    const next = new Set(this.#fallen);
    if (falls) next.add(network);
    else next.delete(network);
    this.#fallen = next;
    if (falls) this.#since.set(network, new Date().toISOString());
    else this.#since.delete(network);
    this.#options.onTurn(network, falls);
  }

  #cancel(network: string): void {
    this.#pending.get(network)?.();
    this.#pending.delete(network);
  }
}
