/** What listeners are told: phases of hosts, whereabouts of VMs, and whatever else happens. */
import type { HostPhase, OverlayEvent, Topology } from '../core/index.js';
import type { Member } from './executor/index.js';
import { listChange, type Place } from './lowering/index.js';

export type EventBody = OverlayEvent extends infer E
  ? E extends OverlayEvent
    ? Omit<E, 'at'>
    : never
  : never;

export class Announcer {
  readonly #listeners = new Set<(event: OverlayEvent) => void>();
  readonly #phases = new Map<string, { phase: HostPhase; since: string }>();
  #hosts: Topology['hosts'] = [];
  #places: readonly Place[] = [];

  onEvent(listener: (event: OverlayEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(body: EventBody): void {
    this.publish({ at: new Date().toISOString(), ...body } as OverlayEvent);
  }

  publish(event: OverlayEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  phaseOf(host: string): { phase: HostPhase; since: string } {
    return this.#phases.get(host) ?? { phase: 'pending', since: new Date().toISOString() };
  }

  /** `moved`: those whose phase may be another; looked at, with everybody where the hosts are others. */
  phases(
    hosts: Topology['hosts'],
    moved: Iterable<string>,
    memberOf: (host: string) => Member | undefined,
  ): void {
    const isSame = hosts === this.#hosts;
    this.#hosts = hosts;
    const names = isSame
      ? [...moved].filter((host) => this.#phases.has(host))
      : hosts.map(({ name }) => name);
    if (!isSame) {
      const there = new Set(names);
      for (const host of [...this.#phases.keys()]) if (!there.has(host)) this.#phases.delete(host);
    }
    for (const host of names) this.#phase(host, memberOf(host));
  }

  #phase(host: string, member: Member | undefined): void {
    const phase = member?.ready ? 'ready' : member && !member.session && member.usable ? 'away' : 'pending';
    if (this.#phases.get(host)?.phase === phase) return;
    this.#phases.set(host, { phase, since: new Date().toISOString() });
    this.emit({ kind: 'host', host, phase });
  }

  /** Where VMs are now; the first time nothing is said. */
  places(places: readonly Place[], isFirst = false): void {
    const { removed, added } = listChange(this.#places, places);
    this.#places = places;
    if (isFirst) return;
    const before = new Map(removed.filter(isVm).map((place) => [place.name, place]));
    for (const { name, host } of added.filter(isVm)) {
      const old = before.get(name);
      before.delete(name);
      if (old === undefined) this.emit({ kind: 'vm', name, change: 'added', host });
      else if (old.host !== host) this.emit({ kind: 'vm', name, change: 'moved', host });
    }
    for (const { name, host } of before.values()) this.emit({ kind: 'vm', name, change: 'removed', host });
  }
}

const isVm = ({ learnt }: Place): boolean => !learnt;
