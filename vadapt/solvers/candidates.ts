/**
 * Hosts that are worth a try for a unit: all that it may be on where hosts are few; of many, those where its peers are,
 * those with the widest edges to and from these, and some at random. The most promising of them come first, by what
 * direct edges would leave to the unit's flows there.
 */
import type { Random } from '../../core/index.js';
import { CandidateRelays } from '../routing/index.js';
import type { Arrangement } from './arrangement.js';
import { NOWHERE } from './places.js';

/** Up to so many hosts all are looked at. */
const ALL_HOSTS = 64;
/** Neighbours of a peer's host, each way. */
const NEAR = 4;
/** Peers that are asked, those with the largest flows. */
const PEERS = 6;
const DRAWN = 4;

export class CandidateHosts {
  readonly hosts: Int32Array;
  length = 0;
  readonly #arrangement: Arrangement;
  readonly #near: CandidateRelays | undefined;
  readonly #promise: Float64Array;
  readonly #seen: Int32Array;
  #round = 0;

  constructor(arrangement: Arrangement) {
    const { instance } = arrangement;
    this.#arrangement = arrangement;
    this.#near =
      instance.hosts > ALL_HOSTS ? (arrangement.relays ?? new CandidateRelays(instance)) : undefined;
    this.hosts = new Int32Array(instance.hosts);
    this.#promise = new Float64Array(instance.hosts);
    this.#seen = new Int32Array(instance.hosts);
  }

  /**
   * Into `hosts`, `length` of them, at most `most`, the most promising first: where it fits, and is not now.
   */
  of(unit: number, most: number, random: Random): void {
    const { places } = this.#arrangement;
    const domain = places.domain(unit);
    this.length = 0;
    this.#round++;
    const now = places.hostOf[unit] as number;
    if (now !== NOWHERE) this.#seen[now] = this.#round;
    if (!this.#near || domain.length <= ALL_HOSTS) for (const host of domain) this.#add(unit, host);
    else this.#nearPeers(unit, this.#near, domain, random);
    if (this.length > most) this.#promising(unit, most);
  }

  #nearPeers(unit: number, near: CandidateRelays, domain: Int32Array, random: Random): void {
    const { places, flowsOf, instance } = this.#arrangement;
    let peers = 0;
    for (const flow of flowsOf[unit] as Int32Array) {
      const [from, to] = [instance.flowFrom[flow] as number, instance.flowTo[flow] as number];
      const host = places.mapping[places.unitOf[from] === unit ? to : from] as number;
      if (host === NOWHERE) continue;
      if (peers++ >= PEERS) break;
      this.#add(unit, host);
      for (let i = 0; i < Math.min(NEAR, near.count); i++) {
        this.#add(unit, near.out(host, i));
        this.#add(unit, near.into(host, i));
      }
    }
    for (let i = 0; i < DRAWN; i++) this.#add(unit, domain[Math.floor(random() * domain.length)] as number);
  }

  #add(unit: number, host: number): void {
    if (host < 0 || this.#seen[host] === this.#round) return;
    this.#seen[host] = this.#round;
    const { places } = this.#arrangement;
    if (places.may(unit, host) && places.fits(unit, host)) this.hosts[this.length++] = host;
  }

  /** The `most` most promising to the front, in order. */
  #promising(unit: number, most: number): void {
    const { hosts, length } = this;
    for (let i = 0; i < length; i++)
      this.#promise[hosts[i] as number] = this.#estimate(unit, hosts[i] as number);
    for (let i = 0; i < most; i++) {
      let best = i;
      for (let j = i + 1; j < length; j++)
        if ((this.#promise[hosts[j] as number] as number) > (this.#promise[hosts[best] as number] as number))
          best = j;
      const host = hosts[best] as number;
      hosts[best] = hosts[i] as number;
      hosts[i] = host;
    }
    this.length = most;
  }

  #estimate(unit: number, host: number): number {
    const { flowsOf, places, instance, routed } = this.#arrangement;
    let sum = 0;
    for (const flow of flowsOf[unit] as Int32Array) {
      const [from, to] = [instance.flowFrom[flow] as number, instance.flowTo[flow] as number];
      const out = places.unitOf[from] === unit;
      const peer = places.mapping[out ? to : from] as number;
      if (peer === NOWHERE) continue;
      const edge = out ? host * instance.hosts + peer : peer * instance.hosts + host;
      const left = routed.room(edge) - (instance.demand[flow] as number);
      sum += routed.worth(flow, left, instance.latency[edge] as number, host === peer ? 0 : 1);
    }
    return sum;
  }
}
