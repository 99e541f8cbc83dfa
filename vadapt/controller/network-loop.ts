/**
 * Adaptation of one network: at each step it looks, and at most does one thing. In the order in which they matter: a
 * change that a restart cut off, what people did, what came of the last change, the next one.
 */
import type { AdaptPlan, AdaptProgress, AdaptRecord, AdaptSettings } from '../../core/index.js';
import { VnetError } from '../../core/index.js';
import { type Arrangement, type Planned, signatureOf, type Snapshot } from '../planner/index.js';
import { Aftermath } from './aftermath.js';
import { FAILED_MS, planKey } from './avoid.js';
import { whyConflict } from './conflict.js';
import { Damping, PENALTY } from './damping.js';
import { DownLinks } from './down-links.js';
import type { LoopParts } from './loop-parts.js';
import { moveOf, People } from './people.js';
import { recover } from './recovery.js';
import { Searching, type StoredPlan } from './searching.js';
import { Smoothing } from './smoothing.js';

/** A better plan that must be found again. */
interface Candidate {
  arrangement: Arrangement;
  sinceMs: number;
  /** How often it was looked at, and of these, how often it was worth it: one look may fall into a pause of the traffic. */
  looks: number;
  worth: number;
}

export class NetworkLoop {
  state = 'has not looked yet';
  readonly #parts: LoopParts;
  readonly #network: string;
  readonly #smoothing = new Smoothing();
  #damping = new Damping();
  readonly #downLinks = new DownLinks();
  readonly #searching: Searching;
  readonly #aftermath: Aftermath;
  readonly #people: People;
  #candidate: Candidate | undefined;
  /** Nothing is decided before. */
  #quietUntilMs = -Infinity;
  #acts = false;

  constructor(network: string, parts: LoopParts) {
    this.#network = network;
    this.#parts = parts;
    this.#searching = new Searching(network, parts);
    this.#aftermath = new Aftermath(parts);
    this.#people = new People(network, parts);
  }

  /** True: must be stepped even where nothing is to be planned. */
  get isBusy(): boolean {
    return this.#aftermath.isOpen || this.#parts.memory.begun?.network === this.#network;
  }

  get lastPlan(): AdaptPlan | undefined {
    return this.#searching.last;
  }

  /** VTTIF declared another topology. */
  nudge(): void {
    this.#searching.soon();
  }

  /** A person turned it on: neither what came of changes before counts any more, nor who moved what. */
  beginAnew(): void {
    this.#people.places.forget();
    this.#damping = new Damping();
    this.#quietUntilMs = -Infinity;
    this.#candidate = undefined;
    this.#aftermath.drop();
    this.#searching.soon();
  }

  async step(): Promise<void> {
    const { world, memory, acting } = this.#parts;
    if (this.#acts) return;
    if (acting.isBusy) {
      this.state = 'waits for a change that is under way';
      return;
    }
    const raw = world.snapshot(this.#network);
    if (!raw) {
      this.state = 'waits for a traffic matrix';
      return;
    }
    if (memory.begun?.network === this.#network) {
      const waits = await this.#exclusive(() => recover(this.#parts, raw));
      this.state = waits ?? 'recovered after a restart';
      return;
    }
    this.#aftermath.note(raw);
    const snapshot = this.#smoothing.smooth(raw);
    this.#giveUpLinks(raw);
    if (await this.#minded(raw)) return;
    if (this.#aftermath.isOpen && !(await this.#looked(raw))) return;
    await this.#decide(snapshot);
  }

  /** Decides now, by settings for this plan alone; nothing is done. */
  async plan(settings: AdaptSettings): Promise<AdaptPlan> {
    const snapshot = this.#smoothing.smooth(this.#snapshot());
    return (await this.#searching.search(snapshot, settings)).plan;
  }

  has(plan: string): boolean {
    return this.#searching.get(plan) !== undefined;
  }

  /** Exactly that plan, for a person. */
  async apply(plan: string, progress?: (progress: AdaptProgress) => void): Promise<AdaptRecord> {
    const stored = this.#searching.get(plan) as StoredPlan;
    if (stored.plan.actions.length === 0)
      throw new VnetError('VNET_ERR_INVALID', `plan ${plan} does nothing: ${stored.plan.verdict}`);
    const made = await this.#act(stored, 'user', progress);
    if (typeof made !== 'string') return made;
    throw new VnetError('VNET_ERR_CONFLICT', `plan ${plan} cannot be applied any more: ${made}`, {
      hint: 'plan again',
    });
  }

  /** A change that is no plan's. */
  aside<T>(make: () => Promise<T>): Promise<T> {
    this.#aftermath.drop();
    this.#candidate = undefined;
    return this.#inTurn(make);
  }

  #snapshot(): Snapshot {
    const snapshot = this.#parts.world.snapshot(this.#network);
    if (snapshot) return snapshot;
    throw new VnetError(
      'VNET_ERR_UNREACHABLE',
      `nothing is known of the traffic of network ${this.#network} yet`,
      { hint: 'ask again when hosts have reported' },
    );
  }

  /** Steps in between do nothing: what is half done is nobody's doing. So it is with changes of other networks. */
  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.#acts = true;
    try {
      return await work();
    } finally {
      this.#acts = false;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#exclusive(() => this.#parts.acting.alone(work));
  }

  /** Planned around for a while, and removed with the next change. */
  #giveUpLinks(raw: Snapshot): void {
    const { memory, calendar } = this.#parts;
    for (const key of this.#downLinks.note(raw, memory.settings.settleMs)) {
      memory.avoid.add(`link ${key}`, calendar() + FAILED_MS);
      this.#searching.soon();
    }
  }

  /** True: what people did took this step. */
  async #minded(raw: Snapshot): Promise<boolean> {
    const { moved, give } = await this.#people.look(raw);
    if (moved.length > 0) this.#candidate = undefined;
    const isTouched = (record: AdaptRecord) => moved.some(({ vm }) => moveOf(record, vm) !== undefined);
    if (this.#aftermath.concerns(isTouched)) this.#aftermath.drop();
    if (give.length === 0) return false;
    this.#aftermath.drop();
    this.#candidate = undefined;
    await this.#inTurn(() => this.#people.giveUp(raw, give));
    return true;
  }

  /** True: nothing more is to be done about the last change. */
  async #looked(raw: Snapshot): Promise<boolean> {
    const { memory, clock } = this.#parts;
    const expect = (vm: string, host: string) => this.#people.places.expect(vm, host);
    const verdict = await this.#aftermath.look(raw, (work) => this.#inTurn(work), expect);
    if (!verdict) {
      const prefix = memory.settings.mode === 'off' ? 'off; ' : '';
      this.state = `${prefix}measures what the last change brought`;
      return false;
    }
    if (verdict.takenBack === undefined) {
      this.#damping.add(clock.now(), memory.settings, verdict.penalty);
      if (verdict.useful) this.#damping.useful();
      return true;
    }
    this.#changed(verdict.penalty);
    this.state = `took the last change back: ${verdict.takenBack}`;
    return false;
  }

  async #decide(snapshot: Snapshot): Promise<void> {
    const { settings } = this.#parts.memory;
    const now = this.#parts.clock.now();
    if (settings.mode !== 'auto' || !snapshot.settled) this.#candidate = undefined;
    if (settings.mode === 'off') this.state = 'off';
    else if (settings.mode === 'advise') await this.#advise(snapshot, settings);
    else if (now < this.#quietUntilMs)
      this.state = `settling for another ${((this.#quietUntilMs - now) / 1000).toFixed(1)} s`;
    else if (!snapshot.settled) this.state = "waits for the application's topology to settle";
    else await this.#seek(snapshot, now);
  }

  async #advise(snapshot: Snapshot, settings: AdaptSettings): Promise<void> {
    if (!this.#searching.isTime(snapshot)) return;
    this.state = (await this.#searching.search(snapshot, settings)).plan.verdict;
    this.#searching.later(snapshot);
  }

  /** A better plan must be found, found again most times for as long as is asked, and be the best at the end. */
  async #seek(snapshot: Snapshot, now: number): Promise<void> {
    const settings = this.#damped(now);
    const confirmMs = this.#damping.confirmMs(now, settings);
    const candidate = this.#candidate;
    if (!candidate && !this.#searching.isTime(snapshot)) return;
    const again = candidate && (await this.#searching.again(snapshot, settings, candidate.arrangement));
    if (again && candidate) {
      candidate.looks += 1;
      if (again.plan.worthIt) candidate.worth += 1;
      if (2 * candidate.worth < candidate.looks) return this.#giveUp(snapshot, again);
      if (now - candidate.sinceMs < confirmMs || !again.plan.worthIt) {
        this.state = `has found something better, and makes sure: ${again.plan.verdict}`;
        return;
      }
    }
    const stored = await this.#searching.search(snapshot, settings, candidate?.arrangement);
    const { planned } = stored;
    this.state = planned.plan.verdict;
    if (!planned.plan.worthIt || this.#isAvoided(planned)) return this.#giveUp(snapshot, planned);
    const isSame = again && signatureOf(again.plan.actions) === signatureOf(planned.plan.actions);
    if (isSame || confirmMs === 0) await this.#actAlone(stored);
    else this.#candidate = { arrangement: planned.arrangement, sinceMs: now, looks: 1, worth: 1 };
  }

  async #actAlone(stored: StoredPlan): Promise<void> {
    const made = await this.#act(stored, 'auto');
    if (typeof made !== 'string') return;
    this.state = `a plan was dropped: ${made}`;
    this.#candidate = undefined;
  }

  #isAvoided({ plan }: Planned): boolean {
    const { memory, calendar } = this.#parts;
    const actions = plan.actions.map(({ action }) => action);
    if (!memory.avoid.has(planKey(actions), calendar())) return false;
    this.state = 'found what was taken back or failed lately, and leaves it';
    return true;
  }

  #giveUp(snapshot: Snapshot, { plan }: Planned): void {
    if (this.#candidate) this.state = `what was better a moment ago is not: ${plan.verdict}`;
    this.#candidate = undefined;
    this.#searching.later(snapshot);
  }

  #damped(now: number): AdaptSettings {
    const { settings } = this.#parts.memory;
    return {
      ...settings,
      gainThreshold: this.#damping.threshold(now, settings),
      horizonMs: this.#damping.horizonMs(now, settings),
    };
  }

  /** A sentence: it no longer stands on what it was made for. Throws what made it fail, for a person. */
  #act(
    { plan, planned, snapshot }: StoredPlan,
    by: AdaptRecord['by'],
    progress?: (progress: AdaptProgress) => void,
  ): Promise<AdaptRecord | string> {
    const actions = plan.actions.map(({ action }) => action);
    return this.#inTurn(async () => {
      const fresh = this.#snapshot();
      const conflict = whyConflict(actions, snapshot.adapted, plan.revision, fresh);
      if (conflict !== undefined) return conflict;
      this.#candidate = undefined;
      this.#aftermath.note(fresh);
      this.state = `acts: ${plan.verdict}`;
      const change = {
        network: this.#network,
        actions,
        before: fresh.adapted,
        after: planned.after,
        by,
        reason: by === 'user' ? `a person applied plan ${plan.id}: ${plan.verdict}` : plan.verdict,
        predictedGain: plan.gain,
        reasons: plan.actions,
      };
      const { record, stayed, error } = await this.#parts.acting.make(change, progress);
      this.#changed(error ? PENALTY.failed : PENALTY.begun);
      if (error && by === 'user') throw error;
      if (error) return record;
      this.#expect(record, stayed);
      this.#aftermath.begin(record, fresh, plan, planned, stayed);
      return record;
    });
  }

  #changed(penalty: number): void {
    const { clock, memory } = this.#parts;
    const now = clock.now();
    this.#damping.changed(now, memory.settings, penalty);
    this.#quietUntilMs = now + memory.settings.settleMs;
    this.#searching.soon();
  }

  #expect({ actions }: AdaptRecord, stayed: ReadonlySet<string>): void {
    const { memory, calendar } = this.#parts;
    for (const action of actions) {
      if (action.kind !== 'move') continue;
      if (!stayed.has(action.vm)) this.#people.places.expect(action.vm, action.to);
      else memory.avoid.add(`move ${action.vm} ${action.to}`, calendar() + FAILED_MS);
    }
  }
}
