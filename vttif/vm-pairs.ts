/**
 * From the matrix of addresses to pairs of VMs: both directions and all addresses of a VM together. VMs and pairs get
 * numbers that stay theirs, so topologies can be compared number by number.
 */
import { extended } from './pair-slots.js';
import type { TrafficMatrix } from './traffic-matrix.js';

/** The VM that an address of a network belongs to; its text where it belongs to none. */
export type NameOf = (network: number, address: number) => string;

/** One network's pairs of VMs that had traffic in the window. Columns: row i of each belongs together. */
export interface VmDemands {
  rows: number;
  /** Number of the pair; ascending. */
  pair: Uint32Array;
  /** Numbers of its VMs. */
  a: Uint32Array;
  b: Uint32Array;
  /** Means over the window and over its last part, both directions, bits a second. */
  rate: Float64Array;
  recent: Float64Array;
  /** Frames in the window, both directions. */
  frames: Float64Array;
  /** Length of the last part of the window, as a share of it. */
  recentShare: number;
}

export const NO_DEMANDS: VmDemands = {
  rows: 0,
  pair: new Uint32Array(0),
  a: new Uint32Array(0),
  b: new Uint32Array(0),
  rate: new Float64Array(0),
  recent: new Float64Array(0),
  frames: new Float64Array(0),
  recentShare: 1,
};

/** VMs are numbered below it, so that two numbers make one. */
const VMS_MAX = 2 ** 20;
/** Pairs ever seen; beyond it numbering begins anew. */
const PAIRS_MAX = 2 ** 20;
const NONE = -1;
/** Two addresses of one VM. */
const WITHIN = -2;

export class VmPairs {
  readonly #nameOf: NameOf;
  /** Grows whenever numbers lost their meaning. */
  era = 0;
  #names: string[] = [];
  #vms = new Map<string, number>();
  #pairs = new Map<number, number>();
  #a = new Uint32Array(256);
  #b = new Uint32Array(256);
  #bytes = new Float64Array(256);
  #recent = new Float64Array(256);
  #frames = new Float64Array(256);
  #network = new Uint32Array(256);
  /** Of each slot: its pair, and the VMs in the direction of the traffic. */
  #pairOf = new Int32Array(0);
  #from = new Uint32Array(0);
  #to = new Uint32Array(0);
  #generation = new Uint32Array(0);

  constructor(nameOf: NameOf) {
    this.#nameOf = nameOf;
  }

  nameOf(vm: number): string {
    return this.#names[vm] ?? '';
  }

  vmsOf(pair: number): [a: number, b: number] {
    return [this.#a[pair] ?? 0, this.#b[pair] ?? 0];
  }

  /** By VM number; only grows, and another array takes its place when numbering begins anew. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** VM numbers of both ends of a slot's traffic, for as long as the slot holds its pair. */
  fromOf(matrix: TrafficMatrix, slot: number): number {
    this.#fit(matrix.slots.capacity);
    this.#pairAt(matrix, slot);
    return this.#from[slot] ?? 0;
  }

  toOf(slot: number): number {
    return this.#to[slot] ?? 0;
  }

  /** Addresses may belong to other VMs now; numbers stay. */
  renamed(): void {
    this.#pairOf.fill(NONE);
  }

  /** Demands of every network that has any. */
  collect(matrix: TrafficMatrix): Map<number, VmDemands> {
    if (this.#vms.size > VMS_MAX - matrix.slots.size * 2 || this.#pairs.size > PAIRS_MAX) this.#beginAnew();
    this.#bytes.fill(0);
    this.#recent.fill(0);
    this.#frames.fill(0);
    const { slots } = matrix;
    this.#fit(slots.capacity);
    for (let slot = 0; slot < slots.size; slot++) {
      if (!(matrix.windowBytes[slot] ?? 0)) continue;
      const pair = this.#pairAt(matrix, slot);
      if (pair === WITHIN) continue;
      this.#bytes[pair] = (this.#bytes[pair] ?? 0) + (matrix.windowBytes[slot] ?? 0);
      this.#recent[pair] = (this.#recent[pair] ?? 0) + (matrix.recentBytes[slot] ?? 0);
      this.#frames[pair] = (this.#frames[pair] ?? 0) + (matrix.windowFrames[slot] ?? 0);
    }
    return this.#demands(matrix);
  }

  #demands(matrix: TrafficMatrix): Map<number, VmDemands> {
    const rows = new Map<number, number>();
    for (let pair = 0; pair < this.#pairs.size; pair++) {
      if (!(this.#bytes[pair] ?? 0)) continue;
      const network = this.#network[pair] ?? 0;
      rows.set(network, (rows.get(network) ?? 0) + 1);
    }
    return new Map([...rows].map(([network, count]) => [network, this.#demandsOf(matrix, network, count)]));
  }

  #demandsOf(matrix: TrafficMatrix, network: number, rows: number): VmDemands {
    const demands: VmDemands = {
      rows,
      pair: new Uint32Array(rows),
      a: new Uint32Array(rows),
      b: new Uint32Array(rows),
      rate: new Float64Array(rows),
      recent: new Float64Array(rows),
      frames: new Float64Array(rows),
      recentShare: matrix.recentMs / matrix.windowMs,
    };
    const [scale, recentScale] = [8000 / matrix.windowMs, 8000 / matrix.recentMs];
    let row = 0;
    for (let pair = 0; pair < this.#pairs.size; pair++) {
      if (!(this.#bytes[pair] ?? 0) || this.#network[pair] !== network) continue;
      demands.pair[row] = pair;
      demands.a[row] = this.#a[pair] ?? 0;
      demands.b[row] = this.#b[pair] ?? 0;
      demands.rate[row] = (this.#bytes[pair] ?? 0) * scale;
      demands.recent[row] = (this.#recent[pair] ?? 0) * recentScale;
      demands.frames[row] = this.#frames[pair] ?? 0;
      row++;
    }
    return demands;
  }

  /** A slot's pair is looked up once, and again when another pair of addresses has taken the slot. */
  #pairAt({ slots }: TrafficMatrix, slot: number): number {
    const known = this.#pairOf[slot] ?? NONE;
    if (known !== NONE && this.#generation[slot] === slots.generation[slot]) return known;
    const network = slots.network[slot] ?? 0;
    const from = this.#vm(network, slots.source[slot] ?? 0);
    const to = this.#vm(network, slots.destination[slot] ?? 0);
    const pair = from === to ? WITHIN : this.#pair(network, Math.min(from, to), Math.max(from, to));
    this.#pairOf[slot] = pair;
    this.#from[slot] = from;
    this.#to[slot] = to;
    this.#generation[slot] = slots.generation[slot] ?? 0;
    return pair;
  }

  #vm(network: number, address: number): number {
    const name = this.#nameOf(network, address);
    const key = `${network} ${name}`;
    let vm = this.#vms.get(key);
    if (vm === undefined) {
      vm = this.#names.push(name) - 1;
      this.#vms.set(key, vm);
    }
    return vm;
  }

  #pair(network: number, a: number, b: number): number {
    const key = a * VMS_MAX + b;
    const known = this.#pairs.get(key);
    if (known !== undefined) return known;
    const pair = this.#pairs.size;
    this.#pairs.set(key, pair);
    if (pair === this.#a.length) this.#grow(pair * 2);
    this.#a[pair] = a;
    this.#b[pair] = b;
    this.#network[pair] = network;
    return pair;
  }

  #fit(capacity: number): void {
    const before = this.#pairOf.length;
    if (before >= capacity) return;
    this.#pairOf = extended(this.#pairOf, capacity).fill(NONE, before);
    this.#generation = extended(this.#generation, capacity);
    this.#from = extended(this.#from, capacity);
    this.#to = extended(this.#to, capacity);
  }

  #grow(length: number): void {
    this.#a = extended(this.#a, length);
    this.#b = extended(this.#b, length);
    this.#bytes = extended(this.#bytes, length);
    this.#recent = extended(this.#recent, length);
    this.#frames = extended(this.#frames, length);
    this.#network = extended(this.#network, length);
  }

  #beginAnew(): void {
    this.era++;
    this.#names = [];
    this.#vms = new Map();
    this.#pairs = new Map();
    this.#pairOf.fill(NONE);
  }
}
