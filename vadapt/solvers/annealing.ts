/**
 * Annealing over mappings on two levels, anytime. Below, a run of simulated annealing in which a mapping costs a few
 * microseconds (QuickLook); the best mappings that it passed are routed whole: rip-up and re-route of flows and of pairs
 * of flows. Where that comes near the best so far, a descent over all moves follows, with each move routed whole. Runs
 * begin at random mappings and at the best one in turn, until time is over.
 *
 * Where flows or hosts are too many for a quick look, runs are on the whole level.
 */
import type { Random } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
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

export const annealing: Solver = {
  name: 'annealing',
  source: 'simulated annealing over mappings, rip-up and re-route, descent; many starts',
  solve(instance, options) {
    return new Search(instance, options).run();
  },
};

/** Of a run, a unit. */
const STEPS_PER_UNIT = 400;
const WHOLE_STEPS_PER_UNIT = 150;
/** Temperatures, as parts of the mean change of value of a move. */
const HOT = 0.5;
const WARM = 0.1;
const COLD = 0.002;
/** Mappings of a run that are routed whole. */
const ELITE = 6;
/** After routing, a mapping within this part of the best is worth a descent. */
const NEAR = 0.03;
/** Flows that pairs of are ripped up. */
const PAIRED_FLOWS_MAX = 64;
/** A quick look looks at all flows. */
const QUICK_FLOWS_MAX = 200;
const QUICK_HOSTS_MAX = 24;

class Search {
  readonly #arrangement: Arrangement;
  readonly #quick: QuickLook | undefined;
  readonly #random: Random;
  readonly #over: () => boolean;
  readonly #start: Placement | undefined;
  readonly #elite: Elite;
  #best: Saved | undefined;

  constructor(instance: Instance, { objective, random, now, budgetMs, start }: SolveOptions) {
    this.#arrangement = new Arrangement(instance, objective, start);
    const few = instance.flows <= QUICK_FLOWS_MAX && instance.hosts <= QUICK_HOSTS_MAX;
    this.#quick = few ? new QuickLook(instance, objective) : undefined;
    this.#elite = new Elite(ELITE);
    this.#random = random;
    const until = now() + budgetMs;
    this.#over = () => now() >= until;
    this.#start = start;
  }

  run(): Placement | undefined {
    const arrangement = this.#arrangement;
    if (this.#start && loadPlacement(arrangement, this.#start, this.#random) !== 'none') this.#polish();
    arrangement.clear();
    if (placeGreedily(arrangement, this.#random)) this.#polish();
    if (!this.#best) return undefined;
    for (let run = 0; !this.#over(); run++) {
      if (this.#quick) this.#quickRun(this.#quick, run);
      else this.#wholeRun(run);
      if (arrangement.places.units * arrangement.instance.hosts <= 1) break;
    }
    arrangement.load(this.#best);
    return arrangement.placement();
  }

  #quickRun(quick: QuickLook, run: number): void {
    const again = run % 3 === 2;
    const from = again ? this.#best?.hostOf : firstMapping(this.#arrangement.places, this.#random);
    if (!from) return;
    quick.begin(from);
    const scale = meanChange(quick, this.#random);
    const steps = STEPS_PER_UNIT * quick.places.units;
    const hot = (again ? WARM : HOT) * scale;
    this.#elite.offer(quick.value, quick.places.hostOf);
    const offer = () => this.#elite.offer(quick.value, quick.places.hostOf);
    anneal(quick, { steps, hot, cold: COLD * scale }, this.#random, this.#over, offer);
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
    if (!best || best.value < (this.#best as Saved).value - NEAR * Math.abs((this.#best as Saved).value)) return;
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

  #wholeRun(run: number): void {
    const arrangement = this.#arrangement;
    const again = run % 2 === 0;
    const mapping = again ? undefined : firstMapping(arrangement.places, this.#random);
    if (mapping) this.#routeWhole(mapping);
    else arrangement.load(this.#best as Saved);
    const scale = meanChange(arrangement, this.#random);
    const steps = WHOLE_STEPS_PER_UNIT * arrangement.places.units;
    const hot = (again ? WARM : HOT) * scale;
    anneal(arrangement, { steps, hot, cold: COLD * scale }, this.#random, this.#over, () => this.#keep());
    this.#polish();
  }

  #polish(): void {
    const arrangement = this.#arrangement;
    const work = arrangement.ripUp(this.#over);
    do {
      ripUp(work, arrangement.order);
      if (arrangement.instance.flows <= PAIRED_FLOWS_MAX) ripUpPairs(work, arrangement.order);
      this.#keep();
    } while (descend(arrangement, this.#random, this.#over));
    this.#keep();
  }

  #keep(): void {
    const best = this.#best;
    if (best && this.#arrangement.value <= best.value) return;
    this.#best = this.#arrangement.save(best);
  }
}
