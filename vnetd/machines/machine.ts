/**
 * One VM on this host: what the host says of it, and its port, which is held exactly while the VM belongs here and does
 * not execute.
 *
 *   start    stopped -> starting -> running
 *   receive  stopped -> receiving -> running
 *   send     running -> paused -> stopped, or -> running again
 *   stopped and failed from everywhere
 */
import {
  type OutgoingVm,
  type ReceivingVm,
  type RunningVm,
  type VmEvents,
  VnetError,
  type VmReport,
  type VmSpec,
  type VmTicket,
} from '../../core/index.js';
import type { PortCounts, PortHolder } from './port-holder.js';
import type { VmRecord } from './records.js';
import { soundTransfer, TEXT_MAX } from './sound-report.js';

export interface MachineSurroundings {
  ports: PortHolder;
  now(): number;
  /** `progress`: it only got on; may be left out. */
  changed(machine: Machine, what: 'state' | 'progress'): void;
}

const NO_COUNTS: PortCounts = { held: 0, lost: 0 };
/** Between two reports of how far a move is. */
export const PROGRESS_EVERY_MS = 200;

export class Machine {
  readonly #around: MachineSurroundings;
  spec: VmSpec;
  port: string;
  state: VmReport['state'] = 'stopped';
  move: string | undefined;
  running: RunningVm | undefined;
  receiving: ReceivingVm | undefined;
  outgoing: OutgoingVm | undefined;
  ticket: VmTicket | undefined;
  #reason: string | undefined;
  #extra: Pick<VmReport, 'progress' | 'heldFrames' | 'lostFrames'> = {};
  /** What a driver says of an earlier life concerns nobody. */
  #life = 0;
  #isHeld = false;
  #isKept = false;
  /** Of the move; what ends as expected is at the destination then. */
  #isSource = false;
  #before: Promise<PortCounts> | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  /** Of timers that are about this life. */
  #cancels: (() => void)[] = [];

  constructor(spec: VmSpec, port: string, around: MachineSurroundings) {
    this.spec = spec;
    this.port = port;
    this.#around = around;
  }

  get name(): string {
    return this.spec.name;
  }

  /** It executes, or may do so without being asked again. */
  get isAlive(): boolean {
    return this.state !== 'stopped' && this.state !== 'failed';
  }

  /** Of the move that it is part of. */
  get isSource(): boolean {
    return this.#isSource;
  }

  get life(): number {
    return this.#life;
  }

  report(): VmReport {
    const { state, move } = this;
    const console = this.running?.console;
    return {
      vm: this.name,
      state,
      ...(this.isAlive || this.#isHeld ? { port: this.port } : {}),
      ...(move === undefined ? {} : { move }),
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      ...(typeof console === 'string' ? { console } : {}),
      ...this.#extra,
    };
  }

  record(): VmRecord {
    const { spec, port, state, move } = this;
    return { spec, port, state, ...(move === undefined ? {} : { move }), isSource: this.#isSource };
  }

  /** A new life: frames wait from now on. */
  begin(state: 'starting' | 'receiving', move?: string): void {
    this.#leave();
    this.move = move;
    this.#reason = undefined;
    this.#extra = {};
    this.#hold(true);
    if (move !== undefined) this.#count();
    this.#become(state);
  }

  /** As the daemon before us left it; what it really does is asked of the driver. */
  resume({ state, move, isSource }: VmRecord): void {
    this.move = move;
    this.#isSource = isSource === true;
    this.#hold(state !== 'running');
    this.#become(state);
  }

  beginSending(move: string): void {
    this.move = move;
    this.#isSource = true;
    this.#reason = undefined;
    this.#extra = {};
    this.#count();
    this.#keepSent(true);
    this.#around.changed(this, 'state');
  }

  /** It is to stop: the move that brought it here is over, and nothing of it goes anywhere. */
  forgetMove(): void {
    this.move = undefined;
    this.#isSource = false;
  }

  /** `reason`: why it stays, after a move that failed. */
  executes(reason?: string): void {
    if (reason !== undefined) {
      this.#reason = cut(reason);
      this.#isSource = false;
      this.#keepSent(false);
    }
    if (this.state === 'running')
      return reason === undefined ? undefined : this.#around.changed(this, 'state');
    const waited = this.#isHeld;
    this.#around.ports.reopenPort(this.port);
    this.#hold(false);
    this.#around.ports.announcePort(this.port);
    this.#become('running');
    if (waited) this.#tellCounts();
  }

  /** Found so. What was to be received is not complete, or has not been let go yet. */
  standsStill(): void {
    if (this.state !== 'receiving' && this.state !== 'paused') this.#stand();
  }

  pauses(agoMs?: number): void {
    if (this.state !== 'running' && this.state !== 'starting') return;
    this.#stand();
    if (this.#isSource && agoMs !== undefined) this.#around.ports.recallPort(this.port, agoMs);
  }

  #stand(): void {
    this.#hold(true);
    this.#become('paused');
  }

  /** Nothing of it runs here any more. After a move its frames wait until the port is closed: they go on from here. */
  ends(state: 'stopped' | 'failed', reason?: string): void {
    const isMoved = this.#isSource && state === 'stopped';
    this.#leave();
    this.#reason = reason === undefined ? undefined : cut(reason);
    this.#hold(isMoved && this.#around.ports.hasPort(this.port));
    this.#become(state);
    if (isMoved) this.#tellCounts();
  }

  /** Said of a VM whose driver does not answer: its state stays what it was. */
  doubts(reason: string): void {
    this.#reason = cut(reason);
    this.#around.changed(this, 'state');
  }

  /** It executed before its handle was there. */
  consoleKnown(): void {
    if (this.running?.console !== undefined) this.#around.changed(this, 'state');
  }

  /** Its port may be gone. */
  portsChanged(): void {
    if (!this.isAlive && this.#isHeld && !this.#around.ports.hasPort(this.port)) this.#hold(false);
  }

  /** For the driver's calls of this life. */
  events(): VmEvents {
    const life = this.#life;
    const ifOurs = (act: () => void) => () => {
      if (this.#life === life) act();
    };
    return {
      paused: (agoMs) => ifOurs(() => this.pauses(agoMs))(),
      running: ifOurs(() => this.executes()),
      ended: (reason, expected) =>
        ifOurs(() => {
          const isWhole = expected === true;
          this.ends(isWhole ? 'stopped' : 'failed', isWhole && this.#isSource ? undefined : String(reason));
        })(),
    };
  }

  progress(transfer: unknown): void {
    const sound = soundTransfer(transfer);
    if (!sound) return;
    this.#extra = { ...this.#extra, progress: sound };
    const nowMs = this.#around.now();
    if (nowMs - this.#toldMs < PROGRESS_EVERY_MS) return;
    this.#toldMs = nowMs;
    this.#around.changed(this, 'progress');
  }

  /** `cancel` is called when this life is over, or the daemon stops. */
  untilOver(cancel: () => void): void {
    this.#cancels.push(cancel);
  }

  /** Another takes its place; where that has the same port, what waits there goes on waiting. */
  retire(nextPort?: string): void {
    this.#leave();
    if (this.port !== nextPort) this.#hold(false);
  }

  /** The daemon stops; the VM goes on. Later words of the driver are not heard. */
  release(): void {
    this.#endLife();
    this.running?.release();
  }

  #endLife(): void {
    this.#life++;
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
  }

  #leave(): void {
    this.#endLife();
    this.running = undefined;
    this.receiving = undefined;
    this.outgoing = undefined;
    this.ticket = undefined;
    this.#isSource = false;
    this.#keepSent(false);
  }

  #become(state: VmReport['state']): void {
    this.state = state;
    this.#around.changed(this, 'state');
  }

  #hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return;
    this.#isHeld = isHeld;
    this.#around.ports.holdPort(this.port, isHeld);
  }

  #keepSent(isKept: boolean): void {
    if (this.#isKept === isKept) return;
    this.#isKept = isKept;
    this.#around.ports.keepSent(this.port, isKept);
  }

  #count(): void {
    this.#before = this.#around.ports.countsOf(this.port).catch(() => NO_COUNTS);
  }

  /** In a report of its own: a snapshot takes a moment, and the state is waited for. */
  #tellCounts(): void {
    const before = this.#before;
    if (this.move === undefined || !before) return;
    const life = this.#life;
    Promise.all([before, this.#around.ports.countsOf(this.port)]).then(
      ([first, last]) => {
        if (this.#life !== life) return;
        const heldFrames = Math.max(0, last.held - first.held);
        const lostFrames = Math.max(0, last.lost - first.lost);
        this.#extra = { ...this.#extra, heldFrames, lostFrames };
        this.#around.changed(this, 'state');
      },
      (thrown: unknown) => this.doubts(`its frames were not counted: ${VnetError.from(thrown).message}`),
    );
  }
}

const cut = (text: string): string => text.slice(0, TEXT_MAX);
