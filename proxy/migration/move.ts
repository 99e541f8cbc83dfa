/**
 * One move of a VM as a state machine: events in, effects out, no I/O. It never decides from what it asked for, only
 * from what the two hosts said last: a host that was lost is unknown until it speaks again.
 *
 *   prepare   the destination makes ready and its port opens       nothing can execute there yet
 *   send      the source is told; whether it heard is not known
 *   follow    the hosts' reports tell                              the place follows the VM: `paused` moves it
 *   undo      it stays: the destination throws away, the place goes back
 *   over
 *
 * Only `send` lets a second host execute the VM; from then on both may run it until one of them says that it does not.
 */

export type Side = 'from' | 'to';
/** What a host is known to have of the VM; `none`: it was never asked. */
export type Fact = 'none' | 'receiving' | 'running' | 'paused' | 'gone' | 'unknown';
export type MoveStage = 'prepare' | 'send' | 'follow' | 'undo' | 'over';
export type MoveOutcome = 'moved' | 'stayed' | 'unknown';

/** Plain JSON, as it is stored. */
export interface MoveState {
  stage: MoveStage;
  from: Fact;
  to: Fact;
  /** The destination has given its ticket. */
  ticket: boolean;
  /** Its port there. */
  port: 'closed' | 'opening' | 'open';
  /** `send` was called, whatever came of it. */
  sent: boolean;
  /** Where the overlay sends its frames, and where it was last told to. */
  place: Side;
  placing: Side;
  /** Changes of the place that were asked for and are not done. */
  placings: number;
  discard: 'no' | 'asked' | 'done';
  /** The source was asked to give up. */
  cancelAsked: boolean;
  /** It ended at its source by itself, so nothing more of it will come from there. */
  crashed?: boolean;
  /** Why it shall stay, or did. */
  reason?: string;
  cancelled: boolean;
  outcome?: MoveOutcome;
}

export type MoveEvent =
  | { kind: 'received' }
  | { kind: 'opened' }
  | { kind: 'sent' }
  /** The source did not answer: it is asked again. */
  | { kind: 'not-cancelled' }
  /** A step was not done. `lost`: nobody knows whether it was. */
  | { kind: 'refused'; step: 'receive' | 'open' | 'send'; reason: string; lost: boolean }
  /** `ours`: the host says that it is part of this move. */
  | {
      kind: 'report';
      side: Side;
      fact: Exclude<Fact, 'none' | 'unknown'>;
      ours: boolean;
      /** With `gone`: it ended by itself. */
      crashed?: boolean;
      reason?: string;
    }
  | { kind: 'lost'; side: Side }
  | { kind: 'placed'; at: Side }
  | { kind: 'discarded' }
  | { kind: 'not-discarded'; executes: boolean }
  | { kind: 'cancel'; reason: string }
  /** The Proxy comes back and finds the move in its store; `place`: where frames go. */
  | { kind: 'restored'; place: Side }
  /** It has been stuck for long. */
  | { kind: 'late' };

/** `place`: there, with the other port open as well. `close`: the other port. */
export type MoveEffect =
  | { do: 'receive' | 'open' | 'send' | 'cancel' | 'discard' | 'close' }
  | { do: 'place'; at: Side }
  | { do: 'over' };

export interface Step {
  state: MoveState;
  effects: MoveEffect[];
}

export function beginMove(): Step {
  return {
    state: {
      stage: 'prepare',
      from: 'running',
      to: 'none',
      ticket: false,
      port: 'closed',
      sent: false,
      place: 'from',
      placing: 'from',
      placings: 0,
      discard: 'no',
      cancelAsked: false,
      cancelled: false,
    },
    effects: [{ do: 'receive' }],
  };
}

export function advance(before: MoveState, event: MoveEvent): Step {
  if (before.stage === 'over') return { state: before, effects: [] };
  const move = new Move({ ...before });
  move.take(event);
  move.settle();
  return { state: move.state, effects: move.effects };
}

/** Sides that may execute the VM: those that were told to, and have not said that they do not. */
export function mayRun({ from, to, sent }: MoveState): Side[] {
  const sides: Side[] = from === 'gone' ? [] : ['from'];
  if (sent && to !== 'gone' && to !== 'none') sides.push('to');
  return sides;
}

/** It does not get on by itself: somebody has to be heard first. */
export function isStuck({ stage, from, to, cancelAsked }: MoveState): boolean {
  if (stage === 'undo') return to === 'running';
  if (stage !== 'follow') return false;
  return cancelAsked || from !== 'running' || to === 'running' || to === 'gone' || to === 'unknown';
}

class Move {
  readonly state: MoveState;
  readonly effects: MoveEffect[] = [];

  constructor(state: MoveState) {
    this.state = state;
  }

  take(event: MoveEvent): void {
    const { state } = this;
    switch (event.kind) {
      case 'received':
        state.ticket = true;
        if (state.to === 'none') state.to = 'receiving';
        this.#open();
        break;
      case 'opened':
        state.port = 'open';
        break;
      case 'sent':
        if (state.stage === 'send') state.stage = 'follow';
        break;
      case 'not-cancelled':
        state.cancelAsked = false;
        break;
      case 'refused':
        this.#refused(event);
        break;
      case 'report':
        if (event.side === 'from') this.#ofSource(event);
        else this.#ofDestination(event);
        break;
      case 'lost':
        this.#lost(event.side);
        break;
      case 'placed':
        state.place = event.at;
        state.placings -= 1;
        break;
      case 'discarded':
        state.discard = 'done';
        if (state.to !== 'running') state.to = 'gone';
        break;
      case 'not-discarded':
        state.discard = 'done';
        if (event.executes) state.to = 'running';
        else if (state.to !== 'gone') state.to = 'unknown';
        break;
      case 'cancel':
        state.cancelled = true;
        state.reason ??= event.reason;
        break;
      case 'restored':
        this.#restored(event.place);
        break;
      case 'late':
        this.#late();
        break;
    }
  }

  /** What follows from the facts. */
  settle(): void {
    const { state } = this;
    if (state.stage === 'prepare') this.#prepare();
    if (state.stage === 'follow' || state.stage === 'send') this.#follow();
    if (state.stage === 'undo') this.#undo();
  }

  #prepare(): void {
    const { state } = this;
    // A step under way is waited for: what it made has to be thrown away afterwards.
    const isBusy =
      (!state.ticket && state.to !== 'gone' && state.to !== 'unknown') || state.port === 'opening';
    if (state.cancelled && !isBusy) return this.#stay(state.reason ?? 'cancelled');
    if (!state.ticket || state.port !== 'open') return;
    state.stage = 'send';
    state.sent = true;
    this.effects.push({ do: 'send' });
  }

  #follow(): void {
    const { state } = this;
    const { from, to } = state;
    if (to === 'running' || from === 'paused') this.#place('to');
    if (to === 'running') {
      if (this.#isAt('to') && (from === 'gone' || from === 'unknown')) this.#over('moved');
      return;
    }
    if (from === 'gone' && to === 'gone') return this.#stay(state.reason ?? 'it ended while it moved');
    // What the destination has got by then may be whole, and it may go on yet; it is given up when somebody asks for it.
    if (state.crashed && state.cancelled && from === 'gone' && to === 'receiving')
      return this.#stay(`${state.reason ?? 'cancelled'}; it had ended at its source while it moved`);
    if (state.stage !== 'follow' || state.cancelAsked) return;
    // Without a destination the source gives up by itself; where it does not know yet, it is told. The destination is
    // never told while the source cannot be asked: it may have the only whole copy.
    if ((state.cancelled || to === 'gone') && (from === 'running' || from === 'paused')) {
      state.cancelAsked = true;
      this.effects.push({ do: 'cancel' });
    }
  }

  #undo(): void {
    const { state } = this;
    if (state.to === 'running' && state.from !== 'running') {
      state.stage = 'follow';
      return this.#follow();
    }
    this.#place('from');
    // First the paths: what waits at the destination goes back by them, and would be lost with its port.
    if (!this.#isAt('from')) return;
    if (state.to !== 'none' && state.to !== 'gone' && state.discard === 'no') this.#discard();
    if (state.discard === 'asked' || state.to === 'running') return;
    this.#over('stayed');
  }

  #open(): void {
    const { state } = this;
    if (state.stage !== 'prepare' || state.port !== 'closed') return;
    state.port = 'opening';
    this.effects.push({ do: 'open' });
  }

  #refused({ step, reason, lost }: Extract<MoveEvent, { kind: 'refused' }>): void {
    const { state } = this;
    if (step === 'receive') state.to = lost ? 'unknown' : 'gone';
    if (step === 'open') state.port = 'closed';
    if (step !== 'send') return this.#stay(reason);
    if (state.stage !== 'send') return;
    if (!lost) return this.#stay(reason);
    state.stage = 'follow';
    state.from = state.from === 'gone' ? 'gone' : 'unknown';
  }

  #ofSource({ fact, ours, crashed, reason }: Extract<MoveEvent, { kind: 'report' }>): void {
    const { state } = this;
    state.from = fact;
    if (fact === 'gone' && crashed) state.crashed = true;
    if (fact === 'gone' && state.stage === 'prepare') return this.#stay(reason ?? 'it ended before it moved');
    if (fact !== 'running') return;
    // Before the answer to `send` a report without the move is an old one.
    const stays = state.stage === 'follow' ? !ours || reason !== undefined : ours && reason !== undefined;
    if (stays && (state.stage === 'follow' || state.stage === 'send'))
      this.#stay(state.reason ?? reason ?? 'the source gave the move up');
  }

  #ofDestination({ fact, reason }: Extract<MoveEvent, { kind: 'report' }>): void {
    const { state } = this;
    // Whole but stopped there is as good as running: the source has let go.
    state.to = fact === 'paused' ? 'running' : fact;
    if (fact === 'receiving') this.#open();
    if (fact !== 'gone') return;
    state.reason ??= reason ?? 'the destination gave the move up';
    if (state.stage === 'prepare') this.#stay(state.reason);
  }

  #lost(side: Side): void {
    const { state } = this;
    const known = state[side];
    if (known === 'gone' || known === 'none') return;
    state[side] = 'unknown';
    if (side === 'from') state.cancelAsked = false;
    if (state.stage === 'prepare') this.#stay(`the ${side === 'from' ? 'source' : 'destination'} went away`);
  }

  #restored(place: Side): void {
    const { state } = this;
    state.place = place;
    state.placing = place;
    state.placings = 0;
    if (state.from !== 'gone') state.from = 'unknown';
    if (state.to !== 'gone') state.to = 'unknown';
    state.discard = 'no';
    state.cancelAsked = false;
    if (state.stage === 'prepare') this.#stay('the Proxy was restarted before it began');
    if (state.stage === 'send') state.stage = 'follow';
  }

  #late(): void {
    const { state } = this;
    if (state.to !== 'running') return;
    if (state.from === 'paused' && this.#isAt('to')) this.#over('moved');
    if (state.from === 'running') {
      state.reason = 'both hosts say that they run it: stop it on one of them';
      this.#over('unknown');
    }
  }

  #stay(reason: string): void {
    const { state } = this;
    state.reason = reason;
    state.stage = 'undo';
  }

  #place(at: Side): void {
    if (this.state.placing === at) return;
    this.state.placing = at;
    this.state.placings += 1;
    this.effects.push({ do: 'place', at });
  }

  #isAt(side: Side): boolean {
    return this.state.place === side && this.state.placings === 0;
  }

  #discard(): void {
    this.state.discard = 'asked';
    this.effects.push({ do: 'discard' });
  }

  #over(outcome: MoveOutcome): void {
    const { state } = this;
    state.stage = 'over';
    state.outcome = outcome;
    this.effects.push({ do: 'close' }, { do: 'over' });
  }
}
