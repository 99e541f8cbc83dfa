/**
 * Bulk on the control channel: binary frames, in pieces, so that calls, notices and heartbeats pass between them on a
 * slow path.
 *
 *    0 1 2 3 4 5 6 7
 *   +-+-+-+-+-+-+-+-+----------------
 *   |M|    kind     | octets ...          M: more pieces of this message follow
 *   +-+-+-+-+-+-+-+-+----------------
 */
import type { WebSocket } from 'ws';

/** Another kind is left unread, for daemons newer than us. */
export const BULK_KINDS = {
  /** core/traffic-update. */
  traffic: 1,
} as const;
/** While this much waits to be sent, bulk is left out: what it carries is absolute, the next one makes up for it. */
export const BULK_QUEUE_MAX_BYTES = 64 * 1024;
/** Waits at once in front of everything else. */
const PIECE_BYTES = 32 * 1024;
/** Of one message; 200,000 pairs in full take less. */
export const BULK_MAX_BYTES = 16 * 1024 * 1024;

const MORE = 0x80;

export class BulkSender {
  readonly #socket: WebSocket;
  #isUnderWay = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** True: a message would be left out now. */
  get congested(): boolean {
    return this.#isUnderWay || this.#socket.bufferedAmount > BULK_QUEUE_MAX_BYTES;
  }

  /** False: left out. The octets are ours from then on. */
  send(kind: number, bytes: Uint8Array): boolean {
    if (this.congested || bytes.length > BULK_MAX_BYTES) return false;
    this.#sendFrom(kind, bytes, 0);
    return true;
  }

  #sendFrom(kind: number, bytes: Uint8Array, at: number): void {
    const end = Math.min(bytes.length, at + PIECE_BYTES);
    this.#isUnderWay = end < bytes.length;
    const piece = Buffer.allocUnsafe(1 + end - at);
    piece[0] = this.#isUnderWay ? kind | MORE : kind;
    piece.set(bytes.subarray(at, end), 1);
    this.#socket.send(piece, (error) => {
      if (!error && end < bytes.length) this.#sendFrom(kind, bytes, end);
    });
  }
}

/** Puts pieces together again. */
export class BulkAssembler {
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** The whole message with its last piece, and how long it was: above BULK_MAX_BYTES its octets are not kept. */
  add(frame: Buffer): { kind: number; bytes: Uint8Array; length: number } | undefined {
    const first = frame[0] ?? 0;
    const piece = frame.subarray(1);
    this.#bytes += piece.length;
    if (this.#bytes <= BULK_MAX_BYTES) this.#pieces.push(piece);
    else this.#pieces = [];
    if ((first & MORE) !== 0) return undefined;
    const [only] = this.#pieces;
    const bytes = only !== undefined && this.#pieces.length === 1 ? only : Buffer.concat(this.#pieces);
    const whole = { kind: first, bytes, length: this.#bytes };
    this.#pieces = [];
    this.#bytes = 0;
    return whole;
  }
}
