/**
 * Wren in one daemon: measures the links that arrive here, and sends the trains that the other ends ask for. It
 * sees the data plane through a narrow door, and does nothing by itself: whoever owns it calls `tick` every 20 to
 * 50 ms, `states` some four times a second, and the rest as the plane reports it.
 */
import {
  type Arrivals,
  DEFAULT_SIGHT,
  type LinkState,
  RECORDS_PER_SECOND_MAX,
  type UnderlayReport,
} from '../core/index.js';
import { AgentLink } from './agent-link.js';
import type { WrenLink, WrenOptions } from './agent-options.js';
import { rowBlocks } from './row.js';

/** Records of one link; all of them together leave a part of RECORDS_PER_SECOND_MAX to trains. */
export const LINK_RECORDS_PER_SECOND = 2000;
const TRAFFIC_RECORDS_PART = 0.8;
/** The plane sends one train after the other; so much of them may be waiting there. */
const TRAINS_AHEAD_MS = 20;

export class WrenAgent {
  readonly #options: WrenOptions;
  readonly #links = new Map<number, AgentLink>();
  #share: number;
  #turn = 0;
  #trainsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: WrenOptions) {
    this.#options = options;
    this.#share = options.probeShare ?? DEFAULT_SIGHT.probeShare;
  }

  /** 0: nothing is sent, only traffic is looked at. Holds from the next tick on. */
  setProbeShare(share: number): void {
    this.#share = share;
  }

  /** All the links there are; those that are no longer named are forgotten. Call it again whenever one goes up or down. */
  links(links: readonly WrenLink[]): void {
    const named = new Set(links.map((link) => link.link));
    for (const link of [...this.#links.keys()]) if (!named.has(link)) this.#links.delete(link);
    const udp = links.filter((link) => link.type === 'udp').length;
    const all = Math.floor((RECORDS_PER_SECOND_MAX * TRAFFIC_RECORDS_PART) / Math.max(udp, 1));
    const records = Math.max(Math.min(LINK_RECORDS_PER_SECOND, all), 1);
    for (const link of links) this.#setLink(link, records);
  }

  arrivals(batch: Arrivals): void {
    const nowMs = this.#options.clock.now();
    for (const block of rowBlocks(batch)) this.#links.get(block.link)?.take(block, nowMs);
  }

  /** A note of the agent at the link's other end; what is none is ignored. */
  note(link: number, octets: Uint8Array): void {
    this.#links.get(link)?.note(octets);
  }

  states(states: readonly LinkState[], nowMs: number = this.#options.clock.now()): void {
    for (const state of states) this.#links.get(state.id)?.state(state, nowMs);
  }

  tick(nowMs: number = this.#options.clock.now()): void {
    for (const link of this.#links.values()) link.tick(nowMs);
    this.#probe(nowMs);
  }

  report(nowMs: number = this.#options.clock.now()): UnderlayReport {
    const links = [...this.#links.values()];
    return {
      links: links.flatMap((link) => link.estimate(nowMs) ?? []),
      queues: links.flatMap((link) => link.queueSeries() ?? []),
      notes: links.flatMap((link) => link.trouble() ?? []),
    };
  }

  /** Octets of trains sent, for the figures of the benchmark. */
  probeBytes(link: number): number {
    return this.#links.get(link)?.probeBytes ?? 0;
  }

  /** Links take turns: two trains of one host at once would queue behind each other, where they leave if nowhere else. */
  #probe(nowMs: number): void {
    const links = [...this.#links.values()];
    const first = this.#turn;
    for (let i = 0; i < links.length; i++) {
      const place = (first + i) % links.length;
      const mayBurst = this.#trainsUntilMs - nowMs < TRAINS_AHEAD_MS;
      const tookMs = links[place]?.probe(nowMs, this.#share, mayBurst) ?? 0;
      if (tookMs === 0) continue;
      this.#trainsUntilMs = Math.max(this.#trainsUntilMs, nowMs) + tookMs;
      this.#turn = place + 1;
    }
  }

  #setLink(link: WrenLink, records: number): void {
    const known = this.#links.get(link.link);
    if (known && known.link.id === link.id && known.link.type === link.type) known.update(link, records);
    else {
      const made = new AgentLink(this.#options, link);
      this.#links.set(link.link, made);
      made.update(link, records);
    }
  }
}
