/** What arrives on links, for Wren: records in runs, and trains. */
import type { LinkType } from '../../core/index.js';
import type { ConformanceCase } from './bed.js';
import { A, type ArrivalRow, B, couple, EDGE, frame, type Node, until } from './stage.js';

const QUIET_MS = 150;
const RATE = 5000;
const RUN_ROWS = 256;
const MILLISECOND_NS = 1e6;
/** IPv4, UDP and our own header. */
const HEADERS_BYTES = 28 + 28;

const traffic = ({ arrivals }: Node) => arrivals.filter(({ train }) => train === 0);
const ofTrain = ({ arrivals }: Node, number: number) => arrivals.filter(({ train }) => train === number);
const runs = (rows: ArrivalRow[]) =>
  [...new Set(rows.map(({ run }) => run))].map((run) => rows.filter((row) => row.run === run));
const neverFalls = (values: number[]) => values.every((value, i) => value >= (values[i - 1] ?? value));

function trainOf(number: number, packets: number, gapNs = MILLISECOND_NS) {
  const sizes = Array.from({ length: packets }, (_, i) => 200 + i);
  return { link: EDGE, train: number, sizes, gapsNs: new Array<number>(packets - 1).fill(gapNs) };
}

const counts =
  (type: LinkType): ConformanceCase =>
  async (t, bed) => {
    const { b, near, far } = await couple(bed, type);
    const before = (await b.snapshot()).links[0]?.arrived ?? Number.NaN;
    for (let i = 0; i < 50; i += 1) near.send(frame(A, B, i));
    await until(bed, () => far.received.length === 50, 'fifty frames');
    const link = (await b.snapshot()).links[0];
    t.ok((link?.arrived ?? 0) >= before + 50, type);
    t.match(link, { lost: 0, late: 0 });
    t.equal(link?.tcp !== undefined, type === 'tcp' && b.at.plane.kind === 'user');
    if (!link?.tcp) return;
    const { rttUs, minRttUs, sentSegments, congestionWindowBytes } = link.tcp;
    t.ok(rttUs > 0 && minRttUs > 0 && sentSegments > 0 && congestionWindowBytes > 0);
  };

export const arrivalTests: Record<string, ConformanceCase> = {
  'arrivals are recorded while that is wished, in unbroken runs': async (t, bed) => {
    const { b, near, far } = await couple(bed);
    near.send(frame(A, B, 1));
    await until(bed, () => far.received.length === 1, 'a frame');
    await bed.pass(QUIET_MS);
    t.strictSame(b.arrivals, [], 'nothing as opened');
    b.at.plane.setRecording(EDGE, RATE);
    await b.settled();
    const frames = 100;
    for (let i = 0; i < frames; i += 1) near.send(frame(A, B, i, 100));
    const framesOf = (rows: ArrivalRow[]) => rows.filter(({ bytes }) => bytes === HEADERS_BYTES + 100);
    await until(bed, () => framesOf(traffic(b)).length === frames, 'all are recorded');
    for (const rows of runs(b.arrivals)) {
      t.ok(rows.length <= RUN_ROWS);
      t.ok(
        rows.every(({ sequence }, i) => sequence === ((rows[0]?.sequence ?? 0) + i) >>> 0),
        'no number is left out',
      );
      t.ok(neverFalls(rows.map(({ sentNs }) => sentNs)) && neverFalls(rows.map((row) => row.arrivedNs)));
      t.ok(rows.every(({ link, trainPackets }) => link === EDGE && trainPackets === 0));
    }
    t.ok(neverFalls(b.arrivals.map(({ run }) => run)));
    b.at.plane.setRecording(EDGE, 0);
    await b.settled();
    await bed.pass(QUIET_MS);
    const before = b.arrivals.length;
    near.send(frame(A, B, 1, 100));
    await bed.pass(QUIET_MS);
    t.equal(b.arrivals.length, before, 'nothing any more');
  },

  'a low rate leaves few': async (t, bed) => {
    const { b, near, far } = await couple(bed);
    b.at.plane.setRecording(EDGE, 1);
    await b.settled();
    for (let i = 0; i < 5 * RUN_ROWS; i += 1) {
      near.send(frame(A, B, i));
      if (i % RUN_ROWS === 0) await until(bed, () => far.received.length > i, 'frames');
    }
    await until(bed, () => far.received.length === 5 * RUN_ROWS, 'all frames');
    await until(bed, () => b.arrivals.length > 0, 'a run');
    await bed.pass(QUIET_MS);
    t.ok(b.arrivals.length <= RUN_ROWS, `${b.arrivals.length} records`);
  },

  'a train arrives with its sizes, at its distances, as a run of its own': async (t, bed) => {
    const { a, b, near, far } = await couple(bed);
    b.at.plane.setRecording(EDGE, RATE);
    await b.settled();
    const gapNs = 5 * MILLISECOND_NS;
    const train = trainOf(7, 20, gapNs);
    a.at.plane.sendTrain(train);
    t.throws(() => a.at.plane.sendTrain(trainOf(8, 2)), { code: 'VNET_ERR_LIMIT' }, 'one at a time');
    near.send(frame(A, B, 1));
    await until(bed, () => ofTrain(b, 7).length === 20, 'twenty packets');
    const rows = ofTrain(b, 7);
    t.strictSame(
      rows.map(({ sequence, bytes, trainPackets, link }) => [sequence, bytes, trainPackets, link]),
      train.sizes.map((size, i) => [i, size, 20, EDGE]),
    );
    t.equal(new Set(rows.map(({ run }) => run)).size, 1);
    t.notOk(traffic(b).some(({ run }) => run === rows[0]?.run));
    // What is asked is a least distance: a machine may be late, never early. Clocks round to nanoseconds.
    const late = rows.slice(1).map((row, i) => row.sentNs - (rows[i]?.sentNs ?? 0) - gapNs);
    t.ok(Math.min(...late) >= -2, `${Math.min(...late)} ns`);
    t.ok(neverFalls(rows.map(({ arrivedNs }) => arrivedNs)));
    await until(bed, () => far.received.length === 1, 'the frame');
    t.equal((await b.snapshot()).links[0]?.lost, 0);
    const numbers = traffic(b).map(({ sequence }) => sequence);
    t.ok(
      numbers.every((number, i) => number === ((numbers[0] ?? 0) + i) >>> 0),
      'a train takes no numbers of the link',
    );
    await bed.pass(QUIET_MS);
    a.at.plane.sendTrain(trainOf(8, 2));
    await until(bed, () => ofTrain(b, 8).length === 2, 'the next one');
  },

  'trains without a place to go': async (t, bed) => {
    const { a, b, joint } = await couple(bed);
    a.at.plane.sendTrain(trainOf(1, 3));
    await bed.pass(QUIET_MS);
    t.strictSame(b.arrivals, [], 'not recorded there: not reported');
    joint.cut();
    await until(bed, () => !a.linkIsUp(EDGE), 'down');
    t.throws(() => a.at.plane.sendTrain(trainOf(2, 3)), { code: 'VNET_ERR_UNREACHABLE' });
  },

  'a UDP link counts what arrived': counts('udp'),
  'a TCP link counts what arrived, and says how its connection does': counts('tcp'),
};
