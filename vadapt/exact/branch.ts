/**
 * The exact solver: branches on the mapping alone (mapping-tree.ts), best bound first, with dives to find answers early; a
 * whole mapping is routed to proven optimality (exact-routing.ts). Finished, its answer is proven; out of time, its bound is
 * that of the best node left. Land and Doig, Econometrica 28, 1960.
 */
import { VnetError } from '../../core/index.js';
import { evaluate, missingCpus, whyInvalid } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import { weightsOf } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import type { Answer, SolveOptions } from '../model/solver.js';
import { ExactRouting } from './exact-routing.js';
import { isBounded } from './flow-bound.js';
import { Frontier } from './frontier.js';
import { MappingTree, type TreeNode } from './mapping-tree.js';
import { PathBook } from './path-book.js';
import { makeUnits } from './units.js';
import { upperBound } from './upper-bound.js';

/**
 * The best answer and a bound, equal where there was time to prove it. Undefined: no mapping is one, or none was found in time.
 * @throws VNET_ERR_UNSUPPORTED for negative weights, and for problems whose tables would be too large (200 hosts).
 */
export function branchAndBound(instance: Instance, options: SolveOptions): Answer | undefined {
  if (!isBounded(weightsOf(options.objective)))
    throw new VnetError('VNET_ERR_UNSUPPORTED', 'exact: a weight is negative');
  return new Search(instance, options).run();
}

/** Nodes taken by their bound between two dives. */
const DIVE_EVERY = 200;
/** Of the routing of one mapping at first; four times as many each time that it is left and taken up again. */
const NODES_A_TRY = 500;
/** Sums that differ by less than this part are equal. */
const EQUAL = 1e-9;

class Search {
  readonly #instance: Instance;
  readonly #options: SolveOptions;
  readonly #deadline: number;
  readonly #frontier = new Frontier();
  readonly #routing: ExactRouting;
  #value = -Infinity;
  #best: Placement | undefined;
  /** Of mappings that could not be settled. */
  #unsettled = -Infinity;

  constructor(instance: Instance, options: SolveOptions) {
    this.#instance = instance;
    this.#options = options;
    this.#deadline = options.now() + options.budgetMs;
    const weights = weightsOf(options.objective);
    const linksCost = weights.change > 0 && instance.linked.length > 0;
    const book = new PathBook(instance, weights.residual >= weights.tightFit && !linksCost);
    this.#routing = new ExactRouting(instance, weights, book);
  }

  run(): Answer | undefined {
    const { start, objective } = this.#options;
    if (start && whyInvalid(this.#instance, start) === undefined) this.#take(start);
    const bound = upperBound(this.#instance, objective);
    if (bound === -Infinity) return undefined;
    const units = makeUnits(this.#instance);
    const tree = MappingTree.of(this.#instance, objective, units);
    if (!tree) {
      throw new VnetError('VNET_ERR_UNSUPPORTED', 'exact: the problem is too large', {
        hint: 'take a heuristic; its answer comes with a bound, too',
      });
    }
    this.#frontier.push([tree.root()]);
    this.#walk(tree);
    if (!this.#best) return undefined;
    const open = Math.max(this.#frontier.bound(), this.#unsettled);
    return { ...this.#best, bound: Math.max(this.#value, Math.min(bound, open)) };
  }

  #walk(tree: MappingTree): void {
    let popped = 0;
    for (let node = this.#frontier.pop(); node; node = this.#frontier.pop()) {
      if (node.bound <= this.#floor()) continue;
      if (this.#expired() && this.#best) {
        this.#frontier.push([node]);
        return;
      }
      if (!node.tight && node.depth > 0) {
        node.bound = tree.tightened(node);
        node.tight = true;
        if (node.bound > this.#floor()) this.#frontier.push([node]);
        continue;
      }
      if (popped++ % DIVE_EVERY === 0) this.#dive(tree, node);
      else this.#open(tree, node);
    }
  }

  /** Straight down, the best child each time. */
  #dive(tree: MappingTree, node: TreeNode): void {
    for (let at: TreeNode | undefined = node; at; ) {
      if (this.#best && this.#expired()) {
        this.#frontier.push([at]);
        return;
      }
      if (at.depth === tree.depth) {
        this.#settle(tree, at);
        return;
      }
      const [best, ...others]: TreeNode[] = tree.children(at, this.#floor());
      this.#frontier.push(others);
      at = best;
    }
  }

  #open(tree: MappingTree, node: TreeNode): void {
    if (node.depth === tree.depth) this.#settle(tree, node);
    else this.#frontier.push(tree.children(node, this.#floor()));
  }

  #settle(tree: MappingTree, leaf: TreeNode): void {
    const mapping = tree.mapping(leaf);
    const before = this.#costOf(mapping);
    const limit = this.#routing.nodes + (leaf.tries ?? NODES_A_TRY);
    const { paths, bound } = this.#routing.solve(mapping, {
      floor: this.#value + before,
      expired: () => this.#routing.nodes >= limit || this.#expired(),
    });
    if (paths) this.#take({ mapping, paths });
    if (bound === undefined) {
      this.#unsettled = Math.max(this.#unsettled, leaf.bound);
      return;
    }
    const settled = Math.min(leaf.bound, bound - before);
    if (settled <= this.#floor()) return;
    if (settled < leaf.bound || this.#routing.nodes >= limit)
      this.#frontier.push([{ ...leaf, bound: settled, tries: 4 * (leaf.tries ?? NODES_A_TRY) }]);
    else this.#unsettled = Math.max(this.#unsettled, settled);
  }

  /** Of the mapping, whatever the paths. */
  #costOf(mapping: Int32Array): number {
    const { vms, presentHost, moveCost, missingCpu } = this.#instance;
    let moved = 0;
    for (let vm = 0; vm < vms; vm++) {
      const before = presentHost[vm] as number;
      if (before >= 0 && before !== mapping[vm]) moved += moveCost[vm] as number;
    }
    const missing = missingCpus(this.#instance, mapping);
    return weightsOf(this.#options.objective).change * moved + (missing > 0 ? missing * missingCpu : 0);
  }

  #take(placement: Placement): void {
    const { value } = evaluate(this.#instance, this.#options.objective, placement);
    if (value <= this.#value) return;
    this.#value = value;
    this.#best = placement;
  }

  #floor(): number {
    return this.#value === -Infinity ? -Infinity : this.#value + EQUAL * Math.max(1, Math.abs(this.#value));
  }

  #expired(): boolean {
    return this.#options.now() >= this.#deadline;
  }
}
