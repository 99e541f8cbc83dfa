/**
 * Which hosts could have a link, though they have none: every host in turn is asked to reach the others' addresses.
 * One host at a time, so that a large overlay is surveyed slowly rather than loudly.
 */
import { isIP } from 'node:net';
import type { Clock, Host, HostSession, ReachResult } from '../../core/index.js';

/** Between two questions to hosts. */
const SURVEY_STEP_MS = 2000;
/** Addresses of one question (ReachRequest). */
const SURVEY_ADDRESSES_MAX = 64;
const SURVEY_TIMEOUT_MS = 1000;
/** A result counts this long: three rounds of sixteen hosts. */
export const SURVEY_AGE_MS = 120_000;

export interface Reach extends ReachResult {
  from: string;
  to: string;
  atMs: number;
}

export interface SurveyOptions {
  clock: Clock;
  hosts(): readonly Host[];
  /** Undefined while the host is away. */
  session(host: string): HostSession | undefined;
  isLinked(a: string, b: string): boolean;
  /** False: nothing is asked. */
  enabled(): boolean;
}

export class Survey {
  readonly #options: SurveyOptions;
  readonly #results = new Map<string, Reach>();
  /** By asking host: where its next question begins among the others. */
  readonly #offsets = new Map<string, number>();
  #turn = 0;
  #cancel: () => void = () => {};

  constructor(options: SurveyOptions) {
    this.#options = options;
    this.#again();
  }

  /** Fresh ones only. */
  results(): Reach[] {
    const oldest = this.#options.clock.now() - SURVEY_AGE_MS;
    for (const [key, { atMs }] of this.#results) if (atMs < oldest) this.#results.delete(key);
    return [...this.#results.values()];
  }

  close(): void {
    this.#cancel();
    this.#cancel = () => {};
  }

  #again(): void {
    this.#cancel = this.#options.clock.after(SURVEY_STEP_MS, () => {
      this.#again();
      void this.#step();
    });
  }

  async #step(): Promise<void> {
    const { hosts, session, enabled } = this.#options;
    if (!enabled()) return;
    const asking = hosts().filter(({ name }) => session(name));
    const host = asking[this.#turn++ % Math.max(1, asking.length)];
    if (host) await this.#ask(host.name);
  }

  async #ask(from: string): Promise<void> {
    const { clock, session } = this.#options;
    const targets = this.#targets(from);
    if (targets.length === 0) return;
    const byAddress = new Map(targets.map(({ name, address }) => [address, name]));
    let results: ReachResult[];
    try {
      const request = { addresses: [...byAddress.keys()], timeoutMs: SURVEY_TIMEOUT_MS };
      results = (await session(from)?.reach(request)) ?? [];
    } catch {
      return; // It went away, or cannot ask: the results it gave before grow old.
    }
    for (const result of results) {
      const to = byAddress.get(result.address);
      if (to !== undefined) this.#results.set(`${from} ${to}`, { ...result, from, to, atMs: clock.now() });
    }
  }

  /** Other hosts with an address and without a link, a window of them that moves on from question to question. */
  #targets(from: string): { name: string; address: string }[] {
    const { hosts, isLinked } = this.#options;
    const all = hosts().flatMap(({ name, endpoint }) =>
      name !== from && endpoint && isIP(endpoint.address) !== 0 && !isLinked(from, name)
        ? [{ name, address: endpoint.address }]
        : [],
    );
    const offset = all.length > 0 ? (this.#offsets.get(from) ?? 0) % all.length : 0;
    this.#offsets.set(from, offset + SURVEY_ADDRESSES_MAX);
    return [...all.slice(offset), ...all.slice(0, offset)].slice(0, SURVEY_ADDRESSES_MAX);
  }
}
