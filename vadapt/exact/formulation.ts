/**
 * The whole problem as a mixed-integer linear program, without a big number on any edge. docs/exact.md has it in formulas;
 * the letters here are the same.
 *
 *   x[a,h]    unit a is on host h                       w[f,u,v]  flow f leads from host u to host v (u = v: within)
 *   y[f,e]    flow f takes edge e                       p[f,g,e]  both do
 *   r[f,e]    what flow f is left with, led along its path like a liquid: at most the residual of each edge it takes
 *   o[f]      what flow f lacks, on its worst edge
 *
 * An edge's row is r[f,e] - o[f] <= bw_e y[f,e] - sum over g of b_g p[f,g,e]: where f does not take e it says nothing,
 * and where it does it is the definition of the residual.
 */
import { ROUNDING, sharedOf, withoutPath } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import type { ObjectiveWeights } from '../model/objective.js';
import { OVERLOAD } from '../model/problem.js';
import { Reach } from '../model/reach.js';
import { LinearModel, type Term } from './linear-model.js';
import { edgeWidths, pathLevels } from './path-levels.js';
import { apartUnits, type Units } from './units.js';

/** What the middle one of all edges has in the model's unit: HiGHS compares up to 1e-6. */
const SCALED_WIDTH = 100;
/** What none has more of: beyond, it loses digits. */
const SCALED_WIDTH_MAX = 1e5;

export class Formulation {
  readonly model = new LinearModel();
  /** Units x hosts; -1: it cannot be there. */
  readonly x: Int32Array;
  /** Flows x edges, the diagonal within a host; -1: it cannot take it. */
  readonly y: Int32Array;
  /** Bits a second to the model's unit. */
  readonly scale: number;
  readonly #instance: Instance;
  readonly #weights: ObjectiveWeights;
  readonly #units: Units;
  /** Flows x host pairs; -1: never. */
  readonly #w: Int32Array;
  readonly #r: Int32Array;
  readonly #o: Int32Array;
  /** By flow, flow and edge. */
  readonly #p = new Map<string, number>();
  readonly #widths: Float64Array;
  /** Of the widest path of a pair. */
  readonly #pathWidths: Float64Array;
  readonly #reach: Reach;
  /** Between hosts. */
  readonly #edges: readonly number[];

  constructor(instance: Instance, weights: ObjectiveWeights, units: Units) {
    const { hosts, flows, bandwidth } = instance;
    this.#instance = instance;
    this.#weights = weights;
    this.#units = units;
    this.#reach = new Reach(instance);
    this.#widths = edgeWidths(instance);
    this.#edges = Array.from(bandwidth.keys()).filter((edge) => {
      return (bandwidth[edge] as number) > 0 && edge % (hosts + 1) !== 0;
    });
    this.scale = this.#makeScale();
    const [level] = pathLevels(instance, { byLevel: false });
    this.#pathWidths = level?.width ?? new Float64Array(hosts * hosts);
    this.x = new Int32Array(units.count * hosts).fill(-1);
    this.y = new Int32Array(flows * hosts * hosts).fill(-1);
    this.#w = new Int32Array(flows * hosts * hosts).fill(-1);
    this.#r = new Int32Array(flows * hosts * hosts).fill(-1);
    this.#o = Int32Array.from({ length: flows }, () => this.model.continuous(-OVERLOAD));
    this.#placeUnits();
    for (let flow = 0; flow < flows; flow++) {
      this.#joinEnds(flow);
      this.#leadFlow(flow);
      this.#leadRoom(flow);
    }
    this.#loadEdges();
    this.#loadShared();
    this.#payForLinks();
  }

  #makeScale(): number {
    const sorted = this.#edges.map((edge) => this.#widths[edge] as number).sort((a, b) => a - b);
    const middle = sorted[sorted.length >> 1] || 1;
    const most = this.#widths.reduce((widest, bits) => Math.max(widest, bits), middle);
    return Math.min(SCALED_WIDTH / middle, SCALED_WIDTH_MAX / most);
  }

  get #slope(): number {
    return this.#weights.residual - this.#weights.tightFit;
  }

  /** The flow's row of a table, at an edge or pair of hosts. */
  #at(flow: number, pair: number): number {
    return flow * this.#instance.hosts ** 2 + pair;
  }

  #demand(flow: number): number {
    return (this.#instance.demand[flow] as number) * this.scale;
  }

  /** Each unit on one host, within its memory and CPUs, apart from those it must be apart from. */
  #placeUnits(): void {
    const { hosts, missingCpu, hostMemory, hostCpus } = this.#instance;
    const { count, domains, memory, cpus } = this.#units;
    for (let unit = 0; unit < count; unit++) {
      const terms: Term[] = [];
      for (const host of domains[unit] as Int32Array) {
        const column = this.model.binary(-this.#weights.change * this.#moveCost(unit, host) * this.scale);
        this.x[unit * hosts + host] = column;
        terms.push([column, 1]);
      }
      this.model.equal(1, terms);
    }
    for (let host = 0; host < hosts; host++) {
      const [bytes, cores] = [hostMemory[host] as number, hostCpus[host] as number];
      if (bytes < Infinity) this.model.atMost(bytes * (1 + ROUNDING), this.#needs(host, memory));
      if (cores === Infinity) continue;
      const missing = missingCpu < Infinity ? [this.model.continuous(-missingCpu * this.scale)] : [];
      const terms = missing.map((column): Term => [column, -1]);
      this.model.atMost(cores + ROUNDING, [...this.#needs(host, cpus), ...terms]);
    }
    for (const key of apartUnits(this.#instance, this.#units)) {
      const [a, b] = [Math.floor(key / count), key % count];
      if (a >= b) continue;
      for (let host = 0; host < hosts; host++)
        this.model.atMost(1, [...this.#x(a, host), ...this.#x(b, host)]);
    }
  }

  #needs(host: number, needs: Float64Array): Term[] {
    return Array.from(needs).flatMap((need, unit) => this.#x(unit, host, need));
  }

  #x(unit: number, host: number, factor = 1): Term[] {
    return termOf(this.x[unit * this.#instance.hosts + host], factor);
  }

  #moveCost(unit: number, host: number): number {
    const { presentHost, moveCost } = this.#instance;
    let cost = 0;
    for (const vm of this.#units.members[unit] as Int32Array) {
      const before = presentHost[vm] as number;
      if (before >= 0 && before !== host) cost += moveCost[vm] as number;
    }
    return cost;
  }

  /** w: sum over v of w[f,u,v] = x[source,u], sum over u of w[f,u,v] = x[destination,v]. */
  #joinEnds(flow: number): void {
    const { hosts, flowFrom, flowTo, demand } = this.#instance;
    const a = this.#units.of[flowFrom[flow] as number] as number;
    const b = this.#units.of[flowTo[flow] as number] as number;
    for (const u of this.#units.domains[a] as Int32Array) {
      for (const v of this.#units.domains[b] as Int32Array) {
        if (a === b && u !== v) continue;
        const lost = this.#reach.joins(u, v) ? 0 : withoutPath(demand[flow] as number) * this.scale;
        this.#w[this.#at(flow, u * hosts + v)] = this.model.continuous(lost, 1);
      }
    }
    for (let host = 0; host < hosts; host++) {
      this.model.equal(0, [...this.#ends(flow, host, 'from', () => 1), ...this.#x(a, host, -1)]);
      this.model.equal(0, [...this.#ends(flow, host, 'to', () => 1), ...this.#x(b, host, -1)]);
    }
  }

  /** All w of a flow that begin, or end, at a host. */
  #ends(flow: number, host: number, end: 'from' | 'to', factor: (other: number) => number): Term[] {
    const { hosts } = this.#instance;
    return Array.from({ length: hosts }, (_, other) => {
      const pair = end === 'from' ? host * hosts + other : other * hosts + host;
      return termOf(this.#w[this.#at(flow, pair)], factor(other));
    }).flat();
  }

  /** Between two hosts that a path joins. */
  #leaves(flow: number, host: number, factor: number): Term[] {
    return this.#ends(flow, host, 'from', (to) => (to !== host && this.#reach.joins(host, to) ? factor : 0));
  }

  #arrives(flow: number, host: number, factor: number): Term[] {
    return this.#ends(flow, host, 'to', (from) =>
      from !== host && this.#reach.joins(from, host) ? factor : 0,
    );
  }

  /** y is a path from where the flow leaves to where it arrives. */
  #leadFlow(flow: number): void {
    const { hosts, relays, maxHops, latency, latencyBound } = this.#instance;
    const bits = this.#demand(flow);
    for (const edge of this.#edges) {
      const us = latency[edge] as number;
      this.y[this.#at(flow, edge)] = this.model.binary(-this.#weights.latency * bits * us);
    }
    for (let host = 0; host < hosts; host++) {
      this.y[this.#at(flow, host * (hosts + 1))] = this.#w[this.#at(flow, host * (hosts + 1))] as number;
      const [out, into] = [this.#out(this.y, flow, host, 1), this.#into(this.y, flow, host, 1)];
      const ends = [...this.#leaves(flow, host, -1), ...this.#arrives(flow, host, 1)];
      this.model.equal(0, [...out, ...this.#into(this.y, flow, host, -1), ...ends]);
      this.model.atMost(1, out);
      if (relays[host] !== 1) this.model.atMost(0, [...into, ...this.#arrives(flow, host, -1)]);
    }
    const taken = (factor: (edge: number) => number) =>
      this.#edges.map((edge): Term => [this.y[this.#at(flow, edge)] as number, factor(edge)]);
    if (maxHops < hosts - 1)
      this.model.atMost(
        maxHops,
        taken(() => 1),
      );
    if (this.#weights.extraHops > 0) {
      const extra = this.model.continuous(-this.#weights.extraHops * bits);
      this.model.atMost(1, [...taken(() => 1), [extra, -1]]);
    }
    const bound = latencyBound[flow] as number;
    if (bound < Infinity) {
      const late = this.model.continuous(-OVERLOAD * bits);
      this.model.atMost(1, [...taken((edge) => (latency[edge] as number) / bound), [late, -1]]);
    }
  }

  #out(table: Int32Array, flow: number, host: number, factor: number): Term[] {
    const { hosts } = this.#instance;
    return this.#edges
      .filter((edge) => Math.floor(edge / hosts) === host)
      .flatMap((edge) => termOf(table[this.#at(flow, edge)], factor));
  }

  #into(table: Int32Array, flow: number, host: number, factor: number): Term[] {
    const { hosts } = this.#instance;
    return this.#edges
      .filter((edge) => edge % hosts === host)
      .flatMap((edge) => termOf(table[this.#at(flow, edge)], factor));
  }

  /** r is led from where the flow leaves to where it arrives, and is no more than the widest path has. */
  #leadRoom(flow: number): void {
    const { hosts } = this.#instance;
    if (this.#slope === 0) return;
    const bits = this.#demand(flow);
    const mostOn = (width: number) => Math.max(0, width * this.scale - bits);
    for (const edge of this.#edges) this.#addRoom(flow, edge, mostOn(this.#widths[edge] as number), 0);
    const sources: Term[] = [];
    for (let host = 0; host < hosts; host++) {
      const local = host * (hosts + 1);
      if ((this.#w[this.#at(flow, local)] as number) >= 0)
        this.#addRoom(flow, local, mostOn(this.#widths[local] as number), this.#slope);
      const [source, sink] = [this.model.continuous(this.#slope), this.model.continuous()];
      sources.push([source, 1]);
      const width = (from: number, to: number) =>
        from !== to && this.#reach.joins(from, to)
          ? -mostOn(this.#pathWidths[from * hosts + to] as number)
          : 0;
      this.model.atMost(0, [[source, 1], ...this.#ends(flow, host, 'from', (to) => width(host, to))]);
      this.model.atMost(0, [[sink, 1], ...this.#ends(flow, host, 'to', (from) => width(from, host))]);
      const led = [...this.#out(this.#r, flow, host, 1), ...this.#into(this.#r, flow, host, -1)];
      this.model.equal(0, [...led, [source, -1], [sink, 1]]);
    }
  }

  #addRoom(flow: number, edge: number, most: number, worth: number): void {
    const column = this.model.continuous(worth);
    this.#r[this.#at(flow, edge)] = column;
    this.model.atMost(0, [[column, 1], ...termOf(this.y[this.#at(flow, edge)], -most)]);
  }

  /** r[f,e] - o[f] <= bw_e y[f,e] - sum over g of b_g p[f,g,e]. */
  #loadEdges(): void {
    const { hosts, flows, bandwidth } = this.#instance;
    const locals = Array.from({ length: hosts }, (_, host) => host * (hosts + 1));
    for (const edge of [...this.#edges, ...locals]) {
      const capacity = (bandwidth[edge] as number) * this.scale;
      for (let flow = 0; flow < flows; flow++) {
        const own = this.y[this.#at(flow, edge)] as number;
        if (own < 0) continue;
        const others = Array.from({ length: flows }, (_, other) => {
          return other === flow ? [] : this.#both(flow, other, edge);
        });
        this.model.atMost(0, [
          ...termOf(this.#r[this.#at(flow, edge)], 1),
          [this.#o[flow] as number, -1],
          [own, this.#demand(flow) - capacity],
          ...others.flat(),
        ]);
      }
    }
  }

  /** b_g p[f,g,e], with p[f,g,e] >= y[f,e] + y[g,e] - 1. */
  #both(flow: number, other: number, edge: number): Term[] {
    const bits = this.#demand(other);
    const key = `${Math.min(flow, other)} ${Math.max(flow, other)} ${edge}`;
    const [a, b] = [this.y[this.#at(flow, edge)] as number, this.y[this.#at(other, edge)] as number];
    if (bits === 0 || a < 0 || b < 0) return [];
    return [[this.#product(key, a, b), bits]];
  }

  #product(key: string, a: number, b: number): number {
    const known = this.#p.get(key);
    if (known !== undefined) return known;
    const both = this.model.continuous(0, 1);
    this.model.atMost(1, [
      [a, 1],
      [b, 1],
      [both, -1],
    ]);
    this.#p.set(key, both);
    return both;
  }

  /** The same for what several edges share: q[f,s], flow f takes some edge of s; the room there is the most of its edges. */
  #loadShared(): void {
    const { flows, sharedCapacity } = this.#instance;
    for (let group = 0; group < sharedCapacity.length; group++) {
      const edges = this.#edgesOf(group);
      const capacity = (sharedCapacity[group] as number) * this.scale;
      for (let flow = 0; flow < flows; flow++) {
        const taken = edges.flatMap((edge) => termOf(this.y[this.#at(flow, edge)], -1));
        if (taken.length === 0) continue;
        const [some, room] = [this.model.continuous(0, 1), this.model.continuous()];
        this.model.atMost(0, [[some, 1], ...taken]);
        for (const [y] of taken)
          this.model.atMost(0, [
            [y, 1],
            [some, -1],
          ]);
        for (const edge of edges) {
          const own = termOf(this.#r[this.#at(flow, edge)], 1);
          if (own.length > 0) this.model.atMost(0, [...own, [room, -1]]);
        }
        const load = edges.flatMap((edge) => this.#sharedLoad(group, some, flow, edge));
        this.model.atMost(0, [[room, 1], [this.#o[flow] as number, -1], [some, -capacity], ...load]);
      }
    }
  }

  #edgesOf(group: number): number[] {
    return Array.from(this.#instance.bandwidth.keys()).filter((edge) => {
      return sharedOf(this.#instance, edge).includes(group);
    });
  }

  #sharedLoad(group: number, some: number, flow: number, edge: number): Term[] {
    const { flows } = this.#instance;
    return Array.from({ length: flows }, (_, other): Term[] => {
      const y = this.y[this.#at(other, edge)] as number;
      const bits = this.#demand(other);
      if (y < 0 || bits === 0) return [];
      return [[other === flow ? y : this.#product(`${group} ${flow} ${other} ${edge}`, some, y), bits]];
    }).flat();
  }

  #payForLinks(): void {
    const { linked, linkCost, flows } = this.#instance;
    if (linked.length === 0 || this.#weights.change === 0) return;
    for (const edge of this.#edges) {
      if (linked[edge] === 1) continue;
      const made = this.model.continuous(-this.#weights.change * linkCost * this.scale, 1);
      for (let flow = 0; flow < flows; flow++)
        this.model.atMost(0, [...termOf(this.y[this.#at(flow, edge)], 1), [made, -1]]);
    }
  }
}

function termOf(column: number | undefined, factor: number): Term[] {
  return column === undefined || column < 0 || factor === 0 ? [] : [[column, factor]];
}
