/** One port: the spoofing guard, and what was learnt. */
import type { Clock, PlaneEvent, PlanePort } from '../../core/index.js';
import { isAnnouncement } from './announcement.js';
import { isGroupNumber, newTally, type Passing, sourceOf, type Tally } from './frame.js';
import { LEARNT_REPORT_MS, SOURCE_EVENT_MS, SOURCES_PER_PORT } from './limits.js';
import { Sent } from './sent.js';

export class PortEnd {
  readonly config: PlanePort;
  readonly tally: Tally = newTally();
  /** Frames for this port that waited in a hold. */
  held = 0;
  /** Copies of what left, oldest first; undefined: none are kept. */
  #sent: Sent | undefined;
  #macs: Set<number>;
  /** When each source was last reported. */
  readonly #sources = new Map<number, number>();
  /** The same of announcements: what else a source sends hides none of them. */
  readonly #announced = new Map<number, number>();

  constructor(config: PlanePort) {
    this.config = config;
    this.#macs = new Set(config.macs);
  }

  setMacs(macs: number[]): void {
    this.#macs = new Set(macs);
    for (const mac of macs) {
      this.#sources.delete(mac);
      this.#announced.delete(mac);
    }
  }

  /** False: the guard refuses the source. Group addresses are no sources (IEEE 802-2014, 8.2.2). */
  admit(bytes: Uint8Array, clock: Clock, event: (event: PlaneEvent) => void): boolean {
    const source = sourceOf(bytes);
    const admitted = this.config.guarded ? this.#macs.has(source) : !isGroupNumber(source);
    if (admitted && this.config.guarded) return true;
    const announced = isAnnouncement(bytes);
    const reported = announced && !admitted ? this.#announced : this.#sources;
    if (this.#isNews(reported, source, clock.now())) {
      event({ kind: 'source', port: this.config.port, source, admitted, announced });
    }
    return admitted;
  }

  keepSent(kept: boolean): void {
    if (!kept) this.#sent = undefined;
    else this.#sent ??= new Sent();
  }

  /** It left just now. */
  left(frame: Passing, nowMs: number): void {
    this.#sent?.add(frame, nowMs);
  }

  /** What left since, taken out. */
  takeSent(sinceMs: number): { frames: Passing[]; overflowed: number } {
    return this.#sent?.take(sinceMs) ?? { frames: [], overflowed: 0 };
  }

  /** The source was learnt at another port since. */
  unlearn(source: number): void {
    if (!this.config.guarded) this.#sources.delete(source);
  }

  #isNews(reported: Map<number, number>, source: number, now: number): boolean {
    const last = reported.get(source);
    if (last === undefined && reported.size >= SOURCES_PER_PORT) this.#age(reported, now);
    if (last === undefined && reported.size >= SOURCES_PER_PORT) return false;
    // Whoever keeps the list forgets with age, and knows only by our reports who still talks.
    const news = last === undefined || now - last >= this.#reportMs();
    if (news) reported.set(source, now);
    return news;
  }

  #age(reported: Map<number, number>, now: number): void {
    for (const [source, at] of reported) if (now - at >= this.#reportMs()) reported.delete(source);
  }

  #reportMs(): number {
    return this.config.guarded ? SOURCE_EVENT_MS : LEARNT_REPORT_MS;
  }
}
