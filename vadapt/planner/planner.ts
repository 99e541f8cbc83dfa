/** The plan for one network at one moment: searches, keeps to the limits, predicts, and says what would be done and why. */
import type { Adapted, AdaptPlan, AdaptSettings } from '../../core/index.js';
import { compile } from '../model/compile.js';
import { evaluate } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import { type Objective, OBJECTIVES } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import type { Solution } from '../model/solver.js';
import { upperBound } from '../exact/index.js';
import { whyMappingInvalid } from '../model/validity.js';
import { actionsBetween, type Move } from './actions.js';
import { type Arrangement, arrangementOf, placementIn } from './arrangement.js';
import { type Avoided, type Draft, draft, NOTHING_AVOIDED, pathNames } from './draft.js';
import { type Forecast, Forecaster, scoreOf } from './forecast.js';
import { GivenLinks } from './links.js';
import { Reasons } from './reasons.js';
import type { Snapshot } from './snapshot.js';
import { targetOf } from './target.js';
import { byGround, MOVES_WORTH, movedVms, type PlanWork } from './remapping.js';
import { thrifty } from './thrift.js';
import { percent } from './wording.js';

/** Whoever runs solvers; rejects where one fails, takes too long, or answers nonsense. */
export type Solve = (instance: Instance, request: SolveRequest) => Promise<Solution>;

export interface SolveRequest {
  /** As people name it; `auto` among them. */
  solver: string;
  objective: Objective;
  budgetMs: number;
  /** How things are, where that is an answer at all. */
  start?: Placement;
  /** Known, or Infinity where nobody asks: not to be worked out. */
  bound?: number;
}

export interface PlanRequest {
  snapshot: Snapshot;
  settings: AdaptSettings;
  avoided?: Avoided;
  /** What was planned before: it stays, unless something else is clearly better. */
  keep?: Arrangement;
  /** False: only `keep` is looked at again. Default true. */
  search?: boolean;
}

export interface Planned {
  /** Without an id. */
  plan: Omit<AdaptPlan, 'id' | 'at'>;
  /** What adaptation owns when it is carried out. */
  after: Adapted;
  arrangement: Arrangement;
  /** What the solvers said instead of an answer. */
  failures: string[];
}

/** By how much faster another plan must make the flows to take the place of the one before. */
export const CLEARLY_BETTER = 0.05;
/** Less gain is nothing. */
const GAIN_MIN = 0.005;
/** Flows that a plan lists, the busiest. */
export const FLOWS_LISTED_MAX = 200;

/** Problems whose bound is worked out where no solver gave one. */
const BOUNDED_HOSTS_MAX = 200;

interface Candidate {
  placement: Placement;
  forecast: Forecast;
}

/** @param now monotonic milliseconds */
export async function planChange(request: PlanRequest, solve: Solve, now: () => number): Promise<Planned> {
  const began = now();
  const { snapshot, settings, keep } = request;
  const drawn = draft(snapshot, settings, request.avoided ?? NOTHING_AVOIDED);
  const planner = new Planner(drawn, solve, now);
  const before = keep && placementIn(drawn, keep);
  if (before) planner.offer(before, 'kept');
  if (request.search ?? true) await planner.search();
  return planner.result(now() - began);
}

class Planner {
  readonly #draft: Draft;
  readonly #solve: Solve;
  readonly #now: () => number;
  readonly #objective: Objective;
  readonly #work: PlanWork;
  /** What the present breaks, in a sentence. */
  readonly #broken: string | undefined;
  readonly #failures: string[] = [];
  #best: Candidate;
  #isKept = false;
  #solver: string;
  #bound = Infinity;

  constructor(drawn: Draft, solve: Solve, now: () => number) {
    this.#draft = drawn;
    this.#solve = solve;
    this.#now = now;
    this.#objective = objectiveOf(drawn.settings);
    this.#solver = drawn.settings.solver;
    this.#broken = whyMappingInvalid(drawn.instance, drawn.present.mapping);
    const forecaster = new Forecaster(drawn, this.#objective);
    const given = new GivenLinks(drawn);
    this.#work = {
      draft: drawn,
      given,
      objective: this.#objective,
      forecaster,
      mayMove: false,
      over: () => false,
    };
    this.#best = { placement: drawn.present, forecast: forecaster.now };
  }

  /** First what can be had without moving anyone, then with. */
  async search(): Promise<void> {
    const { instance, problem, flows, settings } = this.#draft;
    if (flows.length === 0 && this.#broken === undefined) return;
    const moves = problem.vms.some(({ pinned }) => pinned === undefined);
    const links = settings.mechanisms.includes('topology');
    if (!moves && !links) return;
    const both = moves && links && this.#broken === undefined;
    const budgetMs = both ? settings.budgetMs / 2 : settings.budgetMs;
    if (both) {
      const vms = problem.vms.map(({ allowed: _, ...vm }) => ({
        ...vm,
        pinned: problem.present?.mapping[vm.name] as string,
      }));
      await this.#searchIn(compile({ ...problem, vms }), budgetMs, 'links');
    }
    const solution = await this.#searchIn(instance, budgetMs, 'moves');
    if (solution) this.#bound = solution.bound;
  }

  async #searchIn(
    instance: Instance,
    budgetMs: number,
    what: 'links' | 'moves',
  ): Promise<Solution | undefined> {
    const { solver } = this.#draft.settings;
    try {
      const solution = await this.#solve(instance, {
        solver,
        objective: this.#objective,
        budgetMs,
        ...(what === 'links' && { bound: Infinity }),
        ...(this.#broken === undefined && { start: this.#draft.present }),
      });
      this.#solver = solution.solver;
      this.offer(solution, what);
      return solution;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#failures.push(`the solver ${solver} gave no answer: ${message}`);
      return undefined;
    }
  }

  offer(placement: Placement, what: 'kept' | 'links' | 'moves'): void {
    const { mechanisms } = this.#draft.settings;
    const end = this.#now() + this.#draft.settings.budgetMs;
    const raw = mechanisms.includes('topology') ? placement : byGround(this.#draft, placement.mapping);
    const work = { ...this.#work, mayMove: what === 'moves', over: () => this.#now() > end };
    const fit = what === 'kept' || this.#broken !== undefined ? raw : thrifty(work, raw);
    const forecast = this.#work.forecaster.of(fit);
    const isPresent = this.#best.placement === this.#draft.present;
    const more = this.#isKept ? CLEARLY_BETTER : isPresent || what === 'links' ? 0 : MOVES_WORTH;
    const repairs = this.#broken !== undefined && isPresent;
    const { gainThreshold } = this.#draft.settings;
    const [score, best] = [forecast, this.#best.forecast].map((one) => scoreOf(one, gainThreshold));
    if (!repairs && !(1 + (score as number) > (1 + (best as number)) * (1 + more))) return;
    this.#best = { placement: fit, forecast };
    this.#isKept = what === 'kept';
  }

  result(solveMs: number): Planned {
    const drawn = this.#draft;
    const { settings, snapshot } = drawn;
    if (this.#broken === undefined && this.#best.forecast.gain < GAIN_MIN)
      this.#best = { placement: drawn.present, forecast: this.#work.forecaster.now };
    const { placement, forecast } = this.#best;
    const after =
      placement === drawn.present
        ? withReservations(drawn, this.#work)
        : targetOf(drawn, this.#work.given, placement);
    const rates = { before: this.#work.forecaster.now.fair, after: forecast.fair };
    const reasons = new Reasons(drawn, placement, rates);
    const actions = actionsBetween(snapshot.adapted, after, this.#moves(placement)).map((one) =>
      reasons.of(one),
    );
    const [valueNow, valueThen] = [this.#value(drawn.present), this.#value(placement)];
    const repairs = this.#broken !== undefined || placement === drawn.present;
    const worthIt = actions.length > 0 && (repairs || forecast.gain >= settings.gainThreshold);
    return {
      plan: {
        network: snapshot.network,
        revision: snapshot.revision,
        objective: settings.objective,
        solver: this.#solver,
        actions,
        valueNow,
        valueThen,
        bound: this.#boundOver(Math.max(valueNow, valueThen)),
        cost: forecast.cost,
        gain: forecast.gain,
        flows: this.#flows(placement, forecast),
        worthIt,
        verdict: this.#verdict(actions.length, forecast.gain),
        solveMs,
        notes: [...this.#failures, ...drawn.notes.list()],
      },
      after,
      arrangement: arrangementOf(drawn, placement),
      failures: this.#failures,
    };
  }

  #moves(placement: Placement): Move[] {
    const { problem, present } = this.#draft;
    const host = (index: number | undefined) => problem.hosts[index as number]?.name as string;
    return movedVms(this.#draft, placement).map((vm) => ({
      kind: 'move',
      vm: problem.vms[vm]?.name as string,
      from: host(present.mapping[vm]),
      to: host(placement.mapping[vm]),
    }));
  }

  /** The cost of change taken off. Where the present breaks constraints, it is valued without them. */
  #value(placement: Placement): number {
    const { instance, problem, present } = this.#draft;
    const isBroken = placement === present && this.#broken !== undefined;
    const model = isBroken ? compile({ ...problem, apart: [], together: [] }) : instance;
    return evaluate(model, this.#objective, placement).value;
  }

  /** A larger problem without an answer of a solver is not worth a second of computing. */
  #boundOver(value: number): number {
    const { instance } = this.#draft;
    if (this.#bound === Infinity && instance.hosts <= BOUNDED_HOSTS_MAX)
      this.#bound = upperBound(instance, this.#objective);
    return Number.isFinite(this.#bound) ? Math.max(value, this.#bound) : Number.MAX_VALUE;
  }

  #flows(placement: Placement, forecast: Forecast): AdaptPlan['flows'] {
    const drawn = this.#draft;
    return drawn.flows.slice(0, FLOWS_LISTED_MAX).map(({ from, to, bitsPerSecond }, flow) => ({
      from,
      to,
      measured: bitsPerSecond,
      fairNow: this.#work.forecaster.now.fair[flow] as number,
      fairThen: forecast.fair[flow] as number,
      pathNow: pathNames(drawn, drawn.present.paths[flow] as Int32Array),
      pathThen: pathNames(drawn, placement.paths[flow] as Int32Array),
    }));
  }

  #verdict(actions: number, gain: number): string {
    const { settings, flows } = this.#draft;
    const threshold = percent(settings.gainThreshold);
    if (actions === 0 && this.#failures.length > 0) return 'no plan: the solver gave no answer';
    if (this.#broken !== undefined)
      return actions > 0 ? `worth it: now ${this.#broken}` : `nothing found that mends that ${this.#broken}`;
    if (flows.length === 0 && actions === 0)
      return 'nothing to do: no VMs that are placed here talk to each other';
    if (actions === 0) return 'nothing to do: no change was found that makes the flows faster';
    if (this.#best.placement === this.#draft.present) return 'worth it: reservations follow the demand';
    if (gain >= settings.gainThreshold)
      return `worth it: the flows' rates grow by ${percent(gain)}, and the threshold is ${threshold}`;
    return `not worth it: the flows' rates grow by ${percent(gain)}, less than the threshold of ${threshold}`;
  }
}

/** Nothing is moved or linked, but what is reserved follows the demand. */
function withReservations(drawn: Draft, { given }: PlanWork): Adapted {
  const { adapted } = drawn.snapshot;
  const { mechanisms } = drawn.settings;
  if (!mechanisms.includes('reservation') && !mechanisms.includes('cpu')) return adapted;
  const { linkReservations, cpuReservations } = targetOf(drawn, given, drawn.present);
  return { ...adapted, linkReservations, cpuReservations };
}

/** Of the settings, with the cost of change in it: a better place that is not worth the way is none. */
export function objectiveOf({ objective }: Pick<AdaptSettings, 'objective'>): Objective {
  const named = (OBJECTIVES as Record<string, Objective>)[objective] ?? OBJECTIVES.residual;
  return { name: named.name, weights: { ...named.weights, change: 1 } };
}
