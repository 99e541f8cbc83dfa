/** One QEMU and its monitor, from its start or its adoption to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { VnetError } from '../../core/index.js';
import type { Layout } from './layout.js';
import { LAUNCH_TIMEOUT_MS, PROCESS_POLL_MS, QUIT_TIMEOUT_MS } from './limits.js';
import { findQemu, isQemuOf, spawnQemu, waitForEnd } from './process.js';
import { QmpClient } from './qmp.js';

export interface InstanceEnd {
  /** In words. */
  reason: string;
  /** The guest powered itself off. */
  byGuest: boolean;
}

export class Instance {
  /** Resolves when the process is gone. Never after `release`. */
  readonly ended: Promise<InstanceEnd>;
  #shutdown: { guest?: unknown; reason?: unknown } | undefined;
  #released = false;

  /**
   * Starts QEMU, which waits (`-S`).
   * @param given an open file for it (GIVEN_FD)
   * @throws VNET_ERR_UNSUPPORTED with QEMU's words if it ends at once
   */
  static async launch(
    program: string,
    args: readonly string[],
    layout: Layout,
    given?: number,
  ): Promise<Instance> {
    const pid = await spawnQemu(program, args, layout, given);
    for (let waited = 0; waited < LAUNCH_TIMEOUT_MS; waited += PROCESS_POLL_MS) {
      await sleep(PROCESS_POLL_MS);
      const qmp = await QmpClient.connect(layout.qmp).catch(() => undefined);
      if (qmp !== undefined) return new Instance(pid, layout, qmp);
      if (!isQemuOf(pid, layout)) throw notStarted(layout);
    }
    killNow(pid);
    throw notStarted(layout);
  }

  /** Undefined: no QEMU of this VM runs. Rejects if one runs and does not answer. */
  static async attach(layout: Layout): Promise<Instance | undefined> {
    const pid = findQemu(layout);
    if (pid === undefined) return undefined;
    return new Instance(pid, layout, await QmpClient.connect(layout.qmp));
  }

  private constructor(
    readonly pid: number,
    readonly layout: Layout,
    readonly qmp: QmpClient,
  ) {
    qmp.onEvent(({ event, data }) => {
      if (event === 'SHUTDOWN') this.#shutdown = data;
    });
    this.ended = qmp.closed.then(() => this.#awaitEnd());
  }

  /** QEMU's word: `running`, `paused`, `inmigrate`, `postmigrate`, `finish-migrate` ... */
  async status(): Promise<string> {
    return (await this.qmp.execute<{ status: string }>('query-status')).status;
  }

  get alive(): boolean {
    return isQemuOf(this.pid, this.layout);
  }

  /** Ends QEMU without asking the guest. Resolves when it is gone. */
  async quit(): Promise<void> {
    if (!this.#released) await this.qmp.execute('quit', {}, QUIT_TIMEOUT_MS).catch(() => {});
    await this.#kill(QUIT_TIMEOUT_MS);
  }

  /** At once: a QEMU that waits for a page hears nothing. */
  kill(): Promise<void> {
    return this.#kill(0);
  }

  /** As a power button does; true: the guest ended in time. */
  async powerDown(graceMs: number): Promise<boolean> {
    await this.qmp.execute('system_powerdown').catch(() => {});
    return waitForEnd(this.pid, this.layout, graceMs);
  }

  /** Lets go of the monitor; the VM goes on. */
  release(): void {
    this.#released = true;
    this.qmp.close();
  }

  async #kill(graceMs: number): Promise<void> {
    if (await waitForEnd(this.pid, this.layout, graceMs)) return;
    killNow(this.pid);
    if (await waitForEnd(this.pid, this.layout, QUIT_TIMEOUT_MS)) return;
    throw new VnetError('VNET_ERR_TIMEOUT', `QEMU (process ${this.pid}) does not die`, {
      hint: 'its storage may hang: look at the state of the process',
    });
  }

  async #awaitEnd(): Promise<InstanceEnd> {
    if (this.#released) return new Promise(() => {});
    // Without its monitor a VM cannot be driven, and would be started a second time.
    await this.#kill(QUIT_TIMEOUT_MS).catch(() => {});
    const byGuest = this.#shutdown?.guest === true;
    const said = this.layout.complaint();
    const reason = byGuest ? 'the guest shut itself down' : said || 'QEMU was killed';
    return {
      reason: this.#shutdown === undefined || byGuest ? reason : `QEMU ended: ${said || 'told to'}`,
      byGuest,
    };
  }
}

/** A process that was just seen to be ours. */
function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone meanwhile.
  }
}

function notStarted(layout: Layout): VnetError {
  const said = layout.complaint();
  return new VnetError('VNET_ERR_UNSUPPORTED', `QEMU did not start${said === '' ? '' : `: ${said}`}`, {
    hint: `all it said is in ${layout.log}`,
  });
}
