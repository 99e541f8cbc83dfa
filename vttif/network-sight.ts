/** One network: what is inferred from its demands now, and what of it is declared. */
import type { ApplicationView, SightParameters, TopologyView } from '../core/index.js';
import { plainApplications } from './applications.js';
import { type Declared, infer, type InferredApplication, type Inference, NO_INFERENCE } from './infer.js';
import type { Naming } from './naming.js';
import { applicationText, applicationView, headline } from './topology-view.js';
import { type PairNumbers, TopologyTracker } from './topology-tracker.js';
import { NO_DEMANDS, type VmDemands, type VmPairs } from './vm-pairs.js';

export class NetworkSight {
  readonly #tracker: TopologyTracker;
  readonly #naming: Naming;
  readonly #pairs: VmPairs;
  #demands: VmDemands = NO_DEMANDS;
  #inference: Inference = NO_INFERENCE;
  #declared: Declared = new Uint8Array(0);

  constructor(parameters: SightParameters, naming: Naming, pairs: VmPairs, nowMs: number) {
    this.#tracker = new TopologyTracker(parameters, nowMs);
    this.#naming = naming;
    this.#pairs = pairs;
  }

  /** Nothing talks, and nothing is shown. */
  get isSilent(): boolean {
    return this.#demands.rows === 0 && this.#tracker.state === 'silent';
  }

  get serial(): number {
    return this.#tracker.serial;
  }

  get state(): TopologyView['state'] {
    return this.#tracker.state;
  }

  /** Of the last declaration, or since it is silent. */
  get sinceMs(): number {
    return this.#tracker.sinceMs;
  }

  setParameters(parameters: SightParameters): void {
    this.#tracker.setSmoothing(parameters);
  }

  /** True where something was declared. */
  evaluate(nowMs: number, threshold: number, demands: VmDemands = NO_DEMANDS): boolean {
    this.#demands = demands;
    this.#inference = infer(demands, threshold, this.#naming, this.#declared);
    const declares = this.#tracker.feed(nowMs, this.#inference);
    if (declares) this.#declared = marked(this.#tracker.declared);
    return declares;
  }

  get text(): string {
    const nameOf = (vm: number) => this.#pairs.nameOf(vm);
    return headline(
      this.state,
      this.#shown().map((application) => applicationText(application, nameOf)),
    );
  }

  /** The declared topology with the rates of now. Before the first declaration: what is inferred so far. */
  applications(): ApplicationView[] {
    const { busiest } = this.#inference;
    return this.#shown().map((application) =>
      applicationView(application, (vm) => this.#pairs.nameOf(vm), busiest),
    );
  }

  /** Pairs with traffic in the window, and those of them that the topology leaves out. */
  counts(): { pairs: number; pruned: number } {
    const { rows, pair } = this.#demands;
    if (this.#isInferred()) return { pairs: rows, pruned: rows - this.#inference.pairs.length };
    return { pairs: rows, pruned: pair.filter((number) => this.#declared[number] !== 1).length };
  }

  /** The largest first. */
  #shown(): InferredApplication[] {
    const shown = this.#isInferred() ? this.#inference.applications : this.#declaredApplications();
    return shown.toSorted(
      (x, y) => y.part.vms.length - x.part.vms.length || y.part.rows.length - x.part.rows.length,
    );
  }

  #isInferred(): boolean {
    const { pairs } = this.#inference;
    if (this.#tracker.serial === 0) return true;
    return (
      pairs.length === this.#tracker.declared.length && pairs.every((pair) => this.#declared[pair] === 1)
    );
  }

  /** Pairs that do not talk now have rate 0; a topology that is past or a union has nothing to be sure of. */
  #declaredApplications(): InferredApplication[] {
    const rowOf = new Map(Array.from(this.#demands.pair, (pair, row) => [pair, row]));
    const pairs = Array.from(this.#tracker.declared);
    const demands: VmDemands = {
      rows: pairs.length,
      pair: Uint32Array.from(pairs),
      a: Uint32Array.from(pairs, (pair) => this.#pairs.vmsOf(pair)[0]),
      b: Uint32Array.from(pairs, (pair) => this.#pairs.vmsOf(pair)[1]),
      rate: Float64Array.from(pairs, (pair) => this.#demands.rate[rowOf.get(pair) ?? -1] ?? 0),
      recent: new Float64Array(pairs.length),
      frames: new Float64Array(pairs.length),
      recentShare: 1,
    };
    return plainApplications(demands, [...pairs.keys()], this.#naming).map((application) => ({
      ...application,
      confidence: 0,
    }));
  }
}

function marked(pairs: PairNumbers): Declared {
  const marks = new Uint8Array((pairs[pairs.length - 1] ?? -1) + 1);
  for (let i = 0; i < pairs.length; i++) marks[pairs[i] ?? 0] = 1;
  return marks;
}
