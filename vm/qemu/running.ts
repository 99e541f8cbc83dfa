/** A VM that QEMU runs here. */
import {
  type MoveOptions,
  type MoveTransfer,
  type OutgoingVm,
  type RunningVm,
  VnetError,
  type VmEvents,
  type VmTicket,
} from '../../core/index.js';
import type { Instance } from './instance.js';
import { Outgoing } from './outgoing.js';
import { isTicket, type QemuTicket } from './ticket.js';

export interface RunningOptions {
  /** What this end emulates; the other must too. */
  accelerator: string;
  cpu: string;
  /** Default RECOVERY_MS. */
  recoveryMs: number;
}

export class RunningQemu implements RunningVm {
  readonly console: string;
  #outgoing: Outgoing | undefined;
  #leaving: { reason: string; expected: boolean } | undefined;

  constructor(
    readonly instance: Instance,
    readonly events: VmEvents,
    readonly options: RunningOptions,
  ) {
    this.console = instance.layout.console;
    instance.qmp.onEvent(({ event, agoMs }) => {
      // What QEMU has not read by then, or reads from then on, no guest sees.
      if (event === 'STOP') events.paused(agoMs);
      if (event === 'RESUME') events.running();
    });
    void instance.ended.then(({ reason }) => {
      instance.layout.clean();
      const { reason: why, expected } = this.#leaving ?? { reason, expected: false };
      events.ended(why, expected);
    });
  }

  async state(): Promise<'running' | 'paused'> {
    return (await this.instance.status()) === 'running' ? 'running' : 'paused';
  }

  async processes(): Promise<readonly number[]> {
    return this.instance.alive ? [this.instance.pid] : [];
  }

  /** The other threads of QEMU do its input and output. */
  async cpuThreads(): Promise<readonly number[]> {
    const cpus = await this.instance.qmp.execute<{ 'thread-id'?: number }[]>('query-cpus-fast');
    return cpus.flatMap(({ 'thread-id': thread }) => thread ?? []);
  }

  async stop({ graceMs }: { graceMs: number }): Promise<void> {
    this.#leaving = { reason: 'it was stopped', expected: true };
    // A guest that does not execute cannot be asked.
    const asked = (await this.state().catch(() => 'paused')) === 'running';
    if (asked && (await this.instance.powerDown(graceMs))) return;
    await this.instance.quit();
  }

  /** Ends QEMU, whose VM is elsewhere or lost. */
  async leave(reason: string, expected: boolean): Promise<void> {
    this.#leaving ??= { reason, expected };
    await (expected ? this.instance.quit() : this.instance.kill());
    await this.instance.ended;
  }

  send(ticket: VmTicket, options: MoveOptions, progress: (transfer: MoveTransfer) => void): OutgoingVm {
    const checked = this.#checked(ticket);
    if (this.#outgoing?.over === false) {
      throw new VnetError('VNET_ERR_CONFLICT', 'it is being moved already', {
        hint: 'cancel that move first',
      });
    }
    this.#outgoing = Outgoing.begin(this, checked, options, progress);
    return this.#outgoing;
  }

  /** Takes up a move that an earlier process of the daemon began: it ends one way or the other. */
  takeUp(ticket: QemuTicket): void {
    this.#outgoing = Outgoing.takeUp(this, ticket);
    this.#outgoing.done.catch(() => {}); // its asker is gone; where the VM is, the events tell
  }

  release(): void {
    this.#outgoing?.release();
    this.instance.release();
  }

  #checked(ticket: VmTicket): QemuTicket {
    if (!isTicket(ticket)) {
      throw new VnetError('VNET_ERR_INVALID', 'this ticket is not one of the QEMU driver');
    }
    const { accelerator, cpu } = this.options;
    if (ticket.accelerator === accelerator && ticket.cpu === cpu) return ticket;
    throw new VnetError(
      'VNET_ERR_CONFLICT',
      `the destination runs ${ticket.cpu} under ${ticket.accelerator}, this host ${cpu} under ${accelerator}`,
      { hint: 'move it to a host that has KVM as this one, or has none as this one' },
    );
  }
}
