/**
 * RPVEE (Virtuoso 8.3) to proven optimality: the best paths for one mapping. Each flow takes its own best path, as if
 * only what is decided of the others were there: that is a bound. Where the paths taken together are worth less, a flow
 * shares a part of its path with another of which this is not decided, and the search branches on just that: the other
 * uses the edge, and everybody sees its demand there, or it does not. Every node's paths together are an answer, too.
 * (Branching on conflicts, as in path finding for many agents: Sharon et al., Conflict-based search, AIJ 219, 2015.)
 */
import { sharedOf, withoutPath } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import type { ObjectiveWeights } from '../model/objective.js';
import { FREE } from './decisions.js';
import { ExitSharing } from './exit-sharing.js';
import type { PathBook, PathList } from './path-book.js';
import { PathChoice } from './path-choice.js';

export interface RoutingLimits {
  /** Only what is better is looked for. */
  floor: number;
  /** True: stop. Asked at every node. */
  expired(): boolean;
}

export interface RoutingResult {
  /** Of the flows, less the cost of links; not above the floor: nothing better was found, and there are no paths. */
  value: number;
  paths?: Int32Array[];
  /** No paths are worth more; undefined: not every path could be looked at. */
  bound: number | undefined;
}

/** Sums that differ by less than this part are equal. */
const EQUAL = 1e-9;

interface Conflict {
  flow: number;
  edge: number;
}

interface Child {
  uses: boolean;
  total: number;
  chosen: Int32Array;
  worth: Float64Array;
}

export class ExactRouting {
  readonly #instance: Instance;
  readonly #weights: ObjectiveWeights;
  readonly #choice: PathChoice;
  readonly #sharing: ExitSharing;
  readonly #load: Float64Array;
  readonly #loadShared: Float64Array;
  readonly #actual: Float64Array;
  #limits: RoutingLimits = { floor: 0, expired: () => false };
  #best = -Infinity;
  #mapping: ArrayLike<number> = [];
  #paths: Int32Array[] | undefined;
  /** Of nodes that were left when time was up. */
  #open = -Infinity;
  nodes = 0;

  constructor(instance: Instance, weights: ObjectiveWeights, book: PathBook) {
    this.#instance = instance;
    this.#weights = weights;
    this.#choice = new PathChoice(instance, weights, book);
    this.#sharing = new ExitSharing(instance, weights);
    this.#load = new Float64Array(instance.hosts * instance.hosts);
    this.#loadShared = new Float64Array(instance.sharedCapacity.length);
    this.#actual = new Float64Array(instance.flows);
  }

  solve(mapping: ArrayLike<number>, limits: RoutingLimits): RoutingResult {
    this.#limits = limits;
    this.#best = limits.floor;
    this.#paths = undefined;
    this.#open = -Infinity;
    const complete = this.#choice.begin(mapping);
    this.#mapping = mapping;
    this.#search(this.#total(), true);
    const bound = complete ? Math.max(this.#best, this.#open) : undefined;
    return { value: this.#best, bound, ...(this.#paths ? { paths: this.#paths } : {}) };
  }

  #total(): number {
    let sum = -this.#choice.decisions.links * this.#choice.linkCost;
    for (const worth of this.#choice.worth) sum += worth;
    return sum;
  }

  #search(most: number, isRoot = false): void {
    this.nodes++;
    if (!isMore(most, this.#best)) return;
    const total = isRoot ? most - this.#sharing.loss(this.#choice, this.#mapping) : most;
    if (!isMore(total, this.#best)) return;
    const value = this.#evaluate();
    if (value > this.#best) {
      this.#best = value;
      this.#paths = this.#chosenPaths();
    }
    if (!isMore(total, this.#best)) return;
    if (this.#limits.expired()) {
      this.#open = Math.max(this.#open, total);
      return;
    }
    const conflict = this.#conflict();
    if (conflict === undefined) {
      this.#open = Math.max(this.#open, total);
      return;
    }
    this.#branch(conflict);
  }

  #branch({ flow, edge }: Conflict): void {
    const before = { chosen: this.#choice.chosen.slice(), worth: this.#choice.worth.slice() };
    const children = [false, true].map((uses): Child => {
      this.#decide(flow, edge, uses);
      const { chosen, worth } = this.#choice;
      const child = { uses, total: this.#total(), chosen: chosen.slice(), worth: worth.slice() };
      this.#choice.decisions.undo(flow, edge, uses);
      this.#restore(before);
      return child;
    });
    children.sort((a, b) => b.total - a.total);
    for (const child of children) {
      if (!isMore(child.total, this.#best)) continue;
      this.#choice.decisions.decide(flow, edge, child.uses);
      this.#restore(child);
      this.#search(child.total);
      this.#choice.decisions.undo(flow, edge, child.uses);
    }
    this.#restore(before);
  }

  #restore({ chosen, worth }: { chosen: Int32Array; worth: Float64Array }): void {
    this.#choice.chosen.set(chosen);
    this.#choice.worth.set(worth);
  }

  /** Those whose best it may change choose again. */
  #decide(flow: number, edge: number, uses: boolean): void {
    this.#choice.decisions.decide(flow, edge, uses);
    const groups = sharedOf(this.#instance, edge);
    const touchesAll = this.#choice.linkCost > 0 || this.#weights.residual < this.#weights.tightFit;
    for (let other = 0; other < this.#instance.flows; other++) {
      if (other === flow || touchesAll || (uses && this.#passes(other, edge, groups)))
        this.#choice.choose(other);
    }
  }

  #passes(flow: number, edge: number, groups: Int32Array): boolean {
    for (const used of this.#edgesOf(flow)) {
      if (used === edge) return true;
      if (groups.length > 0 && sharedOf(this.#instance, used).some((group) => groups.includes(group)))
        return true;
    }
    return false;
  }

  #edgesOf(flow: number): Int32Array {
    const path = this.#choice.chosen[flow] as number;
    const { start, edges } = this.#choice.lists[flow] as PathList;
    return path < 0 ? edges.subarray(0, 0) : edges.subarray(start[path], start[path + 1]);
  }

  /** What the chosen paths are worth together. */
  #evaluate(): number {
    const { flows, demand, linked } = this.#instance;
    this.#load.fill(0);
    this.#loadShared.fill(0);
    let links = 0;
    for (let flow = 0; flow < flows; flow++) {
      const bits = demand[flow] as number;
      for (const edge of this.#edgesOf(flow)) {
        const isNew = this.#choice.linkCost > 0 && linked[edge] === 0 && !this.#isLocal(edge);
        if (isNew && !this.#usedBefore(flow, edge)) links++;
        this.#load[edge] = (this.#load[edge] as number) + bits;
        for (const group of sharedOf(this.#instance, edge))
          this.#loadShared[group] = (this.#loadShared[group] as number) + bits;
      }
    }
    let sum = -links * this.#choice.linkCost;
    for (let flow = 0; flow < flows; flow++) {
      this.#actual[flow] = this.#actualOf(flow);
      sum += this.#actual[flow] as number;
    }
    return sum;
  }

  #isLocal(edge: number): boolean {
    return edge % (this.#instance.hosts + 1) === 0;
  }

  #usedBefore(flow: number, edge: number): boolean {
    for (let other = 0; other < flow; other++) if (this.#edgesOf(other).includes(edge)) return true;
    return false;
  }

  #actualOf(flow: number): number {
    const path = this.#choice.chosen[flow] as number;
    if (path < 0) return withoutPath(this.#demandOf(flow));
    let residual = Infinity;
    for (const edge of this.#edgesOf(flow)) residual = Math.min(residual, this.#left(edge));
    return this.#choice.orders.value(flow, this.#choice.lists[flow] as PathList, path, residual);
  }

  /** Of an edge and what it shares, under the chosen paths. */
  #left(edge: number): number {
    let left = (this.#instance.bandwidth[edge] as number) - (this.#load[edge] as number);
    for (const group of sharedOf(this.#instance, edge))
      left = Math.min(
        left,
        (this.#instance.sharedCapacity[group] as number) - (this.#loadShared[group] as number),
      );
    return left;
  }

  /** Who has least of what it hoped for, and the largest flow on its narrowest part that it did not reckon with. */
  #conflict(): Conflict | undefined {
    const { flows } = this.#instance;
    const losses = Array.from({ length: flows }, (_, flow) => {
      return { flow, loss: (this.#choice.worth[flow] as number) - (this.#actual[flow] as number) };
    });
    losses.sort((a, b) => b.loss - a.loss);
    for (const { flow, loss } of losses) {
      if (!(loss > 0)) break;
      const found = this.#undecidedOn(flow, true) ?? this.#undecidedOn(flow, false);
      if (found) return found;
    }
    return this.#undecidedLink();
  }

  #undecidedOn(victim: number, narrowest: boolean): Conflict | undefined {
    const tight = this.#weights.residual < this.#weights.tightFit;
    let least = Infinity;
    for (const edge of this.#edgesOf(victim)) least = Math.min(least, this.#left(edge));
    let found: Conflict | undefined;
    for (const part of this.#edgesOf(victim)) {
      if (narrowest && this.#left(part) > least) continue;
      for (let flow = 0; flow < this.#instance.flows; flow++) {
        if (flow === victim) continue;
        for (const edge of this.#sharers(part, flow, tight && !narrowest)) {
          if (this.#choice.decisions.of(flow, edge) !== FREE) continue;
          if (!found || this.#demandOf(flow) > this.#demandOf(found.flow)) found = { flow, edge };
        }
      }
    }
    return found;
  }

  #demandOf(flow: number): number {
    return this.#instance.demand[flow] as number;
  }

  /** Edges of a flow's path, or of any it may take, that take from what an edge has. */
  #sharers(part: number, flow: number, any: boolean): number[] {
    const groups = sharedOf(this.#instance, part);
    const takes = (edge: number) =>
      edge === part ||
      (groups.length > 0 && sharedOf(this.#instance, edge).some((group) => groups.includes(group)));
    if (!any) return [...this.#edgesOf(flow)].filter(takes);
    return Array.from(this.#load.keys()).filter(
      (edge) => takes(edge) && this.#choice.decisions.of(flow, edge) === FREE,
    );
  }

  /** A link that each of its users has reckoned with a part of. */
  #undecidedLink(): Conflict | undefined {
    if (this.#choice.linkCost === 0) return undefined;
    for (let flow = 0; flow < this.#instance.flows; flow++) {
      for (const edge of this.#edgesOf(flow)) {
        const isNew = !this.#isLocal(edge) && this.#instance.linked[edge] === 0;
        if (
          isNew &&
          this.#choice.decisions.users[edge] === 0 &&
          this.#choice.decisions.of(flow, edge) === FREE
        )
          return { flow, edge };
      }
    }
    return undefined;
  }

  #chosenPaths(): Int32Array[] {
    const { hosts, flows } = this.#instance;
    return Array.from({ length: flows }, (_, flow) => {
      const edges = this.#edgesOf(flow);
      const [first] = edges;
      if (first === undefined) return new Int32Array(0);
      if (this.#isLocal(first)) return Int32Array.of(first % hosts);
      return Int32Array.from([Math.floor(first / hosts), ...Array.from(edges, (edge) => edge % hosts)]);
    });
  }
}

function isMore(a: number, b: number): boolean {
  return a > b + EQUAL * Math.max(1, Math.abs(b)) || (b === -Infinity && a > b);
}
