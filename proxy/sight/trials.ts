/**
 * Bandwidth between hosts that have no link: a UDP link for a while, that no path uses, so that the daemons at its ends
 * measure it as any other (docs/sight.md). One pair at a time, round and round; what was found is kept.
 */
import type { Clock, Host, LinkEstimate } from '../../core/index.js';
import type { Trial } from '../lowering/index.js';

const STEP_MS = 1000;
/** A trial ends when both directions are known as well as this, or after so long. */
const CONFIDENCE_ENOUGH = 0.6;
const TRIAL_MAX_MS = 10_000;
/** Before the same pair is tried again. */
const AGAIN_MS = 600_000;
/** What was found is kept so long without another trial. */
const KEPT_MS = 3_600_000;
/** Pairs looked at in one step for one that is due: a large overlay is walked through slowly. */
const LOOKS_A_STEP = 2000;
const NOBODY: readonly Trial[] = [];

export interface Tried {
  from: string;
  to: string;
  estimate: LinkEstimate;
  atMs: number;
}

export interface TrialsOptions {
  clock: Clock;
  hosts(): readonly Host[];
  /** Connected, and running its part. */
  isReady(host: string): boolean;
  /** By a link that is no trial. */
  isLinked(a: string, b: string): boolean;
  /** As its receiving daemon reported it. */
  estimate(from: string, to: string): LinkEstimate | undefined;
  /** False: nobody wants packets that only measure. */
  enabled(): boolean;
  /** False: the overlay is being changed, which a trial would delay. */
  isCalm(): boolean;
  /** Makes these links and no others of the kind. */
  set(trials: readonly Trial[]): void;
}

const isSure = ({ availableBitsPerSecond: available }: LinkEstimate): boolean =>
  (available?.confidence ?? 0) >= CONFIDENCE_ENOUGH;

export class Trials {
  readonly #options: TrialsOptions;
  readonly #tried = new Map<string, Tried>();
  readonly #endedMs = new Map<string, number>();
  #current: { pair: Trial; startedMs: number } | undefined;
  /** Where the walk through all pairs goes on. */
  #cursor = 0;
  #cancel: () => void = () => {};

  constructor(options: TrialsOptions) {
    this.#options = options;
    this.#later();
  }

  results(): Tried[] {
    const oldest = this.#options.clock.now() - KEPT_MS;
    for (const [key, { atMs }] of this.#tried) if (atMs < oldest) this.#tried.delete(key);
    return [...this.#tried.values()];
  }

  close(): void {
    this.#cancel();
    this.#cancel = () => {};
  }

  #later(): void {
    this.#cancel = this.#options.clock.after(STEP_MS, () => {
      this.#later();
      this.#step();
    });
  }

  #step(): void {
    if (this.#current) return this.#watch(this.#current);
    if (!this.#options.enabled() || !this.#options.isCalm()) return;
    const pair = this.#next();
    if (!pair) return;
    this.#current = { pair, startedMs: this.#options.clock.now() };
    this.#options.set([pair]);
  }

  #watch({ pair: [a, b], startedMs }: { pair: Trial; startedMs: number }): void {
    const { clock, estimate, enabled } = this.#options;
    const ways = [estimate(a, b), estimate(b, a)].flatMap((found) => found ?? []);
    const known = ways.filter(isSure);
    const nowMs = clock.now();
    if (known.length < 2 && nowMs - startedMs < TRIAL_MAX_MS && enabled() && this.#isDue(a, b)) return;
    for (const found of ways) this.#keep(found, nowMs);
    this.#endedMs.set(`${a} ${b}`, nowMs);
    this.#current = undefined;
    this.#options.set(NOBODY);
  }

  /** What is not sure does not take the place of what was. */
  #keep(estimate: LinkEstimate, atMs: number): void {
    const { from, to } = estimate;
    const before = this.#tried.get(`${from} ${to}`);
    const stands = before && atMs - before.atMs < KEPT_MS && isSure(before.estimate);
    if (!stands || isSure(estimate)) this.#tried.set(`${from} ${to}`, { from, to, estimate, atMs });
  }

  /** The next pair, in the order of the hosts, that is due. */
  #next(): Trial | undefined {
    const hosts = this.#options.hosts();
    const pairs = hosts.length * hosts.length;
    for (let look = 0; look < Math.min(LOOKS_A_STEP, pairs); look++) {
      const place = this.#cursor++ % pairs;
      const [a, b] = [hosts[Math.floor(place / hosts.length)], hosts[place % hosts.length]];
      if (!a || !b || a.name >= b.name || (!a.endpoint && !b.endpoint)) continue;
      if (this.#isDue(a.name, b.name)) return [a.name, b.name];
    }
    return undefined;
  }

  #isDue(a: string, b: string): boolean {
    const { clock, isReady, isLinked } = this.#options;
    const endedMs = this.#endedMs.get(`${a} ${b}`) ?? Number.NEGATIVE_INFINITY;
    return isReady(a) && isReady(b) && !isLinked(a, b) && clock.now() - endedMs >= AGAIN_MS;
  }
}
