/**
 * Answers that are alike but for who is where. Where hosts are alike a solver fills them in any order, and VMs that talk
 * to everyone are as good in each other's place; among such answers, the one that moves fewest VMs is wanted. A VM goes
 * back to where it is by changing places with one that would be there, or all of one host with all of another.
 */
import type { Placement } from '../model/problem.js';
import { isWorth, movedVms, type PlanWork, remapped, scoreIn } from './remapping.js';

/** As good, with the same or fewer moves. */
export function exchanged(work: PlanWork, placement: Placement): Placement {
  let best = placement;
  for (let isFewer = true; isFewer; ) {
    isFewer = false;
    for (const vm of movedVms(work.draft, best)) {
      const better = exchange(work, best, vm);
      if (!better) continue;
      best = better;
      isFewer = true;
    }
  }
  return best;
}

/** The first that brings the VM home, saves a move, and loses nothing. */
function exchange(work: PlanWork, placement: Placement, vm: number): Placement | undefined {
  const { over } = work;
  const score = scoreIn(work, placement);
  const moves = movesOf(work, placement.mapping);
  for (const mapping of exchanges(work, placement, vm)) {
    if (over()) return undefined;
    if (movesOf(work, mapping) >= moves) continue;
    const other = remapped(work, placement, mapping);
    if (other && isWorth(work, other, score)) return other;
  }
  return undefined;
}

/** With one VM after the other that would be at the home of this one; then all of the two hosts. */
function* exchanges({ draft }: PlanWork, { mapping }: Placement, vm: number): Generator<Int32Array> {
  const [home, away] = [draft.present.mapping[vm] as number, mapping[vm] as number];
  if (home === away) return;
  const swapped = (host: number) => (host === home ? away : host === away ? home : host);
  for (const [other, host] of mapping.entries())
    if (host === home) yield mapping.map((at, one) => (one === vm || one === other ? swapped(at) : at));
  yield mapping.map(swapped);
}

const movesOf = ({ draft }: PlanWork, mapping: Int32Array): number =>
  mapping.reduce((sum, host, vm) => (host === draft.present.mapping[vm] ? sum : sum + 1), 0);
