/** One daemon as the Proxy sees it: its session, and what it is known to run. */
import { type Clock, type HostConfig, type HostSession, VnetError } from '../../core/index.js';
import { configDelta, runsTarget } from './config-steps.js';

/** A host that does not answer a step in this time is lost: the change goes on without it. */
export const STEP_TIMEOUT_MS = 3000;

const LOST_CODES = new Set(['VNET_ERR_UNREACHABLE', 'VNET_ERR_CLOSED', 'VNET_ERR_TIMEOUT']);

/** `lost`: the host went away in the middle, nobody knows what it runs. `refused`: it said no and runs what it ran. */
export type StepOutcome =
  | { kind: 'done'; changed: boolean }
  | { kind: 'lost'; error: VnetError }
  | { kind: 'refused'; error: VnetError };

export class Member {
  readonly host: string;
  /** Called when it may have come, gone or changed its phase. */
  readonly #onChange: (member: Member) => void;
  #session: HostSession | undefined;
  #installed: HostConfig | undefined;
  #stale = false;
  #presumed = false;
  /** What it was last seen to run, so that the two are compared once. */
  #verified: { installed: HostConfig; target: HostConfig } | undefined;
  #abandon: ((error: VnetError) => void) | undefined;

  constructor(host: string, onChange: (member: Member) => void = () => {}) {
    this.host = host;
    this.#onChange = onChange;
  }

  get session(): HostSession | undefined {
    return this.#session;
  }

  set session(session: HostSession | undefined) {
    if (session === this.#session) return;
    this.#session = session;
    this.#onChange(this);
  }

  /** What the host runs; undefined: not known, it needs its configuration whole. */
  get installed(): HostConfig | undefined {
    return this.#installed;
  }

  set installed(installed: HostConfig | undefined) {
    const wasKnown = this.#installed !== undefined;
    this.#installed = installed;
    if (wasKnown !== (installed !== undefined)) this.#onChange(this);
  }

  /** Away, and its part of the intent has changed since. */
  get stale(): boolean {
    return this.#stale;
  }

  set stale(stale: boolean) {
    if (stale === this.#stale) return;
    this.#stale = stale;
    this.#onChange(this);
  }

  /** After a restart of the Proxy: believed to run its part until it is back or too late. */
  get presumed(): boolean {
    return this.#presumed;
  }

  set presumed(presumed: boolean) {
    if (presumed === this.#presumed) return;
    this.#presumed = presumed;
    this.#onChange(this);
  }

  /** The host is known to run what the target says. Two objects are compared once. */
  runs(target: HostConfig | undefined): boolean {
    const installed = this.#installed;
    if (!installed || !target) return false;
    if (this.#verified?.installed === installed && this.#verified.target === target) return true;
    if (!runsTarget(installed, target)) return false;
    this.#verified = { installed, target };
    return true;
  }

  /** Paths may lead through it: what it runs is known and is its part. */
  get usable(): boolean {
    return (this.installed !== undefined && !this.stale) || this.presumed;
  }

  get ready(): boolean {
    return this.session !== undefined && this.installed !== undefined;
  }

  /** The session is gone. A step under way fails at once, and with it the knowledge of what the host runs. */
  leave(reason: string): void {
    this.session = undefined;
    this.#abandon?.(new VnetError('VNET_ERR_UNREACHABLE', `host ${this.host} went away: ${reason}`));
  }

  /** Brings the host from what it runs to `next`; its own revision is taken only where something changes. */
  async step(next: HostConfig, clock: Clock, nextRevision: () => number): Promise<StepOutcome> {
    const { installed, session } = this;
    if (!installed || !session) return { kind: 'lost', error: this.#gone() };
    const delta = configDelta(installed, next);
    if (!delta) return { kind: 'done', changed: false };
    const revision = nextRevision();
    return this.#run(clock, session, { ...next, revision }, () => session.apply({ ...delta, revision }));
  }

  /** Gives the host a whole configuration, whatever it ran. */
  async configure(config: HostConfig, clock: Clock): Promise<StepOutcome> {
    const { session } = this;
    if (!session) return { kind: 'lost', error: this.#gone() };
    return this.#run(clock, session, config, () => session.configure(config));
  }

  #gone(): VnetError {
    return new VnetError('VNET_ERR_UNREACHABLE', `host ${this.host} is away`);
  }

  async #run(
    clock: Clock,
    session: HostSession,
    next: HostConfig,
    call: () => Promise<void>,
  ): Promise<StepOutcome> {
    let cancel = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        this.#abandon = reject;
        const late = () =>
          reject(new VnetError('VNET_ERR_TIMEOUT', `host ${this.host} did not answer in time`));
        cancel = clock.after(STEP_TIMEOUT_MS, late);
        call().then(resolve, reject);
      });
      this.installed = next;
      return { kind: 'done', changed: true };
    } catch (thrown) {
      const error = VnetError.from(thrown);
      if (!LOST_CODES.has(error.code) && this.session === session) return { kind: 'refused', error };
      this.installed = undefined;
      if (this.session === session) {
        this.session = undefined;
        session.close();
      }
      return { kind: 'lost', error };
    } finally {
      cancel();
      this.#abandon = undefined;
    }
  }
}
