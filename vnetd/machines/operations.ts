/** What is done to one VM through its driver, and how it ends. Whatever the driver's calls say of an earlier life of the VM is left unheard. */
import {
  type Clock,
  type MoveOptions,
  type RunningVm,
  type VmDriver,
  VnetError,
  type VmTicket,
} from '../../core/index.js';
import type { Drivers } from './driving.js';
import { driverError } from './driving.js';
import type { Machine } from './machine.js';
import { soundTicket } from './requests.js';
import { moveTimeoutMs } from './time-outs.js';
import type { Keep } from './turns.js';

export class Operations {
  readonly #drivers: Drivers;
  readonly #clock: Clock;

  constructor(drivers: Drivers, clock: Clock) {
    this.#drivers = drivers;
    this.#clock = clock;
  }

  /** Rejects when it does not execute, or takes too long: then it may still come. */
  async start(machine: Machine, driver: VmDriver, keep: Keep): Promise<void> {
    const { spec, port } = machine;
    const isOurs = sameLife(machine);
    const events = machine.events();
    const started = (running: RunningVm) => {
      if (!isOurs()) return;
      machine.running = running;
      if (machine.state === 'starting') machine.executes();
      else machine.consoleKnown();
    };
    const failed = async (thrown: unknown) => {
      if (!isOurs()) return;
      // It said that it executes, then that it did not start: what is there tells.
      if (machine.state !== 'starting') await this.find(machine, keep);
      else machine.ends('failed', VnetError.from(thrown).message);
    };
    let outcome: Promise<void> = Promise.resolve();
    await this.#call(machine, 'start', () => driver.start(spec, port, events), {
      keep: (work) => keep((outcome = work.then(started, failed))),
    }).catch(async (thrown: unknown) => {
      const error = VnetError.from(thrown);
      if (error.code !== 'VNET_ERR_TIMEOUT') await outcome;
      else if (isOurs()) machine.doubts(error.message);
      throw error;
    });
    await outcome;
    if (!machine.isAlive)
      throw new VnetError('VNET_ERR_INTERNAL', `VM ${machine.name} ended as it started`, {
        hint: 'its report has the reason: see `vnet vms`',
      });
  }

  async stop(machine: Machine, running: RunningVm, graceMs: number, keep: Keep): Promise<void> {
    const isOurs = sameLife(machine);
    machine.forgetMove();
    let outcome: Promise<unknown> = Promise.resolve();
    await this.#call(machine, 'stop', () => running.stop({ graceMs }), {
      extraMs: graceMs,
      keep: (work) =>
        keep(
          (outcome = work.then(() => {
            if (isOurs()) machine.ends('stopped');
          })),
        ),
    });
    await outcome;
  }

  async receive(machine: Machine, driver: VmDriver, options: MoveOptions, keep: Keep): Promise<VmTicket> {
    const { spec, port } = machine;
    const isOurs = sameLife(machine);
    const events = machine.events();
    let isTooLate = false;
    const given = (thrown: unknown) => {
      if (isOurs()) machine.ends('stopped', VnetError.from(thrown).message);
    };
    try {
      const receiving = await this.#call(
        machine,
        'receive',
        () => driver.receive(spec, port, options, events),
        {
          keep: (work) =>
            keep(
              work.then(async (late) => {
                if (!isTooLate) return;
                // Whoever asked was told that it failed.
                await late.discard();
                given(new VnetError('VNET_ERR_TIMEOUT', 'it was made ready too late'));
              }, given),
            ),
        },
      );
      if (!isOurs()) throw new VnetError('VNET_ERR_INTERNAL', `VM ${spec.name} ended before it was received`);
      machine.receiving = receiving;
      this.#watchArrival(machine, receiving.arrived);
      machine.ticket = soundTicket(receiving.ticket, driver, spec.name);
      return machine.ticket;
    } catch (thrown) {
      const error = VnetError.from(thrown);
      isTooLate = error.code === 'VNET_ERR_TIMEOUT';
      if (isOurs() && machine.receiving) await this.discard(machine, keep, error.message);
      else if (isOurs() && isTooLate) machine.doubts(error.message);
      else given(error);
      throw error;
    }
  }

  /** Throws where the driver refuses at once; the rest is told by reports. */
  send(
    machine: Machine,
    running: RunningVm,
    move: string,
    ticket: VmTicket,
    options: MoveOptions,
    giveUp: () => void,
  ): void {
    const isOfLife = sameLife(machine);
    const isOurs = () => isOfLife() && machine.move === move;
    const { driver } = machine.spec.machine;
    try {
      machine.outgoing = running.send(ticket, options, (transfer) => {
        if (isOurs()) machine.progress(transfer);
      });
    } catch (thrown) {
      throw driverError(driver, 'send', `VM ${machine.name}`, thrown);
    }
    machine.beginSending(move);
    const stopTimer = this.#clock.after(moveTimeoutMs(options), () => {
      if (isOurs() && machine.outgoing) giveUp();
    });
    machine.untilOver(stopTimer);
    machine.outgoing.done.then(
      () => {
        stopTimer();
        if (isOurs()) machine.ends('stopped');
      },
      async (thrown: unknown) => {
        stopTimer();
        if (isOurs()) await this.#stays(machine, running, VnetError.from(thrown).message, isOurs);
      },
    );
  }

  async cancel(machine: Machine, keep: Keep): Promise<void> {
    const { outgoing } = machine;
    if (outgoing) await this.#call(machine, 'cancel', () => outgoing.cancel(), { keep });
  }

  /** Rejects where it executes by now. */
  async discard(machine: Machine, keep: Keep, reason: string): Promise<void> {
    const { receiving, running } = machine;
    const isOurs = sameLife(machine);
    const throwAway = receiving ? () => receiving.discard() : running && (() => running.stop({ graceMs: 0 }));
    if (!throwAway)
      throw new VnetError(
        'VNET_ERR_CONFLICT',
        `VM ${machine.name} cannot be discarded now: its driver does not say what it does`,
      );
    let outcome: Promise<unknown> = Promise.resolve();
    await this.#call(machine, 'discard', throwAway, {
      keep: (work) =>
        keep(
          (outcome = work.then(() => {
            // It may have begun to execute a moment before: what is said of it stays true then.
            if (isOurs() && machine.state === 'receiving') machine.ends('stopped', reason);
          })),
        ),
    });
    await outcome;
    if (machine.state === 'running' || machine.state === 'paused')
      throw new VnetError('VNET_ERR_REFUSED', `VM ${machine.name} executes here: it is not discarded`);
  }

  /** It executes, and its driver has a last thing to do before it hands it over. Undefined: not in time. */
  async arrival(machine: Machine): Promise<RunningVm | undefined> {
    const { receiving } = machine;
    if (!receiving) return machine.running;
    return this.#call(machine, 'adopt', () => receiving.arrived).catch(() => undefined);
  }

  /** What the driver knows of it, after a restart or in doubt. Undefined: nothing runs, and that is reported. */
  async find(machine: Machine, keep: Keep): Promise<RunningVm | undefined> {
    const isOurs = sameLife(machine);
    const { spec, port } = machine;
    let found: RunningVm | undefined;
    let outcome: Promise<unknown> = Promise.resolve();
    const taken = async (running: RunningVm | undefined) => {
      if (!isOurs()) return;
      if (!running) return gone(machine);
      found = running;
      machine.running = running;
      const state = await this.#stateOf(machine, running);
      if (!isOurs()) return;
      if (state === 'running') machine.executes(machine.isSource ? STARTED_AGAIN : undefined);
      else if (state === 'paused') machine.standsStill();
    };
    try {
      const driver = await this.#drivers.of(spec.machine.driver);
      await this.#call(machine, 'adopt', () => driver.adopt(spec, port, machine.events()), {
        keep: (work) => keep((outcome = work.then(taken))),
      });
      await outcome;
    } catch (thrown) {
      if (isOurs()) machine.doubts(VnetError.from(thrown).message);
    }
    return found;
  }

  #watchArrival(machine: Machine, arrived: Promise<RunningVm>): void {
    const isOurs = sameLife(machine);
    arrived.then(
      (running) => {
        if (!isOurs()) return;
        machine.running = running;
        machine.receiving = undefined;
        if (machine.state === 'receiving') machine.executes();
        else machine.consoleKnown();
      },
      (thrown: unknown) => {
        if (!isOurs()) return;
        const executed = machine.state !== 'receiving';
        machine.ends(executed ? 'failed' : 'stopped', VnetError.from(thrown).message);
      },
    );
  }

  async #stays(machine: Machine, running: RunningVm, reason: string, isOurs: () => boolean): Promise<void> {
    const state = await this.#stateOf(machine, running);
    if (!isOurs()) return;
    machine.outgoing = undefined;
    if (state === 'running') machine.executes(reason);
    else machine.doubts(reason);
  }

  /** Undefined: the driver does not say; then its events count. */
  async #stateOf(machine: Machine, running: RunningVm): Promise<'running' | 'paused' | undefined> {
    return this.#call(machine, 'check', () => running.state()).catch(() => undefined);
  }

  #call<T>(
    machine: Machine,
    step: Parameters<Drivers['call']>[1],
    work: () => Promise<T>,
    options?: { extraMs?: number; keep?: (work: Promise<T>) => void },
  ): Promise<T> {
    return this.#drivers.call(machine.spec.machine.driver, step, `VM ${machine.name}`, work, options);
  }
}

/** Its driver has given the move up, or will say that it was too late for that. */
const STARTED_AGAIN = 'the daemon was started again while it moved away';

function sameLife(machine: Machine): () => boolean {
  const { life } = machine;
  return () => machine.life === life;
}

/** The daemon looked, and it is not here. */
function gone(machine: Machine): void {
  const isMove = machine.move !== undefined;
  const reason = 'it was not here any more when the daemon looked';
  machine.ends(isMove || machine.state === 'receiving' ? 'stopped' : 'failed', reason);
}
