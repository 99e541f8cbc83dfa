/**
 * The VMs of this host: carries out what the Proxy asks of its drivers, and says what is so. It goes on without the
 * Proxy. A VM that may execute is never reported as stopped: where a driver does not answer, the state stays.
 */
import {
  type Clock,
  type HostMachine,
  type MoveOptions,
  type RunningVm,
  type Store,
  type VmDriver,
  type VmHost,
  type VmObstacle,
  type VmReport,
  type VmSpec,
  type VmTicket,
  VnetError,
} from '../../core/index.js';
import { driverError, Drivers } from './driving.js';
import { machineFacts } from './facts.js';
import { Machine } from './machine.js';
import { Operations } from './operations.js';
import { PortGate } from './port-gate.js';
import type { PortHolder } from './port-holder.js';
import { Records } from './records.js';
import { checkGrace, checkMove, checkOptions, checkSpec, refuse, soundPort } from './requests.js';
import { moveTimeoutMs, PORT_WAIT_MS, RECEIVE_SLACK_MS, TURN_WAIT_MS } from './time-outs.js';
import { type Keep, Turns } from './turns.js';

export interface MachinesOptions {
  clock: Clock;
  store: Store;
  ports: PortHolder;
  /** Called once, at the first use. */
  loadDrivers(): Promise<readonly VmDriver[]>;
  /** `progress`: may be left out where there is no room. */
  onReport(report: VmReport, what: 'state' | 'progress'): void;
  log: { warn(details: object, message: string): void };
}

/** Those that do not run; the oldest are forgotten. */
export const ENDED_KEPT_MAX = 256;
/** The oldest are forgotten: they are over long since. */
const MOVES_KNOWN_MAX = 4096;

export class Machines implements VmHost {
  readonly #options: MachinesOptions;
  readonly #drivers: Drivers;
  readonly #operations: Operations;
  readonly #turns: Turns;
  readonly #gate: PortGate;
  readonly #records: Records;
  readonly #machines = new Map<string, Machine>();
  /** From the call on, before its turn comes. */
  readonly #vmOfMove = new Map<string, string>();
  readonly #changedAt = new Map<string, number>();
  #changes = 0;
  #isClosed = false;

  constructor(options: MachinesOptions) {
    this.#options = options;
    this.#drivers = new Drivers(options.clock, options.loadDrivers);
    this.#operations = new Operations(this.#drivers, options.clock);
    this.#turns = new Turns(options.clock, TURN_WAIT_MS);
    this.#gate = new PortGate(options.clock, options.ports);
    this.#records = new Records(
      options.store,
      () => [...this.#machines.values()].filter((each) => each.isAlive).map((each) => each.record()),
      (thrown) => options.log.warn({ err: thrown }, 'cannot save which VMs run here'),
    );
  }

  /** What an earlier process of the daemon ran; before ports open, so that those of VMs that do not execute are held. */
  async load(): Promise<void> {
    for (const record of await this.#records.load()) {
      const machine = this.#renew(record.spec, record.port);
      if (record.move !== undefined) this.#noteMove(record.move, record.spec.name);
      machine.resume(record);
    }
  }

  /** Takes over what of it still runs. */
  async find(): Promise<void> {
    const find = (machine: Machine) =>
      this.#turn(machine.name, 'adopt', (keep) => this.#operations.find(machine, keep));
    await Promise.all([...this.#machines.values()].map(find));
  }

  /** Tells which reports are newer: `changedSince`. */
  get changes(): number {
    return this.#changes;
  }

  changedSince(changes: number): VmReport[] {
    const isNewer = ({ name }: Machine) => (this.#changedAt.get(name) ?? 0) > changes;
    return [...this.#machines.values()].filter(isNewer).map((each) => each.report());
  }

  /** The configuration has other ports. */
  portsChanged(): void {
    this.#gate.portsChanged();
    for (const machine of this.#machines.values()) machine.portsChanged();
  }

  /** What is known without loading a driver: most hosts run no VM, and a daemon says this whenever it connects. */
  async facts(): Promise<HostMachine> {
    return { ...(await machineFacts()), drivers: {} };
  }

  async machine(): Promise<HostMachine> {
    return { ...(await machineFacts()), drivers: await this.#drivers.available() };
  }

  async reports(): Promise<VmReport[]> {
    return this.allReports();
  }

  allReports(): VmReport[] {
    return [...this.#machines.values()].map((each) => each.report());
  }

  /** Those that execute, with their drivers' handles where these are known by now. */
  handles(): ReadonlyMap<string, RunningVm> {
    const handles = new Map<string, RunningVm>();
    for (const { name, state, running } of this.#machines.values())
      if (state === 'running' && running !== undefined) handles.set(name, running);
    return handles;
  }

  async check(spec: VmSpec, from?: HostMachine): Promise<VmObstacle[]> {
    checkSpec(spec);
    const { driver: kind } = spec.machine;
    const driver = await this.#drivers.of(kind);
    return this.#drivers.call(kind, 'check', `VM ${spec.name}`, () => driver.check(spec, from));
  }

  async start(spec: VmSpec): Promise<VmReport> {
    checkSpec(spec);
    return this.#turn(spec.name, 'start', async (keep) => {
      const before = this.#machines.get(spec.name);
      if (before?.state === 'running' && !before.outgoing) {
        if (before.receiving || (await this.#handleOf(before, keep))) return before.report();
      }
      if (before?.isAlive)
        throw refuse(before, 'start', 'it is here already; stop it, or end its move, first');
      const { driver, port } = await this.#driverFor(spec);
      const machine = this.#renew(spec, port);
      machine.begin('starting');
      try {
        await this.#records.written();
        await this.#gate.opened(port, PORT_WAIT_MS, spec.name);
      } catch (thrown) {
        machine.ends('failed', VnetError.from(thrown).message);
        throw thrown;
      }
      await this.#operations.start(machine, driver, keep);
      return machine.report();
    });
  }

  async stop(vm: string, options: { graceMs: number }): Promise<void> {
    const graceMs = checkGrace(options);
    return this.#turn(vm, 'stop', async (keep) => {
      const machine = this.#machines.get(vm);
      if (!machine?.isAlive) return;
      if (machine.outgoing) throw refuse(machine, 'stop', 'it is moving away; cancel its move first');
      if (machine.state === 'receiving')
        throw refuse(machine, 'stop', 'it is moving here; cancel its move first');
      const running = await this.#handleOf(machine, keep);
      if (running) await this.#operations.stop(machine, running, graceMs, keep);
      else mustBeGone(machine, 'stop');
    });
  }

  async receive(
    move: string,
    spec: VmSpec,
    options: MoveOptions,
  ): Promise<{ ticket: VmTicket; port: string }> {
    checkMove(move);
    checkSpec(spec);
    checkOptions(options);
    this.#noteMove(move, spec.name);
    return this.#turn(spec.name, 'receive', async (keep) => {
      const before = this.#machines.get(spec.name);
      if (before?.move === move && before.state === 'receiving' && before.ticket)
        return { ticket: before.ticket, port: before.port };
      if (before?.isAlive) throw refuse(before, 'receive', 'it is here already');
      const { driver, port } = await this.#driverFor(spec);
      const machine = this.#renew(spec, port);
      machine.begin('receiving', move);
      await this.#records.written().catch((thrown: unknown) => {
        machine.ends('stopped', VnetError.from(thrown).message);
        throw thrown;
      });
      const ticket = await this.#operations.receive(machine, driver, options, keep);
      // Its device may have come with it.
      this.#options.ports.reopenPort(port);
      this.#discardLater(machine, move, options);
      return { ticket, port };
    });
  }

  async send(move: string, vm: string, ticket: VmTicket, options: MoveOptions): Promise<void> {
    checkMove(move);
    checkOptions(options);
    this.#noteMove(move, vm);
    return this.#turn(vm, 'send', async (keep) => {
      const machine = this.#machines.get(vm);
      // Asked again: it is on its way, or it was.
      if (machine?.move === move) return;
      if (!machine) throw new VnetError('VNET_ERR_NOT_FOUND', `VM ${vm} is not on this host`);
      if (machine.outgoing) throw refuse(machine, 'send', `move ${machine.move} sends it already`);
      if (machine.state !== 'running') throw refuse(machine, 'send', 'only a VM that runs can move');
      const running = await this.#handleOf(machine, keep);
      if (!running) throw refuse(machine, 'send', 'it runs no more');
      this.#operations.send(machine, running, move, ticket, options, () =>
        this.#giveUp(machine, move, options),
      );
    });
  }

  async cancel(move: string): Promise<void> {
    const vm = this.#vmOfMove.get(move);
    if (vm === undefined) return;
    return this.#turn(vm, 'cancel', async (keep) => {
      const machine = this.#machines.get(vm);
      if (machine?.move === move) await this.#operations.cancel(machine, keep);
    });
  }

  async discard(move: string): Promise<void> {
    const vm = this.#vmOfMove.get(move);
    if (vm === undefined) return;
    return this.#turn(vm, 'discard', async (keep) => {
      const machine = this.#machines.get(vm);
      if (machine?.move !== move || !machine.isAlive) return;
      if (machine.state !== 'receiving')
        throw refuse(machine, 'discard', 'it executes here, stop it instead');
      if (!machine.receiving && !(await this.#handleOf(machine, keep))) return mustBeGone(machine, 'discard');
      await this.#operations.discard(machine, keep, 'its move was given up');
    });
  }

  /** VMs go on; nothing is heard of them from here on. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const machine of this.#machines.values()) {
      try {
        machine.release();
      } catch (thrown) {
        this.#options.log.warn({ err: thrown, vm: machine.name }, 'a driver did not let go of a VM');
      }
    }
    await this.#records.settled();
  }

  /** Whatever is asked of one VM happens in turn. */
  #turn<T>(vm: string, what: string, run: (keep: Keep) => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new VnetError('VNET_ERR_CLOSED', 'the daemon stops'));
    return this.#turns.take(vm, what, run);
  }

  async #driverFor(spec: VmSpec): Promise<{ driver: VmDriver; port: string }> {
    const driver = await this.#drivers.of(spec.machine.driver);
    try {
      return { driver, port: soundPort(spec.port ?? driver.portOf(spec), driver, spec.name) };
    } catch (thrown) {
      throw driverError(driver.kind, 'portOf', `VM ${spec.name}`, thrown);
    }
  }

  /** The VM of this name, of this form from now on. */
  #renew(spec: VmSpec, port: string): Machine {
    const { clock, ports } = this.#options;
    this.#machines.get(spec.name)?.retire(port);
    const changed = (machine: Machine, what: 'state' | 'progress') => this.#changed(machine, what);
    const machine = new Machine(spec, port, { ports, now: () => clock.now(), changed });
    this.#machines.delete(spec.name);
    this.#machines.set(spec.name, machine);
    this.#forgetEnded();
    return machine;
  }

  #noteMove(move: string, vm: string): void {
    this.#vmOfMove.set(move, vm);
    for (const oldest of this.#vmOfMove.keys()) {
      if (this.#vmOfMove.size <= MOVES_KNOWN_MAX) return;
      this.#vmOfMove.delete(oldest);
    }
  }

  #changed(machine: Machine, what: 'state' | 'progress'): void {
    if (this.#isClosed || this.#machines.get(machine.name) !== machine) return;
    this.#changedAt.set(machine.name, ++this.#changes);
    if (what === 'state') this.#records.changed();
    this.#options.onReport(machine.report(), what);
  }

  /** Its handle, asking the driver where we have none. */
  async #handleOf(machine: Machine, keep: Keep): Promise<RunningVm | undefined> {
    if (machine.running) return machine.running;
    return machine.receiving ? this.#operations.arrival(machine) : this.#operations.find(machine, keep);
  }

  /** The source gives up first, if it is there; without it and the Proxy nobody else would. */
  #discardLater(machine: Machine, move: string, options: MoveOptions): void {
    const { life } = machine;
    const cancel = this.#options.clock.after(moveTimeoutMs(options) + RECEIVE_SLACK_MS, () => {
      if (machine.life !== life || machine.state !== 'receiving' || this.#isClosed) return;
      this.discard(move).catch((thrown: unknown) => machine.doubts(VnetError.from(thrown).message));
    });
    machine.untilOver(cancel);
  }

  #giveUp(machine: Machine, move: string, options: MoveOptions): void {
    machine.doubts(`its move is given up after ${moveTimeoutMs(options) / 1000} s`);
    this.cancel(move).catch((thrown: unknown) => machine.doubts(VnetError.from(thrown).message));
  }

  #forgetEnded(): void {
    const ended = [...this.#machines.values()].filter(({ isAlive }) => !isAlive);
    for (const machine of ended.slice(0, Math.max(0, ended.length - ENDED_KEPT_MAX))) {
      machine.retire();
      this.#machines.delete(machine.name);
      this.#changedAt.delete(machine.name);
      for (const [move, vm] of this.#vmOfMove) if (vm === machine.name) this.#vmOfMove.delete(move);
    }
  }
}

/** The driver found nothing, or it could not say. */
function mustBeGone(machine: Machine, what: string): void {
  if (machine.isAlive) throw refuse(machine, what, 'its driver does not say what it does');
}
