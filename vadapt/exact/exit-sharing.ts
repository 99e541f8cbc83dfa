/**
 * What flows that leave one host, or arrive at one, take from each other whatever their paths (edge-partition.ts), given
 * where all are. A flow is counted where it leaves or where it arrives, not at both.
 */
import type { Instance } from '../model/instance.js';
import type { ObjectiveWeights } from '../model/objective.js';
import { EdgePartition, PARTITION_FLOWS_MAX } from './edge-partition.js';
import { isConcave, roomValue } from './flow-bound.js';
import type { PathChoice } from './path-choice.js';
import { edgeWidths } from './path-levels.js';

/** Flows that leave, or arrive at, one host, the largest first. */
interface Group {
  host: number;
  leaving: boolean;
  flows: number[];
}

export class ExitSharing {
  readonly #instance: Instance;
  readonly #counts: boolean;
  readonly #widths: Float64Array;
  readonly #partition: EdgePartition;
  readonly #most = new Float64Array(PARTITION_FLOWS_MAX);
  readonly #rest = new Float64Array(PARTITION_FLOWS_MAX);

  constructor(instance: Instance, weights: ObjectiveWeights) {
    this.#instance = instance;
    this.#counts = isConcave(weights);
    this.#widths = edgeWidths(instance);
    this.#partition = new EdgePartition((residual) => roomValue(weights, residual));
  }

  /** By how much what all flows are worth together is less than the sum of what each has chosen for itself. */
  loss(choice: PathChoice, mapping: ArrayLike<number>): number {
    if (!this.#counts) return 0;
    const counted = new Uint8Array(this.#instance.flows);
    const groups = this.#groups(mapping).map((group) => ({ group, loss: this.#lossOf(choice, group) }));
    let sum = 0;
    for (const { group } of groups.filter(({ loss }) => loss > 0).sort((a, b) => b.loss - a.loss)) {
      const flows = group.flows.filter((flow) => counted[flow] === 0);
      const loss = this.#lossOf(choice, { ...group, flows });
      if (loss <= 0) continue;
      sum += loss;
      for (const flow of flows) counted[flow] = 1;
    }
    return sum;
  }

  #groups(mapping: ArrayLike<number>): Group[] {
    const { hosts, flows, flowFrom, flowTo, demand } = this.#instance;
    const groups = Array.from({ length: 2 * hosts }, (_, i): Group => {
      return { host: i >> 1, leaving: i % 2 === 0, flows: [] };
    });
    for (let flow = 0; flow < flows; flow++) {
      const [from, to] = [
        mapping[flowFrom[flow] as number] as number,
        mapping[flowTo[flow] as number] as number,
      ];
      if (from === to) continue;
      groups[2 * from]?.flows.push(flow);
      groups[2 * to + 1]?.flows.push(flow);
    }
    for (const { flows: list } of groups) {
      list.sort((a, b) => (demand[b] as number) - (demand[a] as number));
      list.length = Math.min(list.length, PARTITION_FLOWS_MAX);
    }
    return groups;
  }

  #lossOf(choice: PathChoice, { host, leaving, flows }: Group): number {
    const { hosts, demand, bandwidth } = this.#instance;
    if (flows.length < 2) return 0;
    let alone = 0;
    for (const flow of flows) {
      if ((choice.chosen[flow] as number) < 0) return 0;
      alone += choice.worth[flow] as number;
    }
    this.#partition.begin(flows.map((flow) => demand[flow] as number));
    for (let other = 0; other < hosts; other++) {
      const edge = leaving ? host * hosts + other : other * hosts + host;
      if (other === host || !((bandwidth[edge] as number) > 0)) continue;
      flows.forEach((flow, i) => this.#weigh(choice, flow, i, leaving, other));
      this.#partition.addEdge(this.#widths[edge] as number, this.#most, this.#rest);
    }
    const most = this.#partition.value();
    return most === -Infinity ? 0 : Math.max(0, alone - most);
  }

  #weigh(choice: PathChoice, flow: number, at: number, leaving: boolean, other: number): void {
    const { width, rest } = choice.endsOf(flow, leaving);
    const [bits, apart] = [width[other] as number, rest[other] as number];
    this.#rest[at] = apart;
    this.#most[at] =
      bits === -Infinity
        ? -Infinity
        : Math.min(
            choice.worth[flow] as number,
            this.#partition.room(bits - (this.#instance.demand[flow] as number)) + apart,
          );
  }
}
