/**
 * The source's side of a move: sends, watches, turns to post-copy where copying falls behind, and hands over
 * (handover.ts). It ends in one of three ways: the VM is there, it runs on here, or post-copy lost its other half.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type MoveOptions, type MoveTransfer, type OutgoingVm, VnetError } from '../../core/index.js';
import { type HandoverAnswer, HandoverCall } from './handover.js';
import {
  MOVE_BITS_PER_SECOND,
  MOVE_DOWNTIME_MS,
  MOVE_POLL_MS,
  PROCESS_POLL_MS,
  QUIT_TIMEOUT_MS,
  RECOVERY_RETRY_MS,
} from './limits.js';
import type { RunningQemu } from './running.js';
import { type QemuTicket, uriOf } from './ticket.js';
import { fallsBehind, type MigrationInfo, transferOf } from './transfer.js';

/** QEMU 7.2 takes up the guest by itself after a failure; a second is plenty. */
const RESUME_BY_ITSELF_MS = 1_000;

export class Outgoing implements OutgoingVm {
  readonly done: Promise<void>;
  over = false;
  #call: HandoverCall | undefined;
  #word: Promise<HandoverAnswer | undefined> | undefined;
  /** Why it was given up. */
  #given: string | undefined;
  /** Asked for; it may come too late to begin. */
  #postCopy = false;
  #begun = false;
  #otherLost = false;
  #wake = () => {};

  static begin(
    vm: RunningQemu,
    ticket: QemuTicket,
    options: MoveOptions,
    progress: (transfer: MoveTransfer) => void,
  ): Outgoing {
    return new Outgoing(vm, ticket, options, progress, (move) => move.#send());
  }

  static takeUp(vm: RunningQemu, ticket: QemuTicket): Outgoing {
    return new Outgoing(
      vm,
      ticket,
      { postCopy: 'never' },
      () => {},
      (move) => move.#takeUp(),
    );
  }

  private constructor(
    readonly vm: RunningQemu,
    readonly ticket: QemuTicket,
    readonly options: MoveOptions,
    readonly progress: (transfer: MoveTransfer) => void,
    run: (move: Outgoing) => Promise<void>,
  ) {
    const silence = vm.instance.qmp.onEvent(({ event }) => {
      if (event === 'MIGRATION') this.#wake();
    });
    // A source that died in post-copy has the rest of the VM with it: the destination need not wait.
    void vm.instance.ended.then(() => this.#call?.abandon());
    this.done = run(this).finally(() => {
      this.over = true;
      silence();
      this.#call?.close();
    });
  }

  /** QEMU forgets a post-copy that is cancelled, and the guest with it: too late is left alone. */
  async cancel(reason = 'the move was cancelled'): Promise<void> {
    if (this.#postCopy || this.#word !== undefined || this.over) return;
    this.#given ??= reason;
    await this.#qmp.execute('migrate_cancel').catch(() => {});
  }

  /** The daemon ends; the next one takes the move up. */
  release(): void {
    this.#call?.close();
  }

  get #qmp() {
    return this.vm.instance.qmp;
  }

  get #limit(): number {
    return this.options.bitsPerSecond ?? MOVE_BITS_PER_SECOND;
  }

  get #mayPostCopy(): boolean {
    return this.options.postCopy !== 'never' && this.ticket.postCopy;
  }

  async #send(): Promise<void> {
    const { instance } = this.vm;
    const status = await instance.status();
    if (status !== 'running') {
      throw new VnetError('VNET_ERR_CONFLICT', `it cannot be moved while it is ${status}`);
    }
    this.#call = await HandoverCall.open(this.ticket, () => this.#lost());
    await this.#configure().catch((error: unknown) => {
      this.#call?.abandon();
      throw error;
    });
    if (this.#given !== undefined) return this.#stay();
    instance.layout.mark({ role: 'sending', ticket: this.ticket });
    try {
      await this.#qmp.execute('migrate', { uri: uriOf(this.ticket.address, this.ticket.port) });
    } catch (error) {
      this.#given ??= VnetError.from(error).message;
      return this.#stay();
    }
    return this.#follow();
  }

  async #takeUp(): Promise<void> {
    this.#call = HandoverCall.resume(this.ticket);
    const { status } = await this.#query();
    this.#postCopy = this.#begun;
    if (await this.#neverBegan(status)) {
      this.#given = 'the daemon was started again';
      return this.#stay();
    }
    if (status !== 'completed') await this.cancel('the daemon was started again');
    return this.#follow();
  }

  /** The daemon ended before `migrate`; a VM that came by a move, or from a state, has that one's `completed`. */
  async #neverBegan(status: MigrationInfo['status']): Promise<boolean> {
    if (status === undefined || status === 'none') return true;
    return status === 'completed' && (await this.vm.instance.status()) === 'running';
  }

  async #configure(): Promise<void> {
    const capabilities = { events: true, 'return-path': true, 'postcopy-ram': this.#mayPostCopy };
    await this.#qmp.execute('migrate-set-capabilities', {
      capabilities: Object.entries(capabilities).map(([capability, state]) => ({ capability, state })),
    });
    const bytesPerSecond = Math.max(1, Math.floor(this.#limit / 8));
    await this.#qmp.execute('migrate-set-parameters', {
      'max-bandwidth': bytesPerSecond,
      'max-postcopy-bandwidth': bytesPerSecond,
      'downtime-limit': this.options.downtimeMs ?? MOVE_DOWNTIME_MS,
    });
  }

  async #follow(): Promise<void> {
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const info = await this.#query();
      if (info.status === 'completed') return this.#settle();
      if (info.status === 'failed' || info.status === 'cancelled') return this.#stay(info['error-desc']);
      if (info.status === 'postcopy-active') void this.#handOver();
      if (info.status === 'postcopy-paused' && !(await this.#recovered())) return this.#loseHalf();
      await this.#keepAhead(info);
      await Promise.race([changed, sleep(MOVE_POLL_MS)]);
    }
  }

  async #query(): Promise<MigrationInfo> {
    const info = await this.#qmp.execute<MigrationInfo>('query-migrate');
    const transfer = transferOf(info);
    this.#begun ||= transfer?.postCopy === true;
    if (transfer !== undefined) this.progress({ ...transfer, postCopy: this.#begun });
    return info;
  }

  async #keepAhead(info: MigrationInfo): Promise<void> {
    const transfer = transferOf(info);
    if (this.#postCopy || this.#given !== undefined || !this.#mayPostCopy) return;
    if (info.status !== 'active' || transfer === undefined || !fallsBehind(transfer, this.#limit)) return;
    this.#postCopy = true;
    // Refused where copying has just ended: then it is over anyway.
    await this.#qmp.execute('migrate-start-postcopy').catch(() => {});
  }

  /** From here on this QEMU does not execute the guest by itself, whatever happens. */
  #handOver(): Promise<HandoverAnswer | undefined> {
    this.#word ??= this.#call?.go() ?? Promise.resolve(undefined);
    return this.#word;
  }

  async #settle(): Promise<void> {
    const answer = await this.#handOver();
    if (answer === 'running' || answer === 'lost') return this.vm.leave('it moved away', true);
    if (answer === undefined) {
      throw new VnetError('VNET_ERR_CLOSED', 'whether the VM runs at the destination is not known yet', {
        hint: 'the daemon asks again when it is started',
      });
    }
    if (this.#begun) return this.#loseHalf();
    this.#given ??= 'the destination lost it before it ran there';
    return this.#stay();
  }

  async #stay(said?: string): Promise<void> {
    this.#call?.abandon();
    this.vm.instance.layout.mark(undefined);
    await this.#runAgain();
    const reason = this.#given ?? `the connection to the destination failed${said ? `: ${said}` : ''}`;
    throw new VnetError('VNET_ERR_CONFLICT', `${reason}; it runs on here`);
  }

  async #runAgain(): Promise<void> {
    const { instance } = this.vm;
    for (let waited = 0; (await instance.status()) !== 'running'; waited += PROCESS_POLL_MS) {
      if (waited > QUIT_TIMEOUT_MS) throw new VnetError('VNET_ERR_TIMEOUT', 'QEMU does not run the VM again');
      if (waited > RESUME_BY_ITSELF_MS || (await instance.status()) === 'postmigrate') {
        await this.#qmp.execute('cont').catch(() => {});
      }
      await sleep(PROCESS_POLL_MS);
    }
  }

  /** The two QEMUs wait for each other with a half each; the destination listens again where it did. */
  async #recovered(): Promise<boolean> {
    const uri = uriOf(this.ticket.address, this.ticket.port);
    for (let waited = 0; waited < this.vm.options.recoveryMs; waited += RECOVERY_RETRY_MS) {
      if (this.#otherLost) return false;
      await this.#qmp.execute('migrate', { uri, resume: true }).catch(() => {});
      await sleep(RECOVERY_RETRY_MS);
      const { status } = await this.#query();
      if (status === 'postcopy-active' || status === 'completed') return true;
      // It greets the other half in vain: from the start again.
      if (status === 'postcopy-recover') await this.#qmp.executeNow('migrate-pause').catch(() => {});
    }
    return false;
  }

  async #loseHalf(): Promise<void> {
    const message =
      'the connection broke in post-copy, with a part of the VM on either side, and did not come back; neither runs';
    await this.vm.leave(message, false);
    throw new VnetError('VNET_ERR_UNREACHABLE', message, { hint: 'start the VM again' });
  }

  /** The destination's daemon went away: nobody could be told to go on there. */
  #lost(): void {
    this.#otherLost = this.#word !== undefined;
    void this.cancel('the destination gave up or went away');
  }
}
