/** The reserved CPU of all hosts, kept up to date. */
import type { CpuReservation } from '../../core/index.js';
import { cpuConfig, cpuHosts } from './cpu.js';
import type { HostParts } from './host-part.js';
import type { ListChange } from './list-change.js';
import type { Place } from './model.js';

export interface CpuChanges {
  users: ListChange<CpuReservation>;
  adapted: ListChange<CpuReservation>;
}

export class CpuPart {
  readonly #parts: HostParts;
  readonly #users = new Map<string, CpuReservation>();
  readonly #adapted = new Map<string, CpuReservation>();
  readonly #places = new Map<string, Place>();
  /** By VM: hosts that have it. */
  readonly #given = new Map<string, readonly string[]>();

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  update({ users, adapted }: CpuChanges, places: ListChange<Place>): void {
    const dirty = new Set([...note(this.#users, users), ...note(this.#adapted, adapted)]);
    for (const { name, learnt } of places.removed) if (!learnt) this.#places.delete(name);
    for (const place of places.added) if (!place.learnt) this.#places.set(place.name, place);
    if (this.#users.size + this.#adapted.size > 0)
      for (const { name } of [...places.removed, ...places.added]) dirty.add(name);
    for (const vm of dirty) this.#renew(vm);
  }

  #renew(vm: string): void {
    const reservation = this.#users.get(vm) ?? this.#adapted.get(vm);
    const hosts = reservation ? cpuHosts(this.#places.get(vm)) : [];
    for (const host of this.#given.get(vm) ?? [])
      if (!hosts.includes(host) && this.#parts.of(host).setCpu(vm, undefined)) this.#parts.touched.add(host);
    for (const host of hosts) {
      const config = reservation && cpuConfig(reservation);
      if (this.#parts.of(host).setCpu(vm, config)) this.#parts.touched.add(host);
    }
    if (hosts.length > 0) this.#given.set(vm, hosts);
    else this.#given.delete(vm);
  }
}

/** Returns the VMs it concerns. */
function note(
  reserved: Map<string, CpuReservation>,
  { removed, added }: ListChange<CpuReservation>,
): string[] {
  for (const { vm } of removed) reserved.delete(vm);
  for (const reservation of added) reserved.set(reservation.vm, reservation);
  return [...removed, ...added].map(({ vm }) => vm);
}
