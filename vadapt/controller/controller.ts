/**
 * VADAPT's controller (Virtuoso 6): decides, acts, looks at what came of it. The Proxy gives it a world to act in, a
 * clock, and whoever runs solvers; people talk to it as the AdaptAuthority.
 */
import {
  ADAPT_HISTORY_MAX,
  type AdaptAuthority,
  type AdaptPlan,
  type AdaptPlanRequest,
  type AdaptProgress,
  type AdaptReason,
  type AdaptRecord,
  type AdaptSettings,
  type AdaptView,
  type Clock,
  NOTHING_ADAPTED,
  type Random,
  VnetError,
} from '../../core/index.js';
import { actionsBetween, type Snapshot, type Solve } from '../planner/index.js';
import { Acting } from './acting.js';
import { Memory } from './memory.js';
import { NetworkLoop } from './network-loop.js';
import { mergeSettings } from './settings.js';
import { whyIs } from './why.js';
import type { AdaptWorld, ControllerMemory } from './world.js';

/** Between two looks. Milliseconds. */
export const STEP_MS = 500;
/** Records of an answer unless asked for more. */
const HISTORY_DEFAULT = 20;

export interface ControllerParts {
  world: AdaptWorld;
  clock: Clock;
  /** For identifiers alone. */
  random: Random;
  /** Milliseconds since the epoch: what must hold over a restart, and what people read. */
  calendar: () => number;
  solve: Solve;
  /** Why a name is none of a solver; undefined: it is one. Default: any name is. */
  whyNoSolver?: (name: string) => string | undefined;
  /** Of the last start. */
  memory?: ControllerMemory;
}

export class AdaptController implements AdaptAuthority {
  readonly #parts: ControllerParts;
  readonly #calendar: () => number;
  readonly #memory: Memory;
  readonly #acting: Acting;
  readonly #loops = new Map<string, NetworkLoop>();
  #cancel: (() => void) | undefined;
  #stepping: Promise<void> | undefined;
  #closed = false;

  constructor(parts: ControllerParts) {
    const { world, clock, random } = parts;
    this.#parts = parts;
    this.#calendar = parts.calendar;
    this.#memory = new Memory(world, this.#calendar, parts.memory);
    this.#acting = new Acting(world, this.#memory, clock, this.#calendar, random);
  }

  /** From here on it looks every STEP_MS. */
  start(): void {
    if (this.#closed || this.#cancel) return;
    const tick = () => {
      void this.step().finally(() => {
        if (!this.#closed) this.#cancel = this.#parts.clock.after(STEP_MS, tick);
      });
    };
    this.#cancel = this.#parts.clock.after(STEP_MS, tick);
  }

  /** VTTIF declared another topology of this network: it is looked at with the next step. */
  topologyDeclared(network: string): void {
    this.#loops.get(network)?.nudge();
  }

  /** Looks once at every network. Never rejects: what goes wrong with one is its state, and a record. */
  step(): Promise<void> {
    this.#stepping ??= this.#stepAll().finally(() => {
      this.#stepping = undefined;
    });
    return this.#stepping;
  }

  /** Decides nothing more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#stepping;
    await this.#acting.alone(async () => undefined);
  }

  async adaptation(history = HISTORY_DEFAULT): Promise<AdaptView> {
    if (!Number.isInteger(history) || history < 0 || history > ADAPT_HISTORY_MAX)
      throw new VnetError('VNET_ERR_INVALID', `history is a whole number, 0 to ${ADAPT_HISTORY_MAX}`);
    const networks = this.#parts.world.networks();
    const states = networks.map((name) => ({ name, state: this.#loopOf(name).state }));
    const [first] = states;
    return {
      settings: this.#memory.settings,
      state:
        this.#memory.settings.mode === 'off' && !networks.some((name) => this.#loopOf(name).isBusy)
          ? 'off'
          : states.length === 1 && first
            ? first.state
            : states.map(({ name, state }) => `${name}: ${state}`).join('; '),
      adapted: this.#snapshots()[0]?.adapted ?? NOTHING_ADAPTED,
      plans: networks.flatMap((name) => this.#loopOf(name).lastPlan ?? []),
      history: this.#memory.history.records.slice(0, history),
    };
  }

  async setAdaptation(settings: Partial<AdaptSettings>): Promise<AdaptSettings> {
    const before = this.#memory.settings;
    const merged = mergeSettings(before, settings, this.#parts.whyNoSolver);
    this.#memory.settings = merged;
    // Who turns it on begins anew: neither what people placed nor what came of changes before counts any more.
    const begins = merged.mode === 'auto' && before.mode !== 'auto';
    if (begins) this.#memory.avoid.forget();
    try {
      await this.#memory.save();
    } catch (error) {
      this.#memory.settings = before;
      throw error;
    }
    for (const loop of this.#loops.values()) {
      if (begins) loop.beginAnew();
      else loop.nudge();
    }
    return merged;
  }

  async planAdaptation(request: AdaptPlanRequest = {}): Promise<AdaptPlan> {
    const settings = mergeSettings(this.#memory.settings, request.settings ?? {}, this.#parts.whyNoSolver);
    return this.#loopOf(this.#networkOf(request.network)).plan(settings);
  }

  async applyAdaptation(plan: string, progress?: (progress: AdaptProgress) => void): Promise<AdaptRecord> {
    for (const loop of this.#loops.values()) if (loop.has(plan)) return loop.apply(plan, progress);
    throw new VnetError('VNET_ERR_NOT_FOUND', `there is no plan ${plan}, or it is too old`, {
      hint: 'plan again',
    });
  }

  async whyAdapted(subject: string): Promise<AdaptReason> {
    return whyIs(subject, this.#snapshots(), this.#memory.history, this.#calendar());
  }

  async clearAdaptation(): Promise<AdaptRecord | undefined> {
    const [network] = this.#parts.world.networks();
    if (network === undefined) return undefined;
    return this.#loopOf(network).aside(async () => {
      const before = this.#snapshots()[0]?.adapted ?? NOTHING_ADAPTED;
      const actions = actionsBetween(before, NOTHING_ADAPTED, []);
      if (actions.length === 0) return undefined;
      const reason = 'a person cleared it';
      const change = {
        network,
        actions,
        before,
        after: NOTHING_ADAPTED,
        by: 'user' as const,
        reason,
        predictedGain: 0,
      };
      const { record, error } = await this.#acting.make(change);
      if (error) throw error;
      return record;
    });
  }

  async #stepAll(): Promise<void> {
    const { mode } = this.#memory.settings;
    for (const network of this.#parts.world.networks()) {
      const loop = this.#loopOf(network);
      if (this.#closed || (mode === 'off' && !loop.isBusy)) continue;
      await loop.step().catch((thrown) => this.#noteTrouble(network, loop, thrown));
    }
  }

  /** A fault of ours, or a problem that is too large: said once, and it goes on. */
  async #noteTrouble(network: string, loop: NetworkLoop, thrown: unknown): Promise<void> {
    const { message } = VnetError.from(thrown);
    const state = `cannot decide: ${message}`;
    if (loop.state === state) return;
    loop.state = state;
    await this.#acting.say(network, { by: 'auto', outcome: 'failed', reason: state });
  }

  #loopOf(network: string): NetworkLoop {
    const known = this.#loops.get(network);
    if (known) return known;
    const { world, clock, solve } = this.#parts;
    const parts = {
      world,
      clock,
      solve,
      memory: this.#memory,
      acting: this.#acting,
      calendar: this.#calendar,
    };
    const loop = new NetworkLoop(network, parts);
    this.#loops.set(network, loop);
    return loop;
  }

  #networkOf(name: string | undefined): string {
    const networks = this.#parts.world.networks();
    if (name !== undefined && !networks.includes(name))
      throw new VnetError('VNET_ERR_NOT_FOUND', `there is no network ${name}`);
    const [only] = networks;
    if (name === undefined && (networks.length !== 1 || only === undefined))
      throw new VnetError('VNET_ERR_INVALID', `which network? There are ${networks.join(', ') || 'none'}`);
    return name ?? (only as string);
  }

  #snapshots(): Snapshot[] {
    const { world } = this.#parts;
    return world.networks().flatMap((network) => world.snapshot(network) ?? []);
  }
}
