/**
 * The last part of post-copy at the destination: the VM runs, and pages that it misses come from its source. If that
 * connection breaks, QEMU holds the guest where it misses one; we listen again for the source at the same place.
 */
import type { RunningQemu } from './running.js';

export class PostCopyTail {
  #broken: NodeJS.Timeout | undefined;
  #reason: string | undefined;
  readonly #silence: () => void;

  /** @param uri where QEMU listened for the source */
  constructor(
    readonly vm: RunningQemu,
    readonly uri: string,
  ) {
    this.#silence = vm.instance.qmp.onEvent(({ event, data }) => {
      if (event === 'MIGRATION') this.#follow(data['status']);
    });
    void vm.instance.ended.then(() => clearTimeout(this.#broken));
  }

  /** The half that is here cannot go on alone. */
  giveUp(reason: string): void {
    if (this.#broken !== undefined) void this.vm.leave(reason, false);
    else this.#reason = reason;
  }

  #follow(status: unknown): void {
    if (status === 'postcopy-paused') this.#break();
    else if (status === 'postcopy-active') this.#mend();
    else if (status === 'completed' || status === 'failed') {
      this.#mend();
      this.#silence();
    }
  }

  #break(): void {
    if (this.#reason !== undefined) return void this.vm.leave(this.#reason, false);
    const reason = 'the connection to its source broke in post-copy and did not come back';
    this.#broken ??= setTimeout(() => void this.vm.leave(reason, false), this.vm.options.recoveryMs);
    this.vm.events.paused();
    // Its main thread may hang on a page that only its source has.
    this.vm.instance.qmp.executeNow('migrate-recover', { uri: this.uri }).catch(() => {});
  }

  #mend(): void {
    if (this.#broken === undefined) return;
    clearTimeout(this.#broken);
    this.#broken = undefined;
    this.vm.events.running();
  }
}
