/**
 * What the spec means for the kernel, as pure functions of it: which way each pair takes through the core, and
 * the shaping of each device. A change while running is the difference of two such answers.
 *
 * A pair without delay, jitter, loss and reordering goes straight from the one host's downlink to the other's. An
 * impaired pair's route (in the table of its source) leads through a loop of the core, a veth whose two ends are
 * both there: `whole` if it only asks for delay, `split` into single packets otherwise.
 *
 * Rates are HTB classes: a host's access at both its ends (class 1), a pair's own rate at the destination's
 * downlink for a direct pair and at the loop's entrance for an impaired one. A pair with an own rate bypasses the
 * accesses.
 */

import type { Family } from './address.js';
import { addressOf, downlink, families, pairClass, SPLIT_LOOP, WHOLE_LOOP } from './layout.js';
import { type LabSpec, orderedPairs, type Path, pathBetween, UNDERLAY_INTERFACE } from './spec.js';

export type Way = 'direct' | 'whole' | 'split' | 'cut';

export interface PairPlan {
  from: string;
  to: string;
  fromIndex: number;
  toIndex: number;
  path: Path;
  way: Way;
}

/** With netem only packets that are split already are delayed, since it does not split by itself. */
function wayOf(path: Path, netem: boolean): Way {
  if (!path.up) return 'cut';
  if (path.jitterMs > 0 || path.loss > 0 || path.reorder > 0) return 'split';
  if (path.delayMs > 0) return netem ? 'split' : 'whole';
  return 'direct';
}

/** Every ordered pair, keyed `FROM>TO`. `splitOnly`: delayed pairs too go as single packets. */
export function planPairs(spec: LabSpec, splitOnly: boolean): Map<string, PairPlan> {
  const plans = new Map<string, PairPlan>();
  for (const { from, to, fromIndex, toIndex } of orderedPairs(spec)) {
    const path = pathBetween(spec, from, to);
    const way = wayOf(path, splitOnly);
    plans.set(`${from.name}>${to.name}`, { from: from.name, to: to.name, fromIndex, toIndex, path, way });
  }
  return plans;
}

/** True if any pair asks for more than a rate. */
export function needsImpairment(plans: Iterable<PairPlan>): boolean {
  for (const { way } of plans) if (way === 'whole' || way === 'split') return true;
  return false;
}

/** Minor number of the class for all that no filter catches; without such a class HTB sends unshaped. */
const ACCESS_CLASS = 1;
/** Minor 0 is HTB's direct queue: past every class. */
const UNSHAPED = 0;

interface Filter {
  family: Family;
  source?: string;
  destination?: string;
  classMinor: number;
}

/** The wanted state of one device's root qdisc; empty means none at all. */
export interface Shaping {
  /** Rate in bit/s by class minor. */
  classes: Map<number, number>;
  /** By preference. */
  filters: Map<number, Filter>;
}

/** `null` is the core. */
export interface Device {
  host: string | null;
  name: string;
}

const IPV6_PREFERENCE = 0x8000;

class ShapingPlan {
  readonly devices = new Map<string, { device: Device; shaping: Shaping }>();

  at(host: string | null, name: string): Shaping {
    const key = `${host ?? ''}/${name}`;
    let found = this.devices.get(key);
    if (found === undefined) {
      found = { device: { host, name }, shaping: { classes: new Map(), filters: new Map() } };
      this.devices.set(key, found);
    }
    return found.shaping;
  }
}

function addFilters(
  spec: LabSpec,
  shaping: Shaping,
  number: number,
  plan: Partial<PairPlan>,
  classMinor: number,
): void {
  for (const family of families(spec)) {
    const source = spec.hosts[plan.fromIndex ?? -1];
    const destination = spec.hosts[plan.toIndex ?? -1];
    shaping.filters.set(number + (family === 6 ? IPV6_PREFERENCE : 0), {
      family,
      ...(source === undefined ? {} : { source: addressOf(source, family) }),
      ...(destination === undefined ? {} : { destination: addressOf(destination, family) }),
      classMinor,
    });
  }
}

/** The shaping of every device that has any, keyed by namespace and name. */
export function planShaping(
  spec: LabSpec,
  plans: Map<string, PairPlan>,
): Map<string, { device: Device; shaping: Shaping }> {
  const plan = new ShapingPlan();
  for (const [index, host] of spec.hosts.entries()) {
    if (typeof host.rateBps !== 'number') continue;
    plan.at(host.name, UNDERLAY_INTERFACE).classes.set(ACCESS_CLASS, host.rateBps);
    plan.at(null, downlink(index)).classes.set(ACCESS_CLASS, host.rateBps);
  }
  for (const pair of plans.values()) {
    if (pair.path.ownRateBps === undefined || pair.way === 'cut') continue;
    shapePair(spec, plan, pair);
  }
  return plan.devices;
}

function shapePair(spec: LabSpec, plan: ShapingPlan, pair: PairPlan): void {
  const { fromIndex, toIndex, way } = pair;
  const rate = pair.path.ownRateBps;
  if (typeof spec.hosts[fromIndex]?.rateBps === 'number') {
    addFilters(spec, plan.at(pair.from, UNDERLAY_INTERFACE), toIndex + 1, { toIndex }, UNSHAPED);
  }
  const minor = typeof rate === 'number' ? pairClass(spec, fromIndex, toIndex) : UNSHAPED;
  const shapedAtDownlink = way === 'direct' && typeof rate === 'number';
  if (shapedAtDownlink) plan.at(null, downlink(toIndex)).classes.set(minor, rate);
  if (shapedAtDownlink || typeof spec.hosts[toIndex]?.rateBps === 'number') {
    const here = shapedAtDownlink ? minor : UNSHAPED;
    addFilters(spec, plan.at(null, downlink(toIndex)), fromIndex + 1, { fromIndex }, here);
  }
  if (way !== 'direct' && typeof rate === 'number') {
    const loop = plan.at(null, way === 'whole' ? WHOLE_LOOP.out : SPLIT_LOOP.out);
    loop.classes.set(minor, rate);
    addFilters(spec, loop, minor, { fromIndex, toIndex }, minor);
  }
}
