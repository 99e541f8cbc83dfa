/** How soon a change of the path is seen. */
import { seededRandom } from '../../core/index.js';
import { bucketBytes } from './accuracy.js';
import { OwnTraffic, type OwnKind } from './own-traffic.js';
import { type CrossKind, CrossTraffic } from './cross-traffic.js';
import { Hop } from './hop.js';
import { BUSY, SimulatedLink } from './simulated-link.js';
import { World } from './world.js';

export interface ChangeCase {
  cross: CrossKind;
  shaper: 'wire' | 'bucket';
  /** Before and after. */
  rateBitsPerSecond: [number, number];
  load: [number, number];
  /** What the overlay itself sends. Default: nothing. */
  own?: OwnKind;
}

/** An estimate within this share of the new truth has seen the change. */
export const SEEN_WITHIN = 0.25;
const CHANGE_S = 20;
const WATCH_S = 20;
const STEP_MS = 50;

/** @returns milliseconds; NaN: not within WATCH_S */
export function changeSeenMs(change: ChangeCase, seed: number): number {
  const world = new World();
  const random = seededRandom(seed);
  const bucket = (rate: number) => (change.shaper === 'bucket' ? bucketBytes(rate) : 0);
  const [before, after] = change.rateBitsPerSecond;
  const cross = new CrossTraffic(change.cross, before * change.load[0], 1500, random);
  const hop = new Hop({ rateBitsPerSecond: before, burstBytes: bucket(before), cross, propagationNs: 5e6 });
  const traffic = new OwnTraffic(change.own, world);
  const link = new SimulatedLink({
    world,
    random,
    hops: [hop],
    noise: BUSY,
    onTraffic: () => traffic.arrived(),
  });
  traffic.start(link);
  // Not at the same place in the rhythm of the trains each time.
  const changeNs = (CHANGE_S + 2 * random()) * 1e9;
  world.runUntil(changeNs);
  hop.setRate(after, bucket(after));
  cross.setRate(after * change.load[1], world.nowNs);
  const truth = after * (1 - change.load[1]);
  for (let ms = STEP_MS; ms <= WATCH_S * 1000; ms += STEP_MS) {
    world.runUntil(changeNs + ms * 1e6);
    const { availableBitsPerSecond: available, throughputBitsPerSecond: own } =
      link.b.report().links[0] ?? {};
    // What others leave: the overlay's own share of it does not matter here.
    if (available && own && Math.abs((available.value + own.value) / truth - 1) <= SEEN_WITHIN) return ms;
  }
  return Number.NaN;
}
