import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { VnetError } from './errors.js';
import {
  decodeTrafficUpdate,
  encodeTrafficUpdate,
  PAIRS_PER_HOST_MAX,
  type TrafficUpdate,
} from './traffic-update.js';

const mac = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const counter = fc.oneof(word, fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.constant(2 ** 32));
const indices = fc
  .uniqueArray(fc.integer({ min: 0, max: PAIRS_PER_HOST_MAX - 1 }), { maxLength: 40, size: 'max' })
  .map((list) => Uint32Array.from(list).sort());

const anyUpdate: fc.Arbitrary<TrafficUpdate> = fc.tuple(indices, indices).chain(([pairIndex, countIndex]) => {
  const column = (values: fc.Arbitrary<number>, rows: number) =>
    fc.array(values, { minLength: rows, maxLength: rows });
  const [pairRows, countRows] = [pairIndex.length, countIndex.length];
  return fc.record({
    boot: word,
    sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    atMs: fc.double({ min: -1e12, max: 1e12, noNaN: true }),
    full: fc.boolean(),
    pairs: fc.record({
      rows: fc.constant(pairRows),
      index: fc.constant(pairIndex),
      network: column(word, pairRows).map((list) => Uint32Array.from(list)),
      source: column(mac, pairRows).map((list) => Float64Array.from(list)),
      destination: column(mac, pairRows).map((list) => Float64Array.from(list)),
    }),
    counts: fc.record({
      rows: fc.constant(countRows),
      index: fc.constant(countIndex),
      frames: column(counter, countRows).map((list) => Float64Array.from(list)),
      bytes: column(counter, countRows).map((list) => Float64Array.from(list)),
    }),
  });
});

const refusal = (message: Uint8Array): VnetError | undefined => {
  try {
    decodeTrafficUpdate(message);
    return undefined;
  } catch (error) {
    if (error instanceof VnetError && error.code === 'VNET_ERR_INVALID') return error;
    throw error;
  }
};

t.test('what is encoded comes back, from any place in a buffer', async () => {
  fc.assert(
    fc.property(anyUpdate, fc.integer({ min: 0, max: 9 }), (update, offset) => {
      const message = encodeTrafficUpdate(update);
      const pool = new Uint8Array(offset + message.length + 3).fill(0xaa);
      pool.set(message, offset);
      const back = decodeTrafficUpdate(pool.subarray(offset, offset + message.length));
      pool.fill(0x55);
      assert.equal(JSON.stringify(back), JSON.stringify(update));
    }),
    { numRuns: 300 },
  );
});

t.test('garbage and mutations are refused as invalid, or are another valid update', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), (garbage) => {
      refusal(garbage);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      anyUpdate,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 6,
        size: 'max',
      }),
      (update, changes) => {
        const message = encodeTrafficUpdate(update);
        for (const [place, value] of changes) message[place % message.length] = value;
        const error = refusal(message);
        if (error === undefined) {
          const again = encodeTrafficUpdate(decodeTrafficUpdate(message));
          assert.ok(again.length <= message.length);
        }
      },
    ),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(anyUpdate, fc.integer({ min: -40, max: 40 }), (update, by) => {
      const message = encodeTrafficUpdate(update);
      if (by === 0 || message.length + by < 0) return;
      const other = new Uint8Array(message.length + by);
      other.set(message.subarray(0, other.length));
      assert.ok(refusal(other), 'another length');
    }),
    { numRuns: 500 },
  );
});

t.test('each refusal says what is wrong', async (t) => {
  const update: TrafficUpdate = {
    boot: 1,
    sequence: 1,
    atMs: 5,
    full: true,
    pairs: {
      rows: 2,
      index: Uint32Array.of(0, 1),
      network: Uint32Array.of(1, 1),
      source: Float64Array.of(1, 2),
      destination: Float64Array.of(2, 1),
    },
    counts: {
      rows: 2,
      index: Uint32Array.of(0, 1),
      frames: Float64Array.of(1, 2),
      bytes: Float64Array.of(60, 2 ** 40),
    },
  };
  const message = encodeTrafficUpdate(update);
  const with_ = (edit: (view: DataView) => void) => {
    const copy = new Uint8Array(message);
    edit(new DataView(copy.buffer));
    return refusal(copy)?.message;
  };
  t.equal(refusal(new Uint8Array(3))?.message, 'not a traffic update: 3 octets are fewer than its header');
  t.match(
    with_((view) => view.setUint8(0, 9)),
    /version 9, this side knows 1/,
  );
  t.match(
    with_((view) => view.setUint8(1, 128)),
    /unknown flags/,
  );
  t.match(
    with_((view) => view.setFloat64(8, 0, true)),
    /sequence 0/,
  );
  t.match(
    with_((view) => view.setFloat64(16, Number.NaN, true)),
    /clock NaN/,
  );
  t.match(
    with_((view) => view.setUint32(24, 0xffffffff, true)),
    /4294967295 rows, at most 200000/,
  );
  t.match(
    with_((view) => view.setUint32(28, 3, true)),
    /octets where its rows need/,
  );
  t.match(
    with_((view) => view.setFloat64(32, 2 ** 48, true)),
    /address is not of 48 bits/,
  );
  t.match(
    with_((view) => view.setUint32(68, 0, true)),
    /indices do not ascend/,
  );
  t.match(
    with_((view) => view.setFloat64(88, 0.5, true)),
    /counter is not a whole number/,
  );
});
