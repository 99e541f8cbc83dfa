/** The last change, until it is known what came of it: measured, kept, or taken back. */
import type { AdaptPlan, AdaptRecord } from '../../core/index.js';
import type { Planned, Snapshot } from '../planner/index.js';
import { TAKEN_BACK_MS } from './avoid.js';
import { PENALTY } from './damping.js';
import { Delivered } from './delivered.js';
import type { LoopParts } from './loop-parts.js';
import { takeBack } from './taking-back.js';
import { flowsAround, type Judgement, judge, PROLONGED_MAX, type Watch } from './watch.js';

/** Measured after a change, milliseconds, once what was before has left the window. */
const MEASURE_MS_MIN = 2000;

export interface Verdict {
  /** For the damping. */
  penalty: number;
  useful: boolean;
  /** A sentence, where it was taken back. */
  takenBack?: string;
}

export class Aftermath {
  readonly #parts: LoopParts;
  readonly #delivered = new Delivered();
  #watch: Watch | undefined;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return this.#watch !== undefined;
  }

  note(snapshot: Snapshot): void {
    this.#delivered.note(snapshot);
  }

  /** Nobody can tell any more what came of it. */
  drop(): void {
    this.#watch = undefined;
  }

  concerns(isIt: (record: AdaptRecord) => boolean): boolean {
    return this.#watch !== undefined && isIt(this.#watch.record);
  }

  /** `before`: as it was decided. */
  begin(
    record: AdaptRecord,
    before: Snapshot,
    plan: AdaptPlan,
    { after }: Planned,
    stayed: ReadonlySet<string>,
  ): void {
    const { world, memory } = this.#parts;
    const { settleMs } = memory.settings;
    const { smoothingMs, updateMs } = before.matrix.parameters;
    const skipMs = smoothingMs + 2 * updateMs;
    const fromMs = (world.snapshot(record.network)?.atMs ?? before.atMs) + skipMs;
    const beforeMs = Math.max(settleMs, 2 * smoothingMs);
    this.#watch = {
      record,
      before: before.adapted,
      after,
      flows: flowsAround(before, touchedVms(plan, stayed)),
      rateBefore: (flows) => this.#delivered.before(before.atMs, beforeMs, flows, smoothingMs),
      fromMs,
      untilMs: fromMs + Math.max(MEASURE_MS_MIN, settleMs - skipMs),
      prolonged: 0,
    };
  }

  /** Undefined: it is being measured still. `undo`: runs the taking back when it is its turn; gives the moves that were made. */
  async look(
    raw: Snapshot,
    undo: (work: () => Promise<void>) => Promise<void>,
    moved: (vm: string, host: string) => void,
  ): Promise<Verdict | undefined> {
    const watch = this.#watch;
    if (!watch || raw.atMs < watch.untilMs) return undefined;
    const judgement = judge(watch, this.#delivered, raw.matrix.parameters.smoothingMs);
    if (judgement.kind === 'silent' && watch.prolonged < PROLONGED_MAX) {
      const { fromMs, untilMs, prolonged } = watch;
      this.#watch = { ...watch, fromMs: untilMs, untilMs: 2 * untilMs - fromMs, prolonged: prolonged + 1 };
      return undefined;
    }
    this.#watch = undefined;
    if (judgement.kind === 'worse' && watch.record.by === 'auto') {
      await undo(() => this.#takeBack(raw, watch, judgement, moved));
      return { penalty: PENALTY.takenBack, useful: false, takenBack: judgement.text };
    }
    return this.#keep(watch.record, judgement);
  }

  async #keep(record: AdaptRecord, { kind, measuredGain, text }: Judgement): Promise<Verdict> {
    const asked = kind === 'worse' ? '; it stays, since a person asked for it' : '';
    await this.#parts.acting.note({
      ...record,
      ...(measuredGain !== undefined && { measuredGain }),
      outcome: 'kept',
      reason: `${record.reason}; ${text}${asked}`,
    });
    // Who talks of something else already changes faster than this can follow.
    const penalties = {
      useful: 0,
      useless: PENALTY.useless,
      worse: PENALTY.useless,
      silent: PENALTY.useless,
      unknown: 0,
    };
    return { penalty: penalties[kind], useful: kind === 'useful' };
  }

  async #takeBack(
    raw: Snapshot,
    watch: Watch,
    { measuredGain, text }: Judgement,
    moved: (vm: string, host: string) => void,
  ): Promise<void> {
    const { memory, acting, calendar } = this.#parts;
    const { record } = watch;
    memory.avoid.addChange(record.actions, calendar() + TAKEN_BACK_MS);
    const { error, moves } = await takeBack(this.#parts, raw, watch);
    for (const { vm, to } of moves) moved(vm, to);
    const end = error ? `it could not be taken back: ${error.message}` : 'it was taken back';
    await acting.note({
      ...record,
      outcome: error ? 'failed' : 'taken-back',
      ...(measuredGain !== undefined && { measuredGain }),
      reason: `${record.reason}; ${text}; ${end}`,
    });
  }
}

/** VMs that a plan moves, or whose flows go another way. */
function touchedVms({ actions, flows }: AdaptPlan, stayed: ReadonlySet<string>): ReadonlySet<string> {
  const touched = new Set<string>();
  for (const { action } of actions) {
    if (action.kind === 'move' && !stayed.has(action.vm)) touched.add(action.vm);
    if (action.kind === 'route') for (const vm of [action.route.from, action.route.to]) touched.add(vm);
    if (action.kind === 'reserve-cpu') touched.add(action.reservation.vm);
  }
  for (const { from, to, pathNow, pathThen } of flows)
    if (pathNow.join(' ') !== pathThen.join(' ')) for (const vm of [from, to]) touched.add(vm);
  return touched;
}
