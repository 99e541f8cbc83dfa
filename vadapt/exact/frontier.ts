/** Open nodes of a tree: the best first, and, when they are too many, the newest first until they are fewer. */
import type { TreeNode } from './mapping-tree.js';

/** About 60 bytes a node. */
const NODES_MAX = 1_000_000;

export class Frontier {
  readonly #heap: TreeNode[] = [];
  readonly #stack: TreeNode[] = [];

  /** Best last: what is taken newest first is taken best first. */
  push(nodes: readonly TreeNode[]): void {
    if (this.#heap.length < NODES_MAX && this.#stack.length === 0)
      for (const node of nodes) this.#insert(node);
    else this.#stack.push(...nodes.toReversed());
  }

  pop(): TreeNode | undefined {
    return this.#stack.pop() ?? this.#popHeap();
  }

  /** Nothing that is open is worth more. */
  bound(): number {
    let bound = this.#heap[0]?.bound ?? -Infinity;
    for (const node of this.#stack) bound = Math.max(bound, node.bound);
    return bound;
  }

  #insert(node: TreeNode): void {
    const heap = this.#heap;
    let at = heap.push(node) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as TreeNode).bound >= node.bound) break;
      heap[at] = heap[parent] as TreeNode;
      at = parent;
    }
    heap[at] = node;
  }

  #popHeap(): TreeNode | undefined {
    const heap = this.#heap;
    const [top, last] = [heap[0], heap.pop()];
    if (!last || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right && right.bound > (heap[child] as TreeNode).bound) child++;
      if ((heap[child] as TreeNode).bound <= last.bound) break;
      heap[at] = heap[child] as TreeNode;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}
