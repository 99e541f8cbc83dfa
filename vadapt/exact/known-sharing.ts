/**
 * The same for a part of a mapping: flows of which it is known that they leave a host, or arrive there, whatever the rest. What
 * they are worth together at best does not depend on where their other ends are, so it is computed once for each host and
 * set of flows.
 */
import type { Instance } from '../model/instance.js';
import { flowValue, type ObjectiveWeights } from '../model/objective.js';
import { EdgePartition, PARTITION_FLOWS_MAX } from './edge-partition.js';
import { isConcave, roomValue } from './flow-bound.js';
import { edgeWidths } from './path-levels.js';

export class KnownSharing {
  readonly #instance: Instance;
  readonly #weights: ObjectiveWeights;
  readonly #widths: Float64Array;
  readonly #partition: EdgePartition;
  readonly #known = new Map<string, number>();
  readonly counts: boolean;

  constructor(instance: Instance, weights: ObjectiveWeights) {
    this.#instance = instance;
    this.#weights = weights;
    this.counts = isConcave(weights);
    this.#widths = edgeWidths(instance);
    this.#partition = new EdgePartition((residual) => roomValue(weights, residual));
  }

  /** Of so many flows at most, PARTITION_FLOWS_MAX. Infinity: nothing is known. */
  worth(host: number, leaving: boolean, flows: readonly number[]): number {
    const key = `${leaving ? host : -1 - host}:${flows.join()}`;
    let worth = this.#known.get(key);
    if (worth === undefined) {
      worth = this.#compute(host, leaving, flows);
      this.#known.set(key, worth);
    }
    return worth;
  }

  #compute(host: number, leaving: boolean, flows: readonly number[]): number {
    const { hosts, demand, latencyBound, latency, bandwidth } = this.#instance;
    if (flows.length > PARTITION_FLOWS_MAX) return Infinity;
    this.#partition.begin(flows.map((flow) => demand[flow] as number));
    for (let other = 0; other < hosts; other++) {
      const edge = leaving ? host * hosts + other : other * hosts + host;
      if (other === host || !((bandwidth[edge] as number) > 0)) continue;
      const [width, us] = [this.#widths[edge] as number, latency[edge] as number];
      const rest = flows.map((flow) => {
        return flowValue(this.#weights, demand[flow] as number, latencyBound[flow] as number, 0, us, 1);
      });
      const most = flows.map((flow, i) => {
        return this.#partition.room(width - (demand[flow] as number)) + (rest[i] as number);
      });
      this.#partition.addEdge(width, most, rest);
    }
    const worth = this.#partition.value();
    return worth === -Infinity ? Infinity : worth;
  }
}
