/**
 * When a topology counts as the topology (Virtuoso 4.2): declares what has settled, holds still while things change, and
 * shows the union of all where they change faster than can be followed. Pure: fed with what was inferred, and when.
 *
 * With update period U, smoothing interval S and reaction time T = S + 2 U:
 *
 * - **Settled.** While the window slides over a change it holds old and new pairs together. So what is inferred is
 *   declared once it was the same in two evaluations U / 2 apart and all its pairs are steady: none has stopped, none has
 *   only begun; or, for applications whose pairs do not all talk all the time, once it has been the same for S. A report
 *   that holds the change spreads the old topology up to U past it, so that leaves the window S + U after the change at
 *   the latest; two evaluations later, within T, the new one is declared. That needs S of at least 4 U: with less, the
 *   last part of the window cannot tell a change from what it leads to.
 * - **Union.** The last part of the window tells the phases apart that the whole window mixes. A phase that loses a
 *   quarter of the phase before it is a switch; two switches within T of one another are faster than can be followed,
 *   and so is a declaration that takes as much away from one not T old, and what has not settled for 2 T.
 *   Then what is shown only grows: everything inferred belongs to it, until all was steady for 2 T. Changes faster
 *   than about 4 U are in no report alone; the window holds their union anyway, and it settles.
 */
import type { TopologyView } from '../core/index.js';
import { periodMsOf, type Smoothing } from './traffic-matrix.js';

/** Numbers of pairs, ascending. */
export type PairNumbers = ArrayLike<number>;

export interface Evidence {
  /** Numbers of the pairs that are inferred, ascending. */
  pairs: PairNumbers;
  /** Those of them that talk now: in the last part of the window, as much as in the whole of it. */
  talking: PairNumbers;
  /** All of them talk, none has only begun: the window holds no change. */
  steady: boolean;
}

/** Evaluations are early or late by a little. */
const TIMER_SLACK = 0.8;
/** Share of a phase's pairs that is gone in the next one: it was a switch. */
const SWITCH_LOSS = 0.25;
/** Two looks at the last part of the window show one phase where they share as much. */
const SAME_PHASE = 0.8;
/** Update periods that a phase lasts at least: daemons report a change up to one period apart. */
const PHASE_PERIODS = 1.5;
/** Reaction times without a switch after which the union is left. */
const CALM_REACTIONS = 2;
/** The same where pairs go on and off all the while: that may be the application's way, or changes too fast to see. */
const UNSTEADY_CALM_REACTIONS = 20;
/** Reaction times after which the union forgets a pair that was not inferred again. */
const UNION_MEMORY_REACTIONS = 60;
/** Reaction times after which what has not settled is a union. */
const UNSETTLED_REACTIONS = 2;

export class TopologyTracker {
  /** Of the last declaration. */
  sinceMs: number;
  serial = 0;
  /** What is declared; numbers of pairs, ascending. */
  declared: PairNumbers = [];
  #state: 'silent' | 'settled' | 'union' = 'silent';
  #smoothing: Smoothing;
  /** Inferred but not declared: since when, and the last time it was seen. */
  #pending: { pairs: PairNumbers; sinceMs: number; lastMs: number } | undefined;
  #phase: PairNumbers = [];
  /** What talks, on its way to being a phase. */
  #candidate: { pairs: PairNumbers; sinceMs: number } = { pairs: [], sinceMs: 0 };
  /** When the last phase gave way to another. */
  #switchedMs = Number.NEGATIVE_INFINITY;
  /** When pairs last went on or off, while the union is shown. */
  #unsteadyMs = Number.NEGATIVE_INFINITY;
  /** When a topology was last declared; what comes out of a union is free to come. */
  #declaredMs = Number.NEGATIVE_INFINITY;
  /** When what is inferred was last what is declared. */
  #calmMs: number;
  /** What was inferred when it last changed much, while the union is shown. */
  #inferred: PairNumbers = [];
  /** When each pair of the union was last inferred. */
  readonly #union = new Map<number, number>();

  constructor(smoothing: Smoothing, nowMs: number) {
    this.#smoothing = { ...smoothing };
    this.sinceMs = nowMs;
    this.#calmMs = nowMs;
  }

  get state(): TopologyView['state'] {
    if (this.#state === 'union') return 'union';
    // One odd evaluation is not worth a word.
    return this.#pending && this.#pending.lastMs > this.#pending.sinceMs ? 'settling' : this.#state;
  }

  /** A declaration takes no longer, where topologies last that long. */
  get reactionMs(): number {
    return this.#smoothing.smoothingMs + 2 * this.#smoothing.updateMs;
  }

  setSmoothing(smoothing: Smoothing): void {
    this.#smoothing = { updateMs: smoothing.updateMs, smoothingMs: smoothing.smoothingMs };
  }

  /** True where another topology, or another state of it, was declared by this. */
  feed(nowMs: number, evidence: Evidence): boolean {
    const begins = this.#followPhases(nowMs, evidence.talking);
    if (this.#state !== 'union') return this.#whileCalm(nowMs, evidence);
    return this.#whileUnion(nowMs, evidence) || begins;
  }

  #whileCalm(nowMs: number, evidence: Evidence): boolean {
    const { pairs, steady } = evidence;
    if (isSame(pairs, this.declared)) {
      this.#pending = undefined;
      this.#calmMs = nowMs;
      return false;
    }
    if (nowMs - this.#calmMs >= UNSETTLED_REACTIONS * this.reactionMs) {
      this.#beginUnion(nowMs);
      this.#whileUnion(nowMs, evidence);
      return true;
    }
    if (!this.#pending || !isSame(pairs, this.#pending.pairs)) {
      this.#pending = { pairs, sinceMs: nowMs, lastMs: nowMs };
      return false;
    }
    this.#pending.lastMs = nowMs;
    const { updateMs, smoothingMs } = this.#smoothing;
    const heldMs = nowMs - this.#pending.sinceMs;
    if (heldMs < (steady ? (TIMER_SLACK * updateMs) / 2 : smoothingMs)) return false;
    if (nowMs - this.#declaredMs < this.reactionMs && pairs.length > 0 && this.#loses(this.declared, pairs)) {
      this.#beginUnion(nowMs);
      this.#whileUnion(nowMs, evidence);
      return true;
    }
    this.#declare(nowMs, pairs.length === 0 ? 'silent' : 'settled', pairs);
    return true;
  }

  #whileUnion(nowMs: number, { pairs, steady }: Evidence): boolean {
    if (!steady) this.#unsteadyMs = nowMs;
    if (!isAlike(pairs, this.#inferred)) {
      this.#inferred = pairs;
      this.#switchedMs = nowMs;
    }
    if (pairs.length === 0 || this.#isCalm(nowMs)) {
      this.#union.clear();
      this.#state = 'settled';
      this.#calmMs = nowMs;
      this.#declaredMs = Number.NEGATIVE_INFINITY;
      this.sinceMs = nowMs;
      const stays = isSame(pairs, this.declared);
      if (!stays) this.#pending = { pairs, sinceMs: nowMs, lastMs: nowMs };
      return stays;
    }
    this.#join(nowMs, pairs);
    for (const [pair, lastMs] of this.#union) {
      if (nowMs - lastMs > UNION_MEMORY_REACTIONS * this.reactionMs) this.#union.delete(pair);
    }
    return this.#showUnion(nowMs);
  }

  #isCalm(nowMs: number): boolean {
    const [switchedMs, unsteadyMs] = [nowMs - this.#switchedMs, nowMs - this.#unsteadyMs];
    return (
      Math.min(switchedMs, unsteadyMs) >= CALM_REACTIONS * this.reactionMs ||
      switchedMs >= UNSTEADY_CALM_REACTIONS * this.reactionMs
    );
  }

  /** True where the union begins. */
  #followPhases(nowMs: number, talking: PairNumbers): boolean {
    // Silence between two bursts is no phase.
    if (talking.length === 0) return false;
    if (!isAlike(talking, this.#candidate.pairs)) this.#candidate = { pairs: talking, sinceMs: nowMs };
    if (nowMs - this.#candidate.sinceMs < PHASE_PERIODS * periodMsOf(this.#smoothing)) return false;
    // As it was when it began: while the window slides off it, what is left is no phase of its own.
    const { pairs } = this.#candidate;
    const isSwitch = this.#loses(this.#phase, pairs);
    this.#phase = pairs;
    if (!isSwitch) return false;
    const tooSoon = nowMs - this.#switchedMs < this.reactionMs;
    this.#switchedMs = nowMs;
    if (!tooSoon || this.#state === 'union') return false;
    this.#beginUnion(nowMs);
    return true;
  }

  #loses(before: PairNumbers, after: PairNumbers): boolean {
    return before.length > 0 && 1 - share(before, after) > SWITCH_LOSS;
  }

  #beginUnion(nowMs: number): void {
    this.#state = 'union';
    this.sinceMs = nowMs;
    this.#switchedMs = nowMs;
    this.#join(nowMs, this.declared);
    this.#join(nowMs, this.#pending?.pairs ?? []);
    this.#pending = undefined;
  }

  #join(nowMs: number, pairs: PairNumbers): void {
    for (let i = 0; i < pairs.length; i++) this.#union.set(pairs[i] ?? 0, nowMs);
  }

  #showUnion(nowMs: number): boolean {
    const pairs = [...this.#union.keys()].sort((x, y) => x - y);
    if (isSame(pairs, this.declared)) return false;
    this.#declare(nowMs, 'union', pairs);
    return true;
  }

  #declare(nowMs: number, state: 'silent' | 'settled' | 'union', pairs: PairNumbers): void {
    this.#state = state;
    this.declared = pairs;
    this.sinceMs = nowMs;
    this.serial++;
    this.#declaredMs = nowMs;
    this.#calmMs = nowMs;
    this.#pending = undefined;
  }
}

/** Of `some`, what is in `all`. 1 for nothing. */
function share(some: PairNumbers, all: PairNumbers): number {
  if (some.length === 0) return 1;
  let [both, at] = [0, 0];
  for (let i = 0; i < some.length; i++) {
    const value = some[i] ?? 0;
    while (at < all.length && (all[at] ?? 0) < value) at++;
    if (all[at] === value) both++;
  }
  return both / some.length;
}

const isAlike = (a: PairNumbers, b: PairNumbers): boolean =>
  share(a, b) >= SAME_PHASE && share(b, a) >= SAME_PHASE;

function isSame(a: PairNumbers, b: PairNumbers): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
