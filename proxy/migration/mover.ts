/**
 * Carries one move out: the effects of its state machine (move.ts) on the two hosts, the place and the store. What the
 * hosts report comes in through `report` and `lost`.
 */
import {
  type Clock,
  MOVE_TIMEOUT_MS,
  type MovePhase,
  type MoveResult,
  type MoveTransfer,
  type MoveView,
  OUTPUT_LOSING_DRIVERS,
  type VmHost,
  type VmReport,
  type VmTicket,
  VnetError,
} from '../../core/index.js';
import type { Placing } from '../placing.js';
import { advance, isStuck, mayRun, type MoveEffect, type MoveEvent, type Side } from './move.js';
import type { MoveRecord, VmRecord, VmRecords } from './records.js';

/** A move that waits so long for a host that cannot be asked is told as `unknown`; it goes on all the same. */
export const STUCK_MS = 10_000;

/** What waited and what was lost is counted once the VM runs; a result waits so long for it, and says what it knows. */
export const COUNTS_MS = 300;

export interface MoverOptions {
  clock: Clock;
  placing: Placing;
  records: VmRecords;
  /** Undefined while the host is away. */
  hostOf(host: string): VmHost | undefined;
  /** The move got on, or the VM's state is another. */
  onChange(record: VmRecord, move: MoveView): void;
  /** The machine has ended; its record has no move any more. */
  onOver(record: VmRecord, result: MoveResult): void;
}

export class Mover {
  readonly #options: MoverOptions;
  readonly #record: VmRecord;
  readonly #move: MoveRecord;
  readonly #startedMs: number;
  #ticket: VmTicket | undefined;
  #transfer: MoveTransfer | undefined;
  #pausedMs: number | undefined;
  #runningMs: number | undefined;
  #placedMs: number | undefined;
  readonly #counts = new Map<Side, { held: number; lost: number }>();
  #onCounted = () => {};
  #cancelTimeout = () => {};
  #cancelStuck: (() => void) | undefined;
  #phase: MovePhase | undefined;
  #tell!: (result: MoveResult) => void;
  /** How it came out, or that nobody can say: then the move goes on without anybody waiting for it. */
  readonly result: Promise<MoveResult>;

  constructor(options: MoverOptions, record: VmRecord, move: MoveRecord) {
    this.#options = options;
    this.#record = record;
    this.#move = move;
    this.#startedMs = options.clock.now();
    this.result = new Promise((resolve) => {
      this.#tell = resolve;
    });
    const timeoutMs = move.options.timeoutMs ?? MOVE_TIMEOUT_MS;
    const late = () => this.cancel(`it took longer than ${Math.round(timeoutMs / 1000)} s`);
    this.#cancelTimeout = options.clock.after(timeoutMs, late);
  }

  get view(): MoveView {
    const { id, from, to, startedAt } = this.#move;
    const transfer = this.#transfer === undefined ? {} : { transfer: this.#transfer };
    return { id, vm: this.#record.spec.name, from, to, phase: this.#phaseNow(), ...transfer, startedAt };
  }

  get id(): string {
    return this.#move.id;
  }

  /** The effects that the state was made with. */
  begin(effects: readonly MoveEffect[]): void {
    this.#tellChange();
    for (const effect of effects) this.#carryOut(effect);
  }

  /** Nobody was told anything yet. */
  cancelUnbegun(reason: string): void {
    this.#take({ kind: 'refused', step: 'receive', reason, lost: false });
  }

  /** The Proxy was restarted: the hosts will say where it stands. */
  restore(place: Side): void {
    this.#take({ kind: 'restored', place });
  }

  cancel(reason: string): void {
    this.#take({ kind: 'cancel', reason });
  }

  close(): void {
    this.#cancelTimeout();
    this.#cancelStuck?.();
  }

  lost(host: string): void {
    const side = this.#sideOf(host);
    if (side) this.#take({ kind: 'lost', side });
  }

  /** `undefined`: the host said what it has, and this VM was not among it. */
  report(host: string, report: VmReport | undefined): void {
    const side = this.#sideOf(host);
    if (!side) return;
    const fact = factOf(report);
    const { clock } = this.#options;
    if (side === 'from' && fact === 'paused') this.#pausedMs ??= clock.now();
    if (side === 'to' && fact === 'running') this.#runningMs ??= clock.now();
    if (report?.progress) this.#transfer = report.progress;
    if (side === 'to' && report?.port !== undefined) this.#move.toPort ??= report.port;
    const reason = report?.reason === undefined ? {} : { reason: report.reason };
    const crashed = report?.state === 'failed' ? { crashed: true } : {};
    this.#take({ kind: 'report', side, fact, ours: report?.move === this.#move.id, ...crashed, ...reason });
    if (report?.progress) this.#tellChange();
  }

  /** What a host counted, which it may say when the move is over already. */
  count(host: string, report: VmReport | undefined): void {
    const side = this.#sideOf(host);
    if (!side || report?.move !== this.#move.id || report.heldFrames === undefined) return;
    this.#counts.set(side, { held: report.heldFrames, lost: report.lostFrames ?? 0 });
    if (this.#counts.size === 2) this.#onCounted();
  }

  /** It never stopped, or both ends have said; or they are late. */
  #counted(): Promise<void> {
    if (this.#pausedMs === undefined || this.#counts.size === 2) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(COUNTS_MS, resolve);
      this.#onCounted = () => {
        cancel();
        resolve();
      };
    });
  }

  #sideOf(host: string): Side | undefined {
    return host === this.#move.from ? 'from' : host === this.#move.to ? 'to' : undefined;
  }

  #take(event: MoveEvent): void {
    if (this.#move.state.stage === 'over') return;
    const { state, effects } = advance(this.#move.state, event);
    this.#move.state = state;
    const { from, to } = this.#move;
    const others = this.#record.mayRunOn.filter((host) => host !== from && host !== to);
    this.#record.mayRunOn = [...others, ...mayRun(state).map((side) => (side === 'from' ? from : to))];
    this.#watch();
    if (this.#phase !== this.#phaseNow()) this.#tellChange();
    for (const effect of effects) this.#carryOut(effect);
    if (effects.length > 0) this.#options.records.saveSoon();
  }

  #tellChange(): void {
    this.#phase = this.#phaseNow();
    this.#options.onChange(this.#record, this.view);
  }

  #phaseNow(): MovePhase {
    const { stage, from, to, place } = this.#move.state;
    if (stage === 'prepare') return 'preparing';
    if (stage === 'undo' || stage === 'over') return 'cleaning';
    if (to === 'running' && place === 'to') return 'cleaning';
    return from === 'running' || (from === 'unknown' && to !== 'running') ? 'copying' : 'switching';
  }

  #watch(): void {
    if (!isStuck(this.#move.state)) {
      this.#cancelStuck?.();
      this.#cancelStuck = undefined;
      return;
    }
    this.#cancelStuck ??= this.#options.clock.after(STUCK_MS, () => {
      this.#cancelStuck = undefined;
      this.#take({ kind: 'late' });
      if (this.#move.state.stage !== 'over') this.#tell(this.#resultAs('unknown', this.#whyStuck()));
    });
  }

  #whyStuck(): string {
    const { state, from, to } = this.#move;
    const away = [state.from === 'unknown' ? from : '', state.to === 'unknown' ? to : ''].filter(Boolean);
    if (away.length > 0)
      return `${away.join(' and ')} cannot be asked and may run it: it is started nowhere until then`;
    return `${from} has let it go and ${to} does not say yet that it runs it`;
  }

  #carryOut(effect: MoveEffect): void {
    if (effect.do === 'over') return this.#over();
    if (effect.do === 'close') return; // With `over`, which waits for it.
    const act = effect.do === 'place' ? this.#place(effect.at) : this.#call(effect.do);
    act.then(
      (event) => event && this.#take(event),
      (thrown) => this.#failed(effect.do, VnetError.from(thrown)),
    );
  }

  async #call(what: 'receive' | 'open' | 'send' | 'cancel' | 'discard'): Promise<MoveEvent | undefined> {
    const { id, from, to, options } = this.#move;
    const { spec } = this.#record;
    switch (what) {
      case 'receive': {
        const { ticket, port } = await this.#vms(to).receive(id, spec, options);
        this.#ticket = ticket;
        this.#move.toPort = port;
        return { kind: 'received' };
      }
      case 'open':
        await this.#options.placing.admit(spec.name, { host: to, port: this.#toPort() });
        return { kind: 'opened' };
      case 'send':
        await this.#options.records.save();
        await this.#vms(from).send(id, spec.name, this.#ticket as VmTicket, options);
        return { kind: 'sent' };
      case 'cancel':
        await this.#vms(from).cancel(id);
        return undefined;
      case 'discard':
        await this.#vms(to).discard(id);
        return { kind: 'discarded' };
    }
  }

  async #place(at: Side): Promise<MoveEvent> {
    const { from, to, fromPort } = this.#move;
    const [source, destination] = [
      { host: from, port: fromPort },
      { host: to, port: this.#toPort() },
    ];
    const [here, other] = at === 'to' ? [destination, source] : [source, destination];
    await this.#options.placing.place(this.#record.spec.name, here.host, {
      port: here.port,
      runs: true,
      alsoAt: other,
    });
    this.#placedMs = this.#options.clock.now();
    return { kind: 'placed', at };
  }

  #toPort(): string {
    return this.#move.toPort ?? this.#record.spec.port ?? `tap:${this.#record.spec.name}`;
  }

  #vms(host: string): VmHost {
    const vms = this.#options.hostOf(host);
    if (!vms) throw new VnetError('VNET_ERR_UNREACHABLE', `host ${host} is away`);
    return vms;
  }

  #failed(what: MoveEffect['do'], error: VnetError): void {
    const lost = LOST.has(error.code);
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    const reason = `${error.message}${hint}`;
    switch (what) {
      case 'receive':
      case 'open':
      case 'send':
        return this.#take({ kind: 'refused', step: what, reason, lost });
      case 'discard':
        return this.#take({ kind: 'not-discarded', executes: error.code === 'VNET_ERR_REFUSED' });
      case 'place':
        // The Proxy stops, or the VM's statement is gone: the next start, or the next change, sees to it.
        return this.#take({ kind: 'placed', at: this.#move.state.placing });
      case 'cancel':
        // Whoever is away is asked again when it is back.
        return error.code === 'VNET_ERR_TIMEOUT' ? this.#take({ kind: 'not-cancelled' }) : undefined;
      default:
        return; // The source's reports tell.
    }
  }

  #over(): void {
    const { name } = this.#record.spec;
    const { state } = this.#move;
    this.close();
    const outcome = state.outcome ?? 'unknown';
    const reason = outcome === 'moved' ? undefined : state.reason;
    const endedMs = this.#options.clock.now();
    this.#record.host = state.place === 'to' ? this.#move.to : this.#move.from;
    delete this.#record.move;
    const closed = this.#options.placing.close(name).catch(() => {}); // As with `place`.
    const saved = this.#options.records.save().catch(() => {});
    void Promise.all([closed, saved, this.#counted()]).then(() => {
      const result = this.#resultAs(outcome, reason, endedMs);
      this.#options.onOver(this.#record, result);
      this.#tell(result);
    });
  }

  #resultAs(
    outcome: MoveResult['outcome'],
    reason: string | undefined,
    endedMs = this.#options.clock.now(),
  ): MoveResult {
    const { from, to } = this.#move;
    const counts = [...this.#counts.values()];
    const result: MoveResult = {
      vm: this.#record.spec.name,
      from,
      to,
      outcome,
      totalMs: Math.round(endedMs - this.#startedMs),
    };
    if (reason !== undefined) result.reason = reason;
    if (counts.length > 0) {
      // What waited at one end and then at the other counts once, where more of it did; lost is lost once.
      result.heldFrames = Math.max(...counts.map(({ held }) => held));
      result.lostFrames = counts.reduce((sum, { lost }) => sum + lost, 0);
    }
    if (this.#transfer) result.transferredBytes = this.#transfer.transferredBytes;
    if (this.#pausedMs === undefined) return result;
    if (this.#runningMs !== undefined)
      result.downtimeMs = Math.max(0, Math.round(this.#runningMs - this.#pausedMs));
    if (OUTPUT_LOSING_DRIVERS.has(this.#record.spec.machine.driver)) result.outputLost = true;
    if (this.#placedMs !== undefined)
      result.switchMs = Math.max(0, Math.round(this.#placedMs - this.#pausedMs));
    return result;
  }
}

const LOST = new Set(['VNET_ERR_UNREACHABLE', 'VNET_ERR_CLOSED', 'VNET_ERR_TIMEOUT']);

function factOf(report: VmReport | undefined): 'receiving' | 'running' | 'paused' | 'gone' {
  switch (report?.state) {
    case 'running':
    case 'starting':
      return 'running';
    case 'paused':
    case 'receiving':
      return report.state;
    default:
      return 'gone';
  }
}
