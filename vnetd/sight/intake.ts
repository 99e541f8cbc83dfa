/**
 * The Proxy's end of one daemon's reports: what is too large, too frequent or makes no sense is left out and said once.
 * A daemon that misbehaves costs the Proxy little and the others nothing.
 */
import type { Clock, SightReports } from '../../core/index.js';
import { soundReport } from './sound-report.js';

/** The fastest daemon sends an update each 20 ms. */
const UPDATES_PER_SECOND_MAX = 100;
/** Twice a second is what a daemon of ours sends. */
const REPORTS_PER_SECOND_MAX = 10;

export interface IntakeOptions {
  host: string;
  reports: SightReports;
  clock: Clock;
  /** Called at most once for each kind of trouble. */
  onTrouble(message: string, thrown?: unknown): void;
}

export class ReportIntake {
  readonly #options: IntakeOptions;
  readonly #updates: Allowance;
  readonly #underlay: Allowance;
  readonly #said = new Set<string>();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#updates = new Allowance(options.clock, UPDATES_PER_SECOND_MAX);
    this.#underlay = new Allowance(options.clock, REPORTS_PER_SECOND_MAX);
  }

  /** `length`: as it was sent; what is too long came without its octets. */
  traffic(update: Uint8Array, length: number): void {
    if (length > update.length) return this.#say(`sends updates of ${length} octets`);
    if (!this.#updates.take()) return this.#say(`sends more than ${UPDATES_PER_SECOND_MAX} updates a second`);
    this.#pass(() => this.#options.reports.traffic(this.#options.host, update));
  }

  underlay(body: unknown): void {
    if (!this.#underlay.take())
      return this.#say(`sends more than ${REPORTS_PER_SECOND_MAX} reports of the underlay a second`);
    const { report, refused } = soundReport(body, this.#options.host);
    if (refused > 0) this.#say('reports things of the underlay that make no sense');
    if (report) this.#pass(() => this.#options.reports.underlay(this.#options.host, report));
  }

  #pass(take: () => void): void {
    try {
      take();
    } catch (thrown) {
      this.#say('sends a report that cannot be taken in', thrown);
    }
  }

  #say(message: string, thrown?: unknown): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#options.onTrouble(message, thrown);
  }
}

/** A token bucket that holds a second's worth. */
class Allowance {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #tokens: number;
  #filledMs: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledMs = clock.now();
  }

  take(): boolean {
    const nowMs = this.#clock.now();
    const earned = ((nowMs - this.#filledMs) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + earned);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
