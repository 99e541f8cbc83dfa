/** Which hosts would not have which VMs lately, and why: a plan that asks them again at once would fail again. */
import type { Clock } from '../../core/index.js';

/** Then it is tried again: memory came free, an image was copied. */
export const REFUSAL_MS = 600_000;
/** Words kept; the oldest go first. */
const REFUSALS_MAX = 10_000;

export class Refusals {
  readonly #clock: Clock;
  readonly #said = new Map<string, { vm: string; host: string; reason: string; atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(vm: string, host: string, reason: string): void {
    const key = `${vm} ${host}`;
    this.#said.delete(key);
    this.#said.set(key, { vm, host, reason, atMs: this.#clock.now() });
    const [oldest] = this.#said.keys();
    if (this.#said.size > REFUSALS_MAX && oldest !== undefined) this.#said.delete(oldest);
  }

  /** By VM, then by host. */
  all(): Map<string, Record<string, string>> {
    const oldest = this.#clock.now() - REFUSAL_MS;
    const byVm = new Map<string, Record<string, string>>();
    for (const [key, { vm, host, reason, atMs }] of this.#said) {
      if (atMs < oldest) this.#said.delete(key);
      else byVm.set(vm, { ...byVm.get(vm), [host]: reason });
    }
    return byVm;
  }
}
