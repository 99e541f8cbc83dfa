/**
 * Annealing over mappings on two levels, anytime. Below, a run of simulated annealing in which a mapping costs a few
 * microseconds (QuickLook); the best mappings that it passed are routed whole, with rip-up and re-route. The best of
 * them, where it comes near the best so far, is polished: pairs of flows are ripped up, and a descent over all moves
 * follows, each routed whole. Runs begin at random mappings, every third at the best one, until time is over.
 *
 * Where flows or hosts are too many for a quick look, there is one run on the whole level, cooled by the clock.
 *
 * Nothing is proven here. From a start nothing worse is given back, since only gains are kept.
 */
import type { Random } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
import type { Objective } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import type { SolveOptions, Solver } from '../model/solver.js';
import { ripUp, ripUpPairs } from '../routing/index.js';
import { anneal, meanChange } from './anneal.js';
import { Arrangement, type Saved } from './arrangement.js';
import { descend } from './descent.js';
import { Elite } from './elite.js';
import { firstMapping } from './first-mapping.js';
import { placeGreedily } from './greedy.js';
import { loadPlacement } from './load.js';
import { QuickLook } from './quick-look.js';
import { SpreadingDescent } from './spreading.js';

export const annealing: Solver = {
  name: 'annealing',
  source: 'simulated annealing over mappings, rip-up and re-route, descent; many starts',
  solve(instance, options) {
    return new Search(instance, options).run();
  },
};

/** Of a run, a unit. */
const MOVES_PER_UNIT = 200;
/** Temperatures, as parts of the mean change of value of a move. */
const HOT = 0.5;
const WARM = 0.1;
const COLD = 0.002;
const WHOLE_HOT = 0.1;
/** Of the time of a whole run, for polishing in the end. */
const LAST = 0.1;
/** Of the time that is left, for one run of quick looks at most. */
const QUICK_SHARE = 0.6;
/** One run in so many begins at the best. */
const AROUND = 3;
/** Mappings of a run that are routed whole. */
const ELITE = 12;
/** After routing, a mapping within this part of the best is worth a descent. */
const NEAR = 0.1;
/** Flows that pairs of are ripped up. */
const PAIRED_FLOWS_MAX = 64;
const QUICK_FLOWS_MAX = 200;
const QUICK_HOSTS_MAX = 24;

/** Whether all flows can be looked at for every mapping. */
export function looksQuickly({ flows, hosts }: Instance): boolean {
  return flows <= QUICK_FLOWS_MAX && hosts <= QUICK_HOSTS_MAX;
}

class Search {
  readonly #arrangement: Arrangement;
  readonly #objective: Objective;
  readonly #random: Random;
  readonly #over: () => boolean;
  readonly #left: () => number;
  readonly #start: Placement | undefined;
  readonly #elite: Elite;
  #best: Saved | undefined;

  constructor(instance: Instance, { objective, random, now, budgetMs, start }: SolveOptions) {
    const until = now() + budgetMs;
    this.#arrangement = new Arrangement(instance, objective, start);
    this.#objective = objective;
    this.#elite = new Elite(ELITE);
    this.#random = random;
    this.#left = () => until - now();
    this.#over = () => now() >= until;
    this.#start = start;
  }

  run(): Placement | undefined {
    const arrangement = this.#arrangement;
    const begun = this.#start
      ? loadPlacement(arrangement, this.#start, this.#random) !== 'none'
      : placeGreedily(arrangement, this.#random);
    if (begun) this.#polish();
    if (!this.#best) return undefined;
    if (!this.#over()) {
      if (looksQuickly(arrangement.instance)) this.#quickRuns();
      else this.#wholeRun();
    }
    arrangement.load(this.#best);
    return arrangement.placement();
  }

  #quickRuns(): void {
    const quick = new QuickLook(this.#arrangement.instance, this.#objective);
    // Whoever gives a start has most often changed little: around it first.
    for (let run = this.#start ? AROUND : 1; !this.#over(); run++) this.#quickRun(quick, run % AROUND === 0);
  }

  /** `again`: from the best, else from anywhere. */
  #quickRun(quick: QuickLook, again: boolean): void {
    const from = again ? this.#best?.hostOf : firstMapping(this.#arrangement.places, this.#random);
    if (!from) return;
    quick.begin(from);
    const scale = meanChange(quick, this.#random);
    const moves = MOVES_PER_UNIT * quick.places.units;
    const left = this.#left();
    // Where time is short the run is: what it finds has yet to be routed.
    const progress = (done: number) => Math.max(done / moves, (left - this.#left()) / (QUICK_SHARE * left));
    const hot = (again ? WARM : HOT) * scale;
    this.#elite.offer(quick.value, quick.places.hostOf);
    const offer = () => this.#elite.offer(quick.value, quick.places.hostOf);
    anneal(quick, { hot, cold: COLD * scale, progress }, this.#random, this.#over, offer);
    this.#polishBestOf(this.#elite.takeNew());
  }

  /** Those that a run passed are mostly near one another: one descent is enough. */
  #polishBestOf(mappings: readonly Int32Array[]): void {
    let best: Saved | undefined;
    for (const mapping of mappings) {
      if (this.#over()) return;
      this.#routeWhole(mapping);
      if (!best || this.#arrangement.value > best.value) best = this.#arrangement.save(best);
    }
    if (!best || best.value < (this.#best as Saved).value - NEAR * Math.abs((this.#best as Saved).value))
      return;
    this.#arrangement.load(best);
    this.#polish();
  }

  #routeWhole(hostOf: Int32Array): void {
    const arrangement = this.#arrangement;
    arrangement.clear();
    hostOf.forEach((host, unit) => arrangement.drop(unit, host));
    arrangement.settleAll();
    ripUp(arrangement.ripUp(this.#over), arrangement.order);
    this.#keep();
  }

  /** The time that is left, in one run from the best. */
  #wholeRun(): void {
    const arrangement = this.#arrangement;
    arrangement.load(this.#best as Saved);
    arrangement.search.thorough = false;
    const scale = meanChange(arrangement, this.#random);
    const from = this.#left();
    const progress = () => 1 - (this.#left() - from * LAST) / (from * (1 - LAST));
    const schedule = { hot: WHOLE_HOT * scale, cold: COLD * scale, progress };
    anneal(arrangement, schedule, this.#random, this.#over, () => this.#keep());
    arrangement.search.thorough = true;
    arrangement.load(this.#best as Saved);
    this.#polish();
  }

  #polish(): void {
    const arrangement = this.#arrangement;
    const work = arrangement.ripUp(this.#over);
    do {
      ripUp(work, arrangement.order);
      if (arrangement.instance.flows <= PAIRED_FLOWS_MAX) ripUpPairs(work, arrangement.order);
      this.#keep();
    } while (this.#descend());
    this.#keep();
  }

  #descend(): boolean {
    const arrangement = this.#arrangement;
    if (looksQuickly(arrangement.instance)) return descend(arrangement, this.#random, this.#over);
    const descent = new SpreadingDescent(arrangement, this.#random);
    for (let unit = 0; unit < arrangement.places.units; unit++) descent.add(unit);
    return descent.run(this.#over);
  }

  #keep(): void {
    const best = this.#best;
    if (best && this.#arrangement.value <= best.value) return;
    this.#best = this.#arrangement.save(best);
  }
}
