/**
 * The Proxy's end of one daemon's reports: what is too large, too frequent or makes no sense is left out and said.
 * A daemon that misbehaves costs the Proxy little and the others nothing.
 */
import { type Clock, type SightReports, VnetError } from '../../core/index.js';
import { soundLoad } from './sound-load.js';
import { soundReport } from './sound-report.js';

/** The fastest daemon sends an update each 20 ms. */
const UPDATES_PER_SECOND_MAX = 100;
/** Twice a second is what a daemon of ours sends. */
const REPORTS_PER_SECOND_MAX = 10;
/** One in HOST_LOAD_PERIOD_MS is what a daemon of ours sends. */
const LOADS_PER_SECOND_MAX = 5;

export interface IntakeOptions {
  host: string;
  reports: SightReports;
  clock: Clock;
}

export class ReportIntake {
  readonly #options: IntakeOptions;
  readonly #updates: Allowance;
  readonly #underlay: Allowance;
  readonly #loads: Allowance;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#updates = new Allowance(options.clock, UPDATES_PER_SECOND_MAX);
    this.#underlay = new Allowance(options.clock, REPORTS_PER_SECOND_MAX);
    this.#loads = new Allowance(options.clock, LOADS_PER_SECOND_MAX);
  }

  /** `length`: as it was sent; what is too long came without its octets. */
  traffic(update: Uint8Array, length: number): void {
    if (length > update.length) return this.#refuse(UPDATE, tooMuch(`it has ${length} octets`));
    if (!this.#updates.take()) {
      return this.#refuse(UPDATE, tooMuch(`it sends more than ${UPDATES_PER_SECOND_MAX} a second`));
    }
    this.#pass(UPDATE, () => this.#options.reports.traffic(this.#options.host, update));
  }

  underlay(body: unknown): void {
    if (!this.#underlay.take()) {
      return this.#refuse(REPORT, tooMuch(`it sends more than ${REPORTS_PER_SECOND_MAX} a second`));
    }
    const { report, refused } = soundReport(body, this.#options.host);
    if (refused > 0) {
      this.#refuse(
        REPORT,
        new VnetError('VNET_ERR_INVALID', `${refused} of its parts make no sense, or are of links of others`),
      );
    }
    if (report) this.#pass(REPORT, () => this.#options.reports.underlay(this.#options.host, report));
  }

  load(body: unknown): void {
    if (!this.#loads.take()) {
      return this.#refuse(LOAD, tooMuch(`it sends more than ${LOADS_PER_SECOND_MAX} a second`));
    }
    const load = soundLoad(body);
    if (load) this.#pass(LOAD, () => this.#options.reports.load(this.#options.host, load));
    else this.#refuse(LOAD, new VnetError('VNET_ERR_INVALID', 'it makes no sense'));
  }

  #pass(what: string, take: () => void): void {
    try {
      take();
    } catch (thrown) {
      this.#refuse(what, VnetError.from(thrown));
    }
  }

  #refuse(what: string, error: VnetError): void {
    this.#options.reports.refused(this.#options.host, what, error);
  }
}

const [UPDATE, REPORT, LOAD] = ['traffic update', 'report of the underlay', 'report of its load'];

const tooMuch = (what: string): VnetError => new VnetError('VNET_ERR_LIMIT', what);

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
