/** When to look for plans, the looking, and the plans that were found. */
import type { AdaptPlan, AdaptSettings } from '../../core/index.js';
import { type Arrangement, type Planned, planChange, type Snapshot } from '../planner/index.js';
import type { LoopParts } from './loop-parts.js';

/** Between searches that found nothing: doubled from the first to the last. Milliseconds. */
export const SEARCH_EVERY_MS = [1000, 10_000] as const;
/** All rates together changed by this since the last search: worth another. */
const RATES_CHANGED = 0.3;
/** Plans that may still be applied. */
export const PLANS_KEPT = 32;

export interface StoredPlan {
  plan: AdaptPlan;
  planned: Planned;
  snapshot: Snapshot;
}

export class Searching {
  readonly #parts: LoopParts;
  readonly #network: string;
  readonly #plans = new Map<string, StoredPlan>();
  #nextMs = -Infinity;
  #pauseMs: number = SEARCH_EVERY_MS[0];
  /** What the last fruitless search was for. */
  #was = { rates: 0, ground: '', atMs: -Infinity };
  #lastFailure: string | undefined;

  constructor(network: string, parts: LoopParts) {
    this.#network = network;
    this.#parts = parts;
  }

  get last(): AdaptPlan | undefined {
    return [...this.#plans.values()].at(-1)?.plan;
  }

  get(plan: string): StoredPlan | undefined {
    return this.#plans.get(plan);
  }

  /** Something has changed: the next step searches. */
  soon(): void {
    this.#nextMs = -Infinity;
    this.#pauseMs = SEARCH_EVERY_MS[0];
  }

  /** What is decided by has changed, or the last search is long ago. */
  isTime(snapshot: Snapshot): boolean {
    const now = this.#parts.clock.now();
    if (now >= this.#nextMs) return true;
    const { rates, ground, atMs } = this.#was;
    if (now < atMs + SEARCH_EVERY_MS[0]) return false;
    const [less, more] = [rates, ratesOf(snapshot)].sort((a, b) => a - b) as [number, number];
    if (more <= less * (1 + RATES_CHANGED) && ground === groundOf(snapshot)) return false;
    this.#pauseMs = SEARCH_EVERY_MS[0];
    return true;
  }

  /** The last search brought nothing: the next one later. */
  later(snapshot: Snapshot): void {
    const now = this.#parts.clock.now();
    this.#nextMs = now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, SEARCH_EVERY_MS[1]);
    this.#was = { rates: ratesOf(snapshot), ground: groundOf(snapshot), atMs: now };
  }

  /** Whether what was found is still there. */
  again(snapshot: Snapshot, settings: AdaptSettings, keep: Arrangement): Promise<Planned> {
    return this.#plan(snapshot, settings, keep, false);
  }

  async search(snapshot: Snapshot, settings: AdaptSettings, keep?: Arrangement): Promise<StoredPlan> {
    const planned = await this.#plan(snapshot, settings, keep, true);
    await this.#noteFailure(planned.failures[0]);
    const { acting } = this.#parts;
    const plan: AdaptPlan = { id: acting.nextId(), at: acting.at(), ...planned.plan };
    const stored = { plan, planned, snapshot };
    this.#plans.set(plan.id, stored);
    for (const id of this.#plans.keys()) if (this.#plans.size > PLANS_KEPT) this.#plans.delete(id);
    return stored;
  }

  #plan(
    snapshot: Snapshot,
    settings: AdaptSettings,
    keep: Arrangement | undefined,
    search: boolean,
  ): Promise<Planned> {
    const { memory, calendar, solve, clock } = this.#parts;
    const avoided = memory.avoid.of(calendar());
    return planChange({ snapshot, settings, avoided, search, ...(keep && { keep }) }, solve, () =>
      clock.now(),
    );
  }

  /** Each failure of a solver once, until it works again. */
  async #noteFailure(failure: string | undefined): Promise<void> {
    const { acting } = this.#parts;
    if (failure !== undefined && failure !== this.#lastFailure)
      await acting.say(this.#network, { outcome: 'failed', by: 'auto', reason: failure });
    this.#lastFailure = failure;
  }
}

/** All flows together, bits a second. */
function ratesOf({ matrix }: Snapshot): number {
  return matrix.pairs.reduce((sum, { bitsPerSecond }) => sum + (bitsPerSecond >= 0 ? bitsPerSecond : 0), 0);
}

/** What changes seldom, and all at once. */
function groundOf({ revision, ready, vms, links }: Snapshot): string {
  const up = links.filter((link) => link.up).map(({ type, a, b }) => `${type} ${a} ${b}`);
  return [
    revision,
    ...ready.toSorted(),
    ...vms.map(({ vm, host }) => `${vm} ${host}`).sort(),
    ...up.sort(),
  ].join();
}
