/** How near the estimates come, over a grid of link rates and cross traffic: what the tests hold and the benchmark prints. */
import { seededRandom } from '../../core/index.js';
import { type CrossKind, CrossTraffic } from './cross-traffic.js';
import { Hop } from './hop.js';
import { BUSY, type EndNoise, SimulatedLink } from './simulated-link.js';
import { World } from './world.js';

export interface AccuracyCase {
  rateBitsPerSecond: number;
  /** Others' share of the rate. */
  load: number;
  cross: CrossKind;
  shaper: 'wire' | 'bucket';
}

export interface AccuracyResult extends AccuracyCase {
  /** Relative errors of available bandwidth, signed, once a second after SETTLE_S. */
  errors: number[];
  /** The same of capacity. */
  capacityErrors: number[];
  /** Of trains, bits a second over the rate, start-up left out. */
  probeShare: number;
  /** Until the first estimate, milliseconds. */
  firstMs: number;
}

export const GRID_RATES = [10e6, 20e6, 50e6, 100e6, 200e6, 500e6];
export const GRID_LOADS = [0, 0.2, 0.4, 0.6, 0.8];
const CROSS_BYTES = 1500;
const SETTLE_S = 5;

/** As the lab's HTB is set: 2 ms at the rate, at least 12 KiB. */
export const bucketBytes = (rateBitsPerSecond: number): number =>
  Math.max(rateBitsPerSecond / 4000, 12 * 1024);

export function measureAccuracy(
  accuracyCase: AccuracyCase,
  seed: number,
  seconds: number,
  noise: EndNoise = BUSY,
): AccuracyResult {
  const { rateBitsPerSecond, load, cross, shaper } = accuracyCase;
  const world = new World();
  const random = seededRandom(seed);
  const hop = new Hop({
    rateBitsPerSecond,
    burstBytes: shaper === 'bucket' ? bucketBytes(rateBitsPerSecond) : 0,
    cross: new CrossTraffic(cross, rateBitsPerSecond * load, CROSS_BYTES, random),
    propagationNs: 5e6,
  });
  const link = new SimulatedLink({ world, random, hops: [hop], noise });
  const result: AccuracyResult = {
    ...accuracyCase,
    errors: [],
    capacityErrors: [],
    probeShare: 0,
    firstMs: Number.NaN,
  };
  const truth = rateBitsPerSecond * (1 - load);
  let settledBytes = 0;
  for (let step = 1; step <= seconds * 10; step++) {
    world.runUntil(step * 100e6);
    const estimate = link.b.report().links[0];
    const available = estimate?.availableBitsPerSecond;
    if (available && !available.atLeast && Number.isNaN(result.firstMs)) result.firstMs = world.now();
    if (step === SETTLE_S * 10) settledBytes = link.trainBytes;
    if (step % 10 !== 0 || step <= SETTLE_S * 10) continue;
    result.errors.push(available ? available.value / truth - 1 : -1);
    const capacity = estimate?.capacityBitsPerSecond?.value;
    if (capacity !== undefined) result.capacityErrors.push(capacity / rateBitsPerSecond - 1);
  }
  const measuredS = seconds - SETTLE_S;
  result.probeShare = ((link.trainBytes - settledBytes) * 8) / measuredS / rateBitsPerSecond;
  return result;
}

/** Of sorted absolute values. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.map(Math.abs).sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? Number.NaN;
}

/** Lines of a table: a row a rate and load, median and 95th percentile of |error| in per cent. */
export function accuracyTable(results: readonly AccuracyResult[]): string[] {
  const per = (value: number) => `${(value * 100).toFixed(1)}%`.padStart(8);
  const head = 'shaper  cross      Mbit/s  load   median     p95    bias  capacity  probes  first';
  const rows = results.map((result) =>
    [
      result.shaper.padEnd(7),
      result.cross.padEnd(9),
      String(result.rateBitsPerSecond / 1e6).padStart(7),
      `${Math.round(result.load * 100)}%`.padStart(5),
      per(quantile(result.errors, 0.5)),
      per(quantile(result.errors, 0.95)),
      per(result.errors.reduce((sum, error) => sum + error, 0) / result.errors.length),
      per(quantile(result.capacityErrors, 0.5)),
      `${(result.probeShare * 100).toFixed(2)}%`.padStart(7),
      `${Math.round(result.firstMs)} ms`,
    ].join(' '),
  );
  return [head, ...rows];
}
