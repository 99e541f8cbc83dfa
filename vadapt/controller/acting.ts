/**
 * Carries changes out, one at a time whichever network they are of: what adaptation owns is one. Before the first step
 * it is on disk that a change has begun, and how things were, so that a restart in the middle completes or undoes it.
 */
import {
  type AdaptAction,
  type Adapted,
  type AdaptProgress,
  type AdaptRecord,
  type Clock,
  type PlannedAction,
  type Random,
  VnetError,
} from '../../core/index.js';
import { listed } from '../planner/index.js';
import { FAILED_MS } from './avoid.js';
import type { Memory } from './memory.js';
import type { AdaptWorld } from './world.js';

export interface ChangeToMake {
  network: string;
  actions: readonly AdaptAction[];
  before: Adapted;
  after: Adapted;
  by: AdaptRecord['by'];
  reason: string;
  predictedGain: number;
  /** For `why`. */
  reasons?: PlannedAction[];
}

export interface Made {
  record: AdaptRecord;
  /** VMs that stayed where they were. */
  stayed: ReadonlySet<string>;
  error?: VnetError;
}

export class Acting {
  /** What adaptation owns, as left by the last change; undefined: not looked at yet. */
  expected: Adapted | undefined;
  /** Of this start, monotonic milliseconds. */
  readonly startedMs: number;
  readonly #world: AdaptWorld;
  readonly #memory: Memory;
  readonly #clock: Clock;
  readonly #calendar: () => number;
  readonly #start: string;
  #serial = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Asked for and not over. */
  #under = 0;

  constructor(world: AdaptWorld, memory: Memory, clock: Clock, calendar: () => number, random: Random) {
    this.#world = world;
    this.#memory = memory;
    this.#clock = clock;
    this.startedMs = clock.now();
    this.#calendar = calendar;
    this.#start = Math.floor(random() * 0x1000000)
      .toString(16)
      .padStart(6, '0');
  }

  /** Of this start, for plans and records. */
  nextId(): string {
    return `${this.#start}-${++this.#serial}`;
  }

  at(): string {
    return new Date(this.#calendar()).toISOString();
  }

  /** Something is half done, of whichever network. */
  get isBusy(): boolean {
    return this.#under > 0;
  }

  /** After all that was asked for before. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    this.#under += 1;
    const turn = this.#last.then(work, work).finally(() => {
      this.#under -= 1;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Never rejects: a failure is a record, with everything undone. Call within `alone`. */
  async make(change: ChangeToMake, progress?: (progress: AdaptProgress) => void): Promise<Made> {
    const { network, before, after, by, reason, predictedGain } = change;
    const actions = [...change.actions];
    const began = this.#clock.now();
    const record: AdaptRecord = {
      id: this.nextId(),
      at: this.at(),
      network,
      by,
      outcome: 'applied',
      reason,
      actions,
      predictedGain,
      tookMs: 0,
    };
    if (this.#memory.begun) {
      const error = new VnetError(
        'VNET_ERR_CONFLICT',
        'a change that a restart of the Proxy cut off is not mended yet',
        {
          hint: 'ask again when `vnet adapt` says that it has recovered',
        },
      );
      return { record: { ...record, outcome: 'failed' }, stayed: new Set(), error };
    }
    try {
      await this.keepBegun({ network, actions, before, after, record });
      const { stayed } = await this.#world.carryOut(network, actions, after, progress);
      // The world may keep less of it: what people did meanwhile counts.
      this.expected = this.#world.snapshot(network)?.adapted;
      const told = stayed.map(({ vm, host, reason: why }) => `${vm} stayed on ${host}: ${why}`);
      const tookMs = this.#clock.now() - began;
      const done = {
        ...record,
        tookMs,
        reason: [reason, ...(told.length > 0 ? [listed(told)] : [])].join('; '),
      };
      await this.#end(done, change.reasons);
      return { record: done, stayed: new Set(stayed.map(({ vm }) => vm)) };
    } catch (thrown) {
      const error = VnetError.from(thrown);
      // The Proxy stops in the middle: the next start finds what was begun.
      if (error.code === 'VNET_ERR_CLOSED')
        return { record: { ...record, outcome: 'failed' }, stayed: new Set(), error };
      this.expected = this.#world.snapshot(network)?.adapted;
      const failed: AdaptRecord = {
        ...record,
        outcome: 'failed',
        reason: `${reason}; undone, since ${error.message}`,
        tookMs: this.#clock.now() - began,
      };
      this.#memory.avoid.addChange(actions, this.#calendar() + FAILED_MS);
      await this.#end(failed, change.reasons);
      return { record: failed, stayed: new Set(), error };
    }
  }

  /** A record, new or another outcome of one that is there. */
  async note(record: AdaptRecord): Promise<void> {
    await this.#end(record);
  }

  /** A record without a change. */
  say(
    network: string,
    said: Pick<AdaptRecord, 'by' | 'outcome' | 'reason'> & Partial<Pick<AdaptRecord, 'actions'>>,
  ): Promise<void> {
    const base = { id: this.nextId(), at: this.at(), network, actions: [], predictedGain: 0, tookMs: 0 };
    return this.#end({ ...base, ...said });
  }

  /** On disk, until a record of the same id is noted. */
  async keepBegun(begun: NonNullable<Memory['begun']>): Promise<void> {
    this.#memory.begun = begun;
    try {
      await this.#memory.save();
    } catch (thrown) {
      this.#memory.begun = undefined;
      throw new VnetError('VNET_ERR_INTERNAL', 'that it begins could not be kept on disk', { cause: thrown });
    }
  }

  async #end(record: AdaptRecord, reasons?: PlannedAction[]): Promise<void> {
    if (this.#memory.begun?.record.id === record.id) this.#memory.begun = undefined;
    this.#memory.history.put(record, reasons && { atMs: this.#calendar(), actions: reasons });
    try {
      await this.#memory.save();
      this.#world.announce(record);
    } catch (thrown) {
      // What was done stands; that it is not on disk is said where people look.
      const { message } = VnetError.from(thrown);
      this.#world.announce({ ...record, reason: `${record.reason}; not kept on disk: ${message}` });
    }
  }
}
