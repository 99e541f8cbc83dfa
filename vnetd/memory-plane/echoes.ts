/** Echoes at the ports; in between they are frames like any other. Laid out as on the wire (docs/wire.md). */
import type { Clock, PlaneEcho } from '../../core/index.js';
import { destinationOf, isGroupNumber, sourceOf } from './frame.js';
import { ECHO_ANSWERS_PER_SECOND, ECHOES_WAITING } from './limits.js';
import { TokenBucket } from './token-bucket.js';

const ETHERNET_TYPE = 0x88b5;
const [KIND, HOPS, TOKEN, LEAST_BYTES] = [14, 15, 16, 24];
const [REQUEST, ANSWER] = [1, 2];

export type EchoArrival =
  | { kind: 'request'; answer(hops: number): Uint8Array }
  | { kind: 'answer'; echo: number; rttUs: number; hops: number }
  /** None of ours, or to nothing that waits. */
  | { kind: 'malformed' };

export class Echoes {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, { echo: PlaneEcho; sentMs: number }>();
  readonly #answers = new Map<number, TokenBucket>();
  #tokens = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The frame to send. Of too many that wait, the oldest is given up. */
  request(echo: PlaneEcho): Uint8Array {
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined && this.#waiting.size >= ECHOES_WAITING) this.#waiting.delete(oldest);
    const token = ++this.#tokens;
    this.#waiting.set(token, { echo: { ...echo }, sentMs: this.#clock.now() });
    const frame = Buffer.alloc(echo.bytes);
    frame.writeUIntBE(echo.destination, 0, 6);
    frame.writeUIntBE(echo.source, 6, 6);
    frame.writeUInt16BE(ETHERNET_TYPE, 12);
    frame[KIND] = REQUEST;
    frame.writeBigUInt64BE(BigInt(token), TOKEN);
    return frame;
  }

  /** What an echo means that would leave at `port`. */
  arrived(bytes: Uint8Array, port: number): EchoArrival {
    const frame = Buffer.from(bytes);
    const [source, destination] = [sourceOf(frame), destinationOf(frame)];
    if (frame.length < LEAST_BYTES || isGroupNumber(source) || isGroupNumber(destination))
      return { kind: 'malformed' };
    if (frame[KIND] === REQUEST) return { kind: 'request', answer: (hops) => answerTo(frame, hops) };
    const token = Number(frame.readBigUInt64BE(TOKEN));
    const waiting = this.#waiting.get(token);
    const { echo, sentMs } = waiting ?? {};
    if (frame[KIND] !== ANSWER || !echo || sentMs === undefined) return { kind: 'malformed' };
    if (echo.port !== port || echo.source !== destination || echo.destination !== source)
      return { kind: 'malformed' };
    this.#waiting.delete(token);
    const rttUs = Math.round((this.#clock.now() - sentMs) * 1000);
    return { kind: 'answer', echo: echo.echo, rttUs, hops: frame[HOPS] ?? 0 };
  }

  /** False: too many come in by this port or edge. */
  mayAnswer(ingress: number): boolean {
    const known = this.#answers.get(ingress);
    const bucket = known ?? new TokenBucket(ECHO_ANSWERS_PER_SECOND, ECHO_ANSWERS_PER_SECOND);
    if (!known) this.#answers.set(ingress, bucket);
    return bucket.take(this.#clock.now());
  }
}

/** The same octets, addresses swapped. */
function answerTo(request: Buffer, hops: number): Uint8Array {
  const answer = Buffer.from(request);
  request.copy(answer, 0, 6, 12);
  request.copy(answer, 6, 0, 6);
  answer[KIND] = ANSWER;
  answer[HOPS] = hops;
  return answer;
}
