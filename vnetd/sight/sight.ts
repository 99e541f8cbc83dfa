/** A daemon's senses: what its pairs say to each other, how its links do, echoes over the overlay, ICMP beside it. */
import {
  type Clock,
  DEFAULT_SIGHT,
  type EchoRequest,
  type EchoResult,
  PAIRS_PER_HOST_MAX,
  type PlaneEvent,
  type PlaneHandlers,
  type ReachRequest,
  type ReachResult,
  type SightParameters,
  type TrafficReporter,
  VnetError,
} from '../../core/index.js';
import type { UnderlayAgent, AgentPlane, SightLink } from './agent.js';
import { Echoes, type EchoesOptions } from './echoes.js';
import type { ProbeBytes } from './metered-plane.js';
import { Reachability } from './reach/index.js';
import { Sampler, type SamplerOptions } from './sampler.js';
import { TrafficReporting, type TrafficSink } from './traffic-reporting.js';
import { UnderlayReporting, type UnderlaySink } from './underlay-reporting.js';

/** As SightParameters says. */
const UPDATE_MIN_MS = 20;
const UPDATE_MAX_MS = 60_000;
const PROBE_SHARE_MAX = 0.1;

export interface SightOptions {
  clock: Clock;
  plane: AgentPlane & { sendEcho: EchoesOptions['send']; snapshot: SamplerOptions['snapshot'] };
  portOf: EchoesOptions['portOf'];
  reporter: TrafficReporter;
  links(): SightLink[];
  createAgent(plane: AgentPlane): UnderlayAgent;
  log: { warn(details: object, message: string): void };
}

/** Whoever hears the reports: the Proxy, here or at the other end of the control channel. */
export type SightSink = TrafficSink & UnderlaySink;

export class Sight {
  readonly #traffic: TrafficReporting;
  readonly #underlay: UnderlayReporting;
  readonly #echoes: Echoes;
  readonly #reachability: Reachability;
  readonly #sampler: Sampler;
  #parameters: SightParameters = DEFAULT_SIGHT;
  #connected = false;
  #closed = false;

  constructor(options: SightOptions) {
    const { clock, plane, portOf, reporter, links, createAgent, log } = options;
    this.#traffic = new TrafficReporting({
      reporter,
      onExceeded: (pairs) =>
        log.warn(
          { pairs, max: PAIRS_PER_HOST_MAX },
          'more pairs talk here than are reported: the matrix is incomplete',
        ),
    });
    this.#underlay = new UnderlayReporting({
      clock,
      plane,
      links,
      createAgent,
      onFailure: (error) => log.warn({ err: error }, 'measuring the links failed; frames are not concerned'),
    });
    this.#echoes = new Echoes({ clock, portOf, send: (echo) => plane.sendEcho(echo) });
    this.#reachability = new Reachability(clock);
    this.#sampler = new Sampler({
      clock,
      snapshot: () => plane.snapshot(),
      onPairs: (pairs, atMs) => this.#traffic.take(pairs, atMs),
      onStates: (states, atMs) => this.#underlay.states(states, atMs),
      onFailure: (thrown) => log.warn({ err: thrown }, "cannot read the data plane's counters"),
    });
    this.#sampler.start(undefined);
  }

  /** Pairs in the last report. */
  get pairs(): number {
    return this.#traffic.pairs;
  }

  get skippedUpdates(): number {
    return this.#traffic.skipped;
  }

  get probes(): ProbeBytes {
    return this.#underlay.probes;
  }

  /**
   * Makes the next update of the traffic whole, too: the Proxy may have lost what came before.
   * @throws VNET_ERR_INVALID
   */
  set(parameters: SightParameters): void {
    checkParameters(parameters);
    this.#parameters = parameters;
    this.#underlay.parameters(parameters);
    this.#traffic.restart();
    this.#pace();
  }

  connect(sink: SightSink): void {
    this.#connected = true;
    this.#traffic.connect(sink);
    this.#underlay.connect(sink);
    this.#pace();
  }

  disconnect(): void {
    this.#connected = false;
    this.#traffic.disconnect();
    this.#underlay.disconnect();
    this.#pace();
  }

  linksChanged(): void {
    this.#underlay.linksChanged();
  }

  linkChanged(link: number, up: boolean): void {
    this.#underlay.linkChanged(link, up);
  }

  arrivals(arrivals: Parameters<NonNullable<PlaneHandlers['arrivals']>>[0]): void {
    this.#underlay.arrivals(arrivals);
  }

  event(event: Extract<PlaneEvent, { kind: 'note' | 'echo' }>): void {
    if (event.kind === 'note') this.#underlay.note(event.link, event.note);
    else this.#echoes.answered(event);
  }

  echo(request: EchoRequest): Promise<EchoResult> {
    return this.#echoes.run(request);
  }

  reach(request: ReachRequest): Promise<ReachResult[]> {
    return this.#reachability.ask(request);
  }

  close(): void {
    this.#closed = true;
    this.disconnect();
    this.#sampler.stop();
    this.#underlay.close();
    this.#echoes.close();
  }

  #pace(): void {
    if (this.#closed) return;
    this.#sampler.start(this.#connected ? this.#parameters.updateMs : undefined);
  }
}

/** Whoever asks, the machine is not to be kept busy by measuring. */
function checkParameters(parameters: SightParameters): void {
  const { updateMs, probeShare } = parameters;
  if (
    updateMs >= UPDATE_MIN_MS &&
    updateMs <= UPDATE_MAX_MS &&
    probeShare >= 0 &&
    probeShare <= PROBE_SHARE_MAX
  )
    return;
  throw new VnetError(
    'VNET_ERR_INVALID',
    `cannot report every ${updateMs} ms and probe ${probeShare} of a link`,
    {
      hint: `give ${UPDATE_MIN_MS} to ${UPDATE_MAX_MS} ms and 0 to ${PROBE_SHARE_MAX}`,
    },
  );
}
