/**
 * One end of a link: handshake, keep-alive, dead peer, dialling again.
 *
 *   down --hello or its answer, secret proven--> up --silence for deadAfterMs, or bye--> down
 *
 * The dialling end says hello until it is up, at growing distances; the other waits.
 */
import type { Clock, PlaneEvent, PlaneLink, Random } from '../../core/index.js';
import { type Datagram, type Endpoint, formatEndpoint } from './datagram.js';
import { newTally, type Tally } from './frame.js';
import { BACKOFF_START_MS } from './limits.js';

export interface LinkSurroundings {
  clock: Clock;
  random: Random;
  /** False: the underlay does not take more. */
  send(to: Endpoint, datagram: Datagram): boolean;
  event(event: PlaneEvent): void;
}

/** Weight of the newest round trip in the smoothed one (RFC 6298, alpha). */
const RTT_GAIN = 1 / 8;

export class LinkEnd {
  readonly config: PlaneLink;
  readonly id: string;
  readonly tally: Tally = newTally();
  up = false;
  rttUs = 0;
  readonly #around: LinkSurroundings;
  readonly #secret: string;
  #remote: Endpoint | undefined;
  #heardAt = 0;
  #backoffMs = BACKOFF_START_MS;
  #cancelTimer: () => void = () => {};

  constructor(config: PlaneLink, around: LinkSurroundings) {
    this.config = config;
    this.id = hex(config.id);
    this.#secret = hex(config.secret);
    this.#around = around;
    this.#dial();
  }

  /** False: the secret is wrong. */
  hello(from: Endpoint, { secret, answer }: { secret: string; answer: boolean }): boolean {
    if (secret !== this.#secret) return false;
    this.#remote = from;
    if (!answer) this.#around.send(from, { kind: 'hello', id: this.id, secret: this.#secret, answer: true });
    this.#heardAt = this.#around.clock.now();
    if (!this.up) this.#rise();
    return true;
  }

  /** Anything but a hello; false: this end is down or the sender is another. */
  heard(from: Endpoint, datagram: Datagram): boolean {
    if (!this.up || !this.#remote || formatEndpoint(from) !== formatEndpoint(this.#remote)) return false;
    this.#heardAt = this.#around.clock.now();
    if (datagram.kind === 'ping') this.#around.send(from, { ...datagram, kind: 'pong' });
    if (datagram.kind === 'pong') this.#measure(datagram.sentAt);
    if (datagram.kind === 'bye') this.#fall('closed by the peer');
    return true;
  }

  /** False: the underlay does not take more. */
  sendFrame(datagram: Datagram): boolean {
    return this.#remote !== undefined && this.#around.send(this.#remote, datagram);
  }

  close(): void {
    this.#cancelTimer();
    if (this.up && this.#remote) this.#around.send(this.#remote, { kind: 'bye', id: this.id });
    this.up = false;
  }

  #dial(): void {
    const { dial, backoffCapMs } = this.config;
    if (!dial) return;
    this.#around.send(dial, { kind: 'hello', id: this.id, secret: this.#secret, answer: false });
    const jittered = this.#backoffMs * (0.5 + this.#around.random() / 2);
    this.#backoffMs = Math.min(this.#backoffMs * 2, backoffCapMs);
    this.#cancelTimer = this.#around.clock.after(jittered, () => this.#dial());
  }

  #rise(): void {
    this.#cancelTimer();
    this.up = true;
    this.#backoffMs = BACKOFF_START_MS;
    this.#tell('handshake done');
    this.#tick();
  }

  #tick(): void {
    const { clock } = this.#around;
    const { keepAliveMs, deadAfterMs } = this.config;
    if (clock.now() - this.#heardAt >= deadAfterMs) {
      this.#fall(`silent for ${deadAfterMs} ms`);
      return;
    }
    if (this.#remote) this.#around.send(this.#remote, { kind: 'ping', id: this.id, sentAt: clock.now() });
    this.#cancelTimer = clock.after(keepAliveMs, () => this.#tick());
  }

  #fall(reason: string): void {
    this.#cancelTimer();
    this.up = false;
    this.rttUs = 0;
    this.#tell(reason);
    this.#dial();
  }

  #measure(sentAt: number): void {
    const sampleUs = (this.#around.clock.now() - sentAt) * 1000;
    this.rttUs = this.rttUs === 0 ? sampleUs : this.rttUs + (sampleUs - this.rttUs) * RTT_GAIN;
  }

  #tell(reason: string): void {
    const remote = this.#remote ? formatEndpoint(this.#remote) : '';
    this.#around.event({
      kind: 'link',
      link: this.config.link,
      up: this.up,
      reason,
      rttUs: this.rttUs,
      remote,
    });
  }
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
