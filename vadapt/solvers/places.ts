/**
 * Who is where, and what a host still holds: CPUs, memory, VMs that must stay apart, kept up to date while units come and
 * go. A unit is a VM, or all VMs that must be together: it moves as one.
 */
import type { Instance } from '../model/instance.js';
import { ROUNDING } from '../model/evaluate.js';
import { togetherOf } from '../model/together.js';

/** Not placed. */
export const NOWHERE = -1;

export class Places {
  readonly instance: Instance;
  readonly units: number;
  /** Unit to VMs. */
  readonly members: readonly Int32Array[];
  /** VM to unit. */
  readonly unitOf: Int32Array;
  /** Unit to host, or NOWHERE. */
  readonly hostOf: Int32Array;
  /** VM to host, or NOWHERE. */
  readonly mapping: Int32Array;
  readonly cpus: Float64Array;
  readonly memory: Float64Array;
  /** Bits a second: missing CPUs and moves. */
  cost = 0;

  readonly #domains: (Int32Array | undefined)[];
  readonly #change: number;
  readonly #usedCpus: Float64Array;
  readonly #usedMemory: Float64Array;
  /** Unit to sets of `apart`; units of set s on host h at s x hosts + h. */
  readonly #setsOf: readonly number[][];
  readonly #ofSet: Int32Array;
  /** Units of VMs that must be together and apart: they fit nowhere. */
  readonly #torn: Uint8Array;
  /** Units that were put or taken since the first mark, each with the host before. */
  readonly #moved: number[] = [];
  readonly #marks: number[] = [];
  readonly #costs: number[] = [];

  /** `change`: the objective's weight of it. */
  constructor(instance: Instance, change: number) {
    this.instance = instance;
    this.unitOf = togetherOf(instance);
    this.units = this.unitOf.reduce((most, unit) => Math.max(most, unit + 1), 0);
    const members: number[][] = Array.from({ length: this.units }, () => []);
    this.unitOf.forEach((unit, vm) => members[unit]?.push(vm));
    this.members = members.map((vms) => Int32Array.from(vms));
    this.cpus = this.#sums(instance.vmCpus);
    this.memory = this.#sums(instance.vmMemory);
    this.hostOf = new Int32Array(this.units).fill(NOWHERE);
    this.mapping = new Int32Array(instance.vms).fill(NOWHERE);
    this.#change = change;
    this.#usedCpus = new Float64Array(instance.hosts);
    this.#usedMemory = new Float64Array(instance.hosts);
    this.#setsOf = this.members.map((vms) => setsWith(instance, vms));
    this.#torn = Uint8Array.from(this.#setsOf, (sets) => (new Set(sets).size < sets.length ? 1 : 0));
    this.#ofSet = new Int32Array(instance.apart.length * instance.hosts);
    this.#domains = new Array<Int32Array | undefined>(this.units).fill(undefined);
  }

  /** Hosts, in order, that a unit may be on and that hold it as long as they are empty. O(hosts) the first time. */
  domain(unit: number): Int32Array {
    let domain = this.#domains[unit];
    if (!domain) {
      const hosts: number[] = [];
      for (let host = 0; host < this.instance.hosts; host++)
        if (this.may(unit, host) && this.#holds(unit, host, 0, 0)) hosts.push(host);
      domain = Int32Array.from(hosts);
      this.#domains[unit] = domain;
    }
    return domain;
  }

  /** Whether it is allowed there; whether it fits is another question. */
  may(unit: number, host: number): boolean {
    const { allowed, hosts } = this.instance;
    if (!(host >= 0 && host < hosts) || this.#torn[unit] === 1) return false;
    for (const vm of this.members[unit] as Int32Array) if (allowed[vm * hosts + host] !== 1) return false;
    return true;
  }

  /** Whether a unit that is nowhere could be put there. */
  fits(unit: number, host: number): boolean {
    const { hosts } = this.instance;
    if (!this.#holds(unit, host, this.#usedCpus[host] as number, this.#usedMemory[host] as number))
      return false;
    for (const set of this.#setsOf[unit] as number[])
      if ((this.#ofSet[set * hosts + host] as number) > 0) return false;
    return true;
  }

  #holds(unit: number, host: number, usedCpus: number, usedMemory: number): boolean {
    const { hostMemory, hostCpus, missingCpu } = this.instance;
    if (usedMemory + (this.memory[unit] as number) > (hostMemory[host] as number) * (1 + ROUNDING))
      return false;
    // Half the rounding that the check allows: sums kept up to date drift.
    const cpus = usedCpus + (this.cpus[unit] as number);
    return missingCpu < Infinity || cpus <= (hostCpus[host] as number) + ROUNDING / 2;
  }

  /** What follows can be undone. Marks nest. */
  mark(): void {
    this.#marks.push(this.#moved.length);
    this.#costs.push(this.cost);
  }

  commit(): void {
    this.#marks.length--;
    this.#costs.length--;
    if (this.#marks.length === 0) this.#moved.length = 0;
  }

  rollback(): void {
    const from = this.#marks.pop() as number;
    for (let at = this.#moved.length - 2; at >= from; at -= 2) {
      const [unit, host] = [this.#moved[at] as number, this.#moved[at + 1] as number];
      if (this.hostOf[unit] !== NOWHERE) this.take(unit);
      if (host !== NOWHERE) this.put(unit, host);
    }
    this.#moved.length = from;
    this.cost = this.#costs.pop() as number;
  }

  put(unit: number, host: number): void {
    if (this.#marks.length > 0) this.#moved.push(unit, NOWHERE);
    this.#count(unit, host, 1);
    this.hostOf[unit] = host;
    for (const vm of this.members[unit] as Int32Array) this.mapping[vm] = host;
    this.cost += this.#moveCost(unit, host);
  }

  take(unit: number): void {
    const host = this.hostOf[unit] as number;
    if (this.#marks.length > 0) this.#moved.push(unit, host);
    this.cost -= this.#moveCost(unit, host);
    this.#count(unit, host, -1);
    this.hostOf[unit] = NOWHERE;
    for (const vm of this.members[unit] as Int32Array) this.mapping[vm] = NOWHERE;
  }

  #count(unit: number, host: number, sign: 1 | -1): void {
    const { instance } = this;
    this.cost -= this.#missingCost(host);
    this.#usedCpus[host] = (this.#usedCpus[host] as number) + sign * (this.cpus[unit] as number);
    this.#usedMemory[host] = (this.#usedMemory[host] as number) + sign * (this.memory[unit] as number);
    this.cost += this.#missingCost(host);
    for (const set of this.#setsOf[unit] as number[]) {
      const at = set * instance.hosts + host;
      this.#ofSet[at] = (this.#ofSet[at] as number) + sign;
    }
  }

  #missingCost(host: number): number {
    if (this.instance.missingCpu === Infinity) return 0;
    const missing = (this.#usedCpus[host] as number) - (this.instance.hostCpus[host] as number) - ROUNDING;
    return missing > 0 ? missing * this.instance.missingCpu : 0;
  }

  #moveCost(unit: number, host: number): number {
    if (this.#change === 0) return 0;
    const { presentHost, moveCost } = this.instance;
    let cost = 0;
    for (const vm of this.members[unit] as Int32Array) {
      const before = presentHost[vm] as number;
      if (before >= 0 && before !== host) cost += moveCost[vm] as number;
    }
    return this.#change * cost;
  }

  #sums(needs: Float64Array): Float64Array {
    return Float64Array.from(this.members, (vms) => vms.reduce((sum, vm) => sum + (needs[vm] as number), 0));
  }
}

/** Sets of `apart`, each as often as members are in it. */
function setsWith({ apart }: Instance, vms: Int32Array): number[] {
  const sets: number[] = [];
  apart.forEach((set, number) => {
    for (const vm of vms) if (set.includes(vm)) sets.push(number);
  });
  return sets;
}
