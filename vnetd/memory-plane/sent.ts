/** Copies of the unicast frames that left by a port of late, bounded in frames and octets. */
import { SENT_BYTES_MAX, SENT_FRAMES_MAX } from '../../core/index.js';
import { isGroupNumber, type Passing } from './frame.js';

export class Sent {
  #frames: { frame: Passing; atMs: number }[] = [];
  #bytes = 0;
  /** When the newest left of which there is no copy any more, and how many did at that time. */
  #overflow = { atMs: Number.NEGATIVE_INFINITY, frames: 0 };

  add(frame: Passing, atMs: number): void {
    if (isGroupNumber(frame.destination)) return;
    while (
      this.#frames.length >= SENT_FRAMES_MAX ||
      (this.#frames.length > 0 && this.#bytes + frame.bytes.length > SENT_BYTES_MAX)
    )
      this.#forgetFirst();
    this.#frames.push({ frame, atMs });
    this.#bytes += frame.bytes.length;
  }

  /** What left since, oldest first; nothing is kept of what was before. */
  take(sinceMs: number): { frames: Passing[]; overflowed: number } {
    const frames = this.#frames.filter(({ atMs }) => atMs >= sinceMs).map(({ frame }) => frame);
    const overflowed = this.#overflow.atMs >= sinceMs ? this.#overflow.frames : 0;
    this.#frames = [];
    this.#bytes = 0;
    this.#overflow = { atMs: Number.NEGATIVE_INFINITY, frames: 0 };
    return { frames, overflowed };
  }

  #forgetFirst(): void {
    const first = this.#frames.shift();
    if (!first) return;
    this.#bytes -= first.frame.bytes.length;
    const frames = first.atMs === this.#overflow.atMs ? this.#overflow.frames + 1 : 1;
    this.#overflow = { atMs: first.atMs, frames };
  }
}
