/**
 * In which order VMs move so that no host is over its memory at any time: a VM takes room at its destination from the
 * moment it is received, and gives up its room at the source only when it is gone from there. Pure.
 *
 * Moves that fit now go first, largest first; each that ends makes room for others. Where none fits any more, those
 * left wait for each other in a circle: the smallest that can is put on a third host for the time being. Feasibility of
 * such plans is NP-hard (it contains partition); this is greedy and may refuse a plan that a search would find.
 * O(moves^2 x hosts).
 */
import { gib, type HostRoom, type Resident, usedMemory } from './capacity.js';

export interface WantedMove {
  vm: string;
  to: string;
}

/** One transfer. `after`: indices of steps, before it in the list, that have to be over. */
export interface MoveStep {
  vm: string;
  from: string;
  to: string;
  after: number[];
  /** Not where it was asked to go: a later step takes it there. */
  interim: boolean;
}

export interface MoveOrder {
  steps: MoveStep[];
  /** Moves that no order was found for. */
  refused: { vm: string; reason: string }[];
}

/** `residents`: every VM, at the host it is on; those that stay included. Moves name residents and hosts once each. */
export function orderMoves(
  rooms: readonly HostRoom[],
  residents: readonly Resident[],
  moves: readonly WantedMove[],
): MoveOrder {
  return new Planner(rooms, residents, moves).plan();
}

interface Pending {
  vm: Resident;
  to: string;
}

class Planner {
  readonly #capacity: ReadonlyMap<string, number>;
  readonly #used = new Map<string, number>();
  #pending: Pending[];
  readonly #steps: MoveStep[] = [];
  /** Steps that took a VM away from the host. */
  readonly #left = new Map<string, number[]>();
  readonly #lastOf = new Map<string, number>();
  readonly #refused: MoveOrder['refused'] = [];

  constructor(rooms: readonly HostRoom[], residents: readonly Resident[], moves: readonly WantedMove[]) {
    this.#capacity = new Map(rooms.map(({ host, memoryBytes }) => [host, memoryBytes]));
    for (const host of this.#capacity.keys()) this.#used.set(host, usedMemory(host, residents));
    const byName = new Map(residents.map((resident) => [resident.vm, resident]));
    this.#pending = moves.flatMap(({ vm, to }) => {
      const resident = byName.get(vm);
      return resident && resident.host !== to ? [{ vm: { ...resident }, to }] : [];
    });
    this.#pending.sort((a, b) => b.vm.memoryBytes - a.vm.memoryBytes || (a.vm.vm < b.vm.vm ? -1 : 1));
  }

  plan(): MoveOrder {
    while (this.#pending.length > 0) {
      const next = this.#pending.find(({ vm, to }) => this.#fits(vm, to));
      if (next) {
        this.#take(next.vm, next.to, false);
        this.#pending = this.#pending.filter((other) => other !== next);
      } else if (!this.#breakCircle()) {
        for (const { vm, to } of this.#pending) this.#refuse(vm, to);
        break;
      }
    }
    return { steps: this.#steps, refused: this.#refused };
  }

  #free(host: string): number {
    return (this.#capacity.get(host) ?? 0) - (this.#used.get(host) ?? 0);
  }

  #fits({ memoryBytes }: Resident, host: string): boolean {
    return memoryBytes <= this.#free(host);
  }

  #take(vm: Resident, to: string, interim: boolean): void {
    const from = vm.host;
    const index = this.#steps.length;
    // Who took room there waits for whoever made it; a VM's second step for its first.
    const last = this.#lastOf.get(vm.vm);
    const after = new Set([...(this.#left.get(to) ?? []), ...(last === undefined ? [] : [last])]);
    this.#steps.push({ vm: vm.vm, from, to, after: [...after].sort((a, b) => a - b), interim });
    this.#left.set(from, [...(this.#left.get(from) ?? []), index]);
    this.#lastOf.set(vm.vm, index);
    this.#used.set(from, (this.#used.get(from) ?? 0) - vm.memoryBytes);
    this.#used.set(to, (this.#used.get(to) ?? 0) + vm.memoryBytes);
    vm.host = to;
  }

  /** The smallest VM whose way out lets another move goes to where most room is. */
  #breakCircle(): boolean {
    const waits = [...this.#pending].reverse();
    for (const { vm, to } of waits) {
      if (this.#steps.some((step) => step.vm === vm.vm && step.interim)) continue;
      const lets = this.#pending.some(
        (other) =>
          other.vm !== vm &&
          other.to === vm.host &&
          other.vm.memoryBytes <= this.#free(vm.host) + vm.memoryBytes,
      );
      if (!lets) continue;
      const [host] = [...this.#capacity.keys()]
        .filter((third) => third !== vm.host && third !== to && this.#fits(vm, third))
        .sort((a, b) => this.#free(b) - this.#free(a) || (a < b ? -1 : 1));
      if (host === undefined) continue;
      this.#take(vm, host, true);
      return true;
    }
    return false;
  }

  #refuse(vm: Resident, to: string): void {
    const free = gib(Math.max(0, this.#free(to)));
    const waits = this.#pending.some((other) => other.vm.host === to && other.vm !== vm);
    const why = waits
      ? 'what would leave it waits for room itself, and no third host has any'
      : 'nothing that is asked for makes room there';
    this.#refused.push({
      vm: vm.vm,
      reason: `${to} has ${free} free, ${vm.vm} needs ${gib(vm.memoryBytes)}: ${why}`,
    });
  }
}
