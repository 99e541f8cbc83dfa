/**
 * How fast changes may follow each other. Never faster than one in `settleMs`; and as routes that flap are damped in
 * BGP (RFC 2439), every change adds a penalty that decays by half in HALF_LIFE settle times. The penalty makes the next
 * change stand for longer, and what of it is beyond one change makes it need more gain. A change that brought what it
 * promised, and lasted, is forgiven, so traffic that alternates slowly is followed; one that brought nothing adds more,
 * so noise soon moves nothing. Traffic that alternates faster than LASTING settle times is followed less and less: a
 * plan must stand for longer than its phases.
 */

export const HALF_LIFE = 60;
/** Settle times after which a change that was useful is forgiven whole; before that in part. */
export const LASTING = 20;
/** What a change adds, by what came of it. */
export const PENALTY = { begun: 1, useless: 1, takenBack: 3, failed: 1 } as const;
const FORGIVEN = 0.75;
/** One change is no flapping, as one flap is below RFC 2439's cut-off: what it has opened up may be taken for as little. */
const FREE = 1;
/** `confirmMs` is doubled by each penalty, so often at most. */
const DOUBLED_MAX = 8;

interface Pace {
  settleMs: number;
}

export class Damping {
  #penalty = 0;
  #atMs = 0;
  /** When changes ended, within the horizon. */
  #ends: number[] = [];
  /** The end of the last change, where it was useful. */
  #usefulSinceMs: number | undefined;

  /** A change has ended, or failed, or was taken back. */
  changed(nowMs: number, pace: Pace, penalty: number): void {
    if (this.#usefulSinceMs !== undefined) {
      const lasted = (nowMs - this.#usefulSinceMs) / (LASTING * pace.settleMs);
      this.add(nowMs, pace, -FORGIVEN * Math.min(1, lasted));
    }
    this.#usefulSinceMs = undefined;
    this.add(nowMs, pace, penalty);
    this.#ends.push(nowMs);
  }

  useful(): void {
    this.#usefulSinceMs = this.#ends.at(-1);
  }

  add(nowMs: number, pace: Pace, penalty: number): void {
    this.#penalty = Math.max(0, this.penalty(nowMs, pace) + penalty);
    this.#atMs = nowMs;
  }

  penalty(nowMs: number, { settleMs }: Pace): number {
    return this.#penalty * 0.5 ** ((nowMs - this.#atMs) / (HALF_LIFE * settleMs));
  }

  confirmMs(nowMs: number, settings: Pace & { confirmMs: number }): number {
    return settings.confirmMs * 2 ** Math.min(DOUBLED_MAX, this.penalty(nowMs, settings));
  }

  threshold(nowMs: number, settings: Pace & { gainThreshold: number }): number {
    const excess = Math.max(0, this.penalty(nowMs, settings) - FREE);
    return settings.gainThreshold * (1 + excess / 2);
  }

  /** For which a change is expected to pay: no longer than changes have lasted lately. */
  horizonMs(nowMs: number, settings: Pace & { horizonMs: number }): number {
    this.#ends = this.#ends.filter((end) => nowMs - end < settings.horizonMs);
    const lasted = settings.horizonMs / Math.max(1, this.#ends.length);
    return Math.max(Math.min(settings.settleMs, settings.horizonMs), lasted);
  }
}
