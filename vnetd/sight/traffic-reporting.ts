/** Tells the Proxy what the pairs of this host have counted, while it listens. */
import { encodeTrafficUpdate, type PairCounters, type TrafficReporter } from '../../core/index.js';

/** Where updates go. */
export interface TrafficSink {
  /** True: it could not take one now. */
  congested(): boolean;
  send(update: Uint8Array): void;
}

export interface TrafficOptions {
  reporter: TrafficReporter;
  /** Pairs that there is no room for; called when they appear. */
  onExceeded(pairs: number): void;
}

export class TrafficReporting {
  readonly #options: TrafficOptions;
  #sink: TrafficSink | undefined;
  #pairs = 0;
  #skipped = 0;
  #wasExceeded = false;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** That sent something from here since the start, in the last snapshot. */
  get pairs(): number {
    return this.#pairs;
  }

  /** Updates that were not made because the channel was full. */
  get skipped(): number {
    return this.#skipped;
  }

  connect(sink: TrafficSink): void {
    this.#sink = sink;
    this.restart();
  }

  disconnect(): void {
    this.#sink = undefined;
    this.#pairs = 0;
  }

  /** The next update lists every pair. */
  restart(): void {
    this.#options.reporter.restart();
  }

  /** Counters are absolute: what a full channel makes us leave out now is in the next update. */
  take(pairs: PairCounters, atMs: number): void {
    if (!this.#sink) return;
    this.#pairs = pairs.inFrames.reduce((count, frames) => (frames > 0 ? count + 1 : count), 0);
    if (this.#sink.congested()) {
      this.#skipped++;
      return;
    }
    const { reporter, onExceeded } = this.#options;
    this.#sink.send(encodeTrafficUpdate(reporter.update(pairs, atMs)));
    const isExceeded = reporter.exceeded > 0;
    if (isExceeded && !this.#wasExceeded) onExceeded(reporter.exceeded);
    this.#wasExceeded = isExceeded;
  }
}
