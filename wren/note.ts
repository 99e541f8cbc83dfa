/**
 * What two agents say to each other, in the plane's notes. Big endian. Anything else is ignored.
 *
 *   0  version 1 | kind | flags | 0
 *   advice (kind 1), of the receiver to the sender:
 *   4  train that it answers (32 bits) | burst, octets (32) | tail, microseconds (32)
 *   16 capacity, bits a second (64-bit float; 0: not known)
 *   about me (kind 2), of the sender to the receiver:
 *   4  largest datagram, octets after IP and UDP headers (32)
 */

export const NOTE_VERSION = 1;
const KIND = { advice: 1, self: 2 } as const;
const FLAG = { urgent: 1, hold: 2, refused: 4, bound: 8 } as const;
const FLAGS = ['urgent', 'hold', 'refused', 'bound'] as const;
const ADVICE_BYTES = 24;
const SELF_BYTES = 8;
/** Beyond these a number is nonsense. */
const BURST_BYTES_MAX = 4 << 20;
const SPAN_US_MAX = 1_000_000;
const RATE_MAX = 1e13;
const DATAGRAM_BYTES_MAX = 65_507;

export type Note =
  | {
      kind: 'advice';
      train: number;
      burstBytes: number;
      spanUs: number;
      /** 0: not known. */
      capacityBitsPerSecond: number;
      /** No queue was met yet: the capacity is only a bound. */
      bound: boolean;
      /** Send a train at once. */
      urgent: boolean;
      /** Traffic shows enough: send no bursts. */
      hold: boolean;
      /** Your time stamps are not believed: send no trains. */
      refused: boolean;
    }
  | { kind: 'self'; datagramBytes: number };

export function encodeNote(note: Note): Uint8Array {
  const view = new DataView(new ArrayBuffer(note.kind === 'advice' ? ADVICE_BYTES : SELF_BYTES));
  view.setUint8(0, NOTE_VERSION);
  view.setUint8(1, KIND[note.kind]);
  if (note.kind === 'self') view.setUint32(4, note.datagramBytes);
  else {
    view.setUint8(
      2,
      FLAGS.reduce((flags, name) => flags | (note[name] ? FLAG[name] : 0), 0),
    );
    view.setUint32(4, note.train);
    view.setUint32(8, note.burstBytes);
    view.setUint32(12, note.spanUs);
    view.setFloat64(16, note.capacityBitsPerSecond);
  }
  return new Uint8Array(view.buffer);
}

/** Undefined: not a note that we know. */
export function decodeNote(octets: Uint8Array): Note | undefined {
  if (octets.length < 4) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  if (view.getUint8(0) !== NOTE_VERSION) return undefined;
  if (view.getUint8(1) === KIND.self && octets.length === SELF_BYTES) return decodeSelf(view);
  if (view.getUint8(1) === KIND.advice && octets.length === ADVICE_BYTES) return decodeAdvice(view);
  return undefined;
}

function decodeSelf(view: DataView): Note | undefined {
  const datagramBytes = view.getUint32(4);
  return datagramBytes <= DATAGRAM_BYTES_MAX ? { kind: 'self', datagramBytes } : undefined;
}

function decodeAdvice(view: DataView): Note | undefined {
  const flags = view.getUint8(2);
  const note = {
    kind: 'advice' as const,
    train: view.getUint32(4),
    burstBytes: view.getUint32(8),
    spanUs: view.getUint32(12),
    capacityBitsPerSecond: view.getFloat64(16),
    urgent: (flags & FLAG.urgent) !== 0,
    hold: (flags & FLAG.hold) !== 0,
    refused: (flags & FLAG.refused) !== 0,
    bound: (flags & FLAG.bound) !== 0,
  };
  const rate = note.capacityBitsPerSecond;
  const sound =
    note.burstBytes <= BURST_BYTES_MAX && note.spanUs <= SPAN_US_MAX && rate >= 0 && rate <= RATE_MAX;
  return sound ? note : undefined;
}
