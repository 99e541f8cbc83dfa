/**
 * What a placement brings: the rates that the flows of the application will have, over those they have now. Residual
 * bandwidth guides the search; this decides (docs/adaptation.md explains it with examples).
 *
 * One flow. What is measured is a mean. While its path is busy with the application's traffic it sends, and for the
 * rest it waits for something else: its own computing, its window. `busy` is that share, of the part of the path
 * where it is greatest: all that flows send over it / its capacity. Another path changes how long the sending takes,
 * another host how long the waiting does (Amdahl's law):
 *
 *   pace = 1 / ((1 - busyNow) * c + busyThen)        c = CPU that the slower end gets, now / then
 *
 * busyThen is what the same traffic would make of the new path, so it may be above 1. A flow that is held back by the
 * network gains what the network gives, and one that sends a little now and then gains next to nothing, however wide
 * its new path is. Elastic flows, those whose path is busy ELASTIC of the time and that take at least TAKES_MIN of what
 * would be theirs there, will not keep their proportions: they share what there is fairly, and their busyThen is
 * busyNow * fairNow / fairThen of max-min rates, in which all others
 * ask for no more than their pace gives them. Where the objective counts latency, the person says that the waiting is
 * for answers. How often a flow waits for one cannot be seen; in an application whose parts wait for each other it is for
 * the farthest, L now away, and c is also multiplied by 1 + (its latency then - now) / L now.
 *
 * A flow that carries next to nothing beside its other direction acknowledges it: it is not elastic, and its pace is that
 * of the other, unless its own path is too full for it.
 *
 * An application (VMs joined by flows). Its flows may be independent, and then what counts is their sum; or they go in
 * lock-step, as in BSP, where the slowest sets the pace of all (Virtuoso 9.3.3):
 *
 *   sum  = sum(measured * pace) / sum(measured)
 *   step = 1 / ((1 - max busyNow) * (slowest end now / slowest end then) + max busyThen)
 *
 * and where latency counts, the waiting of step is also multiplied by the farthest then / now.
 *
 * From outside the two look alike, so the prediction is their geometric mean; where some flow would be slower than now
 * (step below 1), step counts twice, and below STEP_MIN it alone counts: nobody pays much for what others gain.
 *
 *   gain = sum over applications(rate * that) / all rates - 1 - cost / all rates
 *
 * cost: change-cost.ts. `hope` is the same where all waiting is for answers, as if the objective counted latency: true of
 * a parallel program over a wide area, not of a stream at a fixed rate. Whether anything is done at all
 * is decided by `gain`; which of several changes that are worth it, and how far it goes, by both (`scoreOf`).
 */
import type { Instance } from '../model/instance.js';
import { NEAR_US, type Objective, weightsOf } from '../model/objective.js';
import type { Placement } from '../model/problem.js';
import { maxMinRates } from '../prediction/index.js';
import { acknowledged } from './acknowledgements.js';
import { applicationsOf } from './applications.js';
import { busyShares } from './busy.js';
import { changeCost } from './change-cost.js';
import { cpuPaces } from './cpu-pace.js';
import type { Draft } from './draft.js';

/** Share of the time from which a flow is taken to want all it can get. */
export const ELASTIC = 0.7;
/** One that takes less than this of its fair share on such a path wants no more: something else holds it up. */
export const TAKES_MIN = 0.3;
/** A share is never so sure, and no path so wide, that nothing else would hold a flow up. */
export const BUSY_MAX = 0.95;
/** Slower in lock-step than this, over now, is a loss whatever else is gained. */
export const STEP_MIN = 0.5;
/** A flow without a path still has so many bits a second: 0 would be no pace. */
const LEAST = 1;
/** Of the waiting, what is left when its answers come from next to it. */
const LEAST_WAIT = 0.01;

export interface Forecast {
  /** By flow, bits a second. */
  fair: Float64Array;
  /** Over now, less 1, the cost taken off. */
  gain: number;
  /** The same, if what is not sending waits for answers. */
  hope: number;
  /** Bits a second. */
  cost: number;
}

/** What changes are compared by: nearer hosts count once there is a gain that is worth the change, by their order of magnitude. */
export function scoreOf({ gain, hope }: Forecast, threshold: number): number {
  return gain < threshold ? gain : gain + Math.log1p(Math.max(0, hope)) / 2;
}

/** By flow, parts of the time that it takes now. */
interface Parts {
  /** Waiting for what is not the network, then. */
  waits: Float64Array;
  /** Sending, then. */
  sends: Float64Array;
  /** By flow, microseconds then, where waiting is for answers. */
  latencies?: Float64Array;
}

export class Forecaster {
  readonly now: Forecast;
  readonly #instance: Instance;
  readonly #present: Placement;
  readonly #latencyCounts: boolean;
  /** By flow: share of the time, at most BUSY_MAX; and the same before it was cut to that. */
  readonly #busy: Float64Array;
  readonly #busyRaw: Float64Array;
  readonly #applications: readonly (readonly number[])[];
  /** By flow, whose acknowledgements it is; -1: nobody's. */
  readonly #acknowledged: Int32Array;
  readonly #queues: Float64Array;
  /** By flow: 1 where it wants all that it can get. */
  readonly #elastic: Uint8Array;
  readonly #paceNow: Float64Array;
  readonly #latencyNow: Float64Array;
  readonly #measured: number;

  constructor({ instance, present, queues }: Draft, objective: Objective) {
    const { latency, nearness } = weightsOf(objective);
    this.#instance = instance;
    this.#present = present;
    this.#latencyCounts = latency > 0 || nearness > 0;
    this.#busyRaw = busyShares(instance, present.paths);
    this.#busy = this.#busyRaw.map((busy) => Math.min(BUSY_MAX, busy));
    this.#acknowledged = acknowledged(instance);
    this.#applications = applicationsOf(instance);
    this.#queues = queues;
    this.#paceNow = cpuPaces(instance, present.mapping, queues);
    this.#latencyNow = latencies(instance, present.paths);
    this.#measured = instance.demand.reduce((sum, rate) => sum + rate, 0);
    this.#elastic = this.#elasticFlows();
    this.now = { fair: this.#fair(present, instance.demand), gain: 0, hope: 0, cost: 0 };
  }

  /** O(hops of all paths x log capacities). */
  of(placement: Placement): Forecast {
    const { demand } = this.#instance;
    const waits = this.#waits(placement);
    const busyThen = busyShares(this.#instance, placement.paths);
    const sends = busyThen.map((busy, flow) => busy / Math.max(1, this.#busyRaw[flow] as number));
    const asks = demand.map((rate, flow) => rate / ((waits[flow] as number) + (sends[flow] as number)));
    const fair = this.#fair(placement, asks);
    for (let flow = 0; flow < sends.length; flow++)
      if (this.#elastic[flow] === 1) sends[flow] = (this.#busy[flow] as number) * this.#longer(fair, flow);
    this.#follow(waits, sends, busyThen);
    const cost = changeCost(this.#instance, this.#present, placement, this.#measured);
    const hope = this.#gain({ waits, sends, latencies: latencies(this.#instance, placement.paths) }, cost);
    const gain = this.#latencyCounts ? hope : this.#gain({ waits, sends }, cost);
    return { fair, gain, hope, cost };
  }

  /** Acknowledgements take the times of what they acknowledge; a path of their own that overflows holds up both. */
  #follow(waits: Float64Array, sends: Float64Array, busyThen: Float64Array): void {
    for (const [flow, other] of this.#acknowledged.entries()) {
      if (other < 0) continue;
      const over = Math.max(1, busyThen[flow] as number) / Math.max(1, this.#busyRaw[flow] as number);
      if (over > 1) sends[other] = Math.max(sends[other] as number, over);
      [waits[flow], sends[flow]] = [waits[other] as number, sends[other] as number];
    }
  }

  #gain(parts: Parts, cost: number): number {
    if (this.#measured === 0) return 0;
    let carried = 0;
    for (const flows of this.#applications) carried += this.#rateOf(flows) * this.#paceOf(flows, parts);
    return (carried - cost) / this.#measured - 1;
  }

  /** Max-min, where only elastic flows want more than `asks`. */
  #fair({ paths }: Placement, asks: Float64Array): Float64Array {
    const caps = asks.map((rate, flow) => (this.#elastic[flow] === 1 ? Infinity : rate));
    const fair = maxMinRates(this.#instance, paths, caps).bitsPerSecond;
    if (this.#acknowledged.every((other) => other < 0)) return fair;
    const { demand } = this.#instance;
    for (const [flow, other] of this.#acknowledged.entries()) {
      if (other < 0) continue;
      const share = (demand[flow] as number) / (demand[other] as number);
      caps[flow] = Math.min(caps[flow] as number, share * (fair[other] as number));
    }
    return maxMinRates(this.#instance, paths, caps).bitsPerSecond;
  }

  #elasticFlows(): Uint8Array {
    const { demand } = this.#instance;
    const onBusyPaths = this.#busy.map((busy, flow) =>
      busy >= ELASTIC && (this.#acknowledged[flow] as number) < 0 ? 1 : 0,
    );
    const caps = demand.map((rate, flow) => (onBusyPaths[flow] === 1 ? Infinity : rate));
    const share = maxMinRates(this.#instance, this.#present.paths, caps).bitsPerSecond;
    return Uint8Array.from(onBusyPaths, (busy, flow) =>
      busy === 1 && (demand[flow] as number) >= TAKES_MIN * (share[flow] as number) ? 1 : 0,
    );
  }

  #longer(fair: Float64Array, flow: number): number {
    return Math.max(LEAST, this.now.fair[flow] as number) / Math.max(LEAST, fair[flow] as number);
  }

  #rateOf(flows: readonly number[]): number {
    return flows.reduce((sum, flow) => sum + (this.#instance.demand[flow] as number), 0);
  }

  #paceOf(flows: readonly number[], { waits, sends, latencies: then }: Parts): number {
    const now = this.#latencyNow;
    const [farNow, farThen] = then ? [farthest(flows, now), farthest(flows, then)] : [1, 1];
    let [sum, busiest, longestSend] = [0, 0, 0];
    let [workNow, workThen] = [0, 0];
    for (const flow of flows) {
      const [wait, send] = [waits[flow] as number, sends[flow] as number];
      const busy = this.#busy[flow] as number;
      const nearer = then ? ((then[flow] as number) - (now[flow] as number)) / farNow : 0;
      sum += (this.#instance.demand[flow] as number) / (wait * Math.max(LEAST_WAIT, 1 + nearer) + send);
      if ((this.#acknowledged[flow] as number) >= 0) continue;
      busiest = Math.max(busiest, busy);
      const work = 1 / this.#flowPace(this.#paceNow, flow);
      workNow = Math.max(workNow, work);
      workThen = Math.max(workThen, (work * wait) / (1 - busy));
      longestSend = Math.max(longestSend, send);
    }
    const rate = this.#rateOf(flows);
    if (rate === 0) return 1;
    const step = 1 / ((1 - busiest) * (workThen / Math.max(1, workNow)) * (farThen / farNow) + longestSend);
    const own = sum / rate;
    if (step < STEP_MIN) return Math.min(step, own);
    return step < 1 ? Math.cbrt(step * step * own) : Math.sqrt(step * own);
  }

  #waits({ mapping }: Placement): Float64Array {
    const paces = cpuPaces(this.#instance, mapping, this.#queues);
    return this.#busy.map(
      (busy, flow) => (1 - busy) * (this.#flowPace(this.#paceNow, flow) / this.#flowPace(paces, flow)),
    );
  }

  /** That of its slower end. `paces`: by VM. */
  #flowPace(paces: Float64Array, flow: number): number {
    const { flowFrom, flowTo } = this.#instance;
    return Math.min(paces[flowFrom[flow] as number] as number, paces[flowTo[flow] as number] as number);
  }
}

/** Microseconds of the farthest of some flows. */
const farthest = (flows: readonly number[], us: Float64Array): number =>
  flows.reduce((most, flow) => Math.max(most, us[flow] as number), NEAR_US);

/** By flow, microseconds, NEAR_US added. */
function latencies({ hosts, latency }: Instance, paths: readonly Int32Array[]): Float64Array {
  return Float64Array.from(paths, (path) => {
    let sum = NEAR_US;
    for (let i = 1; i < path.length; i++)
      sum += latency[(path[i - 1] as number) * hosts + (path[i] as number)] as number;
    return sum;
  });
}
