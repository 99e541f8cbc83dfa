/** One port: the spoofing guard, and what was learnt. */
import type { Clock, PlaneEvent, PlanePort } from '../../core/index.js';
import { isGroupNumber, newTally, type Tally } from './frame.js';
import { LEARNT_REPORT_MS, SOURCE_EVENT_MS, SOURCES_PER_PORT } from './limits.js';

export class PortEnd {
  readonly config: PlanePort;
  readonly tally: Tally = newTally();
  #macs: Set<number>;
  /** When each source was last reported. */
  readonly #sources = new Map<number, number>();

  constructor(config: PlanePort) {
    this.config = config;
    this.#macs = new Set(config.macs);
  }

  setMacs(macs: number[]): void {
    this.#macs = new Set(macs);
    for (const mac of macs) this.#sources.delete(mac);
  }

  /** False: the guard refuses the source. Group addresses are no sources (IEEE 802-2014, 8.2.2). */
  admit(source: number, clock: Clock, event: (event: PlaneEvent) => void): boolean {
    const admitted = this.config.guarded ? this.#macs.has(source) : !isGroupNumber(source);
    if (admitted && this.config.guarded) return true;
    if (this.#isNews(source, clock.now())) {
      event({ kind: 'source', port: this.config.port, source, admitted });
    }
    return admitted;
  }

  /** The source was learnt at another port since. */
  unlearn(source: number): void {
    if (!this.config.guarded) this.#sources.delete(source);
  }

  #isNews(source: number, now: number): boolean {
    const last = this.#sources.get(source);
    if (last === undefined && this.#sources.size >= SOURCES_PER_PORT) this.#age(now);
    if (last === undefined && this.#sources.size >= SOURCES_PER_PORT) return false;
    // Whoever keeps the list forgets with age, and knows only by our reports who still talks.
    const news = last === undefined || now - last >= this.#reportMs();
    if (news) this.#sources.set(source, now);
    return news;
  }

  #age(now: number): void {
    for (const [source, at] of this.#sources) if (now - at >= this.#reportMs()) this.#sources.delete(source);
  }

  #reportMs(): number {
    return this.config.guarded ? SOURCE_EVENT_MS : LEARNT_REPORT_MS;
  }
}
