/**
 * One end of a link: handshake, keep-alive, dead peer, dialling again.
 *
 *   down --hello or its answer, secret proven--> up --silence for deadAfterMs, or bye--> down
 *
 * The dialling end says hello until it is up, at growing distances; the other waits.
 */
import {
  type Clock,
  DROP_REASONS,
  type DropReason,
  NOTES_PER_SECOND_MAX,
  type PlaneEvent,
  type PlaneLink,
  type PlaneTrain,
  type Random,
  VnetError,
} from '../../core/index.js';
import { type Datagram, type Endpoint, formatEndpoint, type Message, sizeOf } from './datagram.js';
import { newTally, type Tally } from './frame.js';
import { BACKOFF_START_MS } from './limits.js';
import { LinkRecord, type Recorder } from './recorder.js';
import { SequenceWindow } from './sequence.js';
import { TokenBucket } from './token-bucket.js';

export interface LinkSurroundings {
  clock: Clock;
  random: Random;
  /** False: the underlay does not take more. */
  send(to: Endpoint, datagram: Datagram): boolean;
  event(event: PlaneEvent): void;
  dropped(reason: DropReason): void;
  recorder: Recorder;
}

/** Weight of the newest round trip in the smoothed one (RFC 6298, alpha). */
const RTT_GAIN = 1 / 8;
const NS_PER_MS = 1e6;

export class LinkEnd {
  readonly config: PlaneLink;
  readonly id: string;
  readonly tally: Tally = newTally();
  up = false;
  rttUs = 0;
  readonly #around: LinkSurroundings;
  readonly #secret: string;
  readonly window = new SequenceWindow();
  readonly record: LinkRecord;
  readonly #notesOut = new TokenBucket(NOTES_PER_SECOND_MAX, NOTES_PER_SECOND_MAX);
  /** Forgives what the path has bunched. */
  readonly #notesIn = new TokenBucket(NOTES_PER_SECOND_MAX, 2 * NOTES_PER_SECOND_MAX);
  #sequence = 0;
  #trainLeaves = false;
  #remote: Endpoint | undefined;
  #heardAt = 0;
  #backoffMs = BACKOFF_START_MS;
  #cancelTimer: () => void = () => {};

  constructor(config: PlaneLink, around: LinkSurroundings) {
    this.config = config;
    this.id = hex(config.id);
    this.#secret = hex(config.secret);
    this.#around = around;
    this.record = new LinkRecord(around.recorder, config.link);
    this.#dial();
  }

  /** False: the secret is wrong. */
  hello(from: Endpoint, { secret, answer }: { secret: string; answer: boolean }): boolean {
    if (secret !== this.#secret) return false;
    this.#remote = from;
    if (!answer) this.#around.send(from, { kind: 'hello', id: this.id, secret: this.#secret, answer: true });
    this.#heardAt = this.#around.clock.now();
    this.window.restart();
    this.record.restart();
    if (!this.up) this.#rise();
    return true;
  }

  /** Anything but a hello; false: this end is down or the sender is another. */
  heard(from: Endpoint, datagram: Datagram, atMs: number): boolean {
    if (!this.up || !this.#remote || formatEndpoint(from) !== formatEndpoint(this.#remote)) return false;
    this.#heardAt = this.#around.clock.now();
    this.#count(datagram, atMs);
    if (datagram.kind === 'ping') this.send({ kind: 'pong', id: this.id, sentAt: datagram.sentAt });
    if (datagram.kind === 'note') this.#noted(datagram.note);
    if (datagram.kind === 'pong') this.#measure(datagram.sentAt);
    if (datagram.kind === 'bye') this.#fall('closed by the peer');
    return true;
  }

  /** False: the underlay does not take more. */
  send(message: Message): boolean {
    if (!this.#remote) return false;
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) >>> 0;
    const sentNs = this.#around.clock.now() * NS_PER_MS;
    return this.#around.send(this.#remote, { ...message, sequence, sentNs });
  }

  sendNote(note: Uint8Array): void {
    if (!this.up) return;
    if (!this.#notesOut.take(this.#around.clock.now())) this.#around.dropped(DROP_REASONS.noteRate);
    else if (!this.send({ kind: 'note', id: this.id, note: note.slice() }))
      this.#around.dropped(DROP_REASONS.linkQueue);
  }

  sendTrain({ train, sizes, gapsNs }: PlaneTrain): void {
    const { clock } = this.#around;
    const remote = this.#remote;
    if (!this.up || !remote) throw new VnetError('VNET_ERR_UNREACHABLE', `link ${this.config.link} is down`);
    if (this.#trainLeaves)
      throw new VnetError('VNET_ERR_LIMIT', `link ${this.config.link} is sending a train`, {
        hint: 'wait until that one has left',
      });
    this.#trainLeaves = true;
    const packets = sizes.length;
    const leave = (place: number): void => {
      const [size, gapNs] = [sizes[place] ?? 0, gapsNs[place] ?? 0];
      const sentNs = clock.now() * NS_PER_MS;
      this.#around.send(remote, { kind: 'train', id: this.id, train, place, packets, sentNs, size });
      this.#trainLeaves = place + 1 < packets;
      if (this.#trainLeaves) clock.after(gapNs / NS_PER_MS, () => leave(place + 1));
    };
    leave(0);
  }

  close(): void {
    this.#cancelTimer();
    if (this.up) this.send({ kind: 'bye', id: this.id });
    this.up = false;
  }

  /** In the peer's sequence, and among the records. */
  #count(datagram: Datagram, atMs: number): void {
    if (datagram.kind === 'hello' || datagram.kind === 'noise') return;
    const receipt = {
      sentNs: datagram.sentNs,
      arrivedNs: this.#around.recorder.sinceOpenNs(atMs),
      bytes: sizeOf(datagram),
    };
    if (datagram.kind === 'train') {
      this.record.train(datagram.train, datagram.place, datagram.packets, receipt);
      return;
    }
    this.window.take(datagram.sequence);
    if (this.config.type === 'udp') this.record.traffic(datagram.sequence, receipt);
  }

  #noted(note: Uint8Array): void {
    if (this.#notesIn.take(this.#around.clock.now()))
      this.#around.event({ kind: 'note', link: this.config.link, note });
    else this.#around.dropped(DROP_REASONS.noteRate);
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
    this.send({ kind: 'ping', id: this.id, sentAt: clock.now() });
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
