/** One link of an agent: both directions of UDP, our own of TCP. */
import {
  type Estimate,
  type LinkEstimate,
  type LinkState,
  type QueueSeries,
  VnetError,
} from '../core/index.js';
import type { WrenLink, WrenOptions } from './agent-options.js';
import { Direction } from './direction.js';
import { LinkMeter } from './link-meter.js';
import { decodeNote, encodeNote, type Note } from './note.js';
import { Prober } from './prober.js';
import type { RowBlock } from './row.js';
import { trainDurationMs } from './train-plan.js';

/** IPv4 and UDP headers: a train's packets fit an IPv6 path of the same datagram too. */
const UNDERLAY_HEADERS_BYTES = 28;
/** Before the plane knows the path. */
const PACKET_BYTES_FIRST = 1260;
/** What a peer knows of itself is told again. */
const SELF_EVERY_MS = 5000;
/** Advice is told again, in case it was lost. */
const ADVICE_EVERY_MS = 2000;
/** Relative standard error that makes a confidence of one half. */
const HALF_CONFIDENT_ERROR = 0.15;
const SURE_SAMPLES = 3;

export class AgentLink {
  readonly #direction = new Direction();
  readonly #meter = new LinkMeter();
  readonly #prober: Prober;
  #link: WrenLink;
  #wasUp = false;
  #records = 0;
  #peerDatagramBytes: { value: number; atMs: number } | undefined;
  #selfAtMs = Number.NEGATIVE_INFINITY;
  #adviceAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly options: WrenOptions,
    link: WrenLink,
  ) {
    this.#link = link;
    this.#prober = new Prober(link.link, options.clock.now(), options.random);
  }

  get link(): WrenLink {
    return this.#link;
  }

  get probeBytes(): number {
    return this.#prober.sentBytes;
  }

  update(link: WrenLink, records: number): void {
    const nowMs = this.options.clock.now();
    this.#link = link;
    if (link.type === 'udp' && link.up && (!this.#wasUp || records !== this.#records)) {
      this.options.plane.setRecording(link.link, records);
      this.#records = records;
    }
    if (link.up && !this.#wasUp) {
      this.#direction.restart();
      this.#meter.restart();
      this.#prober.up(nowMs);
      this.#selfAtMs = Number.NEGATIVE_INFINITY;
    }
    this.#wasUp = link.up;
  }

  take(block: RowBlock, nowMs: number): void {
    this.#direction.take(block, nowMs, this.#meter.arriving(nowMs).value);
    this.#advise(nowMs);
  }

  note(octets: Uint8Array): void {
    const note = decodeNote(octets);
    if (note?.kind === 'advice') this.#prober.advice(note, this.#packetBytes(), this.options.clock.now());
    if (note?.kind === 'self') {
      this.#peerDatagramBytes = { value: note.datagramBytes, atMs: this.options.clock.now() };
    }
  }

  state(state: LinkState, nowMs: number): void {
    this.#meter.add(state, nowMs);
  }

  tick(nowMs: number): void {
    if (this.#link.type !== 'udp' || !this.#link.up) return;
    this.#direction.settle(nowMs, this.#meter.arriving(nowMs).value);
    if (nowMs - this.#adviceAtMs >= ADVICE_EVERY_MS) this.#direction.prompt();
    this.#advise(nowMs);
    this.#introduce(nowMs);
  }

  /**
   * Sends the train that is due, if any.
   * @param mayBurst false: only what takes no time
   * @returns how long it takes to leave, milliseconds
   */
  probe(nowMs: number, share: number, mayBurst: boolean): number {
    if (this.#link.type !== 'udp' || !this.#link.up) return 0;
    const train = this.#prober.next(nowMs, this.#packetBytes(), share, mayBurst);
    let tookMs = 0;
    if (!train) return tookMs;
    this.#attempt(() => {
      this.options.plane.sendTrain(train);
      this.#prober.sent(train, nowMs);
      tookMs = trainDurationMs(train);
    });
    return tookMs;
  }

  /** UDP: what arrives here. TCP: what leaves here, since only its sender knows. Undefined: nothing is known yet. */
  estimate(nowMs: number): LinkEstimate | undefined {
    const { id, peer, type } = this.#link;
    if (!this.#link.up || !this.#meter.state) return undefined;
    const common = {
      link: id,
      type,
      ...this.#meter.rtt(nowMs),
      ...optional('lossRatio', this.#meter.loss(nowMs)),
    };
    if (type === 'tcp') return { ...common, from: this.options.host, to: peer, ...this.#tcp(nowMs) };
    const throughputBitsPerSecond = this.#meter.arriving(nowMs);
    return {
      ...common,
      from: peer,
      to: this.options.host,
      throughputBitsPerSecond,
      ...this.#bandwidth(nowMs, throughputBitsPerSecond.value),
      ...optional('delayVariationUs', this.#variation(nowMs)),
      ...optional('pathMtuBytes', this.#pathMtu(nowMs)),
    };
  }

  queueSeries(): QueueSeries | undefined {
    if (this.#link.type !== 'udp' || !this.#link.up) return undefined;
    const series = this.#direction.series();
    if (series.sentUs.length === 0 || this.#direction.refused !== undefined) return undefined;
    return { link: this.#link.id, from: this.#link.peer, to: this.options.host, ...series };
  }

  trouble(): string | undefined {
    const reason = this.#direction.refused;
    if (reason === undefined) return undefined;
    return `${this.#link.peer} to ${this.options.host}: the time stamps of ${this.#link.peer} ${reason}; what depends on them is not estimated`;
  }

  #bandwidth(nowMs: number, throughput: number): Partial<LinkEstimate> {
    const estimate = this.#direction.estimate();
    if (!estimate) return optional('availableBitsPerSecond', this.#direction.bound(nowMs));
    const ageMs = nowMs - estimate.newestMs;
    const { method } = estimate;
    const sure = Math.min(estimate.samples / SURE_SAMPLES, 1);
    const confidence = (error: number) => sure / (1 + (error / HALF_CONFIDENT_ERROR) ** 2);
    return {
      availableBitsPerSecond: {
        value: Math.max(estimate.freeBitsPerSecond - throughput, 0),
        ageMs,
        method,
        confidence: confidence(estimate.freeError),
      },
      capacityBitsPerSecond: {
        value: estimate.capacityBitsPerSecond,
        ageMs,
        method,
        confidence: confidence(estimate.capacityError),
      },
    };
  }

  #tcp(nowMs: number): Pick<LinkEstimate, 'throughputBitsPerSecond' | 'availableBitsPerSecond'> {
    const throughputBitsPerSecond = this.#meter.leaving(nowMs);
    const best = this.#meter.delivery(nowMs);
    if (!best) return { throughputBitsPerSecond };
    const availableBitsPerSecond = {
      ...best,
      value: Math.max(best.value - throughputBitsPerSecond.value, 0),
    };
    return { throughputBitsPerSecond, availableBitsPerSecond };
  }

  #variation(nowMs: number): Estimate | undefined {
    const value = this.#direction.refused === undefined ? this.#direction.variation.us : undefined;
    if (value === undefined) return undefined;
    return { value, ageMs: nowMs - this.#direction.variation.atMs, method: 'sequence', confidence: 1 };
  }

  #pathMtu(nowMs: number): Estimate | undefined {
    const told = this.#peerDatagramBytes;
    if (!told || told.value === 0) return undefined;
    const value = told.value + UNDERLAY_HEADERS_BYTES;
    return { value, ageMs: nowMs - told.atMs, method: 'path-probe', confidence: 1 };
  }

  #advise(nowMs: number): void {
    const note = this.#direction.advice(nowMs);
    if (!note) return;
    this.#adviceAtMs = nowMs;
    this.#send(note);
  }

  #introduce(nowMs: number): void {
    const datagramBytes = this.#meter.state?.datagramBytes ?? 0;
    if (datagramBytes === 0 || nowMs - this.#selfAtMs < SELF_EVERY_MS) return;
    this.#selfAtMs = nowMs;
    this.#send({ kind: 'self', datagramBytes });
  }

  #send(note: Note): void {
    this.#attempt(() => this.options.plane.sendNote(this.#link.link, encodeNote(note)));
  }

  #packetBytes(): number {
    const datagram = this.#meter.state?.datagramBytes ?? 0;
    return datagram > 0 ? datagram + UNDERLAY_HEADERS_BYTES : PACKET_BYTES_FIRST;
  }

  /** A link that went down a moment ago, or that is still busy with a train, is no trouble: the next tick comes soon. */
  #attempt(send: () => void): void {
    try {
      send();
    } catch (thrown) {
      const { code } = VnetError.from(thrown);
      if (code !== 'VNET_ERR_LIMIT' && code !== 'VNET_ERR_UNREACHABLE' && code !== 'VNET_ERR_NOT_FOUND')
        throw thrown;
    }
  }
}

const optional = <K extends string>(name: K, value: Estimate | undefined): { [key in K]?: Estimate } =>
  value === undefined ? {} : ({ [name]: value } as { [key in K]: Estimate });
