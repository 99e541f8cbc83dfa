/**
 * Mappings as a tree, a unit (units.ts) a level. A node's bound is that of the graphical model (pairwise-bound.ts) with some
 * units fixed, its potentials as the dual ascent left them, less what flows within a host are known to take from each
 * other, and what CPUs are known to be missing. O(units x hosts x neighbours) a node.
 */
import { ROUNDING } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import type { Objective } from '../model/objective.js';
import { weightsOf } from '../model/objective.js';
import { PARTITION_FLOWS_MAX } from './edge-partition.js';
import { FlowBounds } from './flow-bound.js';
import { KnownSharing } from './known-sharing.js';
import { type Group, LocalSharing } from './local-sharing.js';
import { type Balanced, dualAscent, largest, type PairTable, pairwiseModel } from './pairwise-bound.js';
import { exchangeable } from './symmetry.js';
import { unitOrder } from './unit-order.js';
import { apartUnits, fits, type Units } from './units.js';

export interface TreeNode {
  /** Nothing below is worth more. */
  bound: number;
  /** Units placed, in the tree's order. */
  depth: number;
  /** Of the last of them. */
  host: number;
  parent: TreeNode | undefined;
  /** True: `bound` is what `tightened` gave. */
  tight?: boolean;
  /** Nodes that the routing of a whole mapping may take. */
  tries?: number;
}

interface End {
  other: number;
  table: PairTable;
  /** The unit is the table's rows. */
  rows: boolean;
}

/** Flows that leave, or arrive at, a host. */
interface KnownGroup {
  host: number;
  leaving: boolean;
  /** With the unit at the other end, and its host, or -1. */
  flows: { flow: number; unit: number; at: number }[];
}

export class MappingTree {
  readonly #instance: Instance;
  readonly #units: Units;
  readonly #model: Balanced;
  readonly #sharing: LocalSharing;
  readonly #known: KnownSharing;
  readonly #flowBounds: FlowBounds;
  readonly #ends: readonly End[][];
  readonly #apart: Set<number>;
  readonly #exchange: Int32Array;
  readonly #order: Int32Array;
  /** Level of each unit. */
  readonly #level: Int32Array;
  /** By depth: the best of all pairs of units that are both not placed. */
  readonly #freePairs: Float64Array;

  // Of the node looked at.
  /** By unit: place in its domain. */
  readonly #at: Int32Array;
  readonly #groups: Group[];
  readonly #cpus: Float64Array;
  readonly #memory: Float64Array;

  /** Undefined: its tables would be too large. */
  static of(instance: Instance, objective: Objective, units: Units): MappingTree | undefined {
    const model = pairwiseModel(instance, objective, units);
    return model === undefined ? undefined : new MappingTree(instance, objective, units, dualAscent(model));
  }

  private constructor(instance: Instance, objective: Objective, units: Units, model: Balanced) {
    this.#instance = instance;
    this.#units = units;
    this.#model = model;
    this.#sharing = new LocalSharing(instance, weightsOf(objective), units);
    this.#known = new KnownSharing(instance, weightsOf(objective));
    this.#flowBounds = new FlowBounds(instance, objective);
    this.#apart = apartUnits(instance, units);
    this.#exchange = exchangeable(instance);
    const ends: End[][] = Array.from({ length: units.count }, () => []);
    for (const table of model.pairs) {
      ends[table.a]?.push({ other: table.b, table, rows: true });
      ends[table.b]?.push({ other: table.a, table, rows: false });
    }
    this.#ends = ends;
    this.#order = unitOrder(units, this.#sharing.flows);
    this.#level = new Int32Array(units.count);
    this.#order.forEach((unit, level) => {
      this.#level[unit] = level;
    });
    this.#freePairs = this.#sumFreePairs();
    this.#at = new Int32Array(units.count).fill(-1);
    this.#groups = Array.from({ length: instance.hosts }, () => ({ units: [], flows: 0, demand: 0 }));
    this.#cpus = new Float64Array(instance.hosts);
    this.#memory = new Float64Array(instance.hosts);
  }

  get depth(): number {
    return this.#units.count;
  }

  root(): TreeNode {
    return { bound: this.#model.bound, depth: 0, host: -1, parent: undefined };
  }

  /** VM to host, of a node at full depth. */
  mapping(leaf: TreeNode): Int32Array {
    const mapping = new Int32Array(this.#instance.vms);
    for (let node: TreeNode | undefined = leaf; node && node.depth > 0; node = node.parent)
      for (const vm of this.#units.members[this.#order[node.depth - 1] as number] as Int32Array)
        mapping[vm] = node.host;
    return mapping;
  }

  /** Those whose bound is above the floor, best first. */
  children(node: TreeNode, floor: number): TreeNode[] {
    const unit = this.#order[node.depth] as number;
    const fixed = this.#place(node);
    const children: TreeNode[] = [];
    (this.#units.domains[unit] as Int32Array).forEach((host, at) => {
      if (!this.#mayJoin(unit, host) || this.#isRepeated(host)) return;
      const gain = this.#worthAt(unit, at, host);
      if (gain === -Infinity) return;
      this.#join(unit, at, host);
      const bound = Math.min(node.bound, fixed + gain + this.#restBelow(node.depth + 1));
      this.#leave(unit, host);
      if (bound > floor) children.push({ bound, depth: node.depth + 1, host, parent: node });
    });
    return children.sort((a, b) => b.bound - a.bound);
  }

  /**
   * The node's bound, less what its flows are known to take from each other where they leave or arrive. For each such
   * set, what its flows are worth alone is exchanged for what they are worth together, where that is less.
   */
  tightened(node: TreeNode): number {
    if (!this.#known.counts || node.bound === -Infinity) return node.bound;
    let bound = this.#place(node) + (this.#freePairs[node.depth] as number);
    const left = new Map<number, Float64Array>();
    for (let level = node.depth; level < this.#order.length; level++) {
      const unit = this.#order[level] as number;
      const worth = this.#worths(unit);
      left.set(unit, worth);
      bound += largest(worth);
    }
    if (bound === -Infinity) return bound;
    const counted = new Uint8Array(this.#instance.flows);
    for (const group of this.#knownGroups(node)) {
      const flows = group.flows.filter(({ flow }) => counted[flow] === 0).slice(0, PARTITION_FLOWS_MAX);
      if (flows.length < 2) continue;
      const change = this.#together({ ...group, flows }, left);
      if (!(change.bound < 0)) continue;
      bound += change.bound;
      for (const [unit, worth] of change.left) left.set(unit, worth);
      for (const { flow } of flows) counted[flow] = 1;
    }
    return Math.min(node.bound, bound);
  }

  /** Over the unit's domain, as things are. */
  #worths(unit: number): Float64Array {
    return Float64Array.from(this.#units.domains[unit] as Int32Array, (host, at) => {
      return this.#mayJoin(unit, host) ? this.#worthAt(unit, at, host) : -Infinity;
    });
  }

  /** By how much the bound changes, and what free units are then left with. */
  #together(
    { host, leaving, flows }: KnownGroup,
    left: ReadonlyMap<number, Float64Array>,
  ): { bound: number; left: Map<number, Float64Array> } {
    let bound = this.#known.worth(
      host,
      leaving,
      flows.map(({ flow }) => flow),
    );
    const changed = new Map<number, Float64Array>();
    for (const { flow, unit, at } of flows) {
      const alone = (there: number) => this.#alone(flow, leaving ? host : there, leaving ? there : host);
      if (at >= 0) bound -= alone(at);
      else {
        const before = changed.get(unit) ?? (left.get(unit) as Float64Array);
        const domain = this.#units.domains[unit] as Int32Array;
        changed.set(
          unit,
          before.map((worth, i) => (worth === -Infinity ? worth : worth - alone(domain[i] as number))),
        );
      }
    }
    for (const [unit, worth] of changed) bound += largest(worth) - largest(left.get(unit) as Float64Array);
    return { bound, left: changed };
  }

  #alone(flow: number, from: number, to: number): number {
    return this.#flowBounds.remote(flow, from, to);
  }

  /** The largest sets first, the largest flows first. */
  #knownGroups(node: TreeNode): KnownGroup[] {
    const { flows, flowFrom, flowTo, demand } = this.#instance;
    const groups = new Map<number, KnownGroup>();
    const add = (host: number, leaving: boolean, flow: number, unit: number, at: number) => {
      const key = 2 * host + (leaving ? 1 : 0);
      const group = groups.get(key) ?? { host, leaving, flows: [] };
      group.flows.push({ flow, unit, at });
      groups.set(key, group);
    };
    const isPlaced = (unit: number) => (this.#level[unit] as number) < node.depth;
    for (let flow = 0; flow < flows; flow++) {
      const a = this.#units.of[flowFrom[flow] as number] as number;
      const b = this.#units.of[flowTo[flow] as number] as number;
      if (a === b) continue;
      const [from, to] = [isPlaced(a) ? this.#hostOf(a) : -1, isPlaced(b) ? this.#hostOf(b) : -1];
      if (from === to) continue;
      if (from >= 0 && (to >= 0 || !this.#mayJoin(b, from))) add(from, true, flow, b, to);
      if (to >= 0 && (from >= 0 || !this.#mayJoin(a, to))) add(to, false, flow, a, from);
    }
    for (const group of groups.values())
      group.flows.sort((x, y) => (demand[y.flow] as number) - (demand[x.flow] as number));
    return [...groups.values()].sort((x, y) => y.flows.length - x.flows.length);
  }

  #hostOf(unit: number): number {
    return (this.#units.domains[unit] as Int32Array)[this.#at[unit] as number] as number;
  }

  /** Makes the node the one looked at; what its placed units are worth. */
  #place(node: TreeNode): number {
    this.#at.fill(-1);
    this.#cpus.fill(0);
    this.#memory.fill(0);
    for (const group of this.#groups) {
      group.units.length = 0;
      group.flows = 0;
      group.demand = 0;
    }
    const hosts: number[] = [];
    for (let at: TreeNode | undefined = node; at && at.depth > 0; at = at.parent) hosts.push(at.host);
    let worth = 0;
    hosts.reverse().forEach((host, level) => {
      const unit = this.#order[level] as number;
      const at = (this.#units.domains[unit] as Int32Array).indexOf(host);
      worth += this.#worthAt(unit, at, host);
      this.#join(unit, at, host);
    });
    return worth;
  }

  #join(unit: number, at: number, host: number): void {
    this.#at[unit] = at;
    this.#sharing.join(this.#groups[host] as Group, unit);
    this.#cpus[host] = (this.#cpus[host] as number) + (this.#units.cpus[unit] as number);
    this.#memory[host] = (this.#memory[host] as number) + (this.#units.memory[unit] as number);
  }

  #leave(unit: number, host: number): void {
    this.#at[unit] = -1;
    this.#sharing.leave(this.#groups[host] as Group);
    this.#cpus[host] = (this.#cpus[host] as number) - (this.#units.cpus[unit] as number);
    this.#memory[host] = (this.#memory[host] as number) - (this.#units.memory[unit] as number);
  }

  /** With those that are placed, and less than it costs them. */
  #worthAt(unit: number, at: number, host: number): number {
    let worth = (this.#model.unary[unit] as Float64Array)[at] as number;
    for (const { other, table, rows } of this.#ends[unit] as End[]) {
      const there = this.#at[other] as number;
      if (there < 0) continue;
      const columns = (this.#units.domains[table.b] as Int32Array).length;
      worth += table.value[rows ? at * columns + there : there * columns + at] as number;
    }
    if (worth === -Infinity) return worth;
    worth -= this.#sharing.loss(host, this.#groups[host] as Group, unit);
    return worth - this.#missing(host, this.#units.cpus[unit] as number);
  }

  /** What CPUs more are missing, in the objective's unit. */
  #missing(host: number, cpus: number): number {
    const { missingCpu, hostCpus } = this.#instance;
    if (missingCpu === Infinity || missingCpu === 0) return 0;
    const over = (this.#cpus[host] as number) - (hostCpus[host] as number) - ROUNDING;
    return missingCpu * (Math.max(0, over + cpus) - Math.max(0, over));
  }

  /** What units that are not placed can still be worth. */
  #restBelow(depth: number): number {
    let sum = this.#freePairs[depth] as number;
    for (let level = depth; level < this.#order.length; level++) {
      const unit = this.#order[level] as number;
      const domain = this.#units.domains[unit] as Int32Array;
      let best = -Infinity;
      for (let at = 0; at < domain.length; at++) {
        const host = domain[at] as number;
        if (!this.#mayJoin(unit, host)) continue;
        const worth = this.#worthAt(unit, at, host);
        if (worth > best) best = worth;
      }
      if (best === -Infinity) return best;
      sum += best;
    }
    return sum;
  }

  #mayJoin(unit: number, host: number): boolean {
    const cpus = (this.#cpus[host] as number) + (this.#units.cpus[unit] as number);
    const memory = (this.#memory[host] as number) + (this.#units.memory[unit] as number);
    if (!fits(this.#instance, host, cpus, memory)) return false;
    if (this.#apart.size === 0) return true;
    const { units } = this.#groups[host] as Group;
    return !units.some((other) => this.#apart.has(unit * this.#units.count + other));
  }

  /** An empty host like it comes before. */
  #isRepeated(host: number): boolean {
    if ((this.#groups[host] as Group).units.length > 0) return false;
    for (let other = 0; other < host; other++) {
      const alike = this.#exchange[other] === this.#exchange[host];
      if (alike && (this.#groups[other] as Group).units.length === 0) return true;
    }
    return false;
  }

  #sumFreePairs(): Float64Array {
    const free = new Float64Array(this.#units.count + 1);
    for (const { a, b, value } of this.#model.pairs) {
      const best = largest(value);
      const first = Math.min(this.#level[a] as number, this.#level[b] as number);
      for (let depth = 0; depth <= first; depth++) free[depth] = (free[depth] as number) + best;
    }
    return free;
  }
}
