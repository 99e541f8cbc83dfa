/**
 * Edges of the user's group trees that die and come back. A frame to a group is dropped at an edge without a live
 * link (it could come twice by ground), so the network falls to the star's tree as a whole, and returns as a whole.
 */
import type { Clock, RuleStatement } from '../core/index.js';
import { groupEdges, isGroupRule } from './lowering/index.js';

/** An edge is dead for this long before the tree falls: links that are re-made at once change nothing. */
export const TREE_DEAD_MS = 300;
/** All edges are up for this long before the tree returns: a link that flaps does not take it along. */
export const TREE_SETTLE_MS = 3000;

export interface TreeWatchOptions {
  clock: Clock;
  /** An edge without a live link, as far as its ends are heard. */
  isDead(a: string, b: string): boolean;
  /** A network of the names in `fallen` is another now. */
  onTurn(network: string, isFallen: boolean): void;
  /** Names of networks that had fallen before. */
  fallen: Iterable<string>;
}

export class TreeWatch {
  readonly #options: TreeWatchOptions;
  /** By network: the edges that its group rules send to. */
  #edges = new Map<string, [string, string][]>();
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

  views(): { network: string; edges: [string, string][]; since: string }[] {
    return [...this.#fallen].map((network) => ({
      network,
      edges: this.deadEdges(network),
      since: this.#since.get(network) ?? '',
    }));
  }

  deadEdges(network: string): [string, string][] {
    return (this.#edges.get(network) ?? []).filter(([a, b]) => this.#options.isDead(a, b));
  }

  /** The rules of all networks, as the user owns them now. A network without group edges cannot be fallen. */
  follow(rules: readonly RuleStatement[]): void {
    if (rules === this.#rules) return;
    this.#rules = rules;
    const networks = new Set(rules.filter(isGroupRule).map(({ network }) => network));
    this.#edges = new Map();
    for (const network of networks) {
      const edges = [...groupEdges(rules, network)].map((key) => key.split(' ') as [string, string]);
      if (edges.length > 0) this.#edges.set(network, edges);
    }
    for (const network of this.#pending.keys()) if (!this.#edges.has(network)) this.#cancel(network);
    if ([...this.#fallen].some((network) => !this.#edges.has(network)))
      this.#fallen = new Set([...this.#fallen].filter((network) => this.#edges.has(network)));
    this.look();
  }

  /** Something came up or went down. Linear in the edges of the user's trees. */
  look(): void {
    for (const network of this.#edges.keys()) {
      const isFallen = this.#fallen.has(network);
      const shouldFall = this.deadEdges(network).length > 0;
      if (shouldFall === isFallen) this.#cancel(network);
      else if (!this.#pending.has(network)) this.#turnSoon(network, shouldFall);
    }
  }

  close(): void {
    for (const network of [...this.#pending.keys()]) this.#cancel(network);
  }

  #turnSoon(network: string, falls: boolean): void {
    const cancel = this.#options.clock.after(falls ? TREE_DEAD_MS : TREE_SETTLE_MS, () => {
      this.#pending.delete(network);
      const next = new Set(this.#fallen);
      if (falls) next.add(network);
      else next.delete(network);
      this.#fallen = next;
      if (falls) this.#since.set(network, new Date().toISOString());
      else this.#since.delete(network);
      this.#options.onTurn(network, falls);
    });
    this.#pending.set(network, cancel);
  }

  #cancel(network: string): void {
    this.#pending.get(network)?.();
    this.#pending.delete(network);
  }
}
