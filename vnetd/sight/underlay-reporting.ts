/** Runs the agent that estimates the underlay, and tells the Proxy what it finds. */
import {
  type Arrivals,
  type Clock,
  type LinkState,
  type SightParameters,
  type UnderlayReport,
  VnetError,
} from '../../core/index.js';
import type { AgentPlane, SightLink, UnderlayAgent } from './agent.js';
import { MeteredPlane, type ProbeBytes } from './metered-plane.js';
import { Metronome } from './metronome.js';
import { saysMore, type TimedReport } from './report-change.js';

/** The agent's time moves in steps of this. */
export const TICK_MS = 50;
/** At most one report in this time. */
export const REPORT_MS = 500;

/** Where reports go. */
export interface UnderlaySink {
  /** True: it could not take one now. */
  congested(): boolean;
  underlay(report: UnderlayReport): void;
}

export interface UnderlayOptions {
  clock: Clock;
  plane: AgentPlane;
  /** All there are now, those of an edge in any order. */
  links(): SightLink[];
  createAgent(plane: AgentPlane): UnderlayAgent;
  onFailure(error: VnetError): void;
}

export class UnderlayReporting {
  readonly #options: UnderlayOptions;
  readonly #plane: MeteredPlane;
  readonly #agent: UnderlayAgent;
  readonly #ticks: Metronome;
  readonly #reports: Metronome;
  #sink: UnderlaySink | undefined;
  #last: TimedReport | undefined;
  #failed = false;
  #linksChanged = true;
  /** Links that went down since the agent was last told of the links. */
  readonly #fell = new Set<number>();

  constructor(options: UnderlayOptions) {
    this.#options = options;
    this.#plane = new MeteredPlane(options.plane);
    this.#agent = options.createAgent(this.#plane);
    this.#ticks = new Metronome(options.clock, () => this.#tick());
    this.#reports = new Metronome(options.clock, () => this.#report());
    this.#ticks.start(TICK_MS);
  }

  get probes(): ProbeBytes {
    return this.#plane.bytes;
  }

  parameters({ probeShare }: SightParameters): void {
    this.#guard((agent) => agent.setProbeShare(probeShare));
  }

  /** Links were opened or closed. The agent hears of it with its next tick, however many changes come at once. */
  linksChanged(): void {
    this.#linksChanged = true;
  }

  linkChanged(link: number, up: boolean): void {
    this.#linksChanged = true;
    if (!up) this.#fell.add(link);
  }

  arrivals(arrivals: Arrivals): void {
    this.#plane.arrived(arrivals);
    this.#guard((agent) => agent.arrivals(arrivals));
  }

  note(link: number, note: Uint8Array): void {
    this.#guard((agent) => agent.note(link, note));
  }

  states(states: LinkState[], nowMs: number): void {
    this.#guard((agent) => agent.states(states, nowMs));
  }

  /** The first report comes whole within REPORT_MS. */
  connect(sink: UnderlaySink): void {
    this.#sink = sink;
    this.#last = undefined;
    this.#reports.start(REPORT_MS);
  }

  disconnect(): void {
    this.#sink = undefined;
    this.#reports.stop();
  }

  close(): void {
    this.disconnect();
    this.#ticks.stop();
  }

  #tick(): void {
    this.#guard((agent) => {
      if (this.#linksChanged) this.#tellLinks(agent);
      agent.tick(this.#options.clock.now());
    });
  }

  /** A link that fell and stands again is told as down first: what was known of it may hold no longer. */
  #tellLinks(agent: UnderlayAgent): void {
    const links = this.#options.links();
    if (links.some(({ link, up }) => up && this.#fell.has(link)))
      agent.links(links.map((each) => (this.#fell.has(each.link) ? { ...each, up: false } : each)));
    agent.links(links);
    this.#fell.clear();
    this.#linksChanged = false;
  }

  #report(): void {
    const sink = this.#sink;
    if (!sink || sink.congested()) return;
    this.#guard((agent) => {
      const next = { report: agent.report(), atMs: this.#options.clock.now() };
      if (!saysMore(this.#last, next)) return;
      this.#last = next;
      sink.underlay(next.report);
    });
  }

  /** Measuring must never take the daemon down: a failure is told once and measuring goes on. */
  #guard(step: (agent: UnderlayAgent) => void): void {
    try {
      step(this.#agent);
    } catch (thrown) {
      const error = VnetError.from(thrown);
      if (error.code === 'VNET_ERR_CLOSED' || this.#failed) return;
      this.#failed = true;
      this.#options.onFailure(error);
    }
  }
}
