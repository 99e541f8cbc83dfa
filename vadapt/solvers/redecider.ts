/**
 * Deciding again and again: the arrangement is kept from one change to the next, so that a change among 1,000 hosts is
 * decided in milliseconds, where `redecide` first makes an arrangement of hosts^2 edges. Where more than demands, bounds,
 * edges and capacities changed, it is made anew. Up to so many hosts that this costs nothing it is `redecide`.
 */
import type { Random } from '../../core/index.js';
import type { Instance } from '../model/instance.js';
import type { Objective } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import type { Answer, SolveOptions } from '../model/solver.js';
import { hopsMax, MANY_HOSTS } from '../routing/index.js';
import { Arrangement } from './arrangement.js';
import { leads, loadPlacement } from './load.js';
import { improve, kicks, passes, redecide, type Touched } from './redecide.js';

/** Of the budget, for the search: the rest is for taking over what changed and for giving back the answer. */
const SEARCH_SHARE = 0.8;

/** What an arrangement has counted or listed when it was made. */
const KEPT = [
  'relays',
  'hostCpus',
  'hostMemory',
  'vmCpus',
  'vmMemory',
  'allowed',
  'flowFrom',
  'flowTo',
  'sharedStart',
  'sharedOfEdge',
  'presentHost',
  'moveCost',
  'linked',
] as const;

interface Kept {
  /** The arrangement's own: it is overwritten by the next one. */
  instance: Instance;
  arrangement: Arrangement;
}

export class Redecider {
  readonly #objective: Objective;
  #last: Placement;
  #kept: Kept | undefined;

  /** `placement`: as `previous` of `redecide`. Nothing is made ready before the first `decide`, or `prepare`. */
  constructor(objective: Objective, placement: Placement) {
    this.#objective = objective;
    this.#last = placement;
  }

  /** Takes the time of a first `decide` beforehand. `instance`: that of the placement. */
  prepare(instance: Instance, random: Random): void {
    if (instance.hosts > MANY_HOSTS) this.#make(instance, random, () => false);
  }

  /**
   * From the answer before. `touched`: all that differs from the instance before. Undefined: no mapping that every host
   * can hold was found, and the answer before stays the last.
   */
  decide(
    instance: Instance,
    touched: Touched,
    options: Omit<SolveOptions, 'start' | 'objective'>,
  ): Answer | undefined {
    const budgetMs = SEARCH_SHARE * options.budgetMs;
    const search = { ...options, budgetMs, objective: this.#objective };
    const answer =
      instance.hosts > MANY_HOSTS
        ? this.#decideKept(instance, touched, search)
        : redecide(instance, this.#last, touched, search);
    if (answer) this.#last = answer;
    return answer;
  }

  #decideKept(
    instance: Instance,
    touched: Touched,
    { random, now, budgetMs }: Omit<SolveOptions, 'start'>,
  ): Answer | undefined {
    const began = now();
    const over = () => now() >= began + budgetMs;
    const alike = this.#kept && isAlike(this.#kept.instance, instance, touched);
    if (!alike || !takeOver(this.#kept as Kept, instance, touched, over)) this.#make(instance, random, over);
    const arrangement = this.#kept?.arrangement;
    if (!arrangement) return undefined;
    improve(arrangement, touched, random, over);
    kicks(arrangement, random, over);
    return arrangement.placement();
  }

  #make(instance: Instance, random: Random, over: () => boolean): void {
    const own = { ...instance };
    const arrangement = new Arrangement(own, this.#objective, this.#last);
    arrangement.over = over;
    const loaded = loadPlacement(arrangement, this.#last, random, over);
    this.#kept = loaded === 'none' ? undefined : { instance: own, arrangement };
  }
}

/**
 * Paths that lead through what changed are laid anew where they still lead, and routed where they do not. False where a
 * path is now longer than there is room for.
 */
function takeOver(
  { instance: own, arrangement }: Kept,
  instance: Instance,
  touched: Touched,
  over: () => boolean,
): boolean {
  const { routed } = arrangement;
  const hosts = new Set(touched.hosts);
  Object.assign(own, instance);
  arrangement.over = over;
  arrangement.forgetEdges();
  for (let flow = 0; flow < own.flows && hosts.size > 0; flow++) {
    // One without a path may have one now.
    if (routed.pathLength[flow] !== 0 && !passes(routed, flow, hosts)) continue;
    const path = routed.pathOf(flow);
    routed.lift(flow);
    if (path.length > 0 && leads(arrangement, flow, path)) routed.lay(flow, path, path.length);
  }
  routed.settle();
  arrangement.settleAll();
  return !routed.pathLength.includes(0) || hopsMax(own) < routed.pathRoom;
}

function isAlike(before: Instance, now: Instance, { vms = [] }: Touched): boolean {
  return (
    vms.length === 0 &&
    before.maxHops === now.maxHops &&
    before.missingCpu === now.missingCpu &&
    before.linkCost === now.linkCost &&
    before.sharedCapacity.length === now.sharedCapacity.length &&
    KEPT.every((key) => same(before[key], now[key])) &&
    sameSets(before.apart, now.apart) &&
    sameSets(before.together, now.together)
  );
}

function sameSets(before: readonly Int32Array[], now: readonly Int32Array[]): boolean {
  return before.length === now.length && before.every((set, i) => same(set, now[i] as Int32Array));
}

function same(before: ArrayLike<number>, now: ArrayLike<number>): boolean {
  if (before === now) return true;
  if (before.length !== now.length) return false;
  for (let i = 0; i < before.length; i++) if (before[i] !== now[i]) return false;
  return true;
}
