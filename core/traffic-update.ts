/**
 * What a daemon tells the Proxy of its pair counters, ten times a second or faster, for up to 100,000 pairs: columns in
 * one binary message of the control channel. Counters are absolute, so what a lost update counted is in the next full one.
 *
 * Little-endian throughout. Every column begins at a multiple of 8, zeros between; lengths follow from the two row counts
 * and the flags, and a message of any other length is refused.
 *
 *      0       1       2       3       4       5       6       7
 *  +-------+-------+-------+-------+-------+-------+-------+-------+
 *  |version| flags |     zero      |             boot              |   flags: 1 full, 2 wide frames, 4 wide bytes
 *  +-------+-------+-------+-------+-------+-------+-------+-------+
 *  |                       sequence (double)                       |
 *  +-------+-------+-------+-------+-------+-------+-------+-------+
 *  |                         atMs (double)                         |
 *  +-------+-------+-------+-------+-------+-------+-------+-------+
 *  |           pair rows           |          count rows           |
 *  +-------+-------+-------+-------+-------+-------+-------+-------+
 *  | pairs:  source (double each), destination (double each),      |
 *  |         index (u32 each), network (u32 each)                  |
 *  | counts: frames, bytes (double each where wide, else u32),     |
 *  |         index (u32 each)                                      |
 *  +---------------------------------------------------------------+
 *
 * A count costs 12 octets until a counter of the message passes 2^32, then up to 20.
 */
import { VnetError } from './errors.js';

/** Live pairs that one daemon may report. */
export const PAIRS_PER_HOST_MAX = 200_000;

/** As `isGroup`, of an address as a number. */
export function isGroupNumber(address: number): boolean {
  return (Math.floor(address / 2 ** 40) & 1) === 1;
}

export interface TrafficUpdate {
  /** Random, of the daemon's start, 32 bits: counters begin anew with another. */
  boot: number;
  /** Counts the updates of a boot from 1. An older one than the last seen is refused; after a gap, all but a full one. */
  sequence: number;
  /** The daemon's monotonic clock when the counters were read, milliseconds. */
  atMs: number;
  /** True: begins the dictionary anew and lists every pair (the first of a connection). */
  full: boolean;
  /**
   * Additions to the dictionary, by ascending index. Indices count from 0 without holes: the next free one makes the
   * dictionary longer, a smaller one takes the place of a pair that has been silent for long.
   */
  pairs: {
    rows: number;
    index: Uint32Array;
    network: Uint32Array;
    /** 48-bit numbers. */
    source: Float64Array;
    destination: Float64Array;
  };
  /** Pairs that changed since the last update, by ascending index. */
  counts: {
    rows: number;
    index: Uint32Array;
    /** Entered at a port here, after the guard, since the pair came into the dictionary of this boot. */
    frames: Float64Array;
    bytes: Float64Array;
  };
}

const VERSION = 1;
const FULL = 1;
const WIDE_FRAMES = 2;
const WIDE_BYTES = 4;
const HEADER_BYTES = 32;
const MAC_MAX = 2 ** 48 - 1;
const U32_MAX = 2 ** 32 - 1;
/** A message of more octets cannot be one. */
export const TRAFFIC_UPDATE_BYTES_MAX = HEADER_BYTES + PAIRS_PER_HOST_MAX * (16 + 8 + 16 + 4) + 64;

const HOST_IS_LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

export function encodeTrafficUpdate(update: TrafficUpdate): Uint8Array {
  const { pairs, counts } = update;
  const wideFrames = exceeds(counts.frames, counts.rows);
  const wideBytes = exceeds(counts.bytes, counts.rows);
  const flags = (update.full ? FULL : 0) | (wideFrames ? WIDE_FRAMES : 0) | (wideBytes ? WIDE_BYTES : 0);
  const bytes = new Uint8Array(lengthOf(pairs.rows, counts.rows, flags));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, flags);
  view.setUint32(4, update.boot, true);
  view.setFloat64(8, update.sequence, true);
  view.setFloat64(16, update.atMs, true);
  view.setUint32(24, pairs.rows, true);
  view.setUint32(28, counts.rows, true);
  const columns = new Columns(bytes);
  columns.double(pairs.rows).set(pairs.source.subarray(0, pairs.rows));
  columns.double(pairs.rows).set(pairs.destination.subarray(0, pairs.rows));
  columns.word(pairs.rows).set(pairs.index.subarray(0, pairs.rows));
  columns.word(pairs.rows).set(pairs.network.subarray(0, pairs.rows));
  columns.number(counts.rows, wideFrames).set(counts.frames.subarray(0, counts.rows));
  columns.number(counts.rows, wideBytes).set(counts.bytes.subarray(0, counts.rows));
  columns.word(counts.rows).set(counts.index.subarray(0, counts.rows));
  if (!HOST_IS_LITTLE) columns.swap();
  return bytes;
}

/**
 * Throws VNET_ERR_INVALID for whatever is not a whole, possible update; allocates nothing before the length is right.
 * What it returns shares no memory with `message`.
 */
export function decodeTrafficUpdate(message: Uint8Array): TrafficUpdate {
  if (message.length < HEADER_BYTES) throw invalid(`${message.length} octets are fewer than its header`);
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  if (view.getUint8(0) !== VERSION) {
    throw invalid(
      `version ${view.getUint8(0)}, this side knows ${VERSION}`,
      'run the same version on every host',
    );
  }
  const flags = view.getUint8(1);
  if (flags > (FULL | WIDE_FRAMES | WIDE_BYTES) || view.getUint16(2, true) !== 0) {
    throw invalid('unknown flags');
  }
  const sequence = view.getFloat64(8, true);
  const atMs = view.getFloat64(16, true);
  const pairRows = view.getUint32(24, true);
  const countRows = view.getUint32(28, true);
  if (!Number.isSafeInteger(sequence) || sequence < 1) throw invalid(`sequence ${sequence}`);
  if (!Number.isFinite(atMs) || Math.abs(atMs) > Number.MAX_SAFE_INTEGER) throw invalid(`clock ${atMs}`);
  if (Math.max(pairRows, countRows) > PAIRS_PER_HOST_MAX) {
    throw invalid(`${Math.max(pairRows, countRows)} rows, at most ${PAIRS_PER_HOST_MAX} are allowed`);
  }
  const length = lengthOf(pairRows, countRows, flags);
  if (message.length !== length) throw invalid(`${message.length} octets where its rows need ${length}`);
  // A copy of its own: aligned for the views, and not the pool that the socket's next message overwrites.
  const columns = new Columns(new Uint8Array(message));
  const source = columns.double(pairRows);
  const destination = columns.double(pairRows);
  const pairIndex = columns.word(pairRows);
  const network = columns.word(pairRows);
  const frames = columns.number(countRows, (flags & WIDE_FRAMES) !== 0);
  const bytes = columns.number(countRows, (flags & WIDE_BYTES) !== 0);
  const countIndex = columns.word(countRows);
  if (!HOST_IS_LITTLE) columns.swap();
  const update: TrafficUpdate = {
    boot: view.getUint32(4, true),
    sequence,
    atMs,
    full: (flags & FULL) !== 0,
    pairs: { rows: pairRows, index: pairIndex, network, source, destination },
    counts: { rows: countRows, index: countIndex, frames: asDoubles(frames), bytes: asDoubles(bytes) },
  };
  checkRows(update);
  return update;
}

function checkRows({ pairs, counts }: TrafficUpdate): void {
  if (!isAscending(pairs.index) || !isAscending(counts.index)) throw invalid('its indices do not ascend');
  if (!areIntegersUpTo(pairs.source, MAC_MAX) || !areIntegersUpTo(pairs.destination, MAC_MAX)) {
    throw invalid('an address is not of 48 bits');
  }
  if (
    !areIntegersUpTo(counts.frames, Number.MAX_SAFE_INTEGER) ||
    !areIntegersUpTo(counts.bytes, Number.MAX_SAFE_INTEGER)
  ) {
    throw invalid('a counter is not a whole number from 0 to 2^53 - 1');
  }
}

/** Also bounds the last, hence all of them. */
function isAscending(index: Uint32Array): boolean {
  let last = -1;
  for (const value of index) {
    if (value <= last) return false;
    last = value;
  }
  return last < PAIRS_PER_HOST_MAX;
}

function areIntegersUpTo(values: Float64Array, maximum: number): boolean {
  // False for NaN and infinities as well.
  for (const value of values)
    if (!(value >= 0 && value <= maximum && Math.floor(value) === value)) return false;
  return true;
}

function exceeds(values: Float64Array, rows: number): boolean {
  for (let row = 0; row < rows; row++) if ((values[row] ?? 0) > U32_MAX) return true;
  return false;
}

const padded = (octets: number): number => Math.ceil(octets / 8) * 8;

function lengthOf(pairRows: number, countRows: number, flags: number): number {
  const width = (bit: number) => ((flags & bit) === 0 ? 4 : 8);
  return (
    HEADER_BYTES +
    16 * pairRows +
    2 * padded(4 * pairRows) +
    padded(width(WIDE_FRAMES) * countRows) +
    padded(width(WIDE_BYTES) * countRows) +
    padded(4 * countRows)
  );
}

const asDoubles = (column: Uint32Array | Float64Array): Float64Array =>
  column instanceof Float64Array ? column : Float64Array.from(column);

/** Hands out a message's columns as views, one behind the other. */
class Columns {
  readonly #bytes: Uint8Array;
  readonly #taken: (Uint32Array | Float64Array)[] = [];
  #offset = HEADER_BYTES;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  double(rows: number): Float64Array {
    return this.#take(new Float64Array(this.#bytes.buffer, this.#offset, rows));
  }

  word(rows: number): Uint32Array {
    return this.#take(new Uint32Array(this.#bytes.buffer, this.#offset, rows));
  }

  number(rows: number, wide: boolean): Uint32Array | Float64Array {
    return wide ? this.double(rows) : this.word(rows);
  }

  /** Between the machine's order and the message's, where they differ. */
  swap(): void {
    for (const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } of this.#taken) {
      const octets = Buffer.from(buffer, byteOffset, byteLength);
      if (BYTES_PER_ELEMENT === 8) octets.swap64();
      else octets.swap32();
    }
  }

  #take<Column extends Uint32Array | Float64Array>(column: Column): Column {
    this.#offset += padded(column.byteLength);
    this.#taken.push(column);
    return column;
  }
}

const invalid = (what: string, hint?: string): VnetError =>
  new VnetError('VNET_ERR_INVALID', `not a traffic update: ${what}`, hint === undefined ? {} : { hint });
